//! The section `database`.

use std::{ffi::OsStr, path::Path};

use secrecy::SecretString;

use super::{
    Key, database_url,
    key::KeyDefault::{Described, Value},
    parse,
    reader::Reader,
};
use crate::db::{DbSettings, Target};

/// `VESTIBULE_DATABASE_URL`, default: `$XDG_DATA_HOME/vestibule/vestibule.db`.
pub(super) const URL: Key = Key::new(
    "database",
    "url",
    Described("$XDG_DATA_HOME/vestibule/vestibule.db"),
    "sqlite:///path of a file, or postgres://user@host/database",
)
.with_dev_default("sqlite:./vestibule.db")
.secret();

/// `VESTIBULE_DATABASE_PASSWORD`, default: the one in the URL.
const PASSWORD: Key = Key::new(
    "database",
    "password",
    Described("the one in the URL"),
    "Password of the Postgres user; wins over one in the URL",
)
.secret();

/// `VESTIBULE_DATABASE_MAX_CONNECTIONS`, default `10`.
const MAX_CONNECTIONS: Key = Key::new(
    "database",
    "max_connections",
    Value("10"),
    "Most connections to Postgres: 2 to 1000; SQLite's pools are fixed",
);

/// `VESTIBULE_DATABASE_ACQUIRE_TIMEOUT`, default `2s`.
const ACQUIRE_TIMEOUT: Key = Key::new(
    "database",
    "acquire_timeout",
    Value("2s"),
    "How long a call waits for a connection: 100ms to 60s",
);

/// `VESTIBULE_DATABASE_STATEMENT_TIMEOUT`, default `5s`.
const STATEMENT_TIMEOUT: Key = Key::new(
    "database",
    "statement_timeout",
    Value("5s"),
    "How long one statement may run on Postgres: 100ms to 60s",
);

/// `VESTIBULE_DATABASE_MIGRATE_ON_START`, default `true`.
const MIGRATE_ON_START: Key = Key::new(
    "database",
    "migrate_on_start",
    Value("true"),
    "Whether serve brings the schema up to date",
);

pub(super) const KEYS: &[&Key] = &[
    &URL,
    &PASSWORD,
    &MAX_CONNECTIONS,
    &ACQUIRE_TIMEOUT,
    &STATEMENT_TIMEOUT,
    &MIGRATE_ON_START,
];

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<DbSettings> {
    let target = read_target(reader);
    let max_connections = reader.read(&MAX_CONNECTIONS, parse::number(2..=1_000));
    let acquire_timeout = reader.read(&ACQUIRE_TIMEOUT, parse::duration("100ms"..="60s"));
    let statement_timeout = reader.read(&STATEMENT_TIMEOUT, parse::duration("100ms"..="60s"));
    Some(DbSettings {
        target: target?,
        max_connections: max_connections?,
        acquire_timeout: acquire_timeout?,
        statement_timeout: statement_timeout?,
    })
}

/// Only `serve` reads it: the steps of `migrate` say themselves what they do.
pub(super) fn read_migrate_on_start(reader: &mut Reader<'_>) -> Option<bool> {
    reader.read(&MIGRATE_ON_START, parse::switch)
}

fn read_target(reader: &mut Reader<'_>) -> Option<Target> {
    let password_is_set = reader.is_set(&PASSWORD);
    let password = reader.read(&PASSWORD, |text| Ok(SecretString::from(text)));
    if !reader.is_set(&URL) {
        set_default_url(reader)?;
    }
    let parsed = reader.read(&URL, database_url::parse)?;
    if let Some(warning) = parsed.warning {
        reader.warn(format!("database.url: {warning}"));
    }
    if !parsed.has_password {
        reader.hidden.push(&PASSWORD);
    }
    match parsed.target {
        Target::Sqlite(path) => {
            if password_is_set {
                reader.warn("database.password is not used: database.url names a SQLite file");
            }
            reader.check_file(&URL, &path);
            Some(Target::Sqlite(path))
        }
        Target::Postgres { url, .. } if password_is_set => Some(Target::Postgres {
            url,
            password: Some(password?),
        }),
        postgres @ Target::Postgres { .. } => Some(postgres),
    }
}

/// A file in the user's data directory, as the XDG Base Directory Specification defines it.
fn set_default_url(reader: &mut Reader<'_>) -> Option<()> {
    let absolute = |name| {
        let path = Path::new(reader.environment.get(name)?);
        path.is_absolute().then_some(path)
    };
    let data = absolute("XDG_DATA_HOME")
        .map(Path::to_owned)
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    let Some(data) = data else {
        reader.report(
            &URL,
            "is not set, and neither XDG_DATA_HOME nor HOME names a directory for its default",
            "set VESTIBULE_DATABASE_URL, such as sqlite:///var/lib/vestibule/vestibule.db",
        );
        return None;
    };
    let file = data.join("vestibule/vestibule.db");
    reader.set_default(&URL, database_url::sqlite_url(OsStr::new(&file)));
    Some(())
}
