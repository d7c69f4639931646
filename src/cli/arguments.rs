//! The command line. Flags follow from the configuration's keys, so that none is missing
//! and none has another meaning than its variable.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Arg, ArgAction, ArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
    value_parser,
};

use super::{calibrate, caller, exit::Exit, export, import, migrate::Step, output, users, version};
use crate::config::{Flags, Key, keys};

const CONFIG: &str = "config";
const DEV: &str = "dev";
const YES: &str = "yes";
const FILE: &str = "file";

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// Serve until a signal.
    Serve(Flags),
    /// Change or list the schema.
    Migrate(Flags, Step),
    /// Copy the database to a new file.
    Backup(Flags, PathBuf),
    /// Add, list, rotate or remove named callers.
    Caller(Flags, caller::Request),
    /// Show or change users, or end all sessions.
    Users(Flags, users::Request),
    /// Add users of another system.
    Import(Flags, import::Request),
    /// Write all users down.
    Export(Flags, export::Request),
    /// Ask a running server.
    Healthcheck(Flags),
    /// Judge the configuration.
    ConfigCheck(Flags),
    /// Print the configuration.
    ConfigShow(Flags),
    /// Measure what passwords cost on this machine.
    Calibrate(Flags, calibrate::Request),
    /// Print which build this is.
    Version,
}

/// Reads a command line, program name first.
///
/// # Errors
/// It says nothing that can be done; or it asks for help or the version, which clap treats alike.
pub fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Command, clap::Error> {
    let matches = root().try_get_matches_from(arguments)?;
    Ok(match path(&matches) {
        (["migrate", "up"], matches) => Command::Migrate(flags(matches, migrate_reads), Step::Up),
        (["migrate", "down"], matches) => Command::Migrate(
            flags(matches, migrate_reads),
            Step::Down {
                yes: matches.get_flag(YES),
            },
        ),
        (["migrate", _], matches) => Command::Migrate(flags(matches, migrate_reads), Step::Status),
        (["backup", _], matches) => Command::Backup(
            flags(matches, migrate_reads),
            matches.get_one(FILE).cloned().unwrap_or_default(),
        ),
        (["caller", step], matches) => Command::Caller(
            flags(matches, migrate_reads),
            caller::request(step, matches),
        ),
        (["users", "import"], matches) => {
            Command::Import(flags(matches, migrate_reads), import::request(matches))
        }
        (["users", "export"], matches) => {
            Command::Export(flags(matches, migrate_reads), export::request(matches))
        }
        (["users" | "sessions", step], matches) => {
            Command::Users(flags(matches, migrate_reads), users::request(step, matches))
        }
        (["healthcheck", _], matches) => Command::Healthcheck(flags(matches, healthcheck_reads)),
        (["config", "check"], matches) => Command::ConfigCheck(flags(matches, serve_reads)),
        (["config", _], matches) => Command::ConfigShow(flags(matches, serve_reads)),
        (["calibrate", _], matches) => Command::Calibrate(
            flags(matches, calibrate::reads),
            calibrate::request(matches),
        ),
        (["version", _], _) => Command::Version,
        (_, matches) => Command::Serve(flags(matches, serve_reads)),
    })
}

/// Prints what clap has to say: help and version are answers (0), everything else is a fault (64).
pub fn usage(error: &clap::Error) -> Exit {
    if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && let Some(key) = secret_of(argument)
    {
        output::error(&format_args!(
            "{} may be a secret and everybody on this machine can read a command line: set {variable}, or {variable}_FILE to the path of a file",
            key.path(),
            variable = key.variable(),
        ));
        return Exit::Usage;
    }
    // A reader that has gone is no failure.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}

/// The key that would have a flag of this name if it were no secret.
fn secret_of(argument: &str) -> Option<&'static Key> {
    let path = argument.trim_start_matches('-').replacen('-', ".", 1);
    keys().find(|key| key.secret && key.path() == path)
}

/// The names of the sub-command and of its own, empty where there is none, and what was given there.
fn path(matches: &ArgMatches) -> ([&str; 2], &ArgMatches) {
    match matches.subcommand() {
        None => (["", ""], matches),
        Some((name, matches)) => match matches.subcommand() {
            None => ([name, ""], matches),
            Some((inner, matches)) => ([name, inner], matches),
        },
    }
}

