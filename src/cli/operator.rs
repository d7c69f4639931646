//! The one way in which commands reach the database of `serve`. They act as its operator: a user who may
//! write to the database decides, so no caller and no proof is asked for.

use std::{path::Path, time::Duration};

use tokio::time::Instant;

use super::{error::CommandError, exit::Exit, output, runtime};
use crate::{
    auth::CallContext,
    config::{ConfigProblems, DatabaseConfig, Environment, Flags},
    db::{self, Db, Target},
};

/// How long the database may take for one step of a command.
const STEP_LIMIT: Duration = Duration::from_secs(30);
/// The database of `serve --dev`.
const DEV_DATABASE: &str = "./vestibule.db";

/// Until when a step that begins now may take.
pub(super) fn deadline() -> Instant {
    Instant::now() + STEP_LIMIT
}

/// The context of a use case that the operator calls.
pub(super) fn call() -> CallContext {
    CallContext::new(deadline(), String::new())
}

/// Runs a command that needs the schema of this binary.
///
/// # Errors
/// The configuration is faulty; the database was not opened.
pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    command: impl AsyncFnOnce(Db) -> Result<Exit, CommandError>,
) -> Result<Exit, ConfigProblems> {
    run_on_any_schema(flags, environment, async |db, target| {
        require_schema(&db, target).await?;
        command(db).await
    })
}

/// Runs a command whatever the schema is. The command's errors name the database.
///
/// # Errors
/// The configuration is faulty; the database was not opened.
pub(super) fn run_on_any_schema(
    flags: &Flags,
    environment: &Environment,
    command: impl AsyncFnOnce(Db, &Target) -> Result<Exit, CommandError>,
) -> Result<Exit, ConfigProblems> {
    let config = DatabaseConfig::load(flags, environment)?;
    let target = &config.db.target;
    let work = async {
        announce(target);
        let outcome = match Db::open(&config.db) {
            Ok(db) => command(db, target).await,
            Err(error) => Err(error.into()),
        };
        outcome.unwrap_or_else(|error| {
            output::error(&format_args!("{target}: {}", error.message));
            error.exit
        })
    };
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

/// Refuses a database file that is not there, rather than make an empty one.
pub(super) fn require_file(target: &Target) -> Result<(), CommandError> {
    if target.is_missing() {
        return Err(CommandError::failed(
            "the database is missing: `vestibule migrate up` makes it",
        ));
    }
    Ok(())
}

async fn require_schema(db: &Db, target: &Target) -> Result<(), CommandError> {
    require_file(target)?;
    if !db.schema_state().await?.is_usable() {
        return Err(CommandError::failed(
            "the database has not all tables yet: run `vestibule migrate up`",
        ));
    }
    Ok(())
}

/// Names the database on standard error, and the one that it is easily confused with.
fn announce(target: &Target) {
    output::error(&format_args!("the database is {target}"));
    let dev = Path::new(DEV_DATABASE);
    if !target.is_file(dev) && db::is_open_elsewhere(dev) {
        output::error(&format_args!(
            "note: a server has {DEV_DATABASE} open, which is another database; with --dev, and without VESTIBULE_DATABASE_URL, commands work on that one"
        ));
    }
}
