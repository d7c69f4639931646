//! The arguments of `vestibule users import`.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, value_parser};

use super::{Request, Source};
use crate::cli::arguments::command;

const FILE: &str = "file";
const FLASK_DB: &str = "from-flask-db";
const DRY_RUN: &str = "dry-run";

const AFTER: &str = "\
FILE is JSON Lines (.jsonl) or has comma-separated values under a line of names (.csv). Fields: email,
password_hash and, where wanted, id, email_verified, created_at, status, password_nfc. An import only
inserts: a row whose id or address is somebody's is refused.

Exit codes: 0 all rows are in, 1 some were refused or it failed (the others are in), 64 faulty usage
or configuration.";

/// The sub-command, still without settings.
pub(in crate::cli) fn subcommand() -> clap::Command {
    command(
        "import",
        "Add users of another system with the passwords they have",
    )
    .after_help(AFTER)
    .arg(
        Arg::new(FILE)
            .value_name("FILE")
            .value_parser(source)
            .help("Users, in a .jsonl or .csv file"),
    )
    .arg(
        Arg::new(FLASK_DB)
            .long(FLASK_DB)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Users, in the SQLite file of the Flask service; they get new ids"),
    )
    .group(
        ArgGroup::new("source")
            .args([FILE, FLASK_DB])
            .required(true),
    )
    .arg(
        Arg::new(DRY_RUN)
            .long(DRY_RUN)
            .action(ArgAction::SetTrue)
            .help("Say what would be refused, and write nothing"),
    )
}

/// What it was asked to do.
pub(in crate::cli) fn request(matches: &ArgMatches) -> Request {
    let file = matches.get_one::<Source>(FILE).cloned();
    let source = file.unwrap_or_else(|| {
        // One of the two is there.
        Source::FlaskDb(matches.get_one(FLASK_DB).cloned().unwrap_or_default())
    });
    Request {
        source,
        dry_run: matches.get_flag(DRY_RUN),
    }
}

fn source(text: &str) -> Result<Source, &'static str> {
    let file = Path::new(text);
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => Ok(Source::JsonlReader(file.to_owned())),
        Some("csv") => Ok(Source::CsvReader(file.to_owned())),
        Some(_) | None => Err("name a file that ends in .jsonl or .csv"),
    }
}
