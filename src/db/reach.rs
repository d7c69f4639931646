//! Why a Postgres database cannot be reached. A pool repeats a refused connection until its time-out,
//! and then reports the time-out alone; one connection outside the pools fails at once with the cause.

use std::time::Duration;

use sea_orm::{
    DbErr, RuntimeErr, SqlxError,
    sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions},
};
use tokio::time::timeout;

use super::{
    Db, DbError,
    target::{Target, postgres_options},
};

impl Db {
    /// Makes one connection outside the pools and returns why it failed, in words that name the server
    /// and never the password. `None`: it succeeded, it may succeed when it is repeated, or the
    /// database is a file.
    pub async fn why_unreachable(&self, limit: Duration) -> Option<DbError> {
        let Target::Postgres { url, password } = &self.inner.settings.target else {
            return None;
        };
        let options = match postgres_options(url, password.as_ref()) {
            Ok(options) => options,
            Err(error) => return Some(DbError::Unavailable(error)),
        };
        let connection = async { options.connect().await?.close().await };
        match timeout(limit, connection).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => describe(&error, &options),
            Err(_) => Some(away(format!("{} does not answer", server(&options)))),
        }
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>. `None`: the server starts, or has
/// no connection left.
fn describe(error: &SqlxError, options: &PgConnectOptions) -> Option<DbError> {
    let (server, user) = (server(options), options.get_username());
    let answer = match error {
        SqlxError::Io(cause) => return Some(away(format!("cannot connect to {server}: {cause}"))),
        SqlxError::Database(answer) => answer,
        other => return Some(away(format!("cannot connect to {server}: {other}"))),
    };
    Some(match answer.code().as_deref() {
        Some("57P03" | "53300") => return None,
        Some("3D000") => {
            let database = options.get_database().unwrap_or(user);
            DbError::Missing(connection_error(format!("{server} has no {database:?}")))
        }
        Some("28P01") => away(format!("{server} refuses the password of user {user:?}")),
        _ => away(format!("cannot connect to {server}: {answer}")),
    })
}

fn away(cause: String) -> DbError {
    DbError::Unavailable(connection_error(cause))
}

fn connection_error(cause: String) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(cause))
}

/// The folder of the server's socket, or its host and port.
fn server(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}
