//! `vestibule users export`: users as JSON Lines, for another system or for `vestibule users import`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::SecondsFormat;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde::Serialize;
use thiserror::Error;
use tokio::time::Instant;
use tracing::error;

use super::{arguments::command, exit::Exit, output, runtime};
use crate::{
    auth::{AuthError, CallContext, Users},
    config::{Environment, Flags, MigrateConfig, Problems},
    db::{self, Db, DbError},
    domain::{Clock, PasswordScheme, User, UserFilter},
    telemetry::chain,
};

const FILE: &str = "file";
const WITH_HASHES: &str = "with-password-hashes";

const AFTER: &str = "\
Each line is an object: id, email, email_verified, created_at, status. With --with-password-hashes also
password_hash, and password_nfc where the hash is of the password in NFC.

Exit codes: 0 all users are there, 1 it failed (and there is no new file), 64 faulty usage or
configuration.";

/// How many users are read at a time.
const BATCH: u64 = 500;
/// How long the database may take for them.
const LIMIT: Duration = Duration::from_secs(30);

/// What to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// To where; `None`: standard output.
    pub file: Option<PathBuf>,
    /// Whether hashes go with it; only into a file.
    pub with_hashes: bool,
}

/// Why there is no export.
#[derive(Debug, Error)]
enum NotDone {
    #[error("the database has not all tables yet: run `vestibule migrate up`")]
    NoTables,
    #[error("the export cannot be written")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A user as a line.
#[derive(Serialize)]
struct Line<'u> {
    id: String,
    email: &'u str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_nfc: Option<bool>,
    email_verified: bool,
    created_at: String,
    status: &'static str,
}

/// The sub-command, still without settings.
pub(super) fn subcommand() -> clap::Command {
    command("export", "Write all users as JSON Lines")
        .after_help(AFTER)
        .arg(
            Arg::new(FILE)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("A new file, for its owner alone; without it: standard output"),
        )
        .arg(
            Arg::new(WITH_HASHES)
                .long(WITH_HASHES)
                .action(ArgAction::SetTrue)
                .requires(FILE)
                .help("With the hashes of passwords, into FILE alone: keep it as you keep the database"),
        )
}

/// What it was asked to do.
pub(super) fn request(matches: &ArgMatches) -> Request {
    Request {
        file: matches.get_one(FILE).cloned(),
        with_hashes: matches.get_flag(WITH_HASHES),
    }
}

/// Exports from the database that `serve` would use.
///
/// # Errors
/// The configuration is faulty; the database was not touched.
pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    request: &Request,
) -> Result<Exit, Problems> {
    let config = MigrateConfig::load(flags, environment)?;
    let work = async {
        match export(request, &config.db).await {
            Ok(()) => Exit::Done,
            Err(why @ (NotDone::NoTables | NotDone::Output(_))) => {
                output::error(&chain(&why));
                Exit::Failed
            }
            Err(why @ (NotDone::Auth(_) | NotDone::Db(_))) => {
                error!("not exported: {}", chain(&why));
                Exit::Failed
            }
        }
    };
    Ok(runtime::run(&config.telemetry, &config.warnings, work))
}

async fn export(request: &Request, settings: &db::DbSettings) -> Result<(), NotDone> {
    let db = Db::open(settings)?;
    if !db.schema_state().await?.is_usable() {
        return Err(NotDone::NoTables);
    }
    let users = Users::new(db, Clock::default());
    let Some(file) = &request.file else {
        return write(&users, io::stdout(), request.with_hashes).await;
    };
    let new = create(file)?;
    let written = write(&users, &new, request.with_hashes).await;
    let written = written.and_then(|()| Ok(new.sync_all()?));
    if written.is_err() {
        // It is not the whole of it.
        let _ = fs::remove_file(file);
    }
    written
}

fn create(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(file)
}

async fn write(users: &Users, to: impl Write, with_hashes: bool) -> Result<(), NotDone> {
    let mut to = BufWriter::new(to);
    let everybody = UserFilter::default();
    let mut after = None;
    loop {
        let call = CallContext {
            deadline: Instant::now() + LIMIT,
            request_id: String::new(),
            caller: None,
        };
        let batch = users.list(&call, &everybody, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(to.flush()?);
        };
        after = Some(last.id);
        for user in &batch {
            serde_json::to_writer(&mut to, &Line::of(user, with_hashes))
                .map_err(io::Error::from)?;
            to.write_all(b"\n")?;
        }
    }
}

impl<'u> Line<'u> {
    fn of(user: &'u User, with_hashes: bool) -> Self {
        let hash = user.hashed_password.as_ref().filter(|_| with_hashes);
        let is_nfc = user.password_scheme == PasswordScheme::Nfc;
        Self {
            id: user.id.to_string(),
            email: &user.email.0,
            password_hash: hash.map(crate::domain::HashedPassword::as_str),
            password_nfc: hash.and_then(|_| is_nfc.then_some(true)),
            email_verified: user.email_verified_at.is_some(),
            created_at: user.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            status: user.status.as_str(),
        }
    }
}
