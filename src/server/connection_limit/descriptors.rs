//! The file descriptors that the process may open (proc(5)).

use std::fs;

/// The soft limit of open file descriptors; `None`: unlimited or unknown.
pub(in crate::server) fn descriptor_limit() -> Option<usize> {
    parse_descriptor_limit(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn parse_descriptor_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_descriptor_limit_is_read_if_there_is_one() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(parse_descriptor_limit(limits), Some(1024));
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        assert_eq!(parse_descriptor_limit(unlimited), None);
        assert_eq!(parse_descriptor_limit(""), None);
    }
}
