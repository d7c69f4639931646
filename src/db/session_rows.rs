//! The statement of the session check: sessions with their users, by id.
//!
//! It runs a hundred times as often as any other statement, so its SQL is made once for each number of
//! ids and its columns are read by position: building a query and looking for names cost more than the
//! database's own work.

use std::{collections::HashMap, fmt::Write, iter, sync::LazyLock};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement, TryGetable, Value,
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{sessions, users},
};
use crate::domain::{Session, SessionId, User};

/// The most ids of one statement.
pub(super) const MOST: usize = 512;

/// Makes the columns of the SELECT and the function that decodes its rows from one list, so that
/// their orders cannot differ. The columns after `unread` are not in a `Session`.
macro_rules! joined_rows {
    (
        sessions: $first:ident, $($session:ident),+;
        unread: $($unread:ident),+;
        users: $($user:ident),+;
    ) => {
        const COLUMNS: &str = concat!(
            "s.", stringify!($first),
            $(", s.", stringify!($session),)+
            $(", u.", stringify!($user),)+
        );

        fn decode(row: &QueryResult) -> Result<(SessionId, (Session, User)), DbErr> {
            let mut columns = Columns { row, position: 0 };
            let session = sessions::Model {
                $first: columns.read()?,
                $($session: columns.read()?,)+
                $($unread: 0,)+
            };
            let user = users::Model {
                id: session.user_id,
                $($user: columns.read()?,)+
            };
            Ok((SessionId::new(session.id), (session.into(), user.into())))
        }
    };
}

joined_rows! {
    sessions: id, user_id, secret_hash, epoch, created_at, authenticated_at, last_seen_at,
        expires_at, revoked_at, user_agent, ip, method;
    unread: wrong_passwords, rotations, others_ended_at, ends_until;
    users: email, email_key, hashed_password, password_scheme, status, session_epoch, version,
        request_id, email_verified_at, created_at, updated_at;
}

/// The columns of a row, one after the other.
struct Columns<'r> {
    row: &'r QueryResult,
    position: usize,
}

impl Columns<'_> {
    fn read<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let column = self.row.try_get_by_index(self.position);
        self.position += 1;
        column
    }
}

/// For 1, 2, 4 … [`MOST`] ids: a statement of each length would fill the databases' caches of
/// prepared statements.
static STATEMENTS: LazyLock<Vec<(usize, String)>> = LazyLock::new(|| {
    let sizes = (0..=MOST.ilog2()).map(|power| 1 << power);
    sizes.map(|size| (size, select(size))).collect()
});

fn select(ids: usize) -> String {
    let mut sql = format!(
        "SELECT {COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id IN ($1"
    );
    for number in 2..=ids {
        // Writing to a String cannot fail.
        let _ = write!(sql, ", ${number}");
    }
    sql.push(')');
    sql
}

impl Db {
    /// Finds at most 512 sessions and their users by one statement; unknown ids are not in the answer.
    pub async fn find_sessions(
        &self,
        ids: &[SessionId],
        deadline: Instant,
    ) -> Result<HashMap<SessionId, (Session, User)>, DbError> {
        self.read(deadline, find(&self.inner.reader, ids)).await
    }
}

/// Finds at most [`MOST`] sessions and their users; unknown ids are not in the answer.
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
    let padding = iter::repeat_n(last, size - ids.len());
    let values = ids.iter().chain(padding).map(|id| Value::from(id.uuid()));
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(decode).collect()
}
