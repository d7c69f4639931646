//! The scenarios in their order. Each starts a server of its own.

mod checks;
mod growth;
mod logins;
mod overload;
mod process;
mod storm;

use std::time::Duration;

use crate::{
    Result,
    arguments::RunOptions,
    figures::Hashes,
    goals,
    hashes::{self, Cost},
    load::Window,
    postgres::Postgres,
    report::Report,
    server::{self, Server},
    store::{Database, Store},
};

/// The users of every scenario but growth.
const USERS: u64 = 10_000;
/// Session checks and empty RPCs in flight.
const CHECKS_IN_FLIGHT: usize = 64;

type Scenario = fn(&Context<'_>, &mut Report) -> Result<()>;

const SCENARIOS: [(&str, Scenario); 6] = [
    ("logins", logins::measure),
    ("checks", checks::measure),
    ("storm", storm::measure),
    ("overload", overload::measure),
    ("growth", growth::measure),
    ("process", process::measure),
];

/// What every scenario needs.
struct Context<'a> {
    database: Database,
    postgres: Option<&'a Postgres>,
    options: &'a RunOptions,
    cost: Cost,
    /// With [`USERS`].
    store: Store,
}

impl Context<'_> {
    /// A server over the filled database.
    fn serve(&self) -> Result<Server> {
        Server::start(&self.store.url, self.cost)
    }

    /// An empty database.
    fn new_store(&self, name: &str) -> Result<Store> {
        Store::new(self.database, self.postgres, name)
    }

    fn window(&self) -> Window {
        self.options.window()
    }

    /// The raw rate of all workers together.
    fn raw_rate(&self) -> Result<f64> {
        hashes::measure_rate(self.cost, self.cost.workers, self.window().measured)
    }
}

/// Runs the selected scenarios. A scenario that fails is noted in the report, and the others run.
pub(crate) fn run(options: &RunOptions) -> Result<Report> {
    server::find_binary()?;
    let mut report = Report::begin(options)?;
    if options.includes_scenario("sodium") {
        eprintln!("bench: sodium");
        let figures = compare_with_sodium(report.hashing, options.window().measured)?;
        report.hashes.push(figures);
    }
    for database in Database::ALL {
        if options.includes_database(database)
            && let Err(error) = run_on(database, options, &mut report)
        {
            report.failures.push(format!("{database}: {error}"));
        }
    }
    report.goals = goals::evaluate(&report);
    Ok(report)
}

fn run_on(database: Database, options: &RunOptions, report: &mut Report) -> Result<()> {
    let selected: Vec<_> = SCENARIOS
        .iter()
        .filter(|(name, _)| options.includes_scenario(name))
        .collect();
    if selected.is_empty() {
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
    let context = Context {
        database,
        postgres: postgres.as_ref(),
        options,
        cost: report.hashing,
        store,
    };
    for (name, measure) in selected {
        eprintln!("bench: {name} on {database}");
        if let Err(error) = measure(&context, report) {
            report
                .failures
                .push(format!("{name} on {database}: {error}"));
        }
    }
    Ok(())
}

/// One core's rate beside libsodium's. Ours is measured before and after, so that a change of the
/// clock rate affects both.
fn compare_with_sodium(cost: Cost, measured: Duration) -> Result<Hashes> {
    let before = hashes::measure_rate(cost, 1, measured)?;
    let sodium_one_core = hashes::measure_sodium_rate(cost, measured);
    if sodium_one_core.is_none() {
        eprintln!("bench: libsodium for Python is missing, so there is no comparison with it");
    }
    let after = hashes::measure_rate(cost, 1, measured)?;
    Ok(Hashes {
        one_core: f64::midpoint(before, after),
        all_workers: hashes::measure_rate(cost, cost.workers, measured)?,
        sodium_one_core,
    })
}
