//! The temporary Postgres cluster of a run. The tests' cluster skips every fsync, which a figure must
//! not.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::Result;

/// A running cluster. It ends when its standard input closes: when it is dropped, or when this process
/// ends.
pub(crate) struct Postgres {
    child: Child,
    directory: String,
    /// The name and version that the server reports.
    pub(crate) version: String,
}

impl Postgres {
    /// Starts a cluster; `None` without Postgres programs. Its log is on standard error.
    pub(crate) fn start() -> Result<Option<Self>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit/postgres.sh");
        let mut child = Command::new("sh")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // In another group: a Ctrl-C must not end the script before the server.
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
