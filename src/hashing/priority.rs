//! Lowers the priority of hashing threads: nobody notices a slightly slower login, but a session check
//! that waits for a core until a hash has ended takes ten times as long.

/// Added to the niceness of the process. On a contended core the async threads get nine tenths of the
/// time; with more, a flood of session checks would stop hashing altogether.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread.
#[cfg(target_os = "linux")]
pub(super) fn lower_priority() {
    // sched(7): on Linux a thread has its own niceness, and raising it needs no privilege.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "hashing threads keep the usual priority");
    }
}

/// Elsewhere the niceness is that of the whole process, so it stays.
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
    fn only_the_calling_thread_has_a_lower_priority() {
        let before = niceness();
        let lowered = thread::spawn(|| {
            lower_priority();
            niceness()
        });
        assert_eq!(lowered.join().unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
