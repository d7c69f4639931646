//! The SQLite file of the Flask service that Vestibule grew from: its users, read and nothing else.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement};
use thiserror::Error;

use super::pools;

/// Texts come as bytes: SQLite holds whatever was written, and that service wrote hashes as either.
const USERS: &str = "SELECT rowid AS place, CAST(id AS TEXT) AS id, CAST(email AS BLOB) AS email, \
    CAST(hashed_password AS BLOB) AS hashed_password \
    FROM users WHERE rowid > $1 ORDER BY rowid LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) AS users FROM users";

/// That service's users, some at a time.
pub struct FlaskUsers {
    file: PathBuf,
    connection: DatabaseConnection,
    after: i64,
}

/// One of them.
#[derive(FromQueryResult)]
pub struct FlaskUser {
    place: i64,
    /// An integer.
    pub id: Option<String>,
    /// The address.
    pub email: Option<Vec<u8>>,
    /// Of bcrypt.
    pub hashed_password: Option<Vec<u8>>,
}

/// Why they cannot be read.
#[derive(Debug, Error)]
#[error("{}: no table users with id, email and hashed_password can be read there", file.display())]
pub struct FlaskError {
    file: PathBuf,
    source: DbErr,
}

impl FlaskUsers {
    /// Opens a file.
    pub fn open(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            connection: pools::open_to_read(file),
            after: i64::MIN,
        }
    }

    /// How many there are.
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

    /// The next of them; none: that was all.
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
