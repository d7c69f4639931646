//! The arguments of `vestibule users` and `vestibule sessions`.

use clap::{Arg, ArgMatches, Command};

use crate::{
    cli::args::{has_yes, optional, switch, yes},
    domain::{Email, UserId, UserKey},
};

const USER: &str = "user";
const ALL: &str = "all";

const AFTER_USERS: &str = "\
Exit codes: 0 done, 1 there is no such user or it failed, 64 faulty usage or configuration.";

const AFTER_REVOKE: &str = "\
It also ends one-time tokens, changes of address and mail that waits. Servers may go on serving; a \
login that is under way opens its session afterwards. After a restore: `vestibule restored`.\n\n\
Exit codes: 0 done, 1 it failed (what was ended stays so), 64 without --yes, faulty usage or \
configuration.";

/// What to do with users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsersArgs {
    /// Do something to one user.
    One(UserKey, UserAction),
    /// End all sessions of all users.
    RevokeAll {
        /// Without it, say what would be ended and do nothing.
        yes: bool,
    },
}

/// What to do to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAction {
    /// Print what is known of them.
    Show,
    Disable,
    /// Let them log in again.
    Enable,
    /// End all their sessions.
    RevokeSessions,
    /// Let them try again after too many wrong passwords.
    ClearThrottle,
    Delete {
        /// Without it, say what would be erased and do nothing.
        yes: bool,
    },
}

/// The commands under `users` that act on one user.
pub(in crate::cli) fn users_commands() -> [Command; 6] {
    [
        ("show", "Print what is known of a user; no secret"),
        (
            "disable",
            "Refuse a user everywhere and end all their sessions",
        ),
        (
            "enable",
            "Let a user log in again; what was ended stays ended",
        ),
        ("revoke-sessions", "End all sessions and requests of a user"),
        (
            "clear-throttle",
            "Let a user try again at once after too many wrong passwords",
        ),
        (
            "delete",
            "Erase a user with everything that is theirs, for good",
        ),
    ]
    .map(|(name, about)| {
        let command = Command::new(name)
            .about(about)
            .after_help(AFTER_USERS)
            .arg(user());
        match name {
            "delete" => command.arg(yes("Do it, rather than say what would be erased")),
            _ => command,
        }
    })
}

/// The command under `sessions`.
pub(in crate::cli) fn sessions_command() -> Command {
    Command::new("revoke")
        .about("End all sessions of all users")
        .after_help(AFTER_REVOKE)
        .arg(
            switch(ALL)
                .required(true)
                .help("Of all users; for one there is `vestibule users revoke-sessions`"),
        )
        .arg(yes("Do it, rather than say what would be ended"))
}

pub(in crate::cli) fn parse_args(step: &str, matches: &ArgMatches) -> UsersArgs {
    let yes = has_yes(matches);
    let action = match step {
        "disable" => UserAction::Disable,
        "enable" => UserAction::Enable,
        "revoke-sessions" => UserAction::RevokeSessions,
        "clear-throttle" => UserAction::ClearThrottle,
        "delete" => UserAction::Delete { yes },
        _ => UserAction::Show,
    };
    match optional(matches, USER) {
        Some(key) => UsersArgs::One(key, action),
        None => UsersArgs::RevokeAll { yes },
    }
}

fn user() -> Arg {
    Arg::new(USER)
        .value_name("ID_OR_EMAIL")
        .required(true)
        .value_parser(parse_user_key)
        .help("The user's id or e-mail address")
}

fn parse_user_key(text: &str) -> Result<UserKey, &'static str> {
    let id = UserId::parse(text).map(UserKey::Id);
    id.or_else(|| Email::parse(text).ok().map(UserKey::from))
        .ok_or("write a user's id, a UUID in lower case, or an e-mail address")
}
