//! How many passwords are stored at which cost: what decoys must be like.

use sea_orm::{FromQueryResult, Statement};
use tokio::time::Instant as Deadline;

use super::{Db, DbError};
use crate::domain::HashedPassword;

/// Counts the index of `password_class`, and reads one row of each class. With a million users
/// (half argon2id at 64 MiB, a quarter bcrypt, a quarter at 19 MiB) that takes 0.17 s on Postgres
/// and 0.25 s on SQLite, on two busy cores; cutting the stored texts in the statement itself takes
/// 1.5 and 2.6 s. A sample would be cheaper and would miss the classes that few users have, which
/// are the ones that give these users away.
const MIX: &str = "SELECT \
    (SELECT hashed_password FROM users WHERE password_class = classes.password_class LIMIT 1) AS hash, \
    classes.passwords AS passwords \
    FROM (SELECT password_class, COUNT(*) AS passwords FROM users \
    WHERE password_class IS NOT NULL GROUP BY password_class) AS classes";

#[derive(FromQueryResult)]
struct Class {
    hash: Option<String>,
    passwords: i64,
}

impl Db {
    /// One stored hash of each class, and how many there are of that class.
    ///
    /// # Errors
    /// The database failed.
    pub async fn mix_of_passwords(
        &self,
        deadline: Deadline,
    ) -> Result<Vec<(HashedPassword, u64)>, DbError> {
        let reader = &self.inner.reader;
        let statement = Statement::from_string(reader.get_database_backend(), MIX);
        let classes = self
            .read(deadline, Class::find_by_statement(statement).all(reader))
            .await?;
        let mix = classes.into_iter().filter_map(|class| {
            let hash = HashedPassword::from_phc(class.hash?);
            Some((hash, u64::try_from(class.passwords).ok()?))
        });
        Ok(mix.collect())
    }
}