fn root() -> clap::Command {
    let settings = arguments(serve_reads).map(|argument| {
        let general = [CONFIG, DEV].contains(&argument.get_id().as_str());
        argument.hide(!general)
    });
    command("vestibule", "A gRPC authentication service")
        .version(version::text())
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .after_help("Without a command it serves; `vestibule serve --help` lists the settings.")
        .args(settings)
        .subcommand(
            command("serve", "Serve until a signal (the default)")
                .after_help(SETTINGS)
                .args(arguments(serve_reads)),
        )
        .subcommand(migrate())
        .subcommand(backup())
        .subcommand(
            group("caller", "Say which services may act on users by name").subcommands(
                caller::subcommands().map(|command| command.args(arguments(migrate_reads))),
            ),
        )
        .subcommand(
            group("users", "Show, change, erase, import or export users").subcommands(
                users::subcommands()
                    .into_iter()
                    .chain([import::subcommand(), export::subcommand()])
                    .map(|command| command.args(arguments(migrate_reads))),
            ),
        )
        .subcommand(
            group("sessions", "End sessions")
                .subcommand(users::of_sessions().args(arguments(migrate_reads))),
        )
        .subcommand(
            command(
                "healthcheck",
                "Ask the server on this machine whether it serves",
            )
            .after_help("Exit codes: 0 it serves, 1 it does not, 64 faulty configuration.")
            .args(arguments(healthcheck_reads)),
        )
        .subcommand(config())
        .subcommand(calibrate::subcommand().args(arguments(calibrate::reads)))
        .subcommand(command("version", "Print which build this is"))
}

fn migrate() -> clap::Command {
    group("migrate", "Change or list the database's schema").subcommands([
        command("up", "Apply every pending migration").args(arguments(migrate_reads)),
        command("down", "Undo the last migration, with its data")
            .arg(switch(YES).help("Do it, rather than say what would be lost"))
            .args(arguments(migrate_reads)),
        command("status", "List applied, pending and unknown migrations")
            .args(arguments(migrate_reads)),
    ])
}

fn backup() -> clap::Command {
    command(
        "backup",
        "Copy the SQLite database to a new file, also while it is served",
    )
    .arg(
        Arg::new(FILE)
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("The copy; it must not exist yet"),
    )
    .args(arguments(migrate_reads))
}

fn config() -> clap::Command {
    group("config", "Judge or print the configuration").subcommands([
        command("check", "Say whether serve would accept it").args(arguments(serve_reads)),
        command("show", "Print every value with its source, secrets masked")
            .args(arguments(serve_reads)),
    ])
}

pub(super) fn command(name: &'static str, about: &'static str) -> clap::Command {
    clap::Command::new(name).about(about)
}

/// A command that does nothing itself.
fn group(name: &'static str, about: &'static str) -> clap::Command {
    command(name, about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
}

const SETTINGS: &str = "\
Every setting is also a variable (VESTIBULE_GRPC_LISTEN) and a key of the file (listen in [grpc]).
A flag wins over a variable, a variable over the file. Secrets have no flag: VESTIBULE_DATABASE_URL,
VESTIBULE_DATABASE_PASSWORD and VESTIBULE_SMTP_PASSWORD, or the same with _FILE and the path of a
file.";

fn serve_reads(_: &Key) -> bool {
    true
}

fn migrate_reads(key: &Key) -> bool {
    matches!(key.section, "database" | "log") && key.name != "migrate_on_start"
}

fn healthcheck_reads(key: &Key) -> bool {
    ["grpc.listen", "tls.certificate"].contains(&key.path().as_str())
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

/// The flags of a command that reads some of the keys.
fn arguments(reads: fn(&Key) -> bool) -> impl Iterator<Item = Arg> {
    let file = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("TOML file with settings [variable: VESTIBULE_CONFIG]");
    let dev = switch(DEV)
        .help("Defaults for a try: ./vestibule.db, mail on the terminal, no delay when it stops");
    let settings = keys().filter(move |key| reads(key)).filter_map(|key| {
        let argument = Arg::new(key.path())
            .long(key.flag()?)
            .value_name(key.name.to_uppercase())
            .help(format!("{} [default: {}]", key.meaning, key.default_text()))
            .help_heading(key.section);
        Some(argument)
    });
    [file, dev].into_iter().chain(settings)
}

fn flags(matches: &ArgMatches, reads: fn(&Key) -> bool) -> Flags {
    let values = keys()
        .filter(|key| reads(key) && !key.secret)
        .filter_map(|key| Some((key, matches.get_one::<String>(&key.path())?.clone())))
        .collect();
    Flags {
        dev: matches.get_flag(DEV),
        config: matches.get_one::<PathBuf>(CONFIG).cloned(),
        values,
    }
}
