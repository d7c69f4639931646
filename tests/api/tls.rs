//! TLS on the ports of callers: what is spoken, what is refused, and that nobody's bad handshake is
//! another's trouble.

mod junk;
mod proof;
mod rotation;

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{
    client::TlsStream,
    rustls::version::{TLS12, TLS13},
};
use vestibule::proto::v1::SessionStatus;

use crate::harness::{
    Authority, Client, Database, PASSWORD, Plan, SERVING, Server, ServerProcess, Store, TlsClient,
    TlsFolder, assert_within, eventually, figure, within,
};

on_both_databases!(both_ports_of_callers_speak_tls_and_probes_need_none);

/// How often the files are looked at in tests.
const INTERVAL: Duration = Duration::from_millis(20);
const GRPC: &str = "h2";
const REST: &str = "http/1.1";

/// An authority for servers and clients alike, and the files of a server.
fn ground() -> (Authority, TlsFolder) {
    let authority = Authority::new();
    let folder = TlsFolder::new(&authority.server(), &authority);
    (authority, folder)
}

async fn plan(database: Database, folder: &TlsFolder) -> Plan {
    let tls = folder.settings();
    Plan::on(database)
        .await
        .settings(|settings| settings.server.tls = Some(tls))
        .hooks(|hooks| hooks.certificate_interval = Some(INTERVAL))
        // The harness's own client speaks plaintext.
        .without_waiting()
}

async fn start(folder: &TlsFolder) -> Server {
    plan(Database::Sqlite, folder).await.start().await
}

/// `GET /` over a connection that ends with it.
async fn welcome(mut stream: TlsStream<TcpStream>) -> String {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    within(Duration::from_secs(20), "the answer ends", read)
        .await
        .unwrap();
    String::from_utf8(answer).unwrap()
}

async fn ready(app: &Server) {
    eventually("it is ready", async || app.readiness().await.0 == 200).await;
}

/// Registration, login and session over TLS, the gateway over TLS, probes without.
async fn both_ports_of_callers_speak_tls_and_probes_need_none(database: Database) {
    let (authority, folder) = ground();
    let app = plan(database, &folder).await.start().await;
    ready(&app).await;
    let tls = authority.trusting();
    let client = Client::over(tls.channel(app.grpc_address));
    let user = client.registered().await;
    assert!(client.is_valid(&user.email, PASSWORD).await);
    let token = client.open(&user.email, PASSWORD).await.unwrap();
    let verdict = client.verdict(&token.session_token).await;
    assert_eq!(verdict, SessionStatus::Active);

    let rest = tls.offering(&[REST]).connect(app.rest_address).await;
    let answer = welcome(rest.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with(r#"{"message":"Bienvenue"}"#), "{answer}");
    assert!(app.is_live().await);

    // What does not speak it gets no further.
    assert!(app.grpc().validate("a token").await.is_err());
    let request = app.rest().request("GET", "/");
    assert!(app.rest().try_send(request, "").await.is_none());
}

/// A client of the other protocol is told so in the handshake; one that offers nothing is served.
#[tokio::test]
async fn each_port_negotiates_its_own_protocol_and_no_other() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    for (address, own, other) in [
        (app.grpc_address, GRPC, REST),
        (app.rest_address, REST, GRPC),
    ] {
        let negotiated = async |offer: &[&str]| {
            let stream = authority.trusting().offering(offer).connect(address).await;
            stream.map(|stream| stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
        };
        let agreed = Some(own.as_bytes().to_vec());
        assert_eq!(negotiated(&[own]).await.unwrap(), agreed);
        assert_eq!(negotiated(&[other, own]).await.unwrap(), agreed);
        assert_eq!(negotiated(&[]).await.unwrap(), None);
        let refused = negotiated(&[other]).await.unwrap_err().to_string();
        assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    }
}

/// (X7)
#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    for address in [app.grpc_address, app.rest_address] {
        for version in [&TLS12, &TLS13] {
            let client = authority.trusting().speaking(version);
            let stream = client.connect(address).await.unwrap();
            let spoken = stream.get_ref().1.protocol_version();
            assert_eq!(spoken, Some(version.version));
        }
        // SSL 3.0, TLS 1.0, TLS 1.1.
        for minor in 0..=2 {
            let mut old = TcpStream::connect(address).await.unwrap();
            old.write_all(&junk::old_hello(minor)).await.unwrap();
            let mut answer = Vec::new();
            let _ = old.read_to_end(&mut answer).await;
            // A fatal alert: protocol_version (RFC 8446 §6).
            assert_eq!(answer.first(), Some(&21), "3.{minor}: {answer:?}");
            assert_eq!(answer[5..], [2, 70], "3.{minor}: {answer:?}");
        }
    }
}

