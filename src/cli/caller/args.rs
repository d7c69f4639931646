//! The arguments of `vestibule caller`.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};

use super::Request;
use crate::{
    cli::arguments::command,
    config::parse_duration,
    domain::{CallerName, CertificateIdentity},
    transport::grantable,
};

const NAME: &str = "name";
const ALLOW: &str = "allow";
const IDENTITY: &str = "identity";
const OVERLAP: &str = "overlap";

const OVERLAP_MAX: Duration = Duration::from_hours(90 * 24);

const OF_ADD: &str = "\
The key is told here and nowhere else: the database has a hash of it. The caller sends it as
`authorization: Bearer vck_…`, or proves an identity by its certificate. Servers know it at once.

Exit codes: 0 added, 1 not, 64 faulty usage or configuration.";

const OF_ROTATE: &str = "\
Give the new key to the caller before the overlap ends. When a key has leaked: `--overlap 0`.

Exit codes: 0 rotated, 1 not, 64 faulty usage or configuration.";

/// The sub-commands, still without settings.
pub(in crate::cli) fn subcommands() -> [clap::Command; 4] {
    [
        command("add", "Add a caller and print its key, once")
            .after_help(OF_ADD)
            .arg(name())
            .arg(
                Arg::new(ALLOW)
                    .long(ALLOW)
                    .value_name("METHODS")
                    .required(true)
                    .action(ArgAction::Append)
                    .value_delimiter(',')
                    .value_parser(method)
                    .help("Methods that it may call, each in full: AuthService/ValidateSession"),
            )
            .arg(
                Arg::new(IDENTITY)
                    .long(IDENTITY)
                    .value_name("IDENTITY")
                    .action(ArgAction::Append)
                    .value_parser(identity)
                    .help("What its certificate names: spiffe://…, or dns: and a host name"),
            ),
        command(
            "list",
            "Print every caller with its grants and keys; no secret",
        ),
        command("rotate", "Print a new key; the old ones expire")
            .after_help(OF_ROTATE)
            .arg(name())
            .arg(
                Arg::new(OVERLAP)
                    .long(OVERLAP)
                    .value_name("TIME")
                    .default_value("24h")
                    .value_parser(overlap)
                    .help("How long the old ones are still good"),
            ),
        command(
            "remove",
            "Remove a caller; its proofs are refused a second later",
        )
        .arg(name()),
    ]
}

/// What it was asked to do.
pub(in crate::cli) fn request(step: &str, matches: &ArgMatches) -> Request {
    match (step, matches.try_get_one::<CallerName>(NAME)) {
        ("add", Ok(Some(name))) => Request::Add {
            name: name.clone(),
            allow: all(matches, ALLOW),
            identities: all(matches, IDENTITY),
        },
        ("rotate", Ok(Some(name))) => Request::Rotate {
            name: name.clone(),
            // It has a default.
            overlap: matches.get_one(OVERLAP).copied().unwrap_or_default(),
        },
        ("remove", Ok(Some(name))) => Request::Remove { name: name.clone() },
        _ => Request::List,
    }
}

fn all<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, argument: &str) -> Vec<T> {
    let values = matches.get_many(argument);
    values.into_iter().flatten().cloned().collect()
}

fn name() -> Arg {
    Arg::new(NAME)
        .value_name("NAME")
        .required(true)
        .value_parser(caller_name)
        .help("1 to 64 of a-z, 0-9 and hyphen")
}

fn caller_name(text: &str) -> Result<CallerName, &'static str> {
    CallerName::parse(text).ok_or("write 1 to 64 of a-z, 0-9 and hyphen")
}

fn method(text: &str) -> Result<&'static str, &'static str> {
    grantable(text).ok_or(
        "name each method in full, such as AuthService/ValidateSession; there is no wildcard",
    )
}

fn identity(text: &str) -> Result<CertificateIdentity, &'static str> {
    CertificateIdentity::parse(text)
        .ok_or("write spiffe:// with trust domain and path, or dns: and a host name, no wildcard")
}

fn overlap(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|overlap| *overlap <= OVERLAP_MAX)
        .ok_or("write 0, or a whole number and m, h or d, up to 90d")
}
