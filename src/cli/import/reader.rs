//! The rows of an import's source, one batch at a time: however large the source is, no more than one
//! batch is in memory.

use std::path::PathBuf;

use super::{
    csv::CsvReader,
    import_row::{ImportRow, ReadError},
    jsonl::JsonlReader,
};
use crate::{auth::Import, db::FlaskUsers};

/// What users are imported from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportSource {
    /// A JSON object in each line.
    Jsonl(PathBuf),
    /// Comma-separated values; the first line names the columns.
    Csv(PathBuf),
    /// The SQLite file of the Flask service.
    FlaskDb(PathBuf),
}

pub(super) struct RowReader {
    source: OpenSource,
    /// Why it ends after the batch that was read last.
    error: Option<ReadError>,
}

enum OpenSource {
    Jsonl(JsonlReader),
    Csv(CsvReader),
    FlaskDb { users: FlaskUsers, reached: u64 },
}

impl RowReader {
    /// Opens a source; also returns its length, in bytes or in rows of a database.
    pub(super) async fn open(source: &ImportSource) -> Result<(Self, u64), ReadError> {
        let (source, length) = match source {
            ImportSource::Jsonl(file) => {
                let (reader, bytes) = JsonlReader::open(file)?;
                (OpenSource::Jsonl(reader), bytes)
            }
            ImportSource::Csv(file) => {
                let (reader, bytes) = CsvReader::open(file)?;
                (OpenSource::Csv(reader), bytes)
            }
            ImportSource::FlaskDb(file) => {
                let users = FlaskUsers::open(file);
                let count = users.count().await?;
                (OpenSource::FlaskDb { users, reached: 0 }, count)
            }
        };
        let reader = Self {
            source,
            error: None,
        };
        Ok((reader, length))
    }

    /// The next batch, empty at the end, and how much of the length was read with it. The rows that
    /// were read before an error are a batch of their own.
    pub(super) async fn next(&mut self) -> Result<(Vec<ImportRow>, u64), ReadError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut rows = Vec::new();
        let (filled, reached) = match &mut self.source {
            OpenSource::Jsonl(reader) => (fill(&mut rows, || reader.next()), reader.reached()),
            OpenSource::Csv(reader) => (fill(&mut rows, || reader.next()), reader.reached()),
            OpenSource::FlaskDb { users, reached } => {
                let batch = users.next(Import::BATCH as u64).await?;
                *reached += batch.len() as u64;
                rows.extend(batch.into_iter().map(ImportRow::from));
                (Ok(()), *reached)
            }
        };
        match filled {
            Err(error) if rows.is_empty() => Err(error),
            filled => {
                self.error = filled.err();
                Ok((rows, reached))
            }
        }
    }
}

fn fill(
    rows: &mut Vec<ImportRow>,
    mut next: impl FnMut() -> Result<Option<ImportRow>, ReadError>,
) -> Result<(), ReadError> {
    while rows.len() < Import::BATCH
        && let Some(row) = next()?
    {
        rows.push(row);
    }
    Ok(())
}
