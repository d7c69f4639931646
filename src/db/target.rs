//! Where the database is, and its name for people, which never holds a password.

use std::{
    fmt,
    fs::{self, OpenOptions},
    path::{self, Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};
use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{ConnectOptions, postgres::PgConnectOptions},
};
use secrecy::{ExposeSecret, SecretString};

const APPLICATION_NAME: &str = "vestibule";

/// Where users and sessions live.
#[derive(Debug, Clone)]
pub enum Target {
    /// A SQLite file; made when it is missing.
    Sqlite(PathBuf),
    /// A Postgres database, 14 or newer.
    Postgres {
        /// `postgres://…`; may hold a password.
        url: SecretString,
        /// Wins over one in the URL.
        password: Option<SecretString>,
    },
}

impl Target {
    /// Whether the Postgres driver can read a URL; why not would quote it, password included.
    pub fn is_postgres_url(url: &SecretString) -> bool {
        postgres_options(url, None).is_ok()
    }

    /// Whether it is a SQLite file that does not exist; of Postgres only its server knows.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Sqlite(file) if !file.exists())
    }

    /// Whether it is this SQLite file, by whatever path.
    pub fn is_file(&self, path: &Path) -> bool {
        let canonical = |path: &Path| fs::canonicalize(path).ok();
        matches!(self, Self::Sqlite(file) if canonical(file).is_some_and(|file| canonical(path) == Some(file)))
    }
}

/// The absolute path of a file, or the URL of a database without password and parameters.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Self::Sqlite(file) => {
                let absolute = path::absolute(file);
                return write!(f, "{}", absolute.as_ref().unwrap_or(file).display());
            }
            Self::Postgres { url, .. } => url,
        };
        let Ok(options) = postgres_options(url, None) else {
            return f.write_str("Postgres");
        };
        let user = options.get_username();
        write!(f, "postgres://{user}@")?;
        match options.get_socket() {
            Some(folder) => write!(f, "{}", folder.display())?,
            None => write!(f, "{}:{}", options.get_host(), options.get_port())?,
        }
        write!(f, "/{}", options.get_database().unwrap_or(user))
    }
}

pub(super) fn postgres_options(
    url: &SecretString,
    password: Option<&SecretString>,
) -> Result<PgConnectOptions, DbErr> {
    // The driver's error would repeat the URL, password included.
    let options: PgConnectOptions = url.expose_secret().parse().map_err(|_| {
        DbErr::Conn(RuntimeErr::Internal(
            "the database URL cannot be read".to_owned(),
        ))
    })?;
    let options = match password {
        Some(password) => options.password(password.expose_secret()),
        None => options,
    };
    Ok(options
        .application_name(APPLICATION_NAME)
        .disable_statement_logging())
}

/// Whether another process has a SQLite file open. In WAL mode every open file has a shared lock on a
/// part of `-shm`, so an exclusive lock on the whole is refused; a `-shm` that a crash left is free.
///
/// Not for a file that this process has open: closing any descriptor of it drops the process's locks.
pub fn is_open_elsewhere(file: &Path) -> bool {
    let mut shm = file.as_os_str().to_owned();
    shm.push("-shm");
    let Ok(shm) = OpenOptions::new().write(true).open(shm) else {
        return false;
    };
    let lock = fcntl_lock(shm, FlockOperation::NonBlockingLockExclusive);
    matches!(lock, Err(Errno::AGAIN | Errno::ACCESS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_without_its_password() {
        let named = |url: &str| {
            let url = SecretString::from(url);
            let password = Some(SecretString::from("canary"));
            Target::Postgres { url, password }.to_string()
        };
        assert_eq!(
            named("postgres://v:canary@db.example:5433/users?sslmode=require&password=canary"),
            "postgres://v@db.example:5433/users"
        );
        assert_eq!(
            named("postgres://v:canary@localhost"),
            "postgres://v@localhost:5432/v"
        );
        assert_eq!(
            named("postgres://v@localhost/users?host=/run/postgresql"),
            "postgres://v@/run/postgresql/users"
        );
        let file = Target::Sqlite(PathBuf::from("some.db"));
        let expected = std::env::current_dir().unwrap().join("some.db");
        assert_eq!(file.to_string(), expected.to_str().unwrap());
    }
}
