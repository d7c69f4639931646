//! A consistent copy of the SQLite database while others read and write it, readable by its owner alone
//! from the first byte.

use std::{
    fs::File,
    io,
    path::{self, Path, PathBuf},
};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tempfile::{Builder, NamedTempFile};
use thiserror::Error;

use super::{Db, DbError, Target, pools};

/// Why no copy was made; nothing of it is left.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database is Postgres, which has its own tool.
    #[error("only a SQLite file is copied")]
    NotSqlite,
    /// The copy cannot be written.
    #[error("{}", file.display())]
    Copy {
        /// The path of the copy.
        file: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// The database failed, or the disk is full.
    #[error(transparent)]
    Database(DbError),
}

impl Db {
    /// Copies the database to a new file, 0600, as it was when the copy began. Readers and writers are
    /// not held up. A copy that is dropped before its end leaves nothing behind.
    ///
    /// # Errors
    /// The target is Postgres, the file exists or cannot be written, or the database failed.
    pub async fn backup(&self, file: &Path) -> Result<(), BackupError> {
        let Target::Sqlite(source) = &self.inner.settings.target else {
            return Err(BackupError::NotSqlite);
        };
        let failed = |source| BackupError::Copy {
            file: file.to_owned(),
            source,
        };
        let file = path::absolute(file).map_err(failed)?;
        let folder = file.parent().unwrap_or(&file);
        if file.symlink_metadata().is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        // A folder of its own, which also takes the driver's journal and is removed with it.
        let beside = Builder::new()
            .prefix(".vestibule-backup-")
            .tempdir_in(folder)
            .map_err(failed)?;
        let copy = NamedTempFile::new_in(beside.path()).map_err(failed)?;
        self.vacuum_into(source, copy.path()).await?;
        copy.as_file().sync_all().map_err(failed)?;
        // Never over a file that appeared meanwhile.
        copy.persist_noclobber(&file)
            .map_err(|error| failed(error.error))?;
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed)
    }

    async fn vacuum_into(&self, source: &Path, copy: &Path) -> Result<(), BackupError> {
        let copy = copy.to_str().ok_or_else(|| BackupError::Copy {
            file: copy.to_owned(),
            source: io::Error::other("SQLite takes no path that is not UTF-8"),
        })?;
        let statement =
            Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO $1", [copy.into()]);
        let connection = pools::open_for_backup(source);
        let done = connection.execute_raw(statement).await;
        let _ = connection.close().await;
        let failed = |error: DbErr| BackupError::Database(self.unusable(&error));
        done.map(drop).map_err(failed)
    }
}
