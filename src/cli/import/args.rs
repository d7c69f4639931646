//! The arguments of `vestibule users import`.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};

use super::reader::ImportSource;
use crate::cli::args::{FILE, optional, switch};

const FLASK_DB: &str = "from-flask-db";
const DRY_RUN: &str = "dry-run";

const AFTER_HELP: &str = "\
FILE is JSON Lines (.jsonl) or has comma-separated values under a line of names (.csv). Fields: \
email, password_hash and, where wanted, id, email_verified, created_at, status, password_nfc. \
An import only inserts: a row whose id or address is somebody's is refused.\n\n\
Exit codes: 0 all rows are in, 1 some were refused or it failed (the others are in), 64 faulty \
usage or configuration.";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportArgs {
    /// Where the users are.
    pub source: ImportSource,
    /// Whether nothing is written.
    pub dry_run: bool,
}

pub(in crate::cli) fn command() -> Command {
    Command::new("import")
        .about("Add users of another system with the passwords they have")
        .after_help(AFTER_HELP)
        .arg(
            Arg::new(FILE)
                .value_name("FILE")
                .value_parser(parse_source)
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
        .arg(switch(DRY_RUN).help("Say what would be refused, and write nothing"))
}

pub(in crate::cli) fn parse_args(matches: &ArgMatches) -> ImportArgs {
    let source = optional(matches, FILE).unwrap_or_else(|| {
        // One of the two is there.
        ImportSource::FlaskDb(optional(matches, FLASK_DB).unwrap_or_default())
    });
    ImportArgs {
        source,
        dry_run: matches.get_flag(DRY_RUN),
    }
}

fn parse_source(text: &str) -> Result<ImportSource, &'static str> {
    let file = Path::new(text);
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => Ok(ImportSource::Jsonl(file.to_owned())),
        Some("csv") => Ok(ImportSource::Csv(file.to_owned())),
        Some(_) | None => Err("name a file that ends in .jsonl or .csv"),
    }
}
