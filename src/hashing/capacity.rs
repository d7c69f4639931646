//! The number of hashing threads that fit the machine.
//!
//! Each thread keeps the memory of one hash. The bound is the memory limit of the process: the limit of
//! its cgroup or else the machine's memory, because a container beyond its limit is killed under load.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    thread,
};

use thiserror::Error;

/// The memory besides the threads' arenas: 32 MiB for the process and its pools, 48 for what calls hold,
/// and 128 for one verification of a stored hash above the configured cost.
const RESERVE_BYTES: u64 = 208 * MIB;
/// Connections may take one part in so many of the memory limit.
const CONNECTIONS_DIVISOR: u64 = 10;
/// proc(5): the cgroups of this process, and the memory of the machine.
pub(super) const CGROUPS: &str = "/proc/self/cgroup";
pub(super) const MEMINFO: &str = "/proc/meminfo";
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// The default number of waiting jobs for each thread.
const QUEUE_PER_WORKER: usize = 64;

/// The most memory that the process needs besides its connections: one arena for each thread, and the
/// reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The number of threads.
    pub workers: usize,
    /// The arena of each thread, in KiB.
    pub memory_kib: u32,
}

impl Memory {
    /// The arenas of all threads, in bytes.
    pub fn arenas_bytes(self) -> u64 {
        (self.workers as u64).saturating_mul(u64::from(self.memory_kib) * KIB)
    }

    /// The arenas and the reserve, in bytes.
    pub fn bytes(self) -> u64 {
        self.arenas_bytes().saturating_add(RESERVE_BYTES)
    }
}

/// The calculation, for error messages.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} workers × {} KiB + {} MiB = {} MiB",
            self.workers,
            self.memory_kib,
            RESERVE_BYTES / MIB,
            self.bytes().div_ceil(MIB)
        )
    }
}

/// The process needs more memory than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{needed}, but the memory limit is {limit_mib} MiB, of which connections have a tenth")]
pub struct DoesNotFit {
    needed: Memory,
    limit_mib: u64,
}

/// The default number of threads for hashes of `memory_kib`: one for each core, as far as the memory
/// limit allows, and at least 1.
pub fn default_workers(memory_kib: u32) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    workers_within(cores, memory_limit(), memory_kib)
}

/// The default number of jobs that may wait.
pub fn default_queue(workers: usize) -> usize {
    workers.saturating_mul(QUEUE_PER_WORKER)
}

/// What connections may take of the memory limit, in bytes; `None`: there is no limit.
pub fn connections_share() -> Option<u64> {
    memory_limit().map(|limit| limit / CONNECTIONS_DIVISOR)
}

/// Checks that `workers` arenas of `memory_kib` fit into `limit` bytes (`None`: unknown, everything fits).
///
/// # Errors
/// They do not fit; the text shows the calculation.
pub fn fit(workers: usize, memory_kib: u32, limit: Option<u64>) -> Result<(), DoesNotFit> {
    let needed = Memory {
        workers,
        memory_kib,
    };
    match limit {
        Some(limit) if needed.bytes() > limit - limit / CONNECTIONS_DIVISOR => Err(DoesNotFit {
            needed,
            limit_mib: limit / MIB,
        }),
        Some(_) | None => Ok(()),
    }
}

/// The memory limit of this process in bytes: the tightest limit of its cgroups (version 2 or 1) and
/// their parents, or the machine's memory. `None`: neither can be read.
pub fn memory_limit() -> Option<u64> {
    tightest_limit(|path| fs::read_to_string(path).ok())
}

fn workers_within(cores: usize, limit: Option<u64>, memory_kib: u32) -> usize {
    let arena = u64::from(memory_kib.max(1)) * KIB;
    let by_memory = limit.map_or(u64::MAX, |limit| {
        (limit - limit / CONNECTIONS_DIVISOR).saturating_sub(RESERVE_BYTES) / arena
    });
    cores
        .min(usize::try_from(by_memory).unwrap_or(usize::MAX))
        .max(1)
}

