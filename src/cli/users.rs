//! `vestibule users` and `vestibule sessions`: what an operator does to users, straight on the
//! database and by the same use cases as the RPCs.

mod args;
mod show;

use std::{future::Future, time::Duration};

use thiserror::Error;
use tokio::time::Instant;
use tracing::error;

use super::{exit::Exit, output, runtime};
use crate::{
    auth::{AuthError, CallContext, SessionsToEnd, Users},
    config::{Environment, Flags, MigrateConfig, Problems},
    db::{self, Db, DbError},
    domain::{Clock, UserKey, UserStatus},
    telemetry::chain,
};

pub(super) use args::{of_sessions, request, subcommands};

/// How long the database may take for one user.
const LIMIT: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To one user.
    One(UserKey, Action),
    /// End all sessions of everybody.
    RevokeAll {
        /// Whether that is meant.
        yes: bool,
    },
}

/// What to do to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Print them.
    Show,
    /// Refuse them everywhere.
    Disable,
    /// Let them in again.
    Enable,
    /// End all their sessions.
    RevokeSessions,
    /// Erase them.
    Delete {
        /// Whether that is meant.
        yes: bool,
    },
}

/// Why it was not done.
#[derive(Debug, Error)]
enum NotDone {
    /// What the operator got wrong, and what to do.
    #[error("{1}")]
    Refused(Exit, String),
    #[error(transparent)]
    Auth(#[from] AuthError),
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
    let work = told(take(request, &config.db));
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

async fn told(work: impl Future<Output = Result<String, NotDone>>) -> Exit {
    match work.await {
        Ok(answer) => {
            output::answer(&answer);
            Exit::Done
        }
        Err(NotDone::Refused(exit, why)) => {
            output::error(&why);
            exit
        }
        Err(NotDone::Auth(AuthError::UserNotFound)) => {
            output::error(&"there is no such user");
            Exit::Failed
        }
        Err(failed @ (NotDone::Auth(_) | NotDone::Db(_))) => {
            error!("not done: {}", chain(&failed));
            Exit::Failed
        }
    }
}

async fn take(request: Request, settings: &db::DbSettings) -> Result<String, NotDone> {
    let db = Db::open(settings)?;
    if !db.schema_state().await?.is_usable() {
        let why = "the database has not all tables yet: run `vestibule migrate up`";
        return Err(NotDone::Refused(Exit::Failed, why.to_owned()));
    }
    let users = Users::new(db, Clock::default());
    match request {
        Request::One(key, action) => one(&users, &key, action).await,
        Request::RevokeAll { yes: false } => Err(meant(
            "this would end all sessions of all users: everybody has to log in again",
        )),
        Request::RevokeAll { yes: true } => {
            let count = users.end_all_sessions().await?;
            Ok(format!("ended all sessions of {count} users"))
        }
    }
}

async fn one(users: &Users, key: &UserKey, action: Action) -> Result<String, NotDone> {
    let call = CallContext {
        deadline: Instant::now() + LIMIT,
        request_id: String::new(),
        caller: None,
    };
    let user = users.find(&call, key).await?;
    let id = user.id;
    let done = match action {
        Action::Show => return Ok(show::shown(&user)),
        Action::Delete { yes: false } => {
            let consequence = format!("this would erase user {id} with all that is theirs");
            return Err(meant(&consequence));
        }
        Action::Disable => {
            users.set_status(&call, id, UserStatus::Disabled).await?;
            "disabled"
        }
        Action::Enable => {
            users.set_status(&call, id, UserStatus::Active).await?;
            "enabled"
        }
        Action::RevokeSessions => {
            users.end_sessions(&call, id, SessionsToEnd::All).await?;
            "ended all sessions of"
        }
        Action::Delete { yes: true } => {
            users.delete(&call, id).await?;
            "erased"
        }
    };
    Ok(format!("{done} {id}"))
}

fn meant(consequence: &str) -> NotDone {
    NotDone::Refused(Exit::Usage, format!("{consequence}; repeat it with --yes"))
}
