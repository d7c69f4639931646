//! Passwords of known breaches, which no user may set (NIST SP 800-63B-4 §3.1.1.2). They are looked up in
//! files that stay on disk: a check reads what it needs of them, so a list takes no memory of ours.

mod build;
mod filter;
mod text;

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use sha1::{Digest, Sha1};
use thiserror::Error;

use crate::domain::{NewPassword, PasswordPolicy};
pub use build::{BuildError, Built, build};
use filter::Filter;

/// The digits of a SHA-1 hash.
const DIGITS: usize = 40;

/// What a new password is held to.
#[derive(Debug, Clone, Copy)]
pub struct PasswordRules<'a> {
    pub policy: PasswordPolicy,
    /// `None`: nothing is known of breaches.
    pub breached: Option<&'a BreachedPasswords>,
}

impl PasswordRules<'_> {
    /// Whether a password is known from a breach. A list that cannot be read any more accepts every
    /// password, and an error is logged.
    pub fn is_breached(&self, password: &NewPassword) -> bool {
        let Some(breached) = self.breached else {
            return false;
        };
        breached.contains(password.as_bytes()).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot look up breached passwords: accepting a password unseen");
            false
        })
    }
}

/// A list of passwords that are known from breaches, by their SHA-1 hashes.
pub struct BreachedPasswords(List);

enum List {
    /// Made by `vestibule breached build`.
    Filter(Filter),
    /// A file of lines, sorted by hash: `HASH:COUNT`.
    Sorted { file: File, length: u64 },
    /// A folder of a file for each five digits, as the range API answers them: `REST:COUNT`.
    Ranges(PathBuf),
}

/// Why a list cannot be used.
#[derive(Debug, Error)]
pub enum BreachedFault {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error(
        "it is neither a filter of `vestibule breached build`, nor a file of sorted lines HASH:COUNT, nor a folder of range files such as 00000.txt"
    )]
    Unknown,
    #[error("it is a filter that was cut short")]
    CutShort,
}

impl BreachedPasswords {
    /// Opens a list of any of the three forms.
    ///
    /// # Errors
    /// It cannot be read, or has none of the forms.
    pub fn open(path: &Path) -> Result<Self, BreachedFault> {
        if path.is_dir() {
            let first = text::range_file(path, "00000")?;
            let folder = path.to_owned();
            return first
                .map(|_| Self(List::Ranges(folder)))
                .ok_or(BreachedFault::Unknown);
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = [0; DIGITS];
        let list = match file.read_exact_at(&mut head, 0) {
            Ok(()) if Filter::is_one(&head) => List::Filter(Filter::open(file, length)?),
            Ok(()) if head.iter().all(u8::is_ascii_hexdigit) => List::Sorted { file, length },
            Ok(()) => return Err(BreachedFault::Unknown),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(BreachedFault::Unknown);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self(list))
    }

    /// Whether a password is on the list.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn contains(&self, password: &[u8]) -> io::Result<bool> {
        let hash: [u8; 20] = Sha1::digest(password).into();
        match &self.0 {
            List::Filter(filter) => filter.contains(key_of(hash)),
            List::Sorted { file, length } => text::is_in_sorted(file, *length, &digits(hash)),
            List::Ranges(folder) => text::is_in_ranges(folder, &digits(hash)),
        }
    }
}

impl fmt::Debug for BreachedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreachedPasswords").finish_non_exhaustive()
    }
}

/// What a filter knows of a hash.
fn key_of(hash: [u8; 20]) -> u64 {
    let first = hash.first_chunk().copied();
    u64::from_be_bytes(first.unwrap_or_default())
}

fn digits(hash: [u8; 20]) -> String {
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u128::from(*byte))
    };
    let (first, rest) = hash.split_at(16);
    format!("{:032X}{:08X}", number(first), number(rest))
}

#[cfg(test)]
mod tests;
