//! The throwaway cluster of a run. The tests have one with another aim: theirs skips every fsync,
//! and a figure must not.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::Result;

/// A running cluster; it ends with this, and with this process however that ends, because then its
/// standard input closes.
pub(crate) struct Postgres {
    child: Child,
    directory: String,
    /// As the server names itself.
    pub(crate) version: String,
}

impl Postgres {
    /// Starts one; `None` where there are no Postgres programs.
    ///
    /// # Errors
    /// It does not start; its log is on standard error.
    pub(crate) fn start() -> Result<Option<Self>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit/postgres.sh");
        let mut child = Command::new("sh")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Not in our group: a Ctrl-C for us must not take the script before the server.
            .process_group(0)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let (Some(directory), Some(version)) = (lines.next(), lines.next()) else {
            return match child.wait()?.code() {
                Some(77) => Ok(None),
                _ => Err("Postgres does not start".into()),
            };
        };
        Ok(Some(Self {
            child,
            directory: directory?,
            version: version?,
        }))
    }

    /// `postgres://…` of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}",
            self.directory
        )
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
