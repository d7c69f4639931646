//! The free memory of this moment, for a command that runs beside a running service, perhaps in the same
//! container: using more would make the system kill one of the two.

use std::{fs, path::Path};

use super::capacity::{CGROUPS, MEMINFO, limit_files, parse_meminfo};

/// The free memory in bytes: the minimum of the machine's available memory and the remainder in each
/// cgroup of this process and its parents. `None`: neither can be read.
pub fn free_memory() -> Option<u64> {
    least_free(|path| fs::read_to_string(path).ok())
}

fn least_free(read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let cgroups = read(Path::new(CGROUPS)).unwrap_or_default();
    let machine = read(Path::new(MEMINFO)).and_then(|text| parse_meminfo("MemAvailable:", &text));
    cgroups
        .lines()
        .flat_map(limit_files)
        .filter_map(|limit_file| free_in_group(&limit_file, &read))
        .chain(machine)
        .min()
}

/// The limit of a cgroup minus its usage. Inactive file cache does not count as usage, because the kernel
/// drops it before it kills a process.
fn free_in_group(limit_file: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limit: u64 = read(limit_file)?.trim().parse().ok()?;
    let beside = |name: &str| read(&limit_file.with_file_name(name));
    // The names of cgroup version 2, else of version 1, whose statistics include the children.
    let used: u64 = beside("memory.current")
        .or_else(|| beside("memory.usage_in_bytes"))?
        .trim()
        .parse()
        .ok()?;
    let stat = beside("memory.stat").unwrap_or_default();
    let cached = parse_stat("total_inactive_file", &stat)
        .or_else(|| parse_stat("inactive_file", &stat))
        .unwrap_or_default();
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

fn parse_stat(name: &str, stat: &str) -> Option<u64> {
    stat.lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(key, value)| (key == name).then(|| value.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/sys/fs/cgroup/pod";

    fn free_with(files: &[(&str, &str)]) -> Option<u64> {
        least_free(|path| {
            files
                .iter()
                .find(|(name, _)| Path::new(name) == path)
                .map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn usage_of_a_group_is_not_free_except_its_inactive_cache() {
        let file = |name: &str| format!("{GROUP}/{name}");
        let (limit, used, stat) = (
            file("memory.max"),
            file("memory.current"),
            file("memory.stat"),
        );
        let mut files = vec![
            (MEMINFO, "MemTotal: 9 kB\nMemAvailable:     8 kB\n"),
            (CGROUPS, "0::/pod\n"),
            (limit.as_str(), "5000\n"),
            (used.as_str(), "4000\n"),
        ];
        assert_eq!(free_with(&files), Some(1000));
        files.push((stat.as_str(), "anon 3000\ninactive_file 500\n"));
        assert_eq!(free_with(&files), Some(1500));
        files[2].1 = "max\n";
        assert_eq!(free_with(&files), Some(8 * 1024));
        assert_eq!(free_with(&[]), None);
    }

    #[test]
    fn version_1_counts_a_group_with_its_children() {
        let files = [
            (CGROUPS, "4:memory:/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "4000\n"),
            (
                "/sys/fs/cgroup/memory/memory.stat",
                "inactive_file 1\ntotal_inactive_file 700\n",
            ),
        ];
        assert_eq!(free_with(&files), Some(1700));
    }

    #[test]
    fn this_machine_has_memory_left() {
        assert!(free_memory().is_some_and(|bytes| bytes > 0));
    }
}
