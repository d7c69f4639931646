//! When sessions were last seen: many rows by one statement.

use std::fmt::Write;

use sea_orm::{ConnectionTrait, Statement, Value};
use tokio::time::Instant;

use crate::db::{Db, DbError, entity::to_micros};
use crate::domain::{SessionId, Timestamp};

impl Db {
    /// Writes down when sessions were last seen. A stored instant only grows; a session that is gone
    /// is none.
    ///
    /// # Errors
    /// The database failed; nothing was written.
    pub async fn see_sessions(
        &self,
        seen: &[(SessionId, Timestamp)],
        deadline: Instant,
    ) -> Result<(), DbError> {
        if seen.is_empty() {
            return Ok(());
        }
        let (sql, values) = (statement(seen.len()), values(seen));
        self.write(deadline, move |transaction| {
            let backend = transaction.get_database_backend();
            let see = Statement::from_sql_and_values(backend, &sql, values.clone());
            Box::pin(async move { transaction.execute_raw(see).await.map(|_| ()) })
        })
        .await
    }
}

/// Both databases call the columns of VALUES so.
fn statement(rows: usize) -> String {
    let mut sql = "UPDATE sessions SET last_seen_at = seen.column2 FROM (VALUES ".to_owned();
    for row in 0..rows {
        let comma = if row == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{comma}(${}, ${})", row * 2 + 1, row * 2 + 2);
    }
    sql.push_str(
        ") AS seen WHERE sessions.id = seen.column1 AND sessions.last_seen_at < seen.column2",
    );
    sql
}

fn values(seen: &[(SessionId, Timestamp)]) -> Vec<Value> {
    let rows = seen.iter();
    rows.flat_map(|(id, at)| [Value::from(id.uuid()), Value::from(to_micros(*at))])
        .collect()
}
