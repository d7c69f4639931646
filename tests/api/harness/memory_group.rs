//! A limit on a process's memory, where the system lets us set one: control groups, version 1 or 2,
//! as root.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A control group for one process. Its folder goes with it, once the process has.
pub(crate) struct MemoryGroup {
    folder: PathBuf,
}

impl MemoryGroup {
    /// A group of so many bytes; `None` where none can be made.
    pub(crate) fn of(bytes: u64) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "vestibule-{}-{}",
            process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        parents().into_iter().find_map(|(parent, limit)| {
            let folder = parent.join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Self { folder };
            group.write(limit, &bytes.to_string()).then_some(group)
        })
    }

    /// The file to which a process writes its id to join.
    pub(crate) fn members(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// How many processes were killed for want of memory.
    pub(crate) fn kills(&self) -> u64 {
        let told = self
            .read("memory.events")
            .or_else(|| self.read("memory.oom_control"));
        let told = told.expect("the group's events");
        let line = told.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.expect("the kernel counts kills").parse().unwrap()
    }

    /// The most memory that was used, the cache of its files included, in bytes; a kernel may not
    /// tell.
    pub(crate) fn peak(&self) -> Option<u64> {
        let told = self
            .read("memory.peak")
            .or_else(|| self.read("memory.max_usage_in_bytes"));
        told?.trim().parse().ok()
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    /// Writes to a file that the kernel made, and to no other.
    fn write(&self, file: &str, text: &str) -> bool {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(self.folder.join(file));
        file.is_ok_and(|mut file| file.write_all(text.as_bytes()).is_ok())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Where a group can be made, and the file of its limit. Version 1: below our own group. Version 2:
/// below the root, because a group that has processes can have none that limits memory below it.
fn parents() -> [(PathBuf, &'static str); 2] {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.split_once(":memory:/"));
    let own = own.map_or("", |(_, path)| path);
    [
        (
            Path::new("/sys/fs/cgroup/memory").join(own),
            "memory.limit_in_bytes",
        ),
        (PathBuf::from("/sys/fs/cgroup"), "memory.max"),
    ]
}
