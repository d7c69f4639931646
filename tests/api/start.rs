//! The first minutes with the binary: it starts with nothing, and says what is wrong in a form that
//! helps.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::harness::{
    Fault, PASSWORD, Rest, ServerProcess, Store, email, eventually, figure, within,
};

const LIMIT: Duration = Duration::from_secs(30);

/// (W44) `serve --dev` in an empty folder: nothing but three free addresses is told. The call that it
/// prints is made as it stands.
#[tokio::test(flavor = "multi_thread")]
async fn with_dev_it_serves_from_nothing_and_prints_a_call_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = ServerProcess::command(&["serve", "--dev"], &[]);
    let begun = Instant::now();
    let mut child = at_free_addresses(&mut command)
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
        "W44",
        format_args!("{:?} from start to the first answer", begun.elapsed()),
    );
    assert!(Path::new(&data).exists());
    child.kill().await.unwrap();
}

fn at_free_addresses(command: &mut Command) -> &mut Command {
    for port in ["grpc", "rest", "operations"] {
        command.args([&format!("--{port}-listen"), "127.0.0.1:0"]);
    }
    command
}

/// A request's head cannot be cloned.
fn request_again(head: &http::request::Builder) -> http::request::Builder {
    let mut again = http::Request::builder()
        .method(head.method_ref().unwrap())
        .uri(head.uri_ref().unwrap());
    *again.headers_mut().unwrap() = head.headers_ref().unwrap().clone();
    again
}

/// Without any configuration users are kept in the user's data folder, for their owner alone.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_it_makes_one_that_nobody_else_reads() {
    let home = tempfile::tempdir().unwrap();
    let mut command =
        ServerProcess::command(&["serve"], &[("HOME", home.path().to_str().unwrap())]);
    let mut child = at_free_addresses(&mut command)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = async {
        while !lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .contains("SERVING")
        {}
    };
    within(LIMIT, "it is ready", ready).await;
    let folder = home.path().join(".local/share/vestibule");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"vestibule.db".to_owned()), "{names:?}");
    child.kill().await.unwrap();
}

/// Root may write anywhere, so the folder is one that nobody can write into: a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told_once_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "").unwrap();
    let store = Store::sqlite(blocked.join("vestibule.db"));
    let service = ServerProcess::start(&store, &[], &[]);
    eventually("it is not ready for want of a database", async || {
        let operations = service.operations();
        let ready = operations.request("GET", "/readyz");
        let reply = operations.try_send(ready, "").await;
        reply.is_some_and(|reply| reply.status == 503 && reply.text().contains("database"))
    })
    .await;
    let refused = service.grpc().register(&email(), PASSWORD).await;
    assert_eq!(Fault::from(refused).reason, "UNAVAILABLE");
    fs::remove_file(&blocked).unwrap();
    service.await_ready().await;
    service.grpc().registered().await;
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.lines_with("database.url"), 1, "{}", ended.output);
}

/// (W48) What may be a secret has no flag, and who tries one anyway does not see it again.
#[tokio::test]
async fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    for command in [&["serve"][..], &["migrate", "up"], &["config", "show"]] {
        for flag in [
            &["--database-url", "sqlite:/canary"][..],
            &["--database-password", "canary"],
            &["--database-password=canary"],
        ] {
            let ended = ServerProcess::run(&[command, flag].concat(), &[]).await;
            assert_eq!(ended.code(), Some(64), "{}", ended.output);
            assert!(ended.output.contains("_FILE"), "{}", ended.output);
            assert!(!ended.output.contains("canary"), "{}", ended.output);
        }
    }
}
