//! `vestibule users import`: users of other systems, straight into the database. Rows that are refused
//! are named and the others go in.

mod args;
mod csv;
mod jsonl;
mod reader;

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use tracing::error;

use super::{exit::Exit, output, progress::Progress, runtime};
use crate::{
    auth::{AuthError, RowFault, Users},
    config::{Environment, Flags, MigrateConfig, Problems},
    db::{self, Db, DbError},
    domain::{Clock, UserId},
    telemetry::chain,
};

pub(super) use args::{request, subcommand};
pub(super) use reader::Source;
use reader::{Broken, Place, Row, Rows};

/// How long the database may take for a batch.
const LIMIT: Duration = Duration::from_secs(30);

/// What to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// From where.
    pub source: Source,
    /// Whether nothing shall be written.
    pub dry_run: bool,
}

/// Why the import ended before its end.
#[derive(Debug, Error)]
enum Ended {
    #[error("the database has not all tables yet: run `vestibule migrate up`")]
    NoTables,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What came of the rows so far.
#[derive(Default)]
struct Tally {
    imported: u64,
    refused: u64,
}

/// Imports into the database that `serve` would use.
///
/// # Errors
/// The configuration is faulty; the database was not touched.
pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    request: Request,
) -> Result<Exit, Problems> {
    let config = MigrateConfig::load(flags, environment)?;
    let work = told(request, &config.db);
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

async fn told(request: Request, settings: &db::DbSettings) -> Exit {
    let mut tally = Tally::default();
    let ended = import(&request, settings, &mut tally).await;
    let Tally { imported, refused } = tally;
    let would = if request.dry_run {
        "would import"
    } else {
        "imported"
    };
    output::answer(&format_args!(
        "{would} {imported} users, refused {refused} rows"
    ));
    match ended {
        Ok(()) if refused == 0 => Exit::Done,
        Ok(()) => Exit::Failed,
        Err(why @ (Ended::NoTables | Ended::Broken(_))) => {
            output::error(&format_args!("the import ended there: {}", chain(&why)));
            Exit::Failed
        }
        Err(why @ (Ended::Auth(_) | Ended::Db(_))) => {
            error!("the import ended there: {}", chain(&why));
            Exit::Failed
        }
    }
}

async fn import(
    request: &Request,
    settings: &db::DbSettings,
    tally: &mut Tally,
) -> Result<(), Ended> {
    let db = Db::open(settings)?;
    if !db.schema_state().await?.is_usable() {
        return Err(Ended::NoTables);
    }
    let (mut rows, steps) = Rows::open(&request.source).await?;
    let mut import = Users::new(db, Clock::default()).import(None, request.dry_run);
    let progress = Progress::of(steps);
    let ended = loop {
        let (batch, reached) = match rows.next().await {
            Ok((batch, _)) if batch.is_empty() => break Ok(()),
            Ok(read) => read,
            Err(broken) => break Err(broken.into()),
        };
        let (places, raw): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|Row { place, raw }| (place, raw.map_err(|fault| vec![fault])))
            .unzip();
        let read = raw
            .into_iter()
            .map(|raw| raw.and_then(|raw| import.parse_row(&raw)))
            .collect();
        let outcomes = match import.import_rows(read, Instant::now() + LIMIT).await {
            Ok(outcomes) => outcomes,
            Err(error) => break Err(error.into()),
        };
        for (place, outcome) in places.iter().zip(outcomes) {
            tally.count(&progress, place, outcome, request.dry_run);
        }
        progress.reach(reached);
    };
    progress.clear();
    ended
}

impl Tally {
    fn count(
        &mut self,
        progress: &Progress,
        place: &Place,
        outcome: Result<UserId, Vec<RowFault>>,
        dry_run: bool,
    ) {
        match outcome {
            Ok(id) => {
                self.imported += 1;
                // Of a dry run it would be another one the next time.
                if let (Place::Id(old), false) = (place, dry_run) {
                    progress.print(&format_args!("id {old} is now {id}"));
                }
            }
            Err(faults) => {
                self.refused += 1;
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                progress.print(&format_args!("{place}: {}", faults.join("; ")));
            }
        }
    }
}
