//! The one state that every probe reads: gRPC health, its watches and `/readyz`. No call is refused
//! because of it; it tells balancers where to send calls, nothing more.

use tokio::sync::watch;

/// Whether calls should be sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// They should.
    Ready,
    /// They should not.
    Failing(Check),
}

/// Why not; the names are fixed, so that nothing of the database's own words gets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The database does not answer.
    Database,
    /// The database's schema is not this binary's.
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

/// The writing end; clones share it.
#[derive(Clone)]
pub(super) struct ReadinessReporter(watch::Sender<Readiness>);

impl ReadinessReporter {
    /// Not ready: nobody has asked the database yet.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Readiness::Failing(Check::Database)))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Readiness> {
        self.0.subscribe()
    }

    /// Tells everybody; whether it was news. Draining is final.
    pub(super) fn report(&self, next: Readiness) -> bool {
        self.0.send_if_modified(|current| {
            let news = *current != next && *current != Readiness::Failing(Check::Draining);
            if news {
                *current = next;
            }
            news
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
