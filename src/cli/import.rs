//! `vestibule users import`: users of other systems. Rows that are refused are named and the others go in.

mod args;
mod csv;
mod import_row;
mod jsonl;
mod reader;

use super::{error::CommandError, exit::Exit, operator, output, progress::Progress};
use crate::{
    auth::{RowFault, Users},
    config::{ConfigProblems, Environment, Flags},
    db::Db,
    domain::{Clock, UserId},
};

pub(super) use args::{ImportArgs, command, parse_args};
use import_row::{ImportRow, RowPlace};
use reader::RowReader;

/// What became of the rows so far.
#[derive(Default)]
struct Tally {
    imported: u64,
    refused: u64,
}

pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    args: &ImportArgs,
) -> Result<Exit, ConfigProblems> {
    operator::run(flags, environment, async |db| {
        let mut tally = Tally::default();
        let ended = import(args, db, &mut tally).await;
        let Tally { imported, refused } = tally;
        let imported_as = if args.dry_run {
            "would import"
        } else {
            "imported"
        };
        output::answer(&format_args!(
            "{imported_as} {imported} users, refused {refused} rows"
        ));
        ended.map_err(|error| error.context("the import ended there"))?;
        Ok(if refused == 0 {
            Exit::Done
        } else {
            Exit::Failed
        })
    })
}

async fn import(args: &ImportArgs, db: Db, tally: &mut Tally) -> Result<(), CommandError> {
    let (mut reader, length) = RowReader::open(&args.source).await?;
    let mut import = Users::new(db, Clock::default()).import(None, args.dry_run);
    let progress = Progress::new(length);
    let ended = loop {
        let (batch, reached) = match reader.next().await {
            Ok((batch, _)) if batch.is_empty() => break Ok(()),
            Ok(read) => read,
            Err(error) => break Err(error.into()),
        };
        let (places, rows): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|ImportRow { place, raw }| {
                let row = raw.map_err(|fault| vec![fault]);
                (place, row.and_then(|raw| import.parse_row(&raw)))
            })
            .unzip();
        let outcomes = match import.import_rows(rows, operator::deadline()).await {
            Ok(outcomes) => outcomes,
            Err(error) => break Err(error.into()),
        };
        for (place, outcome) in places.iter().zip(outcomes) {
            tally.count(&progress, place, outcome, args.dry_run);
        }
        progress.reach(reached);
    };
    progress.clear();
    ended
}

impl Tally {
    fn count(
        &mut self,
        progress: &Progress,
        place: &RowPlace,
        outcome: Result<UserId, Vec<RowFault>>,
        dry_run: bool,
    ) {
        match outcome {
            Ok(id) => {
                self.imported += 1;
                // The next run would give another id than a dry run did.
                if let (RowPlace::Id(old), false) = (place, dry_run) {
                    progress.print(&format_args!("id {old} is now {id}"));
                }
            }
            Err(faults) => {
                self.refused += 1;
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                progress.print(&format_args!("{place}: {}", faults.join("; ")));
            }
        }
    }
}
