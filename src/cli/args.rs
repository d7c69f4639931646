//! What the arguments of several commands share. The flags of settings follow from the
//! configuration's keys, so that none is missing and none differs in meaning from its variable.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::config::{Flags, Key, keys};

pub(super) const CONFIG: &str = "config";
pub(super) const DEV: &str = "dev";
pub(super) const FILE: &str = "file";
const YES: &str = "yes";

/// Which keys a command reads.
pub(super) type ReadKeys = fn(&Key) -> bool;

/// The keys of `serve`, and of `config`, which is about `serve`.
pub(super) fn serve_keys(_: &Key) -> bool {
    true
}

/// The keys of the commands that work on the database.
pub(super) fn database_keys(key: &Key) -> bool {
    matches!(key.section, "database" | "log") && key.name != "migrate_on_start"
}

pub(super) fn healthcheck_keys(key: &Key) -> bool {
    ["grpc.listen", "tls.certificate"].contains(&key.path().as_str())
}

pub(super) fn calibrate_keys(key: &Key) -> bool {
    key.section == "hashing"
}

/// The flags for the keys that a command reads; a key that may hold a secret has none.
pub(super) fn setting_args(keys_read: ReadKeys) -> impl Iterator<Item = Arg> {
    let file = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("TOML file with settings [variable: VESTIBULE_CONFIG]");
    let dev = switch(DEV)
        .help("Defaults for a try: ./vestibule.db, mail on the terminal, no delay when it stops");
    let settings = keys().filter(move |key| keys_read(key)).filter_map(|key| {
        let argument = Arg::new(key.path())
            .long(key.flag()?)
            .value_name(key.name.to_uppercase())
            .help(format!("{} [default: {}]", key.help, key.default_text()))
            .help_heading(key.section);
        Some(argument)
    });
    [file, dev].into_iter().chain(settings)
}

/// The settings that were given as flags.
pub(super) fn parse_flags(matches: &ArgMatches) -> Flags {
    let values = keys()
        .filter_map(|key| Some((key, optional::<String>(matches, &key.path())?)))
        .collect();
    Flags {
        dev: optional(matches, DEV).unwrap_or_default(),
        config: optional(matches, CONFIG),
        values,
    }
}

pub(super) fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

/// The consent without which a command only says what would be lost.
pub(super) fn yes(help: &'static str) -> Arg {
    switch(YES).help(help)
}

pub(super) fn has_yes(matches: &ArgMatches) -> bool {
    optional(matches, YES).unwrap_or_default()
}

/// The value of an argument that the command may not even have.
pub(super) fn optional<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    name: &str,
) -> Option<T> {
    matches.try_get_one(name).ok().flatten().cloned()
}
