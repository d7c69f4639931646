//! `vestibule users export`: users as JSON Lines, for another system or for `vestibule users import`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use chrono::SecondsFormat;
use clap::{Arg, ArgMatches, Command, value_parser};
use serde::Serialize;

use super::{
    args::{FILE, optional, switch},
    error::CommandError,
    exit::Exit,
    operator,
};
use crate::{
    auth::Users,
    config::{ConfigProblems, Environment, Flags},
    domain::{Clock, HashedPassword, PasswordScheme, User, UserFilter},
};

const WITH_HASHES: &str = "with-password-hashes";

const AFTER_HELP: &str = "\
Each line is an object: id, email, email_verified, created_at, status. With \
--with-password-hashes also password_hash, and password_nfc where the hash is of the password \
in NFC.\n\n\
Exit codes: 0 all users are there, 1 it failed (and there is no new file), 64 faulty usage or \
configuration.";

/// How many users are read at a time.
const BATCH: u64 = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportArgs {
    /// The new file; `None`: standard output.
    pub file: Option<PathBuf>,
    /// Whether hashes go with it; only into a file.
    pub with_hashes: bool,
}

/// A user as a line.
#[derive(Serialize)]
struct ExportedUser<'u> {
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

pub(super) fn command() -> Command {
    Command::new("export")
        .about("Write all users as JSON Lines")
        .after_help(AFTER_HELP)
        .arg(
            Arg::new(FILE)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("A new file, for its owner alone; without it: standard output"),
        )
        .arg(switch(WITH_HASHES).requires(FILE).help(
            "With the hashes of passwords, into FILE alone: keep it as you keep the database",
        ))
}

pub(super) fn parse_args(matches: &ArgMatches) -> ExportArgs {
    ExportArgs {
        file: optional(matches, FILE),
        with_hashes: matches.get_flag(WITH_HASHES),
    }
}

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    args: &ExportArgs,
) -> Result<Exit, ConfigProblems> {
    operator::run(flags, environment, async |db| {
        let users = Users::new(db, Clock::default());
        let exported = match &args.file {
            None => write_users(&users, io::stdout(), args.with_hashes).await,
            Some(file) => write_file(&users, file, args.with_hashes).await,
        };
        exported.map_err(|error| error.context("not exported"))?;
        Ok(Exit::Done)
    })
}

async fn write_file(users: &Users, path: &Path, with_hashes: bool) -> Result<(), CommandError> {
    let file = create(path)?;
    let written = write_users(users, &file, with_hashes).await;
    let written = written.and_then(|()| Ok(file.sync_all()?));
    if written.is_err() {
        // It is not the whole of it.
        let _ = fs::remove_file(path);
    }
    written
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

async fn write_users(users: &Users, to: impl Write, with_hashes: bool) -> Result<(), CommandError> {
    let mut to = BufWriter::new(to);
    let all_users = UserFilter::default();
    let mut after = None;
    loop {
        let call = operator::call();
        let batch = users.list(&call, &all_users, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(to.flush()?);
        };
        after = Some(last.id);
        for user in &batch {
            serde_json::to_writer(&mut to, &ExportedUser::new(user, with_hashes))?;
            to.write_all(b"\n")?;
        }
    }
}

impl<'u> ExportedUser<'u> {
    fn new(user: &'u User, with_hashes: bool) -> Self {
        let hash = user.hashed_password.as_ref().filter(|_| with_hashes);
        let is_nfc = user.password_scheme == PasswordScheme::Nfc;
        Self {
            id: user.id.to_string(),
            email: &user.email.0,
            password_hash: hash.map(HashedPassword::as_str),
            password_nfc: hash.and_then(|_| is_nfc.then_some(true)),
            email_verified: user.email_verified_at.is_some(),
            created_at: user.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            status: user.status.as_str(),
        }
    }
}
