//! Reads the users in the SQLite file of the Flask service that Vestibule grew from.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement};
use thiserror::Error;

use super::pools;

/// Texts are read as bytes: SQLite stores values as they were written, and the service wrote hashes as
/// text or as bytes.
const USERS: &str = "SELECT rowid AS place, CAST(id AS TEXT) AS id, CAST(email AS BLOB) AS email, \
    CAST(hashed_password AS BLOB) AS hashed_password \
    FROM users WHERE rowid > $1 ORDER BY rowid LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) AS users FROM users";

/// The users of a file, a batch at a time.
pub struct FlaskUsers {
    file: PathBuf,
    connection: DatabaseConnection,
    after: i64,
}

/// A user as the service stored them.
#[derive(FromQueryResult)]
pub struct FlaskUser {
    place: i64,
    /// An integer, as text.
    pub id: Option<String>,
    pub email: Option<Vec<u8>>,
    /// A hash of bcrypt.
    pub hashed_password: Option<Vec<u8>>,
}

/// Why the users cannot be read.
#[derive(Debug, Error)]
#[error("{}: no table users with id, email and hashed_password can be read there", file.display())]
pub struct FlaskError {
    file: PathBuf,
    source: DbErr,
}

impl FlaskUsers {
    /// Opens a file when it is first read.
    pub fn open(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            connection: pools::open_to_read(file),
            after: i64::MIN,
        }
    }

    /// The number of users.
    ///
    /// # Errors
    /// The file cannot be read, or has no such table.
    pub async fn count(&self) -> Result<u64, FlaskError> {
        let statement = Statement::from_string(DbBackend::Sqlite, COUNT);
        let row = self.connection.query_one_raw(statement).await;
        let row = row.map_err(|error| self.failed(error))?;
        let users = row.map(|row| row.try_get::<i64>("", "users")).transpose();
        let users = users
            .map_err(|error| self.failed(error))?
            .unwrap_or_default();
        Ok(u64::try_from(users).unwrap_or_default())
    }

    /// The next batch of users; an empty batch is the end.
    ///
    /// # Errors
    /// The file cannot be read, or has no such table.
    pub async fn next(&mut self, most: u64) -> Result<Vec<FlaskUser>, FlaskError> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Sqlite,
            USERS,
            [self.after.into(), most.into()],
        );
        let users = FlaskUser::find_by_statement(statement).all(&self.connection);
        let users = users.await.map_err(|error| self.failed(error))?;
        if let Some(last) = users.last() {
            self.after = last.place;
        }
        Ok(users)
    }

    fn failed(&self, source: DbErr) -> FlaskError {
        FlaskError {
            file: self.file.clone(),
            source,
        }
    }
}
