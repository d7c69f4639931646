//! The arguments of `vestibule users` and `vestibule sessions`.

use clap::{Arg, ArgAction, ArgMatches};

use super::{Action, Request};
use crate::{
    cli::arguments::command,
    domain::{Email, UserId, UserKey},
};

const USER: &str = "user";
const ALL: &str = "all";
const YES: &str = "yes";

const CODES: &str =
    "Exit codes: 0 done, 1 there is no such user or it failed, 64 faulty usage or configuration.";

const OF_REVOKE: &str = "\
Do it after every restore: sessions that were ended since the backup live again in it. Servers may
go on serving; logins that are under way are refused.

Exit codes: 0 done, 1 it failed (what was ended stays so), 64 without --yes, faulty usage or
configuration.";

/// The sub-commands of `users`, still without settings.
pub(in crate::cli) fn subcommands() -> [clap::Command; 5] {
    [
        of_one("show", "Print what is known of a user; no secret"),
        of_one(
            "disable",
            "Refuse a user everywhere and end all their sessions",
        ),
        of_one(
            "enable",
            "Let a user log in again; what was ended stays ended",
        ),
        of_one(
            "revoke-sessions",
            "End all sessions of a user, logins under way included",
        ),
        of_one(
            "delete",
            "Erase a user with everything that is theirs, for good",
        )
        .arg(yes("Do it, rather than say what would be erased")),
    ]
}

/// The sub-command of `sessions`, still without settings.
pub(in crate::cli) fn of_sessions() -> clap::Command {
    command("revoke", "End all sessions of all users")
        .after_help(OF_REVOKE)
        .arg(
            Arg::new(ALL)
                .long(ALL)
                .action(ArgAction::SetTrue)
                .required(true)
                .help("Of all users; for one there is `vestibule users revoke-sessions`"),
        )
        .arg(yes("Do it, rather than say what would be ended"))
}

/// What it was asked to do.
pub(in crate::cli) fn request(step: &str, matches: &ArgMatches) -> Request {
    let yes = matches.try_get_one(YES).ok().flatten() == Some(&true);
    let action = match step {
        "disable" => Action::Disable,
        "enable" => Action::Enable,
        "revoke-sessions" => Action::RevokeSessions,
        "delete" => Action::Delete { yes },
        _ => Action::Show,
    };
    match matches.try_get_one::<UserKey>(USER) {
        Ok(Some(key)) => Request::One(key.clone(), action),
        Ok(None) | Err(_) => Request::RevokeAll { yes },
    }
}

fn of_one(name: &'static str, about: &'static str) -> clap::Command {
    command(name, about).after_help(CODES).arg(
        Arg::new(USER)
            .value_name("ID_OR_EMAIL")
            .required(true)
            .value_parser(user_key)
            .help("The user's id or e-mail address"),
    )
}

fn yes(help: &'static str) -> Arg {
    Arg::new(YES)
        .long(YES)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn user_key(text: &str) -> Result<UserKey, &'static str> {
    let id = UserId::parse(text).map(UserKey::Id);
    id.or_else(|| Email::parse(text).ok().map(UserKey::from))
        .ok_or("write a user's id, a UUID in lower case, or an e-mail address")
}
