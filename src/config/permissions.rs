//! The modes of files that hold secrets: what other users of the machine may do with them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;

/// What every user of the machine may do with a file; the text says how to change it.
pub(super) enum Exposure {
    Readable(String),
    Writable(String),
}

/// `None`: other users may do neither. A file that is not there yet is made for its owner alone, and a
/// socket or a device, such as a shell's pipe, keeps nothing.
pub(super) fn exposure(file: &Path) -> Option<Exposure> {
    let metadata = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o7777;
    let say = |verb: &str| {
        let file = file.display();
        format!("every user of the machine may {verb} {file} (mode {mode:04o})")
    };
    if mode & OTHERS_WRITE != 0 {
        Some(Exposure::Writable(say("write")))
    } else if mode & OTHERS_READ != 0 {
        Some(Exposure::Readable(say("read")))
    } else {
        None
    }
}
