//! The command line as a whole: the commands that there are, and which of them was given.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    args::{self, CONFIG, DEV, FILE, ReadKeys},
    backup,
    breached::{self, BreachedArgs},
    calibrate::{self, CalibrateArgs},
    caller::{self, CallerArgs},
    exit::Exit,
    export::{self, ExportArgs},
    import::{self, ImportArgs},
    migrate::{self, MigrateStep},
    output,
    restored::{self, RestoredArgs},
    users::{self, UsersArgs},
    version,
};
use crate::config::{Flags, Key, keys};

/// A parsed command line.
#[derive(Debug)]
pub enum Command {
    /// Serve until a signal.
    Serve(Flags),
    /// Change or list the schema.
    Migrate(Flags, MigrateStep),
    /// Copy the SQLite database to a new file.
    Backup(Flags, PathBuf),
    /// End what a restored backup would revive.
    Restored(Flags, RestoredArgs),
    /// Add, list, rotate or remove named callers.
    Caller(Flags, CallerArgs),
    /// List the methods that callers can be granted.
    CallerMethods,
    /// Show or change users, or end all sessions.
    Users(Flags, UsersArgs),
    /// Add users of another system.
    Import(Flags, ImportArgs),
    /// Write all users as JSON Lines.
    Export(Flags, ExportArgs),
    /// Ask a running server whether it serves.
    Healthcheck(Flags),
    ConfigCheck(Flags),
    ConfigShow(Flags),
    /// Measure what passwords cost on this machine.
    Calibrate(Flags, CalibrateArgs),
    /// Make a list of breached passwords.
    Breached(BreachedArgs),
    /// Print which build this is.
    Version,
}

/// Parses a command line, program name first.
///
/// # Errors
/// It is faulty; or it asks for help or the version, which clap treats alike: see [`report`].
pub fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Command, clap::Error> {
    let matches = root().try_get_matches_from(arguments)?;
    let (path, matches) = subcommand_path(&matches);
    let flags = args::parse_flags(matches);
    Ok(match path {
        ["migrate", step] => Command::Migrate(flags, migrate::parse_step(step, matches)),
        ["backup", _] => Command::Backup(flags, args::optional(matches, FILE).unwrap_or_default()),
        ["restored", _] => Command::Restored(flags, restored::parse_args(matches)),
        ["caller", "methods"] => Command::CallerMethods,
        ["caller", step] => Command::Caller(flags, caller::parse_args(step, matches)),
        ["users", "import"] => Command::Import(flags, import::parse_args(matches)),
        ["users", "export"] => Command::Export(flags, export::parse_args(matches)),
        ["users" | "sessions", step] => Command::Users(flags, users::parse_args(step, matches)),
        ["healthcheck", _] => Command::Healthcheck(flags),
        ["config", "check"] => Command::ConfigCheck(flags),
        ["config", _] => Command::ConfigShow(flags),
        ["calibrate", _] => Command::Calibrate(flags, calibrate::parse_args(matches)),
        ["breached", _] => Command::Breached(breached::parse_args(matches)),
        ["version", _] => Command::Version,
        _ => Command::Serve(flags),
    })
}

/// Prints what clap answers instead of a command: help and version are answers (0), everything else
/// is a fault of usage (64).
pub fn report(error: &clap::Error) -> Exit {
    if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && let Some(key) = find_secret_key(argument)
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
fn find_secret_key(argument: &str) -> Option<&'static Key> {
    let path = argument.trim_start_matches('-').replacen('-', ".", 1);
    keys().find(|key| key.secret && key.path() == path)
}

/// The names of the command and of its sub-command, empty where there is none, and the arguments of
/// the innermost.
fn subcommand_path(matches: &ArgMatches) -> ([&str; 2], &ArgMatches) {
    match matches.subcommand() {
        None => (["", ""], matches),
        Some((name, matches)) => match matches.subcommand() {
            None => ([name, ""], matches),
            Some((inner, matches)) => ([name, inner], matches),
        },
    }
}

pub(super) fn root() -> clap::Command {
    let settings = args::setting_args(args::serve_keys).map(|argument| {
        let general = [CONFIG, DEV].contains(&argument.get_id().as_str());
        argument.hide(!general)
    });
    clap::Command::new("vestibule")
        .about("A gRPC authentication service")
        .version(version::render())
        .args_conflicts_with_subcommands(true)
        .after_help("Without a command it serves; `vestibule serve --help` lists the settings.")
        .args(settings)
        .subcommands(with_settings(args::serve_keys, [serve()]))
        .subcommand(
            group("migrate", "Change or list the database's schema")
                .subcommands(with_settings(args::database_keys, migrate::commands())),
        )
        .subcommands(with_settings(
            args::database_keys,
            [backup::command(), restored::command()],
        ))
        .subcommand(
            group("caller", "Say which services may act on users by name")
                .subcommands(with_settings(args::database_keys, caller::commands()))
                .subcommand(caller::methods_command()),
        )
        .subcommand(
            group("users", "Show, change, erase, import or export users")
                .subcommands(with_settings(args::database_keys, users::users_commands()))
                .subcommands(with_settings(
                    args::database_keys,
                    [import::command(), export::command()],
                )),
        )
        .subcommand(group("sessions", "End sessions").subcommands(with_settings(
            args::database_keys,
            [users::sessions_command()],
        )))
        .subcommands(with_settings(args::healthcheck_keys, [healthcheck()]))
        .subcommand(
            group("config", "Check or print the configuration")
                .subcommands(with_settings(args::serve_keys, config_commands())),
        )
        .subcommands(with_settings(args::calibrate_keys, [calibrate::command()]))
        .subcommand(
            group("breached", "Make a list of breached passwords").subcommand(breached::command()),
        )
        .subcommand(clap::Command::new("version").about("Print which build this is"))
}

/// A command that only has sub-commands.
fn group(name: &'static str, about: &'static str) -> clap::Command {
    clap::Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
}

fn with_settings<const N: usize>(
    keys_read: ReadKeys,
    commands: [clap::Command; N],
) -> [clap::Command; N] {
    commands.map(|command| command.args(args::setting_args(keys_read)))
}

fn serve() -> clap::Command {
    clap::Command::new("serve")
        .about("Serve until a signal (the default)")
        .after_help(SETTINGS)
}

fn healthcheck() -> clap::Command {
    clap::Command::new("healthcheck")
        .about("Ask the server on this machine whether it serves")
        .after_help("Exit codes: 0 it serves, 1 it does not, 64 faulty configuration.")
}

fn config_commands() -> [clap::Command; 2] {
    [
        clap::Command::new("check").about("Say whether serve would accept it"),
        clap::Command::new("show").about("Print every value with its source, secrets masked"),
    ]
}

const SETTINGS: &str = "\
Every setting is also a variable (VESTIBULE_GRPC_LISTEN) and a key of the file (listen in \
[grpc]). A flag wins over a variable, a variable over the file. Secrets have no flag: \
VESTIBULE_DATABASE_URL, VESTIBULE_DATABASE_PASSWORD and VESTIBULE_SMTP_PASSWORD, or the same \
with _FILE and the path of a file.";
