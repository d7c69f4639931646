//! Folders that a run leaves nothing of. (The tempfile crate would turn on features that the release
//! binary does not have, and with them compile sqlx and SeaORM a second time.)

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::Result;

/// Where a disk is: `/tmp` may be memory, in which a database is faster than it ever will be.
const ON_DISK: &str = "/var/tmp";

/// A new folder, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-bench-{}-{number}", process::id());
        let path = Path::new(ON_DISK).join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, which empties the folder in time.
        let _ = fs::remove_dir_all(&self.0);
    }
}