fn tightest_limit(read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let cgroups = read(Path::new(CGROUPS)).unwrap_or_default();
    let machine = read(Path::new(MEMINFO)).and_then(|text| parse_meminfo("MemTotal:", &text));
    cgroups
        .lines()
        .flat_map(limit_files)
        // Without a limit, version 2 has `max` and version 1 a number beyond any machine.
        .filter_map(|file| read(&file)?.trim().parse().ok())
        .chain(machine)
        .min()
}

/// The limit files for one line of `/proc/self/cgroup` (cgroups(7): hierarchy, controllers, path), from
/// the process's own group up to the root: a parent's limit applies too, and inside a container the
/// group is mounted as the root, whatever the path says.
pub(super) fn limit_files(line: &str) -> Vec<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
        return Vec::new();
    };
    let (root, file) = if controllers.is_empty() {
        ("/sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return Vec::new();
    };
    let own = Path::new(root).join(path.trim_start_matches('/'));
    own.ancestors()
        .take_while(|group| group.starts_with(root))
        .map(|group| group.join(file))
        .collect()
}

/// Parses a line such as `MemTotal:       16318440 kB` into bytes.
pub(super) fn parse_meminfo(name: &str, meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: (&str, &str) = (
        MEMINFO,
        "MemTotal:        4194304 kB\nMemFree:          123 kB\n",
    );

    fn limit_of(files: &[(&str, &str)]) -> Option<u64> {
        tightest_limit(|path| {
            files
                .iter()
                .find(|(name, _)| Path::new(name) == path)
                .map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn the_tightest_limit_on_the_way_up_counts() {
        assert_eq!(
            limit_of(&[
                MACHINE,
                (CGROUPS, "0::/kubepods/pod1/main\n"),
                ("/sys/fs/cgroup/kubepods/pod1/main/memory.max", "max\n"),
                ("/sys/fs/cgroup/kubepods/pod1/memory.max", "536870912\n"),
                ("/sys/fs/cgroup/kubepods/memory.max", "1073741824\n"),
            ]),
            Some(512 * MIB)
        );
    }

    #[test]
    fn version_1_and_a_container_without_its_own_namespace_are_understood() {
        assert_eq!(
            limit_of(&[
                MACHINE,
                (
                    CGROUPS,
                    "5:devices:/docker/ab\n4:cpu,memory:/docker/ab\n0::/\n"
                ),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
            ]),
            Some(256 * MIB)
        );
    }

    #[test]
    fn without_a_limit_the_memory_of_the_machine_counts() {
        let unlimited = [
            MACHINE,
            (CGROUPS, "4:memory:/\n0::/\n"),
            (
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
        ];
        assert_eq!(limit_of(&unlimited), Some(4096 * MIB));
        assert_eq!(limit_of(&[MACHINE]), Some(4096 * MIB));
        assert_eq!(limit_of(&[]), None);
    }

    #[test]
    fn this_machine_has_a_limit_and_fits_a_worker() {
        assert!(memory_limit().is_some_and(|bytes| bytes > 0));
        assert!(default_workers(19_456) >= 1);
    }

    #[test]
    fn workers_are_bounded_by_cores_and_by_memory_and_are_at_least_one() {
        assert_eq!(workers_within(4, Some(8192 * MIB), 19_456), 4);
        // (512 × 0.9 − 208) ÷ 19 = 13.3
        assert_eq!(workers_within(64, Some(512 * MIB), 19_456), 13);
        assert_eq!(workers_within(4, Some(210 * MIB), 19_456), 1);
        assert_eq!(workers_within(4, Some(64 * MIB), 19_456), 1);
        assert_eq!(workers_within(4, None, 19_456), 4);
    }

    #[test]
    fn an_error_about_workers_that_do_not_fit_shows_the_calculation() {
        assert_eq!(fit(13, 19_456, Some(512 * MIB)), Ok(()));
        assert_eq!(fit(14, 19_456, None), Ok(()));
        assert_eq!(
            fit(14, 19_456, Some(512 * MIB)).unwrap_err().to_string(),
            "14 workers × 19456 KiB + 208 MiB = 474 MiB, but the memory limit is 512 MiB, of which \
             connections have a tenth"
        );
        assert!(fit(usize::MAX, u32::MAX, Some(512 * MIB)).is_err());
    }
}
