//! A gRPC client that takes little CPU time, because it shares the cores with the server. It is h2
//! alone, with messages encoded before the run and answers that are compared and not decoded; tonic's
//! channel (buffer, layers, boxed futures, decoding) costs about twice as much a call.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::{HeaderMap, Method, Request, header};
use tokio::net::TcpStream;

use crate::{Failure, Result, calls::Rpc};

/// So large that the server never waits for the driver's window.
const WINDOW: u32 = 16 * 1024 * 1024;
/// The length prefix of a gRPC message.
const PREFIX: usize = 5;
const OK: &[u8] = b"0";
const UNAVAILABLE: &[u8] = b"14";

/// A connection; clones share it.
#[derive(Clone)]
pub(crate) struct Connection(SendRequest<Bytes>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// OK, and the message begins as expected.
    Good,
    /// UNAVAILABLE: the server is overloaded or not ready.
    Refused,
}

impl Connection {
    /// Connects; a task drives the connection.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (client, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .enable_push(false)
            .handshake(stream)
            .await?;
        // If the connection breaks, every call on it fails and reports the error.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self(client))
    }

    /// Sends a unary call; the duration is from its sending to the end of its answer.
    ///
    /// # Errors
    /// Any answer but a good one or a refusal.
    pub(crate) async fn call(&self, rpc: Rpc, message: Bytes) -> Result<(Answer, Duration)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(rpc.uri)
            .header(header::TE, "trailers")
            .header(header::CONTENT_TYPE, "application/grpc")
            .body(())?;
        let mut client = self.0.clone().ready().await?;
        let sent = Instant::now();
        let (response, mut body) = client.send_request(request, false)?;
        body.send_data(message, true)?;
        let response = response.await?;
        let (head, mut body) = response.into_parts();
        let first = body.data().await.transpose()?.unwrap_or_default();
        drain(&mut body, first.len()).await?;
        let answer = match body.trailers().await? {
            Some(trailers) => parse_answer(rpc, &trailers, &first)?,
            None => parse_answer(rpc, &head.headers, &first)?,
        };
        Ok((answer, sent.elapsed()))
    }
}

/// Reads the rest of the body, and releases the window.
async fn drain(body: &mut RecvStream, first: usize) -> Result<()> {
    body.flow_control().release_capacity(first)?;
    while let Some(chunk) = body.data().await {
        let length = chunk?.len();
        body.flow_control().release_capacity(length)?;
    }
    Ok(())
}

/// Checks the message as well, because a wrong answer is often cheaper.
fn parse_answer(rpc: Rpc, headers: &HeaderMap, first: &[u8]) -> Result<Answer> {
    let text = |name: &str| headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    match text("grpc-status") {
        OK if first
            .get(PREFIX..)
            .is_some_and(|it| it.starts_with(rpc.good)) =>
        {
            Ok(Answer::Good)
        }
        UNAVAILABLE => Ok(Answer::Refused),
        code => Err(unexpected(rpc, code, text("grpc-message"), first)),
    }
}

fn unexpected(rpc: Rpc, code: &[u8], message: &[u8], first: &[u8]) -> Failure {
    format!(
        "{} answered grpc-status {}, {:?}, {} bytes that begin with {:?}",
        rpc.uri,
        code.escape_ascii(),
        message.escape_ascii().to_string(),
        first.len(),
        first.get(PREFIX..PREFIX + 2),
    )
    .into()
}
