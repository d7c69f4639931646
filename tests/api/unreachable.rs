//! A Postgres database that cannot be reached is reported at once, by its place and the cause, and
//! without the password: by commands, and by `serve` in its log.

use std::{fs, net::TcpListener, process::Stdio, time::Duration};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::harness::{Postgres, ServerProcess, Store, within};

const LIMIT: Duration = Duration::from_secs(30);
const SECRET: &str = "canary";

async fn assert_reported(url: &str, cause: &str) {
    let variables = [("VESTIBULE_DATABASE_URL", url)];
    let ended = ServerProcess::run(&["users", "show", "ada@example.com"], &variables).await;
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    assert!(ended.stderr.contains(cause), "{}", ended.stderr);
    assert!(!ended.output.contains(SECRET), "{}", ended.output);

    let mut serve = ServerProcess::command(&["serve"], &variables);
    for port in ["grpc", "rest", "operations"] {
        serve.args([&format!("--{port}-listen"), "127.0.0.1:0"]);
    }
    let mut child = serve.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reported = async {
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            assert!(!line.contains(SECRET), "{line}");
            if line.contains("not ready") {
                return line;
            }
        }
    };
    let line = within(LIMIT, "the log says why it is not ready", reported).await;
    child.kill().await.unwrap();
    // The log quotes its values.
    assert!(line.replace('\\', "").contains(cause), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_reported_with_host_port_and_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let url = format!("postgres://v:{SECRET}@{address}/users");
    let cause = format!("cannot connect to {address}: Connection refused");
    assert_reported(&url, &cause).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_reported_as_missing() {
    if !Postgres::is_here() {
        return;
    }
    let url = Postgres::shared().url("nowhere");
    assert_reported(&url, r#"has no "nowhere""#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_reported_as_refused() {
    if !Postgres::is_here() {
        return;
    }
    let cluster = Postgres::start();
    Store::postgres(cluster.url("postgres"))
        .execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
        .await;
    cluster.stop();
    let rules = "local all guest scram-sha-256\nlocal all all trust\n";
    fs::write(cluster.data().join("pg_hba.conf"), rules).unwrap();
    cluster.start_again();
    let url = cluster.url("postgres");
    let url = url.replace("//postgres@", &format!("//guest:{SECRET}@"));
    assert_reported(&url, r#"refuses the password of user "guest""#).await;
}
