//! Rows of a file, in the form that all sources are read into, and a few at a time: of however large
//! a file, no more than one batch is in memory.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use super::{csv::CsvReader, jsonl::JsonlReader};
use crate::{
    auth::{Import, RawUser, RowFault},
    db::{FlaskError, FlaskUser, FlaskUsers},
};

/// The longest row, in bytes: as long as a message of the RPC.
pub(super) const ROW_MAX: usize = 64 * 1024;

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A JSON object in each line.
    JsonlReader(PathBuf),
    /// Comma-separated values whose first line names the columns.
    CsvReader(PathBuf),
    /// The SQLite file of the Flask service.
    FlaskDb(PathBuf),
}

/// An open source.
pub(super) struct Rows {
    source: Open,
    /// Why it ends after what was read last.
    broken: Option<Broken>,
}

enum Open {
    JsonlReader(JsonlReader),
    CsvReader(CsvReader),
    FlaskDb { users: FlaskUsers, reached: u64 },
}

/// One row; what cannot be read is one, too.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) raw: Result<RawUser, RowFault>,
}

/// Where a row was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The how manieth row it is, and the line that it begins in.
    Line { row: u64, line: u64 },
    /// The id that the user had.
    Id(String),
}

/// Why no further row can be read.
#[derive(Debug, Error)]
pub(super) enum Broken {
    #[error("{}", file.display())]
    File { file: PathBuf, source: io::Error },
    #[error("line {line}: {why}")]
    Form { line: u64, why: String },
    #[error(transparent)]
    FlaskDb(#[from] FlaskError),
}

impl Rows {
    /// Opens a source, and tells how many steps it is to its end.
    pub(super) async fn open(source: &Source) -> Result<(Self, u64), Broken> {
        let (source, steps) = match source {
            Source::JsonlReader(file) => {
                let (lines, bytes) = JsonlReader::open(file)?;
                (Open::JsonlReader(lines), bytes)
            }
            Source::CsvReader(file) => {
                let (rows, bytes) = CsvReader::open(file)?;
                (Open::CsvReader(rows), bytes)
            }
            Source::FlaskDb(file) => {
                let users = FlaskUsers::open(file);
                let count = users.count().await?;
                (Open::FlaskDb { users, reached: 0 }, count)
            }
        };
        let rows = Self {
            source,
            broken: None,
        };
        Ok((rows, steps))
    }

    /// The next batch, and the step that was reached with it. Empty: that was all. What was read
    /// before a source broke is a batch of its own.
    pub(super) async fn next(&mut self) -> Result<(Vec<Row>, u64), Broken> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        let mut rows = Vec::new();
        let (read, reached) = match &mut self.source {
            Open::JsonlReader(lines) => (fill(&mut rows, || lines.next()), lines.reached()),
            Open::CsvReader(comma) => (fill(&mut rows, || comma.next()), comma.reached()),
            Open::FlaskDb { users, reached } => {
                let batch = users.next(Import::BATCH as u64).await?;
                *reached += batch.len() as u64;
                rows.extend(batch.into_iter().map(Row::from));
                (Ok(()), *reached)
            }
        };
        match read {
            Err(broken) if rows.is_empty() => Err(broken),
            read => {
                self.broken = read.err();
                Ok((rows, reached))
            }
        }
    }
}

fn fill(
    rows: &mut Vec<Row>,
    mut next: impl FnMut() -> Result<Option<Row>, Broken>,
) -> Result<(), Broken> {
    while rows.len() < Import::BATCH
        && let Some(row) = next()?
    {
        rows.push(row);
    }
    Ok(())
}

impl From<FlaskUser> for Row {
    fn from(user: FlaskUser) -> Self {
        let place = Place::Id(user.id.unwrap_or_default());
        let raw = match (text(user.email), text(user.hashed_password)) {
            (Ok(email), Ok(password_hash)) => Ok(RawUser {
                email,
                password_hash,
                ..RawUser::default()
            }),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        };
        Self { place, raw }
    }
}

fn text(bytes: Option<Vec<u8>>) -> Result<Option<String>, RowFault> {
    bytes
        .map(|bytes| utf8(&bytes).map(str::to_owned))
        .transpose()
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, RowFault> {
    str::from_utf8(bytes).map_err(|_| RowFault::Unreadable("is not UTF-8".to_owned()))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { row, line } => write!(f, "row {row}, line {line}"),
            Self::Id(id) => write!(f, "id {id}"),
        }
    }
}
