//! A gRPC client that costs as little as one can that speaks real HTTP/2: it shares the cores with
//! the server, so whatever it spends the server lacks. It is h2 alone, with messages encoded before
//! the run and answers that are compared and not decoded; tonic's channel (buffer, layers, boxed
//! futures, decoding) costs about twice as much a call.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::{HeaderMap, Method, Request, header};
use tokio::net::TcpStream;

use crate::{Failure, Result, calls::Rpc};

/// Answers are small; the driver never makes the server wait for room.
const WINDOW: u32 = 16 * 1024 * 1024;
/// The length prefix of a gRPC message.
const PREFIX: usize = 5;
const OK: &[u8] = b"0";
const UNAVAILABLE: &[u8] = b"14";

/// A connection; clones share it.
#[derive(Clone)]
pub(crate) struct Connection(SendRequest<Bytes>);

/// What became of a call that was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// OK, and the message begins as it should.
    Good,
    /// UNAVAILABLE: the server has too much to do, or is not ready.
    Refused,
}

impl Connection {
    /// Connects; the connection is driven by a task of its own.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (client, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .enable_push(false)
            .handshake(stream)
            .await?;
        // Where it breaks every call on it fails, which is told there.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self(client))
    }

    /// One unary call, and the time from its sending to the end of its answer.
    ///
    /// # Errors
    /// Anything but a good answer or a refusal: the figures would be of something else.
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
            Some(trailers) => judge(rpc, &trailers, &first)?,
            None => judge(rpc, &head.headers, &first)?,
        };
        Ok((answer, sent.elapsed()))
    }
}

/// Reads what else there is, and gives the window back.
async fn drain(body: &mut RecvStream, first: usize) -> Result<()> {
    body.flow_control().release_capacity(first)?;
    while let Some(chunk) = body.data().await {
        let length = chunk?.len();
        body.flow_control().release_capacity(length)?;
    }
    Ok(())
}

/// Only a good answer counts: a wrong one is often the cheaper one.
fn judge(rpc: Rpc, headers: &HeaderMap, first: &[u8]) -> Result<Answer> {
    let text = |name: &str| headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    match text("grpc-status") {
        OK if first
            .get(PREFIX..)
            .is_some_and(|it| it.starts_with(rpc.good)) =>
        {
            Ok(Answer::Good)
        }
        UNAVAILABLE => Ok(Answer::Refused),
        code => Err(wrong(rpc, code, text("grpc-message"), first)),
    }
}

fn wrong(rpc: Rpc, code: &[u8], message: &[u8], first: &[u8]) -> Failure {
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
