//! Makes a filter of the most frequent passwords of a list.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use thiserror::Error;
use xorf::BinaryFuse16;

use super::{
    DIGITS,
    filter::Filter,
    text::{PREFIX, range_file},
};

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// The hashes that were read.
    pub read: u64,
    /// The passwords that the filter knows.
    pub kept: usize,
    /// The size of the file.
    pub bytes: u64,
}

/// Why no filter was made.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error("the list cannot be read: {0}")]
    Read(#[source] io::Error),
    #[error("line {0} of the list is no HASH:COUNT")]
    Malformed(u64),
    #[error("the list has no hash")]
    Empty,
    #[error("the filter cannot be written: {0}")]
    Write(#[source] io::Error),
    #[error("no filter can be made of the list: {0}")]
    Filter(&'static str),
}

/// The most frequent hashes so far: how often each was seen, and the key of it.
struct Top {
    most: usize,
    read: u64,
    heap: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Top {
    fn add(&mut self, prefix: &str, line: &str) -> Option<()> {
        let rest = line.get(..DIGITS - prefix.len())?;
        let count = match line.get(rest.len()..)?.strip_prefix(':') {
            Some(count) => count.trim().parse().ok()?,
            None => 1,
        };
        let digits = [prefix, rest].concat();
        let key = u64::from_str_radix(digits.get(..16)?, 16).ok()?;
        self.read += 1;
        self.heap.push(Reverse((count, key)));
        if self.heap.len() > self.most {
            self.heap.pop();
        }
        Some(())
    }
}

/// Makes a filter of the `most` frequent passwords of a sorted file or of a folder of range files. The
/// filter must not exist yet.
///
/// # Errors
/// The list is faulty, or a file cannot be read or written.
pub fn build(from: &Path, to: &Path, most: usize) -> Result<Built, BuildError> {
    let mut top = Top {
        most: most.max(1),
        read: 0,
        heap: BinaryHeap::new(),
    };
    if from.is_dir() {
        read_ranges(from, &mut top)?;
    } else {
        let file = File::open(from).map_err(BuildError::Read)?;
        read_lines(BufReader::new(file), "", &mut top)?;
    }
    let mut keys: Vec<_> = top.heap.into_iter().map(|Reverse((_, key))| key).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Err(BuildError::Empty);
    }
    let filter = BinaryFuse16::try_from(&keys).map_err(BuildError::Filter)?;
    let file = File::create_new(to).map_err(BuildError::Write)?;
    Filter::write(&filter, &file).map_err(BuildError::Write)?;
    file.sync_all().map_err(BuildError::Write)?;
    Ok(Built {
        read: top.read,
        kept: keys.len(),
        bytes: file.metadata().map_err(BuildError::Write)?.len(),
    })
}

fn read_ranges(folder: &Path, top: &mut Top) -> Result<(), BuildError> {
    for number in 0..16_u32.pow(u32::try_from(PREFIX).unwrap_or_default()) {
        let prefix = format!("{number:05X}");
        if let Some(text) = range_file(folder, &prefix).map_err(BuildError::Read)? {
            read_lines(text.as_bytes(), &prefix, top)?;
        }
    }
    Ok(())
}

fn read_lines(list: impl BufRead, prefix: &str, top: &mut Top) -> Result<(), BuildError> {
    for line in list.lines() {
        let line = line.map_err(BuildError::Read)?;
        let line = line.trim_end();
        if !line.is_empty() {
            let number = top.read + 1;
            top.add(prefix, line).ok_or(BuildError::Malformed(number))?;
        }
    }
    Ok(())
}
