//! The census of stored hashes: how many passwords are stored with which algorithm and parameters.
//! Decoys follow it (ADR 13).

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement,
    TransactionTrait,
};
use tokio::time::Instant;

use super::{Db, DbError};
use crate::domain::HashedPassword;

/// Counts the index of `password_class` and reads any one row of each class, because a decoy depends on
/// nothing else. With a million users (half argon2id at 64 MiB, a quarter bcrypt, a quarter at 19 MiB)
/// that takes 0.17 s on Postgres and 0.25 s on SQLite, on two busy cores; cutting the stored texts in
/// the statement itself takes 1.5 and 2.6 s. A sample would be cheaper and would miss rare classes,
/// which are those that give their users away.
const CENSUS: &str = "SELECT \
    (SELECT hashed_password FROM users WHERE password_class = classes.password_class LIMIT 1) AS hash, \
    classes.passwords AS passwords \
    FROM (SELECT password_class, COUNT(*) AS passwords FROM users \
    WHERE password_class IS NOT NULL GROUP BY password_class) AS classes";

#[derive(FromQueryResult)]
struct ClassCount {
    hash: Option<String>,
    passwords: i64,
}

impl Db {
    /// One stored hash of each class with the size of the class. It may take until the deadline, longer
    /// than the time-out of a call's statement, because no replica becomes ready without it.
    pub async fn hash_census(
        &self,
        deadline: Instant,
    ) -> Result<Vec<(HashedPassword, u64)>, DbError> {
        let classes = self
            .read(deadline, classes(&self.inner.reader, deadline))
            .await?;
        let census = classes.into_iter().filter_map(|class| {
            let hash = HashedPassword::from_phc(class.hash?);
            Some((hash, u64::try_from(class.passwords).ok()?))
        });
        Ok(census.collect())
    }
}

/// In a transaction, with which `SET LOCAL` ends.
async fn classes(reader: &DatabaseConnection, deadline: Instant) -> Result<Vec<ClassCount>, DbErr> {
    let backend = reader.get_database_backend();
    let transaction = reader.begin().await?;
    if backend == DbBackend::Postgres {
        let left = deadline.saturating_duration_since(Instant::now());
        // 0 would mean no limit.
        let limit = left.as_millis().max(1);
        let set = format!("SET LOCAL statement_timeout = {limit}");
        transaction.execute_unprepared(&set).await?;
    }
    let classes = ClassCount::find_by_statement(Statement::from_string(backend, CENSUS));
    let classes = classes.all(&transaction).await?;
    transaction.commit().await?;
    Ok(classes)
}
