//! A small client of the HTTP ports.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use super::fault::assert_tells_nothing;

/// A client of one HTTP port.
#[derive(Clone)]
pub(crate) struct Rest {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Connects without Nagle's algorithm, as gRPC clients do: with it each small message waits for the
/// server's delayed acknowledgement (RFC 9293, section 3.7.4).
pub(super) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Rest {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build(connector()),
        }
    }

    /// Starts a request; `path` begins with a slash.
    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method.parse::<Method>().unwrap())
            .uri(format!("http://{}{path}", self.address))
    }

    /// Sends a request that must be answered.
    pub(crate) async fn send(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Reply {
        self.try_send(request, body).await.unwrap()
    }

    /// Sends a request; `None` where the connection ended without an answer.
    pub(crate) async fn try_send(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Option<Reply> {
        let request = request.body(Full::new(body.into())).unwrap();
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        Some(Reply {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.ok()?.to_bytes(),
        })
    }

    /// `GET`.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path), "").await
    }

    /// `GET` with a session token.
    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Reply {
        let request = self.request("GET", path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request, "").await
    }

    /// `POST` with a body of some type.
    pub(crate) async fn post(&self, path: &str, kind: &str, body: impl Into<Bytes>) -> Reply {
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, kind);
        self.send(request, body).await
    }

    /// `POST /users` with JSON.
    pub(crate) async fn register(&self, email: &str, password: &str) -> Reply {
        let body = serde_json::json!({"email": email, "password": password});
        self.post("/users", "application/json", body.to_string())
            .await
    }
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// A header's text; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The reason of a problem; whatever must be true of every problem is checked here.
    pub(crate) fn reason(&self) -> String {
        let problem = self.json();
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(
            text("type"),
            format!("urn:vestibule:error:{}", text("reason"))
        );
        assert_eq!(text("request_id"), self.header("x-request-id"));
        for key in ["title", "detail", "message", "reason", "request_id"] {
            assert!(!text(key).is_empty(), "{key} is empty in {problem}");
        }
        assert_tells_nothing(&self.text());
        text("reason")
    }

    /// Field and reason of each fault.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let problem = self.json();
        let faults = problem["errors"].as_array().cloned().unwrap_or_default();
        let text = |fault: &Value, key: &str| fault[key].as_str().unwrap().to_owned();
        faults
            .iter()
            .map(|fault| (text(fault, "field"), text(fault, "reason")))
            .collect()
    }
}
