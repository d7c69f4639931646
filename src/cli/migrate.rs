//! `vestibule migrate`: the schema, by hand or by a job that runs before the servers.

use clap::{ArgMatches, Command};

use super::{
    args::{has_yes, yes},
    error::CommandError,
    exit::Exit,
    operator, output,
};
use crate::{
    config::{ConfigProblems, Environment, Flags},
    db::{Db, SchemaState, Undone, loss},
};

const NOTHING_TO_UNDO: &str = "there is nothing to undo";
const NEWER_SCHEMA: &str = "the schema is newer than this binary: undo with the one that made it";

/// What to do with the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrateStep {
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

pub(super) fn commands() -> [Command; 3] {
    [
        Command::new("up").about("Apply every pending migration"),
        Command::new("down")
            .about("Undo the last migration, with its data")
            .arg(yes("Do it, rather than say what would be lost")),
        Command::new("status").about("List applied, pending and unknown migrations"),
    ]
}

pub(super) fn parse_step(name: &str, matches: &ArgMatches) -> MigrateStep {
    match name {
        "up" => MigrateStep::Up,
        "down" => MigrateStep::Down {
            yes: has_yes(matches),
        },
        _ => MigrateStep::Status,
    }
}

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    step: MigrateStep,
) -> Result<Exit, ConfigProblems> {
    operator::run_on_any_schema(flags, environment, async |db, _| {
        let answer = match step {
            MigrateStep::Up => up(&db).await,
            MigrateStep::Down { yes: true } => down(&db).await,
            MigrateStep::Down { yes: false } => announce_down(&db.schema_state().await?),
            MigrateStep::Status => Ok(render(&db.schema_state().await?)),
        };
        output::answer(&answer.map_err(|error| error.context("nothing was changed"))?);
        Ok(Exit::Done)
    })
}

async fn up(db: &Db) -> Result<String, CommandError> {
    let state = db.migrate().await?;
    if !state.unknown.is_empty() {
        return Ok("the schema is newer than this binary: nothing was applied".to_owned());
    }
    let count = state.applied.len();
    Ok(format!("the schema is up to date: {count} migrations"))
}

async fn down(db: &Db) -> Result<String, CommandError> {
    match db.migrate_down().await? {
        Undone::One(name) => Ok(format!("undid {name} and dropped {}", loss(&name))),
        Undone::Nothing => Ok(NOTHING_TO_UNDO.to_owned()),
        Undone::NewerSchema(_) => Err(CommandError::failed(NEWER_SCHEMA)),
    }
}

/// Says what `down --yes` would do.
fn announce_down(state: &SchemaState) -> Result<String, CommandError> {
    match state.applied.last() {
        _ if !state.unknown.is_empty() => Err(CommandError::failed(NEWER_SCHEMA)),
        Some(last) => Err(CommandError::needs_yes(&format!(
            "this would undo {last} and drop {}",
            loss(last)
        ))),
        None => Ok(NOTHING_TO_UNDO.to_owned()),
    }
}

fn render(state: &SchemaState) -> String {
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
