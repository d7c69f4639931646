//! The binary from outside: exit codes, what it prints, what it refuses, how it ends. Rules of
//! single settings are tested beside `config`.

use std::net::TcpListener;

use tokio::time::Instant;

use crate::harness::{Database, Finished, Service, Store, eventually, figure};

on_both_databases!(
    the_schema_goes_up_and_down_by_hand,
    a_healthcheck_tells_a_server_that_serves_from_one_that_does_not,
    without_a_terminal_every_line_of_the_log_is_json,
    a_second_signal_exits_at_once,
);

fn code(finished: &Finished) -> i32 {
    finished.status.code().unwrap()
}

/// (49)
#[tokio::test]
async fn help_and_version_are_answers_and_everything_unknown_is_a_fault_of_usage() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["version"],
        &["serve", "-h"],
    ] {
        let output = Service::run(arguments, &[]).await;
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    for arguments in [
        &["frobnicate"][..],
        &["--frobnicate"],
        &["migrate"],
        &["config"],
    ] {
        let output = Service::run(arguments, &[]).await;
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

/// All faults with key, source and fix; nothing is bound: a listener whose address is taken would be
/// exit 1 (47).
#[tokio::test]
async fn a_faulty_configuration_is_told_whole_and_nothing_is_bound() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let variables = [
        ("VESTIBULE_GRPC_LISTEN", address.as_str()),
        ("VESTIBULE_DATABASE_URL", "postgres://v:canary@db.example/v"),
        ("VESTIBULE_DATABASE_PASSWORD", ""),
        ("VESTIBULE_REST_LISTN", "off"),
    ];
    let arguments = ["--hashing-memory-kib", "1024"];
    for command in ["serve", "config check", "config show"] {
        let arguments: Vec<&str> = command.split(' ').chain(arguments).collect();
        let output = Service::run(&arguments, &variables).await;
        let told = &output.stderr;
        assert_eq!(code(&output), 64, "{told}");
        for part in [
            "4 faults",
            "VESTIBULE_REST_LISTN (environment): is not a setting; did you mean VESTIBULE_REST_LISTEN?",
            "database.url (VESTIBULE_DATABASE_URL): names a host beyond loopback without an sslmode",
            "database.password (VESTIBULE_DATABASE_PASSWORD): is empty",
            "hashing.memory_kib (--hashing-memory-kib): 1024 KiB",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(!told.contains("canary") && output.stdout.is_empty());
    }
}

/// (46, 48)
#[tokio::test]
async fn the_configuration_is_shown_with_sources_and_without_secrets() {
    let home = tempfile::tempdir().unwrap();
    let password = home.path().join("password");
    std::fs::write(&password, "canary\n").unwrap();
    let variables = [
        ("VESTIBULE_DATABASE_URL", "postgres://v:canary@localhost/v"),
        (
            "VESTIBULE_DATABASE_PASSWORD_FILE",
            password.to_str().unwrap(),
        ),
    ];
    let output = Service::run(
        &["config", "show", "--dev", "--log-level", "warn"],
        &variables,
    )
    .await;
    let shown = &output.stdout;
    assert_eq!(code(&output), 0, "{}", output.stderr);
    for part in [
        "url = \"postgres://v:********@localhost/v\" # VESTIBULE_DATABASE_URL",
        "level = \"warn\" # --log-level",
        "drain_delay = \"0s\" # default with --dev",
        "grace = \"20s\" # default",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("canary"));
    let output = Service::run(&["config", "check"], &variables).await;
    assert_eq!((code(&output), output.stderr.as_str()), (0, ""));
}

/// Exit 1, and the key and the variable are named.
#[tokio::test]
async fn an_address_in_use_is_named_with_its_key_and_its_variable() {
    let store = Store::new(Database::Sqlite).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for section in ["grpc", "rest", "operations"] {
        let flag = format!("--{section}-listen");
        let service = Service::start(&store, &[&flag, &address], &[]);
        let finished = service.finish().await;
        assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
        let variable = format!("VESTIBULE_{}_LISTEN", section.to_uppercase());
        for part in [&address, &format!("{section}.listen"), &variable] {
            assert!(
                finished.output.contains(part.as_str()),
                "{}",
                finished.output
            );
        }
    }
}

/// One command, and the call that it prints is answered (44). In an optimised build within 2 s; here
/// the time is printed.
#[tokio::test]
async fn serve_dev_prints_its_addresses_its_file_and_a_call_that_works() {
    let store = Store::empty(Database::Sqlite).await;
    let start = Instant::now();
    let service = Service::start(&store, &["--dev"], &[]);
    service.await_ready().await;
    let body = "email=ada@example.com&password=vestibule+opens+at+nine";
    let form = "application/x-www-form-urlencoded";
    let reply = service.rest().post("/users", form, body).await;
    figure("44", format!("start to first answer {:?}", start.elapsed()));
    assert!(reply.status.is_success(), "{}", reply.text());
    service.signal("INT").await;
    let finished = service.finish().await;
    assert_eq!(finished.status.code(), Some(0));
    let file = store.url.trim_start_matches("sqlite://");
    for part in [
        ":50051",
        ":8080",
        ":9090",
        file,
        "curl -d email=ada@example.com",
    ] {
        assert!(
            finished.output.contains(part),
            "{part} in {}",
            finished.output
        );
    }
}

async fn the_schema_goes_up_and_down_by_hand(database: Database) {
    let store = Store::empty(database).await;
    let migrate = async |arguments: &[&str]| {
        let arguments: Vec<&str> = ["migrate"].iter().chain(arguments).copied().collect();
        let variables = [("VESTIBULE_DATABASE_URL", store.url.as_str())];
        let output = Service::run(&arguments, &variables).await;
        (output.status.code().unwrap(), output.stdout, output.stderr)
    };
    let states = async || {
        let (code, listed, errors) = migrate(&["status"]).await;
        assert_eq!(code, 0, "{errors}");
        let states = listed.lines().map(|line| line.starts_with("applied"));
        states.collect::<Vec<bool>>()
    };
    let all = states().await.len();
    assert!(all > 1);
    assert_eq!(states().await, vec![false; all]);
    assert_eq!(migrate(&["up"]).await.0, 0);
    assert_eq!(migrate(&["up"]).await.0, 0, "twice is once");
    assert_eq!(states().await, vec![true; all]);

    let (code, _, warned) = migrate(&["down"]).await;
    assert_eq!(code, 64);
    assert!(
        warned.contains("drop") && warned.contains("--yes"),
        "{warned}"
    );
    assert_eq!(states().await, vec![true; all]);

    assert_eq!(migrate(&["down", "--yes"]).await.0, 0);
    let mut one_less = vec![true; all];
    one_less[all - 1] = false;
    assert_eq!(states().await, one_less);
}

/// (50)
async fn a_healthcheck_tells_a_server_that_serves_from_one_that_does_not(database: Database) {
    let store = Store::new(database).await;
    let service = Service::start(&store, &[], &[]);
    service.await_ready().await;
    // Every port of a service is on one address.
    let host = service.operations().request("GET", "/");
    let address = format!("{}:50051", host.uri_ref().unwrap().host().unwrap());
    let check = async |address: &str| {
        let output = Service::run(&["healthcheck", "--grpc-listen", address], &[]).await;
        (output.status.code().unwrap(), output.stdout)
    };
    assert_eq!(check(&address).await, (0, "SERVING\n".to_owned()));
    service.signal("INT").await;
    assert_eq!(service.finish().await.status.code(), Some(0));
    assert_eq!(check(&address).await, (1, String::new()));
    assert_eq!(check("nowhere").await, (64, String::new()));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    assert_eq!(check(&address).await.0, 1, "it never answers");
}

/// At trace as well; no secret of a call is in them (L1).
async fn without_a_terminal_every_line_of_the_log_is_json(database: Database) {
    let store = Store::new(database).await;
    let service = Service::start(&store, &["--log-level", "trace"], &[]);
    service.await_ready().await;
    let client = service.grpc();
    let (email, password) = ("canary@example.com", "a canary sings at nine");
    client.register(email, password).await.unwrap();
    let session = client.open(email, password).await.unwrap();
    client.verdict(&session.session_token).await;
    service.signal("INT").await;
    let finished = service.finish().await;
    assert_eq!(finished.status.code(), Some(0));
    let calls = finished.output.lines().filter(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field} in {line}");
        }
        line["request_id"].is_string() && line["trace_id"].is_string()
    });
    assert!(calls.count() >= 3, "{}", finished.output);
    for secret in ["canary", &session.session_token, "$argon2"] {
        assert!(!finished.output.contains(secret), "{}", finished.output);
    }
}

async fn a_second_signal_exits_at_once(database: Database) {
    let store = Store::new(database).await;
    let service = Service::start(&store, &["--lifecycle-drain-delay", "10m"], &[]);
    service.await_ready().await;
    service.signal("TERM").await;
    eventually("the service drains", async || {
        service.operations().get("/readyz").await.status == 503
    })
    .await;
    service.signal("TERM").await;
    assert_eq!(service.finish().await.status.code(), Some(1));
}
