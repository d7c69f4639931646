//! `docs/operations.md` lists the metrics as they are declared, and no caller adds a label value.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use bytes::Bytes;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

use crate::harness::{Declaration, Scrape, Server, figure, scale};

on_both_databases!(
    no_caller_adds_to_the_labels,
    every_metric_is_on_the_page_of_operations,
);

/// (W38) 100 invented RPCs, routes, methods, addresses and tokens in CI, 5,000 for the scorecard: no
/// label has more than 50 values, and none comes from a caller.
async fn no_caller_adds_to_the_labels(app: Server) {
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let mut text = |pattern: &str| {
        let strategy = prop::string::string_regex(pattern).unwrap();
        strategy.new_tree(&mut runner).unwrap().current()
    };
    for _ in 0..scale(100, 5_000) {
        let path = text("(/canary[a-zA-Z0-9._-]{0,9}){1,3}");
        let rpc = app.wire().request(&path);
        app.wire().send(rpc, Bytes::new()).await;
        let rest = app.rest();
        for path in [path.clone(), format!("/users{path}"), format!("/?{path}")] {
            let request = rest.request(&text("CANARY[A-Z]{1,9}"), &path);
            rest.send(request, "").await;
        }
        rest.get(&format!("/users/{}", text("canary[a-z]{1,9}")))
            .await;
        let token = text("vss_canary[a-zA-Z0-9]{60}");
        rest.get_as(&token, "/users/me").await;
        let _ = app.grpc().validate(&token).await;
        let address = text("canary[a-z]{1,9}@example\\.com");
        assert!(!app.grpc().is_valid(&address, "canary").await);
    }
    let seen = app.scrape().await;
    assert!(!seen.text.to_lowercase().contains("canary"));
    let values = seen.label_values();
    let (label, most) = values
        .iter()
        .map(|(label, values)| (label, values.len()))
        .max_by_key(|(_, count)| *count)
        .unwrap();
    figure(
        "W38",
        format_args!("{label} has {most} values, no label more"),
    );
    assert!(most <= 50, "{values:#?}");
    assert_lint_is_silent(&seen);
}

/// `promtool` is in Debian's package `prometheus`; without it only `.ci/run` lints.
fn assert_lint_is_silent(seen: &Scrape) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        figure("W38", "no promtool on this machine");
        return;
    };
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(seen.text.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    let findings = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&findings), "");
    assert!(output.status.success());
}

/// The page repeats each declaration: name, type, labels and help.
async fn every_metric_is_on_the_page_of_operations(app: Server) {
    app.grpc().registered().await;
    app.rest().get("/").await;
    let seen = app.scrape().await;
    let row = |metric: &Declaration| {
        let Declaration { name, kind, help } = metric;
        let labels = seen.labels_of(name).into_iter();
        let labels: Vec<_> = labels.map(|label| format!("`{label}`")).collect();
        let row = format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
        row.replace("|  |", "| |")
    };
    let declared: String = seen.declarations.iter().map(row).collect();

    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains(&declared),
        "the page should contain\n{declared}"
    );
}
