//! gRPC as HTTP/2 carries it: for messages that no generated client would make, and for answers
//! that must be compared to the byte.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::Message;
use tonic::{Code, Status};

use super::rest::connector;

/// A connection that sends what it is told to, and unlike tonic's client leaves deadlines to the
/// server.
#[derive(Clone)]
pub(crate) struct Wire {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer in its parts.
#[derive(Debug, Clone)]
pub(crate) struct WireReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Wire {
    pub(super) fn to(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build(connector());
        Self { address, client }
    }

    /// The head of a gRPC request.
    pub(crate) fn request(&self, path: &str) -> http::request::Builder {
        Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    }

    /// Calls a method of `AuthService`, or `Service/Method`, with a message of any bytes.
    pub(crate) async fn call(&self, method: &str, message: &[u8]) -> WireReply {
        self.send(self.request(&path(method)), frame(message)).await
    }

    /// The same with a message.
    pub(crate) async fn ask(&self, method: &str, message: &impl Message) -> WireReply {
        self.call(method, &message.encode_to_vec()).await
    }

    /// The same with a message and a `grpc-timeout`.
    pub(crate) async fn ask_within(
        &self,
        timeout: &str,
        method: &str,
        message: &impl Message,
    ) -> WireReply {
        let request = self.request(&path(method)).header("grpc-timeout", timeout);
        self.send(request, frame(&message.encode_to_vec())).await
    }

    /// Sends any request that must be answered.
    pub(crate) async fn send(&self, request: http::request::Builder, body: Bytes) -> WireReply {
        self.try_send(request, body).await.unwrap()
    }

    /// Sends any request; `None` where the stream or the connection ended without an answer.
    pub(crate) async fn try_send(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Option<WireReply> {
        let request = request.body(Full::new(body)).unwrap();
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        Some(WireReply::from(head, body.collect().await.ok()?))
    }
}

/// `ValidLogin` is `AuthService`'s; those of other services are named with them.
fn path(method: &str) -> String {
    if method.contains('/') {
        format!("/vestibule.v1.{method}")
    } else {
        format!("/vestibule.v1.AuthService/{method}")
    }
}

/// A message with its five bytes before it.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(message.len() + 5);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put_slice(message);
    bytes.freeze()
}

impl WireReply {
    fn from(head: http::response::Parts, body: http_body_util::Collected<Bytes>) -> Self {
        Self {
            status: head.status,
            headers: head.headers,
            trailers: body.trailers().cloned().unwrap_or_default(),
            body: body.to_bytes(),
        }
    }

    /// The gRPC status, wherever it travels.
    pub(crate) fn grpc_status(&self) -> Status {
        Status::from_header_map(&self.trailers)
            .or_else(|| Status::from_header_map(&self.headers))
            .unwrap_or_else(|| panic!("no grpc-status in {self:?}"))
    }

    /// The code alone.
    pub(crate) fn code(&self) -> Code {
        self.grpc_status().code()
    }

    /// Everything that an observer sees but the ids and the time of this call.
    pub(crate) fn visible(&self) -> (StatusCode, Vec<(String, Bytes)>, Bytes) {
        let request_id = self.headers.get("x-request-id").cloned();
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .chain(&self.trailers)
            .filter(|(name, _)| *name != "x-request-id" && *name != "date")
            .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
            .collect();
        // The details name the call's id too; ids are of one length, so the rest stays comparable.
        if let Some(id) = request_id {
            for (name, value) in &mut headers {
                if name == "grpc-status-details-bin" {
                    *value = without(self.grpc_status().details(), id.as_bytes());
                }
            }
        }
        headers.sort();
        (self.status, headers, self.body.clone())
    }
}

fn without(bytes: &[u8], id: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(at) = bytes.windows(id.len()).position(|window| window == id) {
        bytes[at..at + id.len()].fill(b'.');
    }
    bytes.into()
}
