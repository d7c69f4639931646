//! The SQLite file is created before the driver opens it, with its mode, so that there is no moment in
//! which another user could read it.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Creates the file (0600) and the directories above it (0700) where they are missing.
pub(super) fn create_if_missing(path: &Path) -> io::Result<()> {
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    // Opened for writing, so that a file or folder that cannot be written fails here, by its name.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_and_its_new_directory_are_for_their_owner_alone() {
        let top = std::env::temp_dir().join(format!("vestibule-file-{}", std::process::id()));
        let path = top.join("deep").join("vestibule.db");
        create_if_missing(&path).unwrap();
        create_if_missing(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        std::fs::remove_dir_all(top).unwrap();
    }
}
