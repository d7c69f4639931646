//! When sessions were last seen: many rows by one statement.

use std::fmt::Write;

use sea_orm::{ConnectionTrait, Statement, Value};
use tokio::time::Instant;

use crate::db::{Db, DbError, entity::to_micros};
use crate::domain::{SessionId, Timestamp};

impl Db {
    /// Stores when sessions were last seen. A stored time only grows; unknown sessions are skipped.
    pub async fn see_sessions(
        &self,
        seen: Vec<(SessionId, Timestamp)>,
        deadline: Instant,
    ) -> Result<(), DbError> {
        if seen.is_empty() {
            return Ok(());
        }
        self.write(deadline, seen, |transaction, seen| {
            Box::pin(async move {
                let backend = transaction.get_database_backend();
                let see = Statement::from_sql_and_values(backend, sql(seen.len()), values(seen));
                transaction.execute_raw(see).await.map(drop)
            })
        })
        .await
    }
}

/// Both databases name the columns of VALUES `column1` and `column2`.
fn sql(rows: usize) -> String {
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

fn values(seen: &[(SessionId, Timestamp)]) -> impl Iterator<Item = Value> {
    seen.iter()
        .flat_map(|(id, at)| [Value::from(id.uuid()), Value::from(to_micros(*at))])
}
