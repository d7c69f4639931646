//! The first minutes with the binary: it starts with nothing, and says what is wrong in a form that
//! helps.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::harness::{Database, PASSWORD, Rest, Service, Store, email, eventually, figure, within};

on_both_databases!(
    the_health_check_exits_by_what_the_server_says,
    an_address_in_use_is_named_with_its_key_and_variable,
    every_setting_of_migrate_is_read_from_its_own_sections,
);

const LIMIT: Duration = Duration::from_secs(30);

/// (44) `serve --dev` in an empty folder: nothing but three free addresses is told. The call that it
/// prints is made as it stands.
#[tokio::test(flavor = "multi_thread")]
async fn with_dev_it_serves_from_nothing_and_prints_a_call_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Service::command(&["serve", "--dev"], &[]);
    for port in ["grpc", "rest", "operations"] {
        command.args([&format!("--{port}-listen"), "127.0.0.1:0"]);
    }
    let begun = Instant::now();
    let mut child = command
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let printed = async {
        while !told.iter().any(|line: &String| line.contains("curl ")) {
            told.push(lines.next_line().await.unwrap().unwrap());
        }
    };
    within(LIMIT, "the first steps are printed", printed).await;

    let after = |word: &str| {
        let line = told.iter().find(|line| line.trim().starts_with(word));
        let line = line.unwrap_or_else(|| panic!("no {word} in {told:#?}"));
        line.trim()[word.len()..].trim().to_owned()
    };
    for address in [after("gRPC"), after("REST"), after("operations")] {
        assert!(address.contains("127.0.0.1:"), "{address}");
        assert!(!address.ends_with(":0"), "{address}: not where it listens");
    }
    let data = after("data");
    assert_eq!(Path::new(&data).file_name().unwrap(), "vestibule.db");
    assert!(Path::new(&data).is_absolute(), "{data}");

    let call = after("curl");
    let (form, url) = call.rsplit_once(' ').unwrap();
    assert_eq!(
        form,
        "-d email=ada@example.com -d 'password=vestibule opens at nine'"
    );
    let (address, path) = url.split_once('/').unwrap();
    let rest = Rest::at(address.parse().unwrap());
    let body = "email=ada@example.com&password=vestibule opens at nine";
    let kind = "application/x-www-form-urlencoded";
    let request = rest.request("POST", &format!("/{path}"));
    let request = request.header("content-type", kind);
    eventually("the call is answered", async || {
        let reply = rest.try_send(request_again(&request), body).await;
        reply.is_some_and(|reply| reply.status == 201)
    })
    .await;
    figure(
        "44",
        format_args!("{:?} from start to the first answer", begun.elapsed()),
    );
    assert!(Path::new(&data).exists());
    child.kill().await.unwrap();
}

/// A request's head cannot be cloned.
fn request_again(head: &http::request::Builder) -> http::request::Builder {
    let mut again = http::Request::builder()
        .method(head.method_ref().unwrap())
        .uri(head.uri_ref().unwrap());
    *again.headers_mut().unwrap() = head.headers_ref().unwrap().clone();
    again
}

/// (47) Five faults from three sources, each with its key, source and fix; an address that is in use
/// is not even met.
#[tokio::test]
async fn a_bad_configuration_is_told_whole_and_binds_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vestibule.toml");
    fs::write(&file, "[sessions]\nlifetime = \"soon\"\ncolour = \"red\"\n").unwrap();
    let ended = Service::run(
        &["serve", "--hashing-memory-kib", "64"],
        &[
            ("HOME", folder.path().to_str().unwrap()),
            ("VESTIBULE_CONFIG", file.to_str().unwrap()),
            ("VESTIBULE_DATABASE_URL", "mysql://root:hunter2@db/v"),
            (
                "VESTIBULE_GRPC_LISTEN",
                &taken.local_addr().unwrap().to_string(),
            ),
            ("VESTIBULE_GRPC_LISTN", "127.0.0.1:1"),
        ],
    )
    .await;
    assert_eq!(ended.code(), Some(64), "{}", ended.output);
    assert!(ended.output.contains("5 faults"), "{}", ended.output);
    for (key, source, fix) in [
        ("hashing.memory_kib", "--hashing-memory-kib", "19456"),
        ("database.url", "VESTIBULE_DATABASE_URL", "postgres://"),
        (
            "VESTIBULE_GRPC_LISTN",
            "environment",
            "VESTIBULE_GRPC_LISTEN",
        ),
        ("sessions.lifetime", "vestibule.toml", "30d"),
        ("sessions.colour", "vestibule.toml", "remove"),
    ] {
        let told = ended.output.lines().any(|line| {
            line.trim_start().starts_with(key) && line.contains(source) && line.contains(fix)
        });
        assert!(told, "{key}, {source}, {fix}: {}", ended.output);
    }
    assert!(!ended.output.contains("hunter2"), "{}", ended.output);
    assert!(!ended.output.contains("in use"), "{}", ended.output);
}

/// (49) Help exits 0 on standard output, for the whole and for each command.
#[tokio::test]
async fn every_command_explains_itself() {
    for command in [
        "",
        "serve",
        "migrate",
        "migrate up",
        "migrate down",
        "migrate status",
        "healthcheck",
        "config",
        "config check",
        "config show",
        "version",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let ended = Service::run(&arguments, &[]).await;
        assert_eq!(ended.code(), Some(0), "{command}: {}", ended.output);
        assert!(
            ended.output.contains("Usage: vestibule"),
            "{}",
            ended.output
        );
    }
    let version = Service::run(&["version"], &[]).await;
    assert_eq!(version.code(), Some(0));
    let number = env!("CARGO_PKG_VERSION");
    assert!(version.output.starts_with(&format!("vestibule {number}")));
    for wrong in ["sing", "--sing", "serve --sing", "migrate", "config sing"] {
        let arguments: Vec<_> = wrong.split_whitespace().collect();
        let ended = Service::run(&arguments, &[]).await;
        assert_eq!(ended.code(), Some(64), "{wrong}: {}", ended.output);
    }
}

