//! Temporary folders. (The tempfile crate would turn on features that the release binary does not
//! have, and sqlx and SeaORM would be compiled a second time.)

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::Result;

/// On a disk: `/tmp` may be in memory, where a database is faster than in production.
const ON_DISK: &str = "/var/tmp";

/// A folder that is removed when dropped.
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
        // The system removes old files from this place.
        let _ = fs::remove_dir_all(&self.0);
    }
}