/// (X7) Connections are made one after the other, so a stalled handshake that held the loop up would
/// hold the next one up.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_handshake_ends_in_five_seconds_and_holds_nobody_up() {
    const HANDSHAKE: Duration = Duration::from_secs(5);
    const MARGIN: Duration = Duration::from_secs(3);
    let (authority, folder) = ground();
    let app = start(&folder).await;
    ready(&app).await;
    let hello = junk::hello(&authority.trusting());
    let begun = Instant::now();
    let mut stalled = Vec::new();
    for _ in 0..10 {
        for mut peer in [app.raw_grpc().await, app.raw_rest().await] {
            stalled.push(tokio::spawn({
                let bytes = match stalled.len() % 3 {
                    0 => Vec::new(),
                    1 => hello[..hello.len() / 2].to_vec(),
                    // Answered, and then silent.
                    _ => hello.clone(),
                };
                async move {
                    peer.write(&bytes).await;
                    peer.read_to_end().await
                }
            }));
        }
        let mut trickling = app.raw_grpc().await;
        let hello = hello.clone();
        stalled.push(tokio::spawn(async move { trickling.trickle(&hello).await }));
    }
    let client = Client::over(authority.trusting().channel(app.grpc_address));
    let user = client.registered().await;
    assert!(
        !stalled.iter().any(JoinHandle::is_finished),
        "it had to wait"
    );
    assert!(client.is_valid(&user.email, PASSWORD).await);
    for peer in stalled {
        peer.await.unwrap();
    }
    let gone = begun.elapsed();
    assert_within(gone, HANDSHAKE + MARGIN);
    figure("X7", format_args!("30 stalled handshakes gone in {gone:?}"));
}

/// (X4) (X7)
#[tokio::test(flavor = "multi_thread")]
async fn handshakes_count_against_the_cap_and_make_room() {
    let (authority, folder) = ground();
    let plan = plan(Database::Sqlite, &folder).await;
    let app = plan
        .settings(|settings| settings.server.connections.max = 2)
        .start()
        .await;
    ready(&app).await;
    let mut silent = [app.raw_grpc().await, app.raw_rest().await];
    eventually("the silent ones are accepted", async || {
        let metrics = app.operations().get("/metrics").await.body;
        String::from_utf8_lossy(&metrics).contains("\nvestibule_connections_open 2\n")
    })
    .await;
    let client = Client::over(authority.trusting().channel(app.grpc_address));
    client.validate("a token").await.unwrap();
    assert_eq!(silent[0].read_to_end().await, b"");
}

/// (X7) Of all that the process has open, what listens is what is documented.
#[tokio::test(flavor = "multi_thread")]
async fn no_port_is_open_but_the_documented_ones() {
    let (_, folder) = ground();
    let store = Store::new(Database::Sqlite).await;
    let variables = folder.variables();
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let service = ServerProcess::start(&store, &[], &variables);
    service.await_ready().await;
    assert_eq!(service.listening_ports(), [8080, 9090, 50051]);
    service.signal("INT").await;
    assert_eq!(service.finish().await.code(), Some(0));
}

/// (W50) With TLS on, whoever made the certificate and even with one that the files no longer hold.
#[tokio::test(flavor = "multi_thread")]
async fn the_healthcheck_speaks_tls_where_the_server_does() {
    let (_, folder) = ground();
    let store = Store::new(Database::Sqlite).await;
    let variables = folder.variables();
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let service = ServerProcess::start(&store, &[], &variables);
    service.await_ready().await;
    let address = service.grpc_address().to_string();
    let certificate = folder.path("tls.crt");
    let check = async |arguments: &[&str]| {
        let dial = ["healthcheck", "--grpc-listen", &address];
        let ended = ServerProcess::run(&[&dial, arguments].concat(), &[]).await;
        (ended.code(), ended.stdout)
    };
    let with_tls = ["--tls-certificate", certificate.to_str().unwrap()];
    assert_eq!(check(&with_tls).await, (Some(0), "SERVING\n".to_owned()));
    folder.write("tls.crt", "spoilt");
    assert_eq!(check(&with_tls).await, (Some(0), "SERVING\n".to_owned()));
    assert_eq!(check(&[]).await, (Some(1), String::new()));
    service.signal("INT").await;
    assert_eq!(service.finish().await.code(), Some(0));
    assert_eq!(check(&with_tls).await, (Some(1), String::new()));
}

/// (L5) Exit 64 before anything is bound, and the fix with it.
#[tokio::test]
async fn a_key_that_others_may_read_is_refused_at_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let (_, folder) = ground();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path("tls.key"), open).unwrap();
    let variables = folder.variables();
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let variables = [&variables[..], &[("HOME", "/nonexistent")]].concat();
    for command in [&["serve"][..], &["config", "check"]] {
        let ended = ServerProcess::run(command, &variables).await;
        assert_eq!(ended.code(), Some(64), "{}", ended.output);
        let path = folder.path("tls.key").display().to_string();
        for part in [
            "1 fault",
            "tls.key (VESTIBULE_TLS_KEY)",
            &path,
            "chmod 0640",
        ] {
            assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
        }
    }
}
