//! Moving in from other systems and out again: what goes in, what is refused and by which words, and
//! that everybody logs in afterwards.

mod broken;
mod export;
mod fields;
mod flask;
mod formats;
mod refusals;
mod size;
mod stream;

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::harness::{Finished, ServerProcess, Store};

/// A folder with one file to import.
struct Import {
    folder: TempDir,
    file: PathBuf,
}

impl Import {
    fn of(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        Self { folder, file }
    }

    fn of_lines(lines: &[String]) -> Self {
        Self::of("users.jsonl", lines.join("\n"))
    }

    /// Imports it with further arguments.
    async fn run(&self, store: &Store, arguments: &[&str]) -> Finished {
        let file = self.file.to_str().unwrap();
        let mut all = vec!["users", "import"];
        all.extend(arguments);
        all.push(file);
        let finished = ServerProcess::run_over(store, &all).await;
        assert!(!finished.output.contains("panicked"), "{finished:?}");
        // Neither addresses nor hashes are repeated.
        for secret in ["canary", "$2", "$argon2"] {
            assert!(!finished.output.contains(secret), "{finished:?}");
        }
        finished
    }

    /// Imports all of it.
    async fn run_whole(&self, store: &Store) -> Finished {
        let finished = self.run(store, &[]).await;
        assert_eq!(finished.code(), Some(0), "{}", finished.output);
        finished
    }
}

/// A line of the two fields that each has.
fn line(email: &str, hash: &str) -> String {
    serde_json::json!({"email": email, "password_hash": hash}).to_string()
}

/// The lines of an answer.
fn lines(finished: &Finished) -> Vec<&str> {
    finished.stdout.lines().collect()
}
