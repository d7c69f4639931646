//! Hashes give way: a login that takes a little longer is nothing to anybody, while a session check
//! that waits for a core until a hash has ended takes ten times as long.

/// Added to the niceness of the process. A core that everybody wants goes to the async threads for
/// nine tenths; no more than that, or hashes would stop altogether while session checks flood.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread, where a thread has one of its own.
#[cfg(target_os = "linux")]
pub(super) fn lower_priority() {
    // sched(7): on Linux a niceness is the thread's, and to raise it takes no privilege.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "hashing threads keep the usual priority");
    }
}

/// Elsewhere a niceness is the whole process's.
#[cfg(not(target_os = "linux"))]
pub(super) fn lower_priority() {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    /// proc(5): the 19th field of `stat`; the second is a name in parentheses.
    fn niceness() -> i32 {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn only_the_calling_thread_gives_way() {
        let before = niceness();
        let lowered = thread::spawn(|| {
            lower_priority();
            niceness()
        });
        assert_eq!(lowered.join().unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
