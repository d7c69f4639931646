//! `vestibule caller`: the services that may act on users by name. No RPC makes a caller.

mod args;
mod list;
mod methods;

use super::{error::CommandError, exit::Exit, operator, output};
use crate::{
    auth::{CallerError, Callers},
    config::{ConfigProblems, Environment, Flags},
    domain::{CLIENT_ADDRESS, CallerName, Clock},
};

pub(super) use args::{CallerArgs, commands, methods_command, parse_args};
pub(super) use list::render;

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    args: CallerArgs,
) -> Result<Exit, ConfigProblems> {
    operator::run(flags, environment, async |db| {
        let callers = Callers::new(db, Clock::default());
        output::answer(&execute(args, &callers).await?);
        Ok(Exit::Done)
    })
}

/// Lists what callers can be granted.
pub(super) fn run_methods() -> Exit {
    output::answer(&methods::render());
    Exit::Done
}

async fn execute(args: CallerArgs, callers: &Callers) -> Result<String, CommandError> {
    let deadline = operator::deadline();
    match args {
        CallerArgs::Add {
            name,
            allow,
            identities,
            client_address,
        } => {
            let client_address = client_address.then_some(CLIENT_ADDRESS);
            let grants = allow.into_iter().chain(client_address);
            let grants = grants.map(str::to_owned).collect();
            let added = callers.add(name.clone(), grants, identities, deadline);
            let token = added.await.map_err(|error| explain(error, &name))?;
            Ok(token.expose().to_string())
        }
        CallerArgs::Rotate { name, overlap } => {
            let rotated = callers.rotate(name.clone(), overlap, deadline);
            let token = rotated.await.map_err(|error| explain(error, &name))?;
            Ok(token.expose().to_string())
        }
        CallerArgs::Remove { name } => {
            let removed = callers.remove(name.clone(), deadline);
            removed.await.map_err(|error| explain(error, &name))?;
            Ok(format!("removed {name}"))
        }
        CallerArgs::List => Ok(render(&callers.list(deadline).await?)),
    }
}

/// Says what to do about an error that the operator can put right.
fn explain(error: CallerError, name: &CallerName) -> CommandError {
    match error {
        CallerError::NameTaken => CommandError::failed(format!(
            "there is a caller {name}: `vestibule caller rotate {name}` makes a new key; to change what it may call, remove it and add it again"
        )),
        CallerError::IdentityTaken => CommandError::failed(
            "an identity is another caller's, see `vestibule caller list`: a certificate names one",
        ),
        CallerError::Unknown => CommandError::failed(format!(
            "there is no caller {name}, see `vestibule caller list`"
        )),
        CallerError::Failed(_) => error.into(),
    }
}
