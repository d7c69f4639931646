//! How many passwords are stored at which cost: what decoys must be like.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement,
    TransactionTrait,
};
use tokio::time::Instant;

use super::{Db, DbError};
use crate::domain::HashedPassword;

/// Counts the index of `password_class`, and reads one row of each class: any, because a decoy
/// depends on nothing by which two of them differ. With a million users
/// (half argon2id at 64 MiB, a quarter bcrypt, a quarter at 19 MiB) that takes 0.17 s on Postgres
/// and 0.25 s on SQLite, on two busy cores; cutting the stored texts in the statement itself takes
/// 1.5 and 2.6 s. A sample would be cheaper and would miss the classes that few users have, which
/// are the ones that give these users away.
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
    /// One stored hash of each class, and how many there are of that class. It may take until the
    /// deadline: what calls' statements are held to says nothing of this one, without which no
    /// replica becomes ready.
    ///
    /// # Errors
    /// The database failed.
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

/// `SET LOCAL` ends with the transaction, which is there for its sake.
async fn classes(reader: &DatabaseConnection, deadline: Instant) -> Result<Vec<ClassCount>, DbErr> {
    let backend = reader.get_database_backend();
    let transaction = reader.begin().await?;
    if backend == DbBackend::Postgres {
        let left = deadline.saturating_duration_since(Instant::now());
        // 0 would be no limit.
        let limit = left.as_millis().max(1);
        let set = format!("SET LOCAL statement_timeout = {limit}");
        transaction.execute_unprepared(&set).await?;
    }
    let classes = ClassCount::find_by_statement(Statement::from_string(backend, CENSUS));
    let classes = classes.all(&transaction).await?;
    transaction.commit().await?;
    Ok(classes)
}
