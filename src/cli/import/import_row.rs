//! One row of an import, as every format is read into it.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use crate::{
    auth::{RawUser, RowFault},
    db::{FlaskError, FlaskUser},
};

/// The longest row, in bytes: as long as a message of the RPC.
pub(super) const ROW_MAX: usize = 64 * 1024;

/// One row; `raw` is a fault where the row alone cannot be read.
pub(super) struct ImportRow {
    pub(super) place: RowPlace,
    pub(super) raw: Result<RawUser, RowFault>,
}

/// Where a row was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowPlace {
    /// The 1-based number of the row, and of the line that it begins in.
    Line { row: u64, line: u64 },
    /// The id that the user had.
    Id(String),
}

/// Why no further row can be read.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    #[error("{}", file.display())]
    File { file: PathBuf, source: io::Error },
    #[error("line {line}: {why}")]
    Syntax { line: u64, why: String },
    #[error(transparent)]
    FlaskDb(#[from] FlaskError),
}

impl From<FlaskUser> for ImportRow {
    fn from(user: FlaskUser) -> Self {
        let place = RowPlace::Id(user.id.unwrap_or_default());
        let raw = match (
            parse_text(user.email.as_deref()),
            parse_text(user.hashed_password.as_deref()),
        ) {
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

fn parse_text(bytes: Option<&[u8]>) -> Result<Option<String>, RowFault> {
    bytes
        .map(|bytes| parse_utf8(bytes).map(str::to_owned))
        .transpose()
}

pub(super) fn parse_utf8(bytes: &[u8]) -> Result<&str, RowFault> {
    str::from_utf8(bytes).map_err(|_| RowFault::Unreadable("is not UTF-8".to_owned()))
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { row, line } => write!(f, "row {row}, line {line}"),
            Self::Id(id) => write!(f, "id {id}"),
        }
    }
}
