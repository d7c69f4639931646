//! What a database keeps, looked through value by value and byte by byte.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use vestibule::db;

use super::CANARY;
use crate::harness::{Database, Postgres, Store};

/// In the passwords alone: addresses are stored in two columns.
const PASSWORD_CANARY: &str = "canary sings";

/// What tokens begin with.
const PREFIXES: [&str; 5] = ["vst_", "vrt_", "vvt_", "vet_", "vck_"];

/// What of a token may stand nowhere: its text and its secret, in the spellings of bytes.
pub(super) fn needles_of(tokens: &[String]) -> Vec<String> {
    tokens
        .iter()
        .flat_map(|token| {
            let raw = BASE64_URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
            let secret = &raw[16..48];
            // The base64 of a secret in the middle of other bytes begins and ends elsewhere.
            [token[30..60].to_owned(), latin1(secret), hex(secret)]
        })
        .collect()
}

/// Bytes as text that keeps each of them, so that text and bytes are searched alike.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn hex(bytes: &[u8]) -> String {
    let append = |text: String, byte: &u8| text + &format!("{byte:02x}");
    bytes.iter().fold(String::new(), append)
}

/// Each value of each column: the canary only where addresses belong, and of each token its hash.
pub(super) async fn look_through_columns(store: &Store, database: Database, tokens: &[String]) {
    let columns = match database {
        Database::Sqlite => {
            "SELECT m.name || '.' || c.name AS text FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
        }
        Database::Postgres => {
            "SELECT table_name || '.' || column_name AS text FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let mut hashes = Vec::new();
    for name in store.texts(columns).await {
        let (table, column) = name.split_once('.').unwrap();
        let text = match database {
            Database::Sqlite => format!(
                "CASE typeof({column}) WHEN 'blob' THEN lower(hex({column})) ELSE CAST({column} AS TEXT) END"
            ),
            Database::Postgres => format!("{column}::text"),
        };
        let values = format!("SELECT {text} AS text FROM {table} WHERE {column} IS NOT NULL");
        let values = store.texts(&values).await;
        let may_hold_addresses = [
            "users.email",
            "users.email_key",
            "one_time_tokens.email_key",
            "mail_intents.email_key",
            "mail_intents.address",
        ]
        .contains(&name.as_str());
        for value in &values {
            assert_eq!(
                value.contains(CANARY),
                may_hold_addresses,
                "{name}: {value}"
            );
            let found = needles_of(tokens)
                .into_iter()
                .find(|needle| value.contains(needle));
            assert!(
                found.is_none() && PREFIXES.iter().all(|prefix| !value.contains(prefix)),
                "{name}: {value}"
            );
        }
        if column == "secret_hash" {
            hashes.extend(values);
        }
    }
    for token in tokens {
        let raw = BASE64_URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
        let hash = hex(&Sha256::digest(&raw[16..48]));
        assert!(hashes.iter().any(|stored| stored.ends_with(&hash)));
    }
}

/// The files behind a database.
pub(super) enum WriteAheadLog {
    /// All in one folder.
    Sqlite,
    /// In the cluster that all tests share: from this segment on.
    Postgres { first: String },
}

impl WriteAheadLog {
    pub(super) async fn begin(store: &Store, database: Database) -> Self {
        match database {
            Database::Sqlite => Self::Sqlite,
            Database::Postgres => Self::Postgres {
                first: segment(store).await,
            },
        }
    }

    pub(super) async fn look_through(&self, store: &Store, tokens: &[String]) {
        let mut needles = needles_of(tokens);
        needles.push(PASSWORD_CANARY.into());
        needles.extend(PREFIXES.map(Into::into));
        let mut files = Vec::new();
        match self {
            Self::Sqlite => {
                let db::Target::Sqlite(file) = &store.target else {
                    unreachable!()
                };
                files.extend(files_in(file.parent().unwrap()));
            }
            Self::Postgres { first } => {
                store.execute("CHECKPOINT").await;
                let last = segment(store).await;
                let wal = files_in(&Postgres::shared().data().join("pg_wal"));
                files.extend(wal.into_iter().filter(|path| {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    (first.as_str()..=last.as_str()).contains(&name)
                }));
                let oid =
                    "SELECT oid::text AS text FROM pg_database WHERE datname = current_database()";
                let folder = format!("base/{}", store.texts(oid).await[0]);
                files.extend(files_in(&Postgres::shared().data().join(folder)));
            }
        }
        let mut addresses = 0;
        for path in files {
            // A segment of the log may be recycled meanwhile.
            let content = latin1(&fs::read(&path).unwrap_or_default());
            let found = needles.iter().find(|needle| content.contains(*needle));
            assert!(found.is_none(), "{found:?} in {}", path.display());
            addresses += usize::from(content.contains("canary."));
        }
        assert!(addresses > 0, "these are not the files of the database");
    }
}

async fn segment(store: &Store) -> String {
    let query = "SELECT pg_walfile_name(pg_current_wal_lsn()) AS text";
    store.texts(query).await.remove(0)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect()
}
