//! `vestibule backup`: a copy of the SQLite database, also while another process serves it.

use std::path::{Path, PathBuf};

use clap::{Arg, value_parser};

use super::{args::FILE, error::CommandError, exit::Exit, operator, output, signals};
use crate::{
    config::{ConfigProblems, Environment, Flags},
    db::{BackupError, Db, Target},
};

pub(super) fn command() -> clap::Command {
    clap::Command::new("backup")
        .about("Copy the SQLite database to a new file, also while it is served")
        .arg(
            Arg::new(FILE)
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The copy; it must not exist yet"),
        )
}

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    file: &Path,
) -> Result<Exit, ConfigProblems> {
    operator::run_on_any_schema(flags, environment, async |db, target| {
        let copied = copy_until_signal(db, target, file).await;
        copied.map_err(|error| error.context("no backup was made"))
    })
}

/// A signal drops the copy, which leaves nothing behind; the default action would leave a half.
async fn copy_until_signal(db: Db, target: &Target, file: &Path) -> Result<Exit, CommandError> {
    let stop = signals::stop()?;
    tokio::select! {
        copied = copy(db, target, file) => copied,
        _ = stop => Err(CommandError::failed("interrupted by a signal")),
    }
}

async fn copy(db: Db, target: &Target, file: &Path) -> Result<Exit, CommandError> {
    operator::require_file(target)?;
    match db.backup(file).await {
        Ok(()) => {
            output::answer(&format_args!("the backup is {}", file.display()));
            Ok(Exit::Done)
        }
        Err(BackupError::NotSqlite) => Err(CommandError::usage(
            "a Postgres database is copied with pg_dump, which comes with Postgres",
        )),
        Err(error @ (BackupError::Copy { .. } | BackupError::Database(_))) => Err(error.into()),
    }
}
