//! Everything that a run finds out, in the form of its JSON.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    Result,
    arguments::Wish,
    goals::Goal,
    hashes::Cost,
    machine::Machine,
    sample::Sample,
    server,
    store::{self, Database},
};

/// A run.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Seconds since 1970.
    pub(crate) made_at: u64,
    pub(crate) machine: Machine,
    pub(crate) hashing: Cost,
    /// What the caller set for the server.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) postgres: Option<String>,
    /// How long each figure was measured.
    pub(crate) seconds: f64,
    /// Whether everything was measured, at full length.
    pub(crate) complete: bool,
    pub(crate) hashes: Vec<Hashes>,
    pub(crate) calls: Vec<Calls>,
    pub(crate) storms: Vec<Storm>,
    pub(crate) overloads: Vec<Overload>,
    pub(crate) growth: Vec<Growth>,
    pub(crate) processes: Vec<Process>,
    pub(crate) goals: Vec<Goal>,
    /// What could not be measured, and why.
    pub(crate) failures: Vec<String>,
}

/// Hashes a second without a server.
#[derive(Serialize)]
pub(crate) struct Hashes {
    pub(crate) one_core: f64,
    pub(crate) all_workers: f64,
    pub(crate) sodium_one_core: Option<f64>,
}

/// One kind of call under load.
#[derive(Serialize)]
pub(crate) struct Calls {
    pub(crate) name: &'static str,
    /// `None`: the bare server.
    pub(crate) database: Option<Database>,
    pub(crate) in_flight: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) refused: usize,
    /// What it cannot be faster than.
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
    /// How late the driver sent them: its own share of a busy machine.
    pub(crate) late_p99_ms: f64,
}

/// Ten times the logins that the machine bears.
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

/// What calls cost with a number of users.
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

/// What the process takes.
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

impl Report {
    /// An empty one, with what is known before the run.
    pub(crate) fn begin(wish: &Wish) -> Result<Self> {
        Ok(Self {
            made_at: (store::unix_micros() / 1_000_000) as u64,
            machine: Machine::read()?,
            hashing: Cost::configured()?,
            settings: server::own_variables().collect(),
            postgres: None,
            seconds: wish.window().measured.as_secs_f64(),
            complete: wish.is_complete(),
            hashes: Vec::new(),
            calls: Vec::new(),
            storms: Vec::new(),
            overloads: Vec::new(),
            growth: Vec::new(),
            processes: Vec::new(),
            goals: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// Where the page and its plots belong: into the documentation after a complete run, else
    /// beside the JSON, so that a try does not replace figures that are quoted.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        if !self.complete || !self.failures.is_empty() {
            return scratch_folder();
        }
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = own.parent().unwrap_or(own).join("docs/performance");
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Writes the JSON, named by its instant.
    pub(crate) fn write_json(&self) -> Result<PathBuf> {
        let file = scratch_folder()?.join(format!("{}.json", self.made_at));
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(file)
    }
}

impl Calls {
    pub(crate) fn of(
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
            cpu: CpuPerCall::of(sample),
        }
    }

    /// Throughput ÷ limit.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.limit.map(|limit| self.per_second / limit.per_second)
    }
}

impl CpuPerCall {
    fn of(sample: &Sample) -> Self {
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
    pub(crate) fn of(sample: &mut Sample) -> Self {
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
    /// How many times as much as at another size.
    pub(crate) fn beside(self, first: Self) -> f64 {
        (self.limit_per_second / self.per_second) / (first.limit_per_second / first.per_second)
    }
}

/// `target/bench`, wherever the target folder is.
fn scratch_folder() -> Result<PathBuf> {
    let binary = server::binary()?;
    let target = binary
        .ancestors()
        .nth(2)
        .ok_or("there is no target folder")?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
