//! The readiness that gRPC health, its watches and `/readyz` report. It only tells balancers where to
//! send calls; no call is refused because of it.

use tokio::sync::watch;

/// Whether balancers should send calls to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// Calls should go elsewhere.
    Failing(Check),
}

/// The check that fails. Its name is fixed, so that no text of the database driver is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The database does not answer.
    Database,
    /// The schema lacks migrations of this binary.
    Migrations,
    /// The service is about to stop.
    Draining,
}

impl Check {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Migrations => "migrations",
            Self::Draining => "draining",
        }
    }
}

/// Publishes the readiness; clones share it.
#[derive(Clone)]
pub(super) struct ReadinessReporter(watch::Sender<Readiness>);

impl ReadinessReporter {
    /// Starts as not ready: the database was not probed yet.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Readiness::Failing(Check::Database)))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Readiness> {
        self.0.subscribe()
    }

    /// Publishes a state; returns whether it changed. Draining is final.
    pub(super) fn report(&self, next: Readiness) -> bool {
        self.0.send_if_modified(|current| {
            let changed = *current != next && *current != Readiness::Failing(Check::Draining);
            if changed {
                *current = next;
            }
            changed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draining_service_never_becomes_ready_again() {
        let reporter = ReadinessReporter::new();
        let readiness = reporter.subscribe();
        reporter.report(Readiness::Ready);
        assert_eq!(*readiness.borrow(), Readiness::Ready);
        reporter.report(Readiness::Failing(Check::Draining));
        reporter.report(Readiness::Ready);
        assert_eq!(*readiness.borrow(), Readiness::Failing(Check::Draining));
    }
}
