//! Certificates of clients: asked for, never demanded, believed of the configured authority alone.
//! What a call is told of them is tested beside `server`.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use vestibule::{
    auth::Callers,
    domain::{CallerName, CertificateIdentity, Clock},
};

use super::*;
use crate::harness::{HandlerGate, Health};

const VALIDATE: &str = "/vestibule.v1.AuthService/ValidateSession";
const LIMIT: Duration = Duration::from_secs(20);

/// Waits until the application is ready, and adds the caller whom the certificates of these tests
/// name: a name that nobody has is a failed proof.
async fn known(app: &Server) {
    ready(app).await;
    let callers = Callers::new(app.db.clone(), Clock::system());
    let identity = CertificateIdentity::parse("spiffe://example.org/a").unwrap();
    let name = CallerName::parse("a").unwrap();
    let deadline = tokio::time::Instant::now() + LIMIT;
    let added = callers.add(name, BTreeSet::new(), vec![identity], deadline);
    added.await.unwrap();
}

/// Whether a call over a connection of its own is answered.
async fn is_served(client: &TlsClient, app: &Server) -> bool {
    let client = Client::over(client.channel(app.grpc_address));
    client.validate("a token").await.is_ok()
}

fn id() -> Vec<SanType> {
    vec![SanType::URI("spiffe://example.org/a".try_into().unwrap())]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_expired_or_for_servers_is_refused() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    known(&app).await;
    let tls = authority.trusting();
    assert!(is_served(&tls, &app).await, "without a certificate");
    let good = authority.client("spiffe://example.org/a");
    assert!(is_served(&tls.clone().showing(&good), &app).await);
    for (what, pair) in [
        (
            "stranger",
            Authority::new().client("spiffe://example.org/a"),
        ),
        (
            "expired",
            authority.issue(|params| {
                params.subject_alt_names = id();
                params.not_after = date_time_ymd(2020, 1, 1);
            }),
        ),
        (
            "not yet valid",
            authority.issue(|params| {
                params.subject_alt_names = id();
                params.not_before = date_time_ymd(3000, 1, 1);
            }),
        ),
        (
            "of a server",
            authority.issue(|params| {
                params.subject_alt_names = id();
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
    ] {
        let client = tls.clone().showing(&pair);
        assert!(!is_served(&client, &app).await, "{what}");
    }
    assert!(is_served(&tls, &app).await);
}

/// (W58) Clients of the new authority come in, those of the old one do not any more, and no
/// certificate of the service changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_authority_of_clients_is_believed_without_a_restart() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    known(&app).await;
    let next = Authority::new();
    let [old, new] = [&authority, &next].map(|of| {
        let pair = of.client("spiffe://example.org/a");
        authority.trusting().showing(&pair)
    });
    let open = Client::over(old.channel(app.grpc_address));
    open.validate("a token").await.unwrap();
    assert!(!is_served(&new, &app).await);
    folder.install_authority(&next);
    eventually("the new authority is believed", async || {
        is_served(&new, &app).await
    })
    .await;
    assert!(!is_served(&old, &app).await);
    open.validate("a token").await.unwrap();
}

/// A client whose certificate ends in four seconds at most: the last, whole one belongs to it.
fn expiring(authority: &Authority) -> TlsClient {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end = date_time_ymd(1970, 1, 1) + Duration::from_secs(now.as_secs() + 3);
    let pair = authority.issue(|params| {
        params.subject_alt_names = id();
        params.not_after = end;
    });
    authority.trusting().showing(&pair)
}

/// A connection to the gateway on which a call was answered.
async fn idle(client: &TlsClient, app: &Server) -> TlsStream<TcpStream> {
    let client = client.clone().offering(&[REST]);
    let mut stream = client.connect(app.rest_address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream
}

/// Waits until the server closes, which it has to do with a goodbye.
async fn until_closed(mut stream: TlsStream<TcpStream>) {
    let mut answer = Vec::new();
    let read = within(LIMIT, "it is closed", stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "without a goodbye: {read:?}");
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// One that is idle and one that carries a call without an end.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_certificate_of_its_client() {
    let (authority, folder) = ground();
    let plan = plan(Database::Sqlite, &folder).await;
    let app = plan
        .settings(|settings| settings.server.grace = Duration::from_millis(100))
        .start()
        .await;
    known(&app).await;
    let other = Client::over(authority.trusting().channel(app.grpc_address));
    other.validate("a token").await.unwrap();
    let tls = expiring(&authority);
    let lasting = idle(&authority.trusting(), &app).await;
    let rest = idle(&tls, &app).await;
    let health = Health::over(tls.channel(app.grpc_address));
    let mut watch = health.watch("").await;
    assert_eq!(watch.message().await.unwrap().unwrap().status, SERVING);

    until_closed(rest).await;
    // Older and as idle, so it was no time-out that closed the other.
    let answers = welcome(lasting).await.matches("HTTP/1.1 200").count();
    assert_eq!(answers, 2);
    let end = within(LIMIT, "the watch ends", watch.message()).await;
    assert!(end.is_err(), "{end:?}");
    assert!(!is_served(&tls, &app).await, "an expired certificate");
    other.validate("a token").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_began_in_time_is_answered_after_the_certificate_has_expired() {
    let (authority, folder) = ground();
    let gate = HandlerGate::before(VALIDATE);
    let plan = plan(Database::Sqlite, &folder).await.handler_gate(&gate);
    let app = plan.start().await;
    known(&app).await;
    let tls = expiring(&authority);
    let rest = idle(&tls, &app).await;
    let client = Client::over(tls.channel(app.grpc_address));
    let call = tokio::spawn(async move { client.validate("a token").await });
    gate.await_arrived(VALIDATE, 1).await;
    until_closed(rest).await;
    gate.open();
    call.await.unwrap().unwrap();
}