/// (50) 0: it serves; 1: it does not, or nobody is there; 64: the configuration is faulty.
async fn the_health_check_exits_by_what_the_server_says(database: Database) {
    let store = Store::empty(database).await;
    let arguments = ["--database-migrate-on-start", "false"];
    let service = Service::start(&store, &arguments, &[]);
    let address = service.grpc_address().to_string();
    let check = async |listen: &str| {
        let ended = Service::run(&["healthcheck"], &[("VESTIBULE_GRPC_LISTEN", listen)]).await;
        ended.code()
    };
    eventually("it is there and not ready", async || {
        service.health().check("").await == Ok(2)
    })
    .await;
    assert_eq!(check(&address).await, Some(1), "NOT_SERVING");

    Service::run_over(&store, &["migrate", "up"]).await;
    service.await_ready().await;
    assert_eq!(check(&address).await, Some(0), "SERVING");
    assert_eq!(check("somewhere").await, Some(64), "no address");

    service.signal("INT").await;
    assert_eq!(service.finish().await.code(), Some(0));
    assert_eq!(check(&address).await, Some(1), "nobody is there");
}

async fn an_address_in_use_is_named_with_its_key_and_variable(database: Database) {
    let store = Store::empty(database).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for section in ["grpc", "rest", "operations"] {
        let flag = format!("--{section}-listen");
        let ended = Service::start(&store, &[&flag, &address], &[])
            .finish()
            .await;
        assert_eq!(ended.code(), Some(1), "{}", ended.output);
        let variable = format!("VESTIBULE_{}_LISTEN", section.to_uppercase());
        let told = ended.output.lines().any(|line| {
            line.contains(&format!("{section}.listen"))
                && line.contains(&variable)
                && line.contains(&address)
        });
        assert!(told, "{}", ended.output);
    }
}

/// The file is for its owner alone, and so is the folder that was made for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/vestibule.db");
    let store = Store::sqlite(file.clone());
    let service = Service::start(&store, &[], &[]);
    service.await_ready().await;
    service.grpc().registered().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    for entry in fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// Root may write anywhere, so the folder is one that nobody can write into: a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told_once_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "").unwrap();
    let store = Store::sqlite(blocked.join("vestibule.db"));
    let service = Service::start(&store, &[], &[]);
    eventually("it is not ready for want of a database", async || {
        let operations = service.operations();
        let ready = operations.request("GET", "/readyz");
        let reply = operations.try_send(ready, "").await;
        reply.is_some_and(|reply| reply.status == 503 && reply.text().contains("database"))
    })
    .await;
    let refused = service.grpc().register(&email(), PASSWORD).await;
    assert_eq!(
        crate::harness::Fault::from(refused).meaning(),
        (tonic::Code::Unavailable, "UNAVAILABLE")
    );
    fs::remove_file(&blocked).unwrap();
    service.await_ready().await;
    service.grpc().registered().await;
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.lines_with("database.url"), 1, "{}", ended.output);
}

/// `migrate` reads `database` and `log`: it has their flags, and a fault elsewhere is none of its
/// business. A secret has no flag, and is not repeated.
async fn every_setting_of_migrate_is_read_from_its_own_sections(database: Database) {
    let store = Store::empty(database).await;
    let variables = [
        ("VESTIBULE_DATABASE_URL", store.url.as_str()),
        ("VESTIBULE_HASHING_MEMORY_KIB", "1"),
    ];
    let flags = ["--database-statement-timeout", "1s", "--log-level", "debug"];
    let ended = Service::run(&[&["migrate", "up"][..], &flags].concat(), &variables).await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    for refused in [
        ["--grpc-listen", "127.0.0.1:1"],
        ["--database-url", "sqlite:/hunter2"],
        ["--database-password", "hunter2"],
    ] {
        let ended = Service::run(&[&["migrate", "up"][..], &refused].concat(), &[]).await;
        assert_eq!(ended.code(), Some(64), "{}", ended.output);
        assert!(!ended.output.contains("hunter2"), "{}", ended.output);
    }
}

/// (46) (48) What is shown names its sources and masks its secrets, by variable, in the URL and by
/// file.
#[tokio::test]
async fn what_is_shown_has_sources_and_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("password");
    fs::write(&secret, "hunter2\n").unwrap();
    let url = ("VESTIBULE_DATABASE_URL", "postgres://v:hunter2@localhost/v");
    for password in [
        ("VESTIBULE_DATABASE_PASSWORD", "hunter2"),
        ("VESTIBULE_DATABASE_PASSWORD_FILE", secret.to_str().unwrap()),
    ] {
        for command in ["show", "check"] {
            let ended = Service::run(
                &["config", command, "--log-level", "debug"],
                &[url, password],
            )
            .await;
            assert_eq!(ended.code(), Some(0), "{}", ended.output);
            assert!(!ended.output.contains("hunter2"), "{}", ended.output);
            if command == "show" {
                for told in [password.0, url.0, "--log-level", "default"] {
                    assert!(ended.output.contains(told), "{told}: {}", ended.output);
                }
            }
        }
    }
}
