//! The binary from outside: exit codes, what it prints, what it refuses, how it ends. Rules of
//! single settings are tested beside `config`.

use std::{env, net::TcpListener, path::Path, process::Command};

use crate::harness::{Database, Finished, NOT_SERVING, ServerProcess, Store, eventually};

on_both_databases!(a_healthcheck_tells_a_server_that_serves_from_one_that_does_not);

fn code(finished: &Finished) -> i32 {
    finished.status.code().unwrap()
}

/// (W49)
#[tokio::test]
async fn help_and_version_are_answers_and_everything_unknown_is_a_fault_of_usage() {
    let commands = [
        "serve",
        "migrate",
        "migrate up",
        "migrate down",
        "migrate status",
        "backup",
        "caller",
        "caller add",
        "caller list",
        "caller rotate",
        "caller remove",
        "healthcheck",
        "config",
        "config check",
        "config show",
        "calibrate",
        "version",
    ];
    let helps = commands.map(|command| format!("{command} --help"));
    let answers = [
        "--help",
        "--version",
        "version",
        "serve -h",
        "help",
        "help serve",
        "help caller add",
    ]
    .map(str::to_owned);
    for line in helps.into_iter().chain(answers) {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = ServerProcess::run(&arguments, &[]).await;
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    for arguments in [
        &["frobnicate"][..],
        &["--frobnicate"],
        &["migrate"],
        &["config"],
        &["backup"],
    ] {
        let output = ServerProcess::run(arguments, &[]).await;
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

/// (W47) All faults with key, source and fix; nothing is bound: a listener whose address is taken
/// would be exit 1.
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
        let output = ServerProcess::run(&arguments, &variables).await;
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

/// (W46) (W48)
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
    let output = ServerProcess::run(
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
    let output = ServerProcess::run(&["config", "check"], &variables).await;
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
        let service = ServerProcess::start(&store, &[&flag, &address], &[]);
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

/// (W50)
async fn a_healthcheck_tells_a_server_that_serves_from_one_that_does_not(database: Database) {
    let store = Store::empty(database).await;
    let service = ServerProcess::start(&store, &["--database-migrate-on-start", "false"], &[]);
    let address = service.grpc_address().to_string();
    let check = async |address: &str| {
        let output = ServerProcess::run(&["healthcheck", "--grpc-listen", address], &[]).await;
        (output.status.code().unwrap(), output.stdout)
    };
    eventually("it is there and not ready", async || {
        service.health().check("").await == Ok(NOT_SERVING)
    })
    .await;
    assert_eq!(check(&address).await, (1, String::new()));
    ServerProcess::run_over(&store, &["migrate", "up"]).await;
    service.await_ready().await;
    assert_eq!(check(&address).await, (0, "SERVING\n".to_owned()));
    service.signal("INT").await;
    assert_eq!(service.finish().await.status.code(), Some(0));
    assert_eq!(check(&address).await, (1, String::new()));
    assert_eq!(check("nowhere").await, (64, String::new()));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    assert_eq!(check(&address).await.0, 1, "it never answers");
}

/// Help has no line that is longer than the terminal, but for words that are.
#[tokio::test]
async fn help_is_wrapped_to_the_terminal() {
    let output = ServerProcess::run(&["help", "users", "import"], &[("COLUMNS", "80")]).await;
    assert_eq!(code(&output), 0);
    let lines = output.stdout.lines();
    let lines = lines.filter(|line| !line.starts_with("Usage: "));
    let longest = lines.map(|line| line.chars().count()).max();
    assert!(longest.unwrap() <= 80, "{}", output.stdout);
}

/// The commit is the one that the build was told, else that of the repository; sources that came
/// without one say that it is unknown.
#[tokio::test]
async fn the_version_names_the_commit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commit = match env::var("VESTIBULE_COMMIT") {
        Ok(named) => named,
        Err(_) if folder.join(".git").exists() => {
            let mut git = Command::new("git");
            git.args(["rev-parse", "--short=12", "HEAD"]);
            let output = git.current_dir(folder).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }
        Err(_) => "unknown".to_owned(),
    };
    let expected = format!("vestibule {} ({commit})\n", env!("CARGO_PKG_VERSION"));
    for line in ["version", "--version"] {
        assert_eq!(ServerProcess::run(&[line], &[]).await.stdout, expected);
    }
}
