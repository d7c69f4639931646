//! The accept loop and its connections over real sockets, with a service of three routes.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, body::Body, routing::get};
use http_body_util::BodyExt;
use hyper::{Request, Uri};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    server::{connection::ShutdownSignals, http::Http},
    transport::Proxies,
};

/// A port where `/` answers, `/held` waits for the test and `/broken` panics.
struct Port {
    address: SocketAddr,
    signals: ShutdownSignals,
    tasks: TaskTracker,
    entered: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Port {
    async fn open(http: Http, connections: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = Self {
            address: listener.local_addr().unwrap(),
            signals: ShutdownSignals {
                closing: CancellationToken::new(),
                abort: CancellationToken::new(),
            },
            tasks: TaskTracker::new(),
            entered: Arc::new(Semaphore::new(0)),
            released: Arc::new(Semaphore::new(0)),
        };
        let (signals, tasks) = (port.signals.clone(), port.tasks.clone());
        let connections_of_port = Connections::new(http, port.service(), signals, tasks);
        let limit = ConnectionLimit::new(connections, Proxies::default());
        tokio::spawn(accept_connections(
            "test",
            listener,
            limit,
            connections_of_port,
        ));
        port
    }

    fn service(&self) -> Router {
        let (entered, released) = (Arc::clone(&self.entered), Arc::clone(&self.released));
        let held = async move || {
            entered.add_permits(1);
            released.acquire().await.unwrap().forget();
            "finished"
        };
        Router::new()
            .route("/", get(async || "fine"))
            .route("/held", get(held))
            .route(
                "/broken",
                get(async || -> &str { panic!("broken on purpose") }),
            )
    }

    /// Starts a call of `/held`, and signals closing once it is in flight.
    async fn call_while_closing(&self, http: Http) -> JoinHandle<Option<String>> {
        let uri = self.uri("/held");
        let call = tokio::spawn(async move { get_text(&client(http), uri).await });
        self.entered.acquire().await.unwrap().forget();
        self.signals.closing.cancel();
        call
    }

    /// Closes the port and resolves when it has no connection left.
    async fn closed(&self) {
        self.signals.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection that sends HTTP/2's preface and settings, and nothing more.
    async fn connect_mute_http2(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        stream.write_all(hello).await.unwrap();
        // The server's own SETTINGS.
        stream.read_u8().await.unwrap();
        stream
    }

    fn uri(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.address).parse().unwrap()
    }
}

fn client(http: Http) -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new())
        .http2_only(http == Http::Two)
        .build_http()
}

async fn get_text(client: &Client<HttpConnector, Body>, uri: Uri) -> Option<String> {
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let body = client.request(request).await.ok()?.into_body();
    let bytes = body.collect().await.ok()?.to_bytes();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

/// Whether the server has closed the connection; bytes that come before are skipped.
async fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read_to_end(&mut Vec::new()).await {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

/// The keepalive of HTTP/2 closes the connection of a peer that vanished.
#[tokio::test]
async fn a_peer_that_answers_no_ping_is_disconnected_within_a_minute() {
    let port = Port::open(Http::Two, 10).await;
    let mut mute = port.connect_mute_http2().await;
    tokio::time::pause();
    let start = Instant::now();
    assert!(is_closed(&mut mute).await);
    let seconds = start.elapsed().as_secs();
    assert!((30..60).contains(&seconds), "{seconds} s");
}

/// (X8)
#[tokio::test]
async fn closing_the_port_closes_silent_and_idle_connections() {
    for http in [Http::One, Http::Two] {
        let port = Port::open(http, 10).await;
        let mut silent = port.connect().await;
        // Its call proves that the silent connection before it was accepted.
        let client = client(http);
        let text = get_text(&client, port.uri("/")).await;
        assert_eq!(text.as_deref(), Some("fine"));

        port.closed().await;
        assert!(is_closed(&mut silent).await, "{http:?}");
        assert!(TcpStream::connect(port.address).await.is_err(), "{http:?}");
    }
}

/// (X8)
#[tokio::test]
async fn closing_lets_a_call_in_flight_finish() {
    for http in [Http::One, Http::Two] {
        let port = Port::open(http, 10).await;
        let call = port.call_while_closing(http).await;
        port.released.add_permits(1);
        port.closed().await;
        let text = call.await.unwrap();
        assert_eq!(text.as_deref(), Some("finished"), "{http:?}");
    }
}

/// (X8)
#[tokio::test]
async fn a_peer_that_ignores_goaway_cannot_keep_the_port_open() {
    let port = Port::open(Http::Two, 10).await;
    let mut mute = port.connect_mute_http2().await;
    port.closed().await;
    assert!(is_closed(&mut mute).await);
}

/// (X8)
#[tokio::test]
async fn a_call_that_never_ends_is_dropped_at_the_abort() {
    for http in [Http::One, Http::Two] {
        let port = Port::open(http, 10).await;
        let call = port.call_while_closing(http).await;
        port.signals.abort.cancel();
        port.closed().await;
        assert_eq!(call.await.unwrap(), None, "{http:?}");
    }
}

/// (C5)
#[tokio::test]
async fn a_panic_ends_its_own_call_and_the_next_is_served() {
    for http in [Http::One, Http::Two] {
        let port = Port::open(http, 10).await;
        let client = client(http);
        assert_eq!(get_text(&client, port.uri("/broken")).await, None);
        let text = get_text(&client, port.uri("/")).await;
        assert_eq!(text.as_deref(), Some("fine"), "{http:?}");
    }
}

/// (X4)
#[tokio::test]
async fn at_the_cap_a_connection_without_a_request_is_evicted_for_a_new_one() {
    let port = Port::open(Http::Two, 1).await;
    let mut mute = port.connect_mute_http2().await;
    let client = client(Http::Two);
    let text = get_text(&client, port.uri("/")).await;
    assert_eq!(text.as_deref(), Some("fine"));
    assert!(is_closed(&mut mute).await);

    let mut refused = port.connect().await;
    assert!(is_closed(&mut refused).await);
    let text = get_text(&client, port.uri("/")).await;
    assert_eq!(text.as_deref(), Some("fine"), "the busy one stays");
}
