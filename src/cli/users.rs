//! `vestibule users` and `vestibule sessions`: what an operator does to users, by the same use cases as
//! the RPCs.

mod args;
mod show;

use super::{error::CommandError, exit::Exit, operator, output};
use crate::{
    auth::{SessionsToEnd, Users},
    config::{ConfigProblems, Environment, Flags},
    domain::{Clock, UserKey, UserStatus},
};

pub(super) use args::{UserAction, UsersArgs, parse_args, sessions_command, users_commands};

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    args: UsersArgs,
) -> Result<Exit, ConfigProblems> {
    operator::run(flags, environment, async |db| {
        let users = Users::new(db, Clock::default());
        let answer = match args {
            UsersArgs::One(key, action) => act_on(&users, &key, action).await?,
            UsersArgs::RevokeAll { yes: false } => {
                return Err(CommandError::needs_yes(
                    "this would end all sessions of all users: everybody has to log in again",
                ));
            }
            UsersArgs::RevokeAll { yes: true } => {
                let count = users.end_all_sessions().await?;
                format!("ended all sessions of {count} users")
            }
        };
        output::answer(&answer);
        Ok(Exit::Done)
    })
}

async fn act_on(users: &Users, key: &UserKey, action: UserAction) -> Result<String, CommandError> {
    let call = operator::call();
    let user = users.find(&call, key).await?;
    let id = user.id;
    let done = match action {
        UserAction::Show => return Ok(show::render(&user)),
        UserAction::Delete { yes: false } => {
            let consequence = format!("this would erase user {id} with all that is theirs");
            return Err(CommandError::needs_yes(&consequence));
        }
        UserAction::Disable => {
            users.set_status(&call, id, UserStatus::Disabled).await?;
            "disabled"
        }
        UserAction::Enable => {
            users.set_status(&call, id, UserStatus::Active).await?;
            "enabled"
        }
        UserAction::RevokeSessions => {
            users.end_sessions(&call, id, SessionsToEnd::All).await?;
            "ended all sessions of"
        }
        UserAction::ClearThrottle => {
            users.clear_throttle(&call, key).await?;
            "forgot the wrong passwords of"
        }
        UserAction::Delete { yes: true } => {
            users.delete(&call, id).await?;
            "erased"
        }
    };
    Ok(format!("{done} {id}"))
}
