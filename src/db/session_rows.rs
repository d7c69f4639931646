//! The statement of the session check: sessions with their users, by id.
//!
//! It is read a hundred times as often as anything else, so it is written once for each size and
//! its columns are taken by position: building a query and looking for names cost more than the
//! database's own work.

use std::{collections::HashMap, fmt::Write, sync::LazyLock};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Db, DbError,
    entity::{sessions, users},
};
use crate::domain::{Session, SessionId, User};

/// The most ids of one statement.
pub(super) const MOST: usize = 512;

/// The columns in the order of [`row`].
const SELECT: &str = "SELECT \
    s.id, s.user_id, s.secret_hash, s.epoch, s.created_at, s.authenticated_at, s.last_seen_at, \
    s.expires_at, s.revoked_at, s.user_agent, s.ip, s.method, \
    u.email, u.email_key, u.hashed_password, u.password_scheme, u.status, u.session_epoch, \
    u.version, u.request_id, u.email_verified_at, u.created_at, u.updated_at \
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id IN (";

/// For 1, 2, 4 … [`MOST`] ids: a statement of each length would fill the databases' caches of
/// prepared statements.
static STATEMENTS: LazyLock<Vec<(usize, String)>> = LazyLock::new(|| {
    let sizes = (0..=MOST.ilog2()).map(|power| 1 << power);
    sizes.map(|size| (size, statement(size))).collect()
});

fn statement(size: usize) -> String {
    let mut sql = SELECT.to_owned();
    for number in 1..=size {
        let comma = if number == 1 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{comma}${number}");
    }
    sql.push(')');
    sql
}

impl Db {
    /// Finds sessions and their users in one statement, at most 512; what is not there is not among
    /// them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_sessions(
        &self,
        ids: &[SessionId],
        deadline: Instant,
    ) -> Result<HashMap<SessionId, (Session, User)>, DbError> {
        self.read(deadline, find(&self.inner.reader, ids)).await
    }
}

/// Finds sessions and their users; what is not there is not among them. At most [`MOST`] ids.
pub(super) async fn find(
    connection: &DatabaseConnection,
    ids: &[SessionId],
) -> Result<HashMap<SessionId, (Session, User)>, DbErr> {
    let Some(last) = ids.last() else {
        return Ok(HashMap::new());
    };
    let fitting = STATEMENTS.iter().find(|(size, _)| *size >= ids.len());
    let (size, sql) = fitting.ok_or_else(|| DbErr::Custom("too many ids".to_owned()))?;
    // The places that are left over repeat the last id.
    let padding = std::iter::repeat_n(last, size - ids.len());
    let values = ids.iter().chain(padding).map(|id| Value::from(id.uuid()));
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(row).collect()
}

fn row(row: &QueryResult) -> Result<(SessionId, (Session, User)), DbErr> {
    let session = sessions::Model {
        id: row.try_get_by_index(0)?,
        user_id: row.try_get_by_index(1)?,
        secret_hash: row.try_get_by_index(2)?,
        epoch: row.try_get_by_index(3)?,
        created_at: row.try_get_by_index(4)?,
        authenticated_at: row.try_get_by_index(5)?,
        last_seen_at: row.try_get_by_index(6)?,
        expires_at: row.try_get_by_index(7)?,
        revoked_at: row.try_get_by_index(8)?,
        user_agent: row.try_get_by_index(9)?,
        ip: row.try_get_by_index(10)?,
        method: row.try_get_by_index(11)?,
        // What a `Session` does not tell is not read.
        wrong_passwords: 0,
        rotations: 0,
    };
    let user = users::Model {
        id: session.user_id,
        email: row.try_get_by_index(12)?,
        email_key: row.try_get_by_index(13)?,
        hashed_password: row.try_get_by_index(14)?,
        password_scheme: row.try_get_by_index(15)?,
        status: row.try_get_by_index(16)?,
        session_epoch: row.try_get_by_index(17)?,
        version: row.try_get_by_index(18)?,
        request_id: row.try_get_by_index::<Option<Uuid>>(19)?,
        email_verified_at: row.try_get_by_index(20)?,
        created_at: row.try_get_by_index(21)?,
        updated_at: row.try_get_by_index(22)?,
    };
    Ok((SessionId::new(session.id), (session.into(), user.into())))
}
