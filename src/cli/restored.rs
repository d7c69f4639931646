//! `vestibule restored`: what must happen after any restore, before callers are let in. A backup has
//! the secrets that were good when it was made, and some of them were ended since.

use std::{collections::BTreeSet, fmt::Write};

use clap::{Arg, ArgAction, ArgMatches};

use super::{
    args::{has_yes, yes},
    caller,
    error::CommandError,
    exit::Exit,
    operator, output,
};
use crate::{
    auth::{Callers, Users},
    config::{ConfigProblems, Environment, Flags},
    domain::{CallerName, CallerRecord, Clock},
};

const KEEP: &str = "keep-callers";
/// The words for all callers and for none; a caller of such a name is kept by naming another with it.
const EVERY: &str = "all";
const NONE: &str = "none";

const AFTER: &str = "\
Run it while no server uses the database. It ends all sessions, one-time tokens, changes of \
address and mail that waits, removes the callers that are not kept, and raises epochs and etags \
so that nothing that was handed out since the backup is taken for current. It can be repeated. \
Passwords, disabled users and erased users are as in the backup.\n\n\
Exit codes: 0 done, 1 not, 64 faulty usage or configuration.";

/// What to do after a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredArgs {
    /// The names of the callers whose keys stay good.
    keep: Vec<String>,
    yes: bool,
}

pub(super) fn command() -> clap::Command {
    clap::Command::new("restored")
        .about("End what a restored backup would revive; to be run after every restore")
        .after_help(AFTER)
        .arg(
            Arg::new(KEEP)
                .long(KEEP)
                .value_name("NAMES")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("Callers whose keys stay good: names with commas between, all or none (the default)"),
        )
        .arg(yes("Do it, rather than say what would be done"))
}

pub(super) fn parse_args(matches: &ArgMatches) -> RestoredArgs {
    let keep = matches.get_many(KEEP).unwrap_or_default();
    RestoredArgs {
        keep: keep.cloned().collect(),
        yes: has_yes(matches),
    }
}

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    args: &RestoredArgs,
) -> Result<Exit, ConfigProblems> {
    operator::run(flags, environment, async |db| {
        let (clock, deadline) = (Clock::default(), operator::deadline());
        let callers = Callers::new(db.clone(), clock.clone());
        let found = callers.list(deadline).await?;
        let kept = kept_callers(&args.keep, &found)?;
        output::answer(&plan(&found, &kept));
        if !args.yes {
            return Err(CommandError::needs_yes("nothing was changed"));
        }
        for record in &found {
            let name = record.caller.name.clone();
            if kept.contains(&name) {
                callers.end_overlap(name, operator::deadline()).await?;
            } else {
                callers.remove(name, operator::deadline()).await?;
            }
        }
        let users = Users::new(db, clock).end_all_restored().await?;
        output::answer(&format_args!(
            "ended the sessions and requests of {users} users; {} of {} callers kept",
            kept.len(),
            found.len()
        ));
        Ok(Exit::Done)
    })
}

/// The callers to keep: none that is not named, since the backup may have keys that have leaked since.
fn kept_callers(
    keep: &[String],
    found: &[CallerRecord],
) -> Result<BTreeSet<CallerName>, CommandError> {
    let names = || found.iter().map(|record| record.caller.name.clone());
    match keep {
        [word] if word == EVERY => return Ok(names().collect()),
        [] => return Ok(BTreeSet::new()),
        [word] if word == NONE => return Ok(BTreeSet::new()),
        _ => {}
    }
    let known: BTreeSet<_> = names().collect();
    let unknown = |name: &&String| {
        let parsed = CallerName::parse(name);
        parsed.is_none_or(|name| !known.contains(&name))
    };
    if let Some(name) = keep.iter().find(unknown) {
        return Err(CommandError::usage(format!(
            "there is no caller {name}, see `vestibule caller list`; nothing was changed"
        )));
    }
    Ok(keep
        .iter()
        .filter_map(|name| CallerName::parse(name))
        .collect())
}

/// What will be done, with every key of a caller.
fn plan(found: &[CallerRecord], kept: &BTreeSet<CallerName>) -> String {
    let mut plan = String::from(
        "this ends all sessions, one-time tokens, changes of address and waiting mail of all users, and raises their epochs and etags",
    );
    let (stay, go): (Vec<_>, Vec<_>) = found
        .iter()
        .cloned()
        .partition(|record| kept.contains(&record.caller.name));
    for (records, fate) in [
        (stay, "stay, without the keys whose overlap has an end"),
        (
            go,
            "are removed; name those whose keys are still good with --keep-callers",
        ),
    ] {
        if !records.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(
                plan,
                "\nthese callers {fate}:\n{}",
                caller::render(&records)
            );
        }
    }
    plan
}
