//! `vestibule calibrate` from outside: what it recommends can be pasted and is accepted.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Finished, ServerProcess, figure};

async fn calibrate(line: &str) -> Finished {
    let arguments: Vec<&str> = ["calibrate"].into_iter().chain(line.split(' ')).collect();
    ServerProcess::run(&arguments, &[]).await
}

/// (W54)
#[tokio::test]
async fn what_calibrate_recommends_can_be_pasted_and_is_accepted() {
    for latency in ["60s", "5s"] {
        let line = format!("--seconds 0.05 --logins-per-second 1 --latency {latency}");
        let Finished { stdout, stderr, .. } = calibrate(&line).await;
        assert_eq!(stderr, "", "{stdout}");
        for cost in ["19456 2 1 ", "7168 5 1 ", "65536 3 4 ", "2097152 1 4 "] {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                stdout.lines().any(|line| words(line).starts_with(cost)),
                "{stdout}"
            );
        }
        assert_eq!(stdout.matches("serve refuses it").count(), 4, "{stdout}");
        let settings: Vec<(&str, &str)> = stdout
            .lines()
            .filter(|line| line.starts_with("VESTIBULE_"))
            .map(|line| line.split_once('=').unwrap())
            .collect();
        assert_eq!(settings.len(), 4);
        figure("W54", format_args!("{settings:?}"));
        let variables: Vec<_> = settings
            .iter()
            .chain(&[("HOME", "/home/ada")])
            .copied()
            .collect();
        let checked = ServerProcess::run(&["config", "check"], &variables).await;
        assert_eq!((checked.code(), checked.stderr.as_str()), (Some(0), ""));
    }
}

#[tokio::test]
async fn more_than_the_machine_bears_is_told_and_nothing_is_recommended() {
    let finished = calibrate("--seconds 0.01 --logins-per-second 1000000").await;
    assert_eq!(finished.code(), Some(1));
    assert!(
        !finished.stdout.contains("VESTIBULE_"),
        "{}",
        finished.stdout
    );
    assert!(
        finished.stderr.contains("1000000 logins a second"),
        "{}",
        finished.stderr
    );
}

#[tokio::test]
async fn a_load_is_judged_with_the_settings_in_force() {
    let borne = calibrate("--verify-rate 2 --seconds 1 --latency 60s").await;
    assert_eq!((borne.code(), borne.stderr.as_str()), (Some(0), ""));
    for part in [
        "memory_kib 19456,",
        "offered   2 at 2.0/s",
        "answered  2 at",
        "refused   0",
    ] {
        assert!(borne.stdout.contains(part), "{part} in {}", borne.stdout);
    }
    let shed = calibrate("--verify-rate 1000 --seconds 0.1 --hashing-queue 1").await;
    assert_eq!(shed.code(), Some(1));
    assert!(shed.stdout.contains("queue 1\n"), "{}", shed.stdout);
    assert_eq!(shed.lines_with("refused   0"), 0, "{}", shed.stdout);
    assert!(
        shed.stderr.contains("not all were answered"),
        "{}",
        shed.stderr
    );
}

#[tokio::test]
async fn nothing_is_measured_with_a_faulty_setting() {
    let finished = calibrate("--hashing-memory-kib 1024").await;
    assert_eq!((finished.code(), finished.stdout.as_str()), (Some(64), ""));
    assert!(
        finished.stderr.contains("hashing.memory_kib"),
        "{}",
        finished.stderr
    );
}

/// (W54) script(1), which lends a command a terminal, comes with every Linux that people log in to;
/// elsewhere it has other arguments.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_progress_bar_is_shown_on_a_terminal_and_nowhere_else() {
    let line = "calibrate --verify-rate 20 --seconds 0.5 --latency 60s";
    let on_a_terminal = format!("{} {line}", env!("CARGO_BIN_EXE_vestibule"));
    let shown = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--command",
            &on_a_terminal,
            "/dev/null",
        ])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm")])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let terminal = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{terminal}");
    assert!(terminal.contains("100 %"), "{terminal}");
    assert!(terminal.contains("offered   10 at"), "{terminal}");

    let arguments: Vec<&str> = line.split(' ').collect();
    let piped = ServerProcess::run(&arguments, &[]).await;
    assert_eq!(piped.lines_with("100 %"), 0, "{}", piped.output);
}
