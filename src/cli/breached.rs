//! `vestibule breached build`: a small list of breached passwords of a large one.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::{args, exit::Exit, output};
use crate::auth::build_breached;

const FROM: &str = "from";
const TO: &str = "to";
const MOST: &str = "most";

#[derive(Debug)]
pub struct BreachedArgs {
    from: PathBuf,
    to: PathBuf,
    most: usize,
}

pub(super) fn command() -> clap::Command {
    let file = |name, value, help| {
        Arg::new(name)
            .value_name(value)
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help(help)
    };
    clap::Command::new("build")
        .about("Make a filter for password.breached of the public list")
        .after_help(
            "FROM is the public list of hashes: a file of lines SHA-1:COUNT, or a folder of range files\n\
             such as 00000.txt. A filter takes 18 bits a password, and refuses one in 65,536 others.",
        )
        .arg(file(FROM, "FROM", "The public list"))
        .arg(file(TO, "TO", "The filter; it must not exist yet"))
        .arg(
            Arg::new(MOST)
                .long(MOST)
                .value_name("NUMBER")
                .value_parser(value_parser!(usize))
                .default_value("10000000")
                .help("How many of the most frequent passwords it knows"),
        )
}

pub(super) fn parse_args(matches: &ArgMatches) -> BreachedArgs {
    BreachedArgs {
        from: args::optional(matches, FROM).unwrap_or_default(),
        to: args::optional(matches, TO).unwrap_or_default(),
        most: args::optional(matches, MOST).unwrap_or_default(),
    }
}

pub(super) fn run(args: &BreachedArgs) -> Exit {
    match build_breached(&args.from, &args.to, args.most) {
        Ok(built) => {
            output::answer(&format_args!(
                "{}: the {} most frequent of {} passwords, {} KiB",
                args.to.display(),
                built.kept,
                built.read,
                built.bytes.div_ceil(1024),
            ));
            Exit::Done
        }
        Err(error) => {
            output::error(&error);
            Exit::Failed
        }
    }
}
