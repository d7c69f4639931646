//! The arguments of `vestibule caller`.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::methods;
use crate::{
    cli::args::{optional, switch},
    config::parse_duration,
    domain::{CallerName, CertificateIdentity},
};

const NAME: &str = "name";
const ALLOW: &str = "allow";
const IDENTITY: &str = "identity";
const CLIENT_ADDRESS: &str = "client-address";
const OVERLAP: &str = "overlap";

const OVERLAP_MAX: Duration = Duration::from_hours(90 * 24);

const AFTER_ADD: &str = "\
The key is printed once, here: the database keeps a hash of it. The caller sends it as \
`authorization: Bearer vck_…`, or proves an identity by its certificate. Servers know it at \
once.\n\n\
Exit codes: 0 added, 1 not, 64 faulty usage or configuration.";

const AFTER_ROTATE: &str = "\
Give the new key to the caller before the overlap ends. When a key has leaked: `--overlap 0`.\n\n\
Exit codes: 0 rotated, 1 not, 64 faulty usage or configuration.";

/// What to do with callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerArgs {
    /// Add a caller and print its key.
    Add {
        name: CallerName,
        /// The full names of the methods that it may call.
        allow: Vec<&'static str>,
        /// The names in certificates that prove it.
        identities: Vec<CertificateIdentity>,
        /// Whether the address of its clients is believed.
        client_address: bool,
    },
    /// Print a new key of a caller.
    Rotate {
        name: CallerName,
        /// How long its other keys stay valid.
        overlap: Duration,
    },
    Remove {
        name: CallerName,
    },
    List,
}

/// The commands that work on the database.
pub(in crate::cli) fn commands() -> [Command; 4] {
    [
        Command::new("add")
            .about("Add a caller and print its key, once")
            .after_help(AFTER_ADD)
            .arg(name())
            .arg(
                Arg::new(ALLOW)
                    .long(ALLOW)
                    .value_name("METHODS")
                    .required(true)
                    .action(ArgAction::Append)
                    .value_parser(methods::parse)
                    .help("Methods that it may call: UserService/FindUser,ListUsers; `vestibule caller methods` lists all"),
            )
            .arg(
                Arg::new(IDENTITY)
                    .long(IDENTITY)
                    .value_name("IDENTITY")
                    .action(ArgAction::Append)
                    .value_parser(parse_identity)
                    .help("What its certificate names: spiffe://…, or dns: and a host name"),
            )
            .arg(switch(CLIENT_ADDRESS).help(
                "Believe the address of the end user's client that it tells: it is the source that failures count for",
            )),
        Command::new("list").about("Print every caller with its grants and keys; no secret"),
        Command::new("rotate")
            .about("Print a new key; the old ones expire")
            .after_help(AFTER_ROTATE)
            .arg(name())
            .arg(
                Arg::new(OVERLAP)
                    .long(OVERLAP)
                    .value_name("TIME")
                    .default_value("24h")
                    .value_parser(parse_overlap)
                    .help("How long the old ones are still good"),
            ),
        Command::new("remove")
            .about("Remove a caller; its proofs are refused a second later")
            .arg(name()),
    ]
}

/// The command that works without one.
pub(in crate::cli) fn methods_command() -> Command {
    Command::new("methods")
        .about("List the methods that a caller can be granted, as --allow takes them")
}

pub(in crate::cli) fn parse_args(step: &str, matches: &ArgMatches) -> CallerArgs {
    match (step, optional(matches, NAME)) {
        ("add", Some(name)) => CallerArgs::Add {
            name,
            allow: all::<Vec<_>>(matches, ALLOW).concat(),
            identities: all(matches, IDENTITY),
            client_address: matches.get_flag(CLIENT_ADDRESS),
        },
        ("rotate", Some(name)) => CallerArgs::Rotate {
            name,
            // It has a default.
            overlap: optional(matches, OVERLAP).unwrap_or_default(),
        },
        ("remove", Some(name)) => CallerArgs::Remove { name },
        _ => CallerArgs::List,
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
        .value_parser(parse_name)
        .help("1 to 64 of a-z, 0-9 and hyphen")
}

fn parse_name(text: &str) -> Result<CallerName, &'static str> {
    CallerName::parse(text).ok_or("write 1 to 64 of a-z, 0-9 and hyphen")
}

fn parse_identity(text: &str) -> Result<CertificateIdentity, &'static str> {
    CertificateIdentity::parse(text)
        .ok_or("write spiffe:// with trust domain and path, or dns: and a host name, no wildcard")
}

fn parse_overlap(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|overlap| *overlap <= OVERLAP_MAX)
        .ok_or("write 0, or a whole number and m, h or d, up to 90d")
}
