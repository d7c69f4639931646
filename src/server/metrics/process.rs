//! The memory of this process, as the system reports it.

use std::fs;

/// The resident memory in bytes; `None` where there is no `/proc`. `statm` would count in pages, whose
/// size it does not contain.
pub(super) fn resident_bytes() -> Option<u64> {
    parse_resident(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_read_from_the_status() {
        let status = "Name:\tvestibule\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(parse_resident(status), Some(10_240 * 1024));
        assert_eq!(parse_resident("Name:\tvestibule\n"), None);
    }
}
