//! `vestibule backup`: a copy of the SQLite database, also while another process serves it.

use std::path::Path;

use tracing::error;

use super::{exit::Exit, output, runtime, signals};
use crate::{
    config::{Environment, Flags, MigrateConfig, Problems},
    db::{self, BackupError, Db},
    telemetry::chain,
};

/// Copies the database that `serve` would use to a new file.
///
/// # Errors
/// The configuration is faulty; the database was not touched.
pub(super) fn run(flags: &Flags, environment: &Environment, file: &Path) -> Result<Exit, Problems> {
    let config = MigrateConfig::load(flags, environment)?;
    let work = until_a_signal(copy(&config.db, file));
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

/// A signal drops the work, which leaves no half copy behind; by default it would.
async fn until_a_signal(work: impl Future<Output = Exit>) -> Exit {
    let stop = match signals::stop() {
        Ok(stop) => stop,
        Err(error) => {
            error!(%error, "no backup was made: signals cannot be handled");
            return Exit::Failed;
        }
    };
    tokio::select! {
        exit = work => exit,
        _ = stop => Exit::Failed,
    }
}

async fn copy(settings: &db::DbSettings, file: &Path) -> Exit {
    let copied = match Db::open(settings) {
        Ok(db) => db.backup(file).await,
        Err(error) => Err(BackupError::Database(error)),
    };
    match copied {
        Ok(()) => {
            output::answer(&format_args!("the backup is {}", file.display()));
            Exit::Done
        }
        Err(BackupError::NotSqlite) => {
            output::error(
                &"database.url names a Postgres database: make its backup with pg_dump, which comes with Postgres",
            );
            Exit::Usage
        }
        Err(error @ (BackupError::Copy { .. } | BackupError::Database(_))) => {
            error!("no backup was made: {}", chain(&error));
            Exit::Failed
        }
    }
}
