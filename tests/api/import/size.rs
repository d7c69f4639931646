//! Files of any size: what is in memory does not grow with them.

use std::{
    fs::{self, File},
    io::Write,
    process::Stdio,
};

use tokio::process::Command;

use super::line;
use crate::{
    harness::{Database, ServerProcess, Store, email, figure, scale},
    imported::FORMATS,
};

on_both_databases!(a_large_file_is_imported_in_bounded_memory);

/// A peak of proc(5)'s `status`.
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// 4,000 rows in CI, 20,000 for the scorecard, of 10 KB each: most of it is space that nobody keeps.
/// They come through a pipe, so that the process still lives when it has read all but the last.
async fn a_large_file_is_imported_in_bounded_memory(database: Database) {
    let count = scale(4_000, 20_000);
    let store = Store::empty(database).await;
    ServerProcess::run_over(&store, &["migrate", "up"]).await;
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("users.jsonl");
    let made = Command::new("mkfifo").arg(&pipe).status().await.unwrap();
    assert!(made.success());
    let arguments = ["users", "import", pipe.to_str().unwrap()];
    let variables = [("VESTIBULE_DATABASE_URL", store.url.as_str())];
    let mut command = ServerProcess::command(&arguments, &variables);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let process = child.id().unwrap();
    let writer = tokio::task::spawn_blocking(move || {
        let mut to = File::create(&pipe).unwrap();
        let space = " ".repeat(10_000);
        let mut write = |rows: usize| {
            for _ in 0..rows {
                let row = line(&email(), FORMATS[0]).replacen('{', &format!("{{{space}"), 1);
                writeln!(to, "{row}").unwrap();
            }
            peak_kib(process)
        };
        // Whole batches were written by then, and the database's caches are full.
        let early = write(count / 2);
        (early, write(count / 2))
    });
    let (early, late) = writer.await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, format!("imported {count} users, refused 0 rows\n"));
    assert_eq!(store.rows("users").await, count);
    assert!(late - early < 4_096, "{early} KiB became {late} KiB");
    figure(
        "import",
        format_args!(
            "{count} rows, {} MB: {} MiB at most, {} MiB of it after the first half ({database:?})",
            count / 100,
            late.div_ceil(1_024),
            (late - early).div_ceil(1_024)
        ),
    );
}
