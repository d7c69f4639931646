//! Comma-separated values (RFC 4180): the first line names the columns, in any order. A row that
//! cannot be read is refused alone; a quote that is not closed ends the reading: nobody knows where
//! the next row begins.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    rc::Rc,
};

use csv::{Error, ErrorKind, Reader, StringRecord};

use super::import_row::{ImportRow, ROW_MAX, ReadError, RowPlace};
use crate::auth::{RawUser, RowFault};

/// Columns that every file has.
const REQUIRED: [&str; 2] = ["email", "password_hash"];
/// What the reader may have read ahead when a row begins.
const AHEAD: usize = 16 * 1024;

pub(super) struct CsvReader {
    file: PathBuf,
    reader: Reader<Bounded>,
    columns: StringRecord,
    record: StringRecord,
    left: Rc<Cell<usize>>,
    row: u64,
    /// Where lines end with two bytes, the reader counts a line when the next one begins.
    behind: u64,
}

/// A file of which no more than a row's length is read until somebody allows more: a quote that is
/// not closed would draw all that follows into memory.
struct Bounded {
    file: File,
    left: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left.get());
        if most == 0 {
            return Err(io::Error::other("the row is too long"));
        }
        let read = self.file.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

impl CsvReader {
    pub(super) fn open(file: &Path) -> Result<(Self, u64), ReadError> {
        let failed = |source| ReadError::File {
            file: file.to_owned(),
            source,
        };
        let input = File::open(file).map_err(failed)?;
        let bytes = input.metadata().map_err(failed)?.len();
        let left = Rc::new(Cell::new(ROW_MAX + AHEAD));
        let mut rows = Self {
            file: file.to_owned(),
            reader: Reader::from_reader(Bounded {
                file: input,
                left: Rc::clone(&left),
            }),
            columns: StringRecord::new(),
            record: StringRecord::new(),
            left,
            row: 0,
            behind: 0,
        };
        let columns = rows.reader.headers().cloned();
        rows.columns = columns.map_err(|error| match rows.understood(error) {
            Ok((line, why)) => ReadError::Syntax { line, why },
            Err(broken) => broken,
        })?;
        rows.behind = 2_u64.saturating_sub(rows.reader.position().line());
        check(&rows.columns).map_err(|why| ReadError::Syntax { line: 1, why })?;
        Ok((rows, bytes))
    }

    /// How many bytes were read.
    pub(super) fn reached(&self) -> u64 {
        self.reader.position().byte()
    }

    pub(super) fn next(&mut self) -> Result<Option<ImportRow>, ReadError> {
        self.left.set(ROW_MAX + AHEAD);
        let read = self.reader.read_record(&mut self.record);
        if self.record.iter().any(|field| field.contains(['\n', '\r'])) {
            return Err(ReadError::Syntax {
                line: line(self.record.position()) + self.behind,
                why: "a field goes on in the next line: is a quote not closed?".to_owned(),
            });
        }
        let (line, raw) = match read {
            Ok(false) => return Ok(None),
            Ok(true) => (line(self.record.position()), Ok(self.user())),
            Err(error) => {
                let (line, why) = self.understood(error)?;
                (line, Err(RowFault::Unreadable(why)))
            }
        };
        self.row += 1;
        let place = RowPlace::Line {
            row: self.row,
            line: line + self.behind,
        };
        Ok(Some(ImportRow { place, raw }))
    }

    /// Nothing between two commas is a field that is not there.
    fn user(&self) -> RawUser {
        let mut user = RawUser::default();
        for (column, text) in self.columns.iter().zip(&self.record) {
            if let Some(field) = user.field(column) {
                *field = (!text.is_empty()).then(|| text.to_owned());
            }
        }
        user
    }

    /// The line that cannot be read and why, if those after it can.
    fn understood(&self, error: Error) -> Result<(u64, String), ReadError> {
        let at = line(error.position());
        match error.into_kind() {
            ErrorKind::Utf8 { .. } => Ok((at, "is not UTF-8".to_owned())),
            ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => Ok((
                at,
                format!("has {len} fields, and the first line {expected_len}"),
            )),
            ErrorKind::Io(_) if self.left.get() == 0 => Err(ReadError::Syntax {
                line: line(Some(self.reader.position())),
                why: format!("the row is longer than {ROW_MAX} bytes: is a quote not closed?"),
            }),
            ErrorKind::Io(source) => Err(ReadError::File {
                file: self.file.clone(),
                source,
            }),
            other => Err(ReadError::Syntax {
                line: at,
                why: format!("{other:?}"),
            }),
        }
    }
}

fn line(position: Option<&csv::Position>) -> u64 {
    position.map_or(1, csv::Position::line)
}

/// What nobody knows is a mistake, not something to lose in silence. A column is told by its place:
/// where the first line names none, it is somebody's row.
fn check(columns: &StringRecord) -> Result<(), String> {
    let known = RawUser::FIELDS.join(", ");
    for (place, column) in columns.iter().enumerate() {
        if !RawUser::FIELDS.contains(&column) {
            return Err(format!("column {} is none of {known}", place + 1));
        }
        if columns.iter().take(place).any(|earlier| earlier == column) {
            return Err(format!("the column {column} is there twice"));
        }
    }
    match REQUIRED
        .iter()
        .find(|name| columns.iter().all(|column| column != **name))
    {
        Some(missing) => Err(format!("there is no column {missing}")),
        None => Ok(()),
    }
}
