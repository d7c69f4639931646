//! `vestibule migrate`: the schema, by hand or by a job that runs before the servers.

use tracing::error;

use super::{exit::Exit, output, runtime};
use crate::{
    config::{Environment, Flags, MigrateConfig, Problems},
    db::{self, Db, DbError, SchemaState, Undone, loss},
    telemetry::chain,
};

const NOTHING_TO_UNDO: &str = "there is nothing to undo";
const NEWER_SCHEMA: &str = "the schema is newer than this binary: undo with the one that made it";

/// What to do with the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Apply everything that is pending.
    Up,
    /// Undo the last migration.
    Down {
        /// Without it, say what would be lost and do nothing.
        yes: bool,
    },
    /// List what is applied, pending and unknown.
    Status,
}

/// Does one step, with the database that `serve` would use.
///
/// # Errors
/// The configuration is faulty; the database was not touched.
pub(super) fn run(flags: &Flags, environment: &Environment, step: Step) -> Result<Exit, Problems> {
    let config = MigrateConfig::load(flags, environment)?;
    let work = async {
        take(step, &config.db).await.unwrap_or_else(|error| {
            error!("the schema is as it was: {}", chain(&error));
            Exit::Failed
        })
    };
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

async fn take(step: Step, settings: &db::DbSettings) -> Result<Exit, DbError> {
    let db = Db::open(settings)?;
    match step {
        Step::Up => up(&db).await,
        Step::Down { yes } => down(&db, yes).await,
        Step::Status => status(&db).await,
    }
}

async fn up(db: &Db) -> Result<Exit, DbError> {
    let state = db.migrate().await?;
    if state.unknown.is_empty() {
        output::answer(&format_args!(
            "the schema is up to date: {} migrations",
            state.applied.len()
        ));
    } else {
        output::answer(&"the schema is newer than this binary: nothing was applied");
    }
    Ok(Exit::Done)
}

async fn down(db: &Db, yes: bool) -> Result<Exit, DbError> {
    if !yes {
        return Ok(announce(&db.schema_state().await?));
    }
    match db.migrate_down().await? {
        Undone::One(name) => {
            output::answer(&format_args!("undid {name} and dropped {}", loss(&name)));
        }
        Undone::Nothing => output::answer(&NOTHING_TO_UNDO),
        Undone::NewerSchema(_) => {
            output::error(&NEWER_SCHEMA);
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Done)
}

/// Says what `down --yes` would do.
fn announce(state: &SchemaState) -> Exit {
    match state.applied.last() {
        _ if !state.unknown.is_empty() => {
            output::error(&NEWER_SCHEMA);
            Exit::Failed
        }
        Some(last) => {
            output::error(&format_args!(
                "this would undo {last} and drop {}; repeat it with --yes",
                loss(last)
            ));
            Exit::Usage
        }
        None => {
            output::answer(&NOTHING_TO_UNDO);
            Exit::Done
        }
    }
}

async fn status(db: &Db) -> Result<Exit, DbError> {
    output::answer(&listed(&db.schema_state().await?));
    Ok(Exit::Done)
}

fn listed(state: &SchemaState) -> String {
    let lines: Vec<String> = [
        ("applied", &state.applied),
        ("pending", &state.pending),
        ("unknown", &state.unknown),
    ]
    .into_iter()
    .flat_map(|(word, names)| names.iter().map(move |name| format!("{word}  {name}")))
    .collect();
    lines.join("\n")
}
