//! `vestibule caller`: the services that may act on users by name, straight on the database. No RPC
//! makes one: whoever may write to the database decides.

mod args;
mod list;

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use tracing::error;

use super::{exit::Exit, output, runtime};
use crate::{
    auth::{CallerError, Callers},
    config::{Environment, Flags, MigrateConfig, Problems},
    db::{self, Db, DbError},
    domain::{CallerName, CertificateIdentity, Clock},
    telemetry::chain,
};

pub(super) use args::{request, subcommands};

/// How long the database may take for all of it.
const LIMIT: Duration = Duration::from_secs(30);

/// What to do with callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Add one and print its key.
    Add {
        /// Its name.
        name: CallerName,
        /// Methods in full.
        allow: Vec<&'static str>,
        /// What its certificates may be called.
        identities: Vec<CertificateIdentity>,
    },
    /// Print a new key.
    Rotate {
        /// Whose.
        name: CallerName,
        /// How long the others are good.
        overlap: Duration,
    },
    /// Remove one.
    Remove {
        /// Which.
        name: CallerName,
    },
    /// Print all of them.
    List,
}

/// Why nothing was done.
#[derive(Debug, Error)]
enum NotDone {
    /// What the operator got wrong, and what to do.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Caller(#[from] CallerError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Does it, on the database that `serve` would use.
///
/// # Errors
/// The configuration is faulty; the database was not touched.
pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    request: Request,
) -> Result<Exit, Problems> {
    let config = MigrateConfig::load(flags, environment)?;
    let work = async {
        match take(request, &config.db).await {
            Ok(answer) => {
                output::answer(&answer);
                Exit::Done
            }
            Err(NotDone::Refused(why)) => {
                output::error(&why);
                Exit::Failed
            }
            Err(failed @ (NotDone::Caller(_) | NotDone::Db(_))) => {
                error!("nothing was changed: {}", chain(&failed));
                Exit::Failed
            }
        }
    };
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

async fn take(request: Request, settings: &db::DbSettings) -> Result<String, NotDone> {
    let db = Db::open(settings)?;
    if !db.schema_state().await?.is_usable() {
        return Err(NotDone::Refused(
            "the database has not all tables yet: run `vestibule migrate up`".to_owned(),
        ));
    }
    let callers = Callers::new(db, Clock::default());
    let deadline = Instant::now() + LIMIT;
    match request {
        Request::Add {
            name,
            allow,
            identities,
        } => {
            let grants = allow.into_iter().map(str::to_owned).collect();
            let added = callers.add(name.clone(), grants, identities, deadline);
            let token = added.await.map_err(|error| refused(error, &name))?;
            Ok(token.expose().to_string())
        }
        Request::Rotate { name, overlap } => {
            let rotated = callers.rotate(name.clone(), overlap, deadline);
            let token = rotated.await.map_err(|error| refused(error, &name))?;
            Ok(token.expose().to_string())
        }
        Request::Remove { name } => {
            let removed = callers.remove(name.clone(), deadline);
            removed.await.map_err(|error| refused(error, &name))?;
            Ok(format!("removed {name}"))
        }
        Request::List => {
            let records = callers.list(deadline).await.map_err(CallerError::from)?;
            Ok(list::listed(&records))
        }
    }
}

fn refused(error: CallerError, name: &CallerName) -> NotDone {
    match error {
        CallerError::NameTaken => NotDone::Refused(format!(
            "there is a caller {name}: `vestibule caller rotate {name}` makes a new key; to change what it may call, remove it and add it again"
        )),
        CallerError::IdentityTaken => NotDone::Refused(
            "an identity is another caller's, see `vestibule caller list`: a certificate names one"
                .to_owned(),
        ),
        CallerError::Unknown => NotDone::Refused(format!(
            "there is no caller {name}, see `vestibule caller list`"
        )),
        CallerError::Failed(_) => error.into(),
    }
}
