//! The figures of the scenarios, in the form of the report's JSON.

use serde::Serialize;

use crate::{sample::Sample, store::Database};

/// Hashes a second without a server.
#[derive(Serialize)]
pub(crate) struct Hashes {
    pub(crate) one_core: f64,
    pub(crate) all_workers: f64,
    pub(crate) sodium_one_core: Option<f64>,
}

/// One kind of call under load.
#[derive(Serialize)]
pub(crate) struct CallFigures {
    pub(crate) name: &'static str,
    /// `None`: the bare server.
    pub(crate) database: Option<Database>,
    pub(crate) in_flight: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) refused: usize,
    pub(crate) limit: Option<Limit>,
    pub(crate) cpu: CpuPerCall,
}

/// The limit of a call, measured before and after it.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    pub(crate) per_second: f64,
}

/// Where the cores' time goes, in microseconds a call.
#[derive(Serialize)]
pub(crate) struct CpuPerCall {
    pub(crate) server: f64,
    pub(crate) client: f64,
    /// The database server, and what else ran.
    pub(crate) others: f64,
}

/// Session checks alone and beside logins that saturate the machine.
#[derive(Serialize)]
pub(crate) struct Storm {
    pub(crate) database: Database,
    pub(crate) load: &'static str,
    pub(crate) alone: Checks,
    pub(crate) stormed: Checks,
    pub(crate) logins_in_flight: usize,
    pub(crate) logins_per_second: f64,
}

/// Session checks of one window.
#[derive(Serialize)]
pub(crate) struct Checks {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// How late the driver sent the checks, because the machine was busy.
    pub(crate) late_p99_ms: f64,
}

/// Ten times the logins that the machine can serve.
#[derive(Serialize)]
pub(crate) struct Overload {
    pub(crate) database: Database,
    pub(crate) capacity_per_second: f64,
    pub(crate) offered_per_second: f64,
    pub(crate) good_per_second: f64,
    pub(crate) good_p99_ms: f64,
    pub(crate) refused_per_second: f64,
    pub(crate) refuse_p99_ms: f64,
    pub(crate) idle_mib: f64,
    pub(crate) peak_mib: f64,
    /// workers × m + idle + 10 %.
    pub(crate) allowed_mib: f64,
}

/// The cost of calls at a number of users.
#[derive(Serialize)]
pub(crate) struct Growth {
    pub(crate) database: Database,
    pub(crate) users: u64,
    pub(crate) valid_login: CallCost,
    pub(crate) validate_session: CallCost,
}

/// The cost of a call beside its limit at the same time, so that a machine that slows down between
/// two sizes does not show as growth.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct CallCost {
    pub(crate) per_second: f64,
    pub(crate) limit_per_second: f64,
}

/// The memory, the start and the size of the program.
#[derive(Serialize)]
pub(crate) struct Process {
    pub(crate) database: Database,
    /// Medians.
    pub(crate) start_new_ms: f64,
    pub(crate) start_existing_ms: f64,
    pub(crate) idle_mib: f64,
    pub(crate) after_hashes_mib: f64,
    pub(crate) binary_mb: f64,
}

impl CallFigures {
    pub(crate) fn new(
        name: &'static str,
        database: Option<Database>,
        in_flight: usize,
        limit: Option<Limit>,
        sample: &mut Sample,
    ) -> Self {
        Self {
            name,
            database,
            in_flight,
            per_second: sample.per_second(),
            p50_ms: sample.good.percentile(0.5),
            p99_ms: sample.good.percentile(0.99),
            refused: sample.refused.count(),
            limit,
            cpu: CpuPerCall::new(sample),
        }
    }

    /// Throughput ÷ limit.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.limit.map(|limit| self.per_second / limit.per_second)
    }
}

impl CpuPerCall {
    fn new(sample: &Sample) -> Self {
        let calls = (sample.good.count() + sample.refused.count()).max(1) as f64;
        let time = sample.cpu;
        Self {
            server: time.server / calls,
            client: time.client / calls,
            others: (time.machine - time.server - time.client).max(0.0) / calls,
        }
    }
}

impl Checks {
    pub(crate) fn new(sample: &mut Sample) -> Self {
        Self {
            per_second: sample.per_second(),
            p50_ms: sample.good.percentile(0.5),
            p99_ms: sample.good.percentile(0.99),
            late_p99_ms: sample.late.percentile(0.99),
        }
    }
}

impl Storm {
    pub(crate) fn p99_growth(&self) -> f64 {
        self.stormed.p99_ms / self.alone.p99_ms
    }
}

impl CallCost {
    /// The cost as a multiple of the first size's.
    pub(crate) fn relative_to(self, first: Self) -> f64 {
        (self.limit_per_second / self.per_second) / (first.limit_per_second / first.per_second)
    }
}
