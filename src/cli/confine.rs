//! Keeps what is in the memory of the process, such as passwords on their way to a hash, out of core
//! dumps and away from other processes of the same user.

/// Forbids core dumps and `ptrace` by other processes. Where the system refuses, it serves all the same.
#[cfg(target_os = "linux")]
pub(super) fn confine() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, none);
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(hidden) {
        tracing::warn!(%error, "the memory of the process may be dumped");
    }
}

/// Elsewhere the system decides.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine() {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    use super::*;

    #[test]
    fn a_confined_process_is_not_dumpable() {
        confine();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
