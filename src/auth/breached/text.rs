//! The public forms of the list: lines of a hash in hexadecimal and how often it was seen, in one sorted
//! file, or in a file for each five digits.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use super::DIGITS;

/// More than a line has: a hash, a colon, a count, and the end of a line.
const LINE_MAX: usize = 96;
/// How many digits name a range file.
pub(super) const PREFIX: usize = 5;

/// Looks up a hash in a sorted file by bisection.
pub(super) fn is_in_sorted(file: &File, length: u64, digits: &str) -> io::Result<bool> {
    // The line of the hash, if there is one, begins at `low` or later, and before `high`.
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some((start, hash)) = line_from(file, middle)?.filter(|(start, _)| *start < high)
        else {
            high = middle;
            continue;
        };
        match hash.as_str().cmp(digits) {
            std::cmp::Ordering::Less => low = start + DIGITS as u64,
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}

/// The first line that begins at a place or after it: where, and its hash.
fn line_from(file: &File, place: u64) -> io::Result<Option<(u64, String)>> {
    let start = match place.checked_sub(1) {
        None => 0,
        Some(before) => {
            let bytes = read_at(file, before)?;
            match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => before + end as u64 + 1,
                None => return Ok(None),
            }
        }
    };
    let mut bytes = read_at(file, start)?;
    bytes.truncate(DIGITS);
    let hash = String::from_utf8_lossy(&bytes).to_ascii_uppercase();
    Ok((bytes.len() == DIGITS).then_some((start, hash)))
}

fn read_at(file: &File, place: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LINE_MAX];
    let mut filled = 0;
    while filled < LINE_MAX {
        match file.read_at(&mut bytes[filled..], place + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Looks up a hash in a folder of range files.
pub(super) fn is_in_ranges(folder: &Path, digits: &str) -> io::Result<bool> {
    let (prefix, rest) = digits.split_at(PREFIX);
    let Some(text) = range_file(folder, prefix)? else {
        return Ok(false);
    };
    Ok(text.lines().any(|line| {
        line.get(..rest.len())
            .is_some_and(|hash| hash.eq_ignore_ascii_case(rest))
    }))
}

/// The text of a range file; `None`: there is none.
pub(super) fn range_file(folder: &Path, prefix: &str) -> io::Result<Option<String>> {
    for name in [format!("{prefix}.txt"), prefix.to_owned()] {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => return Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
