//! What is measured, in order: each scenario starts a server of its own.

mod checks;
mod growth;
mod logins;
mod overload;
mod process;
mod storm;

use std::time::Duration;

use crate::{
    Result,
    arguments::Wish,
    goals,
    hashes::{self, Cost},
    load::Window,
    postgres::Postgres,
    report::{Hashes, Report},
    server::{self, Server},
    store::{Database, Store},
};

/// Users of everything but the growth.
const USERS: u64 = 10_000;
/// Session checks and empty RPCs in flight.
const CHECKS_IN_FLIGHT: usize = 64;

type Scenario = fn(&Ground<'_>, &mut Report) -> Result<()>;

const SCENARIOS: [(&str, Scenario); 6] = [
    ("logins", logins::measure),
    ("checks", checks::measure),
    ("storm", storm::measure),
    ("overload", overload::measure),
    ("growth", growth::measure),
    ("process", process::measure),
];

/// What a scenario stands on.
struct Ground<'a> {
    database: Database,
    postgres: Option<&'a Postgres>,
    wish: &'a Wish,
    cost: Cost,
    /// With [`USERS`].
    store: Store,
}

impl Ground<'_> {
    /// A server over the filled database.
    fn serve(&self) -> Result<Server> {
        Server::start(&self.store.url, self.cost)
    }

    /// An empty database.
    fn new_store(&self, name: &str) -> Result<Store> {
        Store::new(self.database, self.postgres, name)
    }

    fn window(&self) -> Window {
        self.wish.window()
    }

    /// The raw rate of all workers together.
    fn raw_rate(&self) -> Result<f64> {
        hashes::rate(self.cost, self.cost.workers, self.window().measured)
    }
}

/// Measures what was asked for. What fails is told in the report, and the rest goes on.
///
/// # Errors
/// Nothing can be measured at all.
pub(crate) fn run(wish: &Wish) -> Result<Report> {
    server::binary()?;
    let mut report = Report::begin(wish)?;
    if wish.wants("sodium") {
        eprintln!("bench: sodium");
        let figures = sodium(report.hashing, wish.window().measured)?;
        report.hashes.push(figures);
    }
    for database in Database::ALL {
        if wish.wants_on(database)
            && let Err(error) = run_on(database, wish, &mut report)
        {
            report.failures.push(format!("{database}: {error}"));
        }
    }
    report.goals = goals::of(&report);
    Ok(report)
}

fn run_on(database: Database, wish: &Wish, report: &mut Report) -> Result<()> {
    let wanted: Vec<_> = SCENARIOS
        .iter()
        .filter(|(name, _)| wish.wants(name))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(Postgres::start()?.ok_or("not measured: no Postgres programs")?),
    };
    if let Some(postgres) = &postgres {
        report.postgres = Some(postgres.version.clone());
    }
    let mut store = Store::new(database, postgres.as_ref(), "bench")?;
    store.fill(USERS, report.hashing)?;
    let ground = Ground {
        database,
        postgres: postgres.as_ref(),
        wish,
        cost: report.hashing,
        store,
    };
    for (name, measure) in wanted {
        eprintln!("bench: {name} on {database}");
        if let Err(error) = measure(&ground, report) {
            report
                .failures
                .push(format!("{name} on {database}: {error}"));
        }
    }
    Ok(())
}

/// One core's rate beside libsodium's: ours before and after it, so that a machine that changes its
/// pace favours nobody.
fn sodium(cost: Cost, measured: Duration) -> Result<Hashes> {
    let before = hashes::rate(cost, 1, measured)?;
    let sodium_one_core = hashes::sodium_rate(cost, measured);
    if sodium_one_core.is_none() {
        eprintln!("bench: no libsodium for Python here, so nothing is compared with it");
    }
    let after = hashes::rate(cost, 1, measured)?;
    Ok(Hashes {
        one_core: f64::midpoint(before, after),
        all_workers: hashes::rate(cost, cost.workers, measured)?,
        sodium_one_core,
    })
}
