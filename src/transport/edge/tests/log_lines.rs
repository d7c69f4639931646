//! What a call leaves in the log.

use std::sync::{Mutex, Once};

use tracing::subscriber::DefaultGuard;

use super::*;
use crate::auth::AuthError;

/// The lines written on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn collect() -> (Self, DefaultGuard) {
        // While another thread has no subscriber, tracing would remember of a line that nobody
        // wants it.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| tracing_subscriber::fmt().with_writer(io::sink).init());

        let lines = Self::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || sink.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn traced(path: &str) -> http::request::Builder {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    grpc_request(path)
        .header("x-request-id", "r-1")
        .header("traceparent", trace)
        .extension(crate::transport::Peer(([192, 0, 2, 1], 4711).into()))
}

#[tokio::test]
async fn a_call_is_one_line_with_its_ids_and_its_outcome() {
    let (lines, _guard) = Lines::collect();
    through(settings(), Protocol::Grpc, traced(VALID_LOGIN), ok).await;
    let text = lines.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in [
        r#"request_id="r-1""#,
        r#"trace_id="4bf92f3577b34da6a3ce929d0e0e4736""#,
        r#"method="vestibule.v1.AuthService/ValidLogin""#,
        r#"protocol="grpc""#,
        r#"code="OK""#,
        "duration_ms=",
        "peer=192.0.2.1:4711",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("reason"));
}

/// (L1)
#[tokio::test]
async fn what_a_caller_made_up_is_not_logged() {
    let (lines, _guard) = Lines::collect();
    let grpc = traced("/canary/canary").header("canary", "canary");
    through(settings(), Protocol::Grpc, grpc, ok).await;
    for path in ["/canary", "/users/canary", "/users?email=canary"] {
        let rest = Request::builder().method("CANARY").uri(path);
        through(settings(), Protocol::Rest, rest, panics).await;
    }
    let text = lines.text().to_lowercase();
    assert!(!text.contains("canary"), "{text}");
    for method in [
        "\"unknown\"",
        "\"unknown /users/{id}\"",
        "\"unknown /users\"",
    ] {
        assert!(text.contains(method), "{method} in {text}");
    }
}

#[tokio::test]
async fn a_cause_is_logged_once_with_its_chain() {
    let (lines, _guard) = Lines::collect();
    through(settings(), Protocol::Grpc, traced(VALID_LOGIN), |_| {
        let failure = Failure::from(AuthError::Internal("the pool is closed".into()));
        ready(Status::from(failure).into_http())
    })
    .await;
    let text = lines.text();
    let chain = r#"cause="internal error: the pool is closed""#;
    assert_eq!(text.matches(chain).count(), 1, "{text}");
    assert!(
        text.contains(r#"code="INTERNAL" reason="INTERNAL""#),
        "{text}"
    );
    assert_eq!(text.matches("r-1").count(), 2, "both lines name the call");
}

#[tokio::test]
async fn a_call_whose_client_went_away_is_logged_as_cancelled() {
    let (lines, _guard) = Lines::collect();
    drop(through(settings(), Protocol::Grpc, traced(VALID_LOGIN), ok));
    let call = through(settings(), Protocol::Grpc, traced(VALID_LOGIN), never);
    assert!(call.now_or_never().is_none());
    let text = lines.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(r#"code="CANCELLED""#), "{text}");
}

#[tokio::test]
async fn a_stream_is_logged_when_it_ends() {
    let (lines, _guard) = Lines::collect();
    let watch = traced("/grpc.health.v1.Health/Watch").header("grpc-timeout", "5m");
    let answer = through(settings(), Protocol::Grpc, watch, |_| {
        let nothing = futures_util::stream::pending::<io::Result<Bytes>>();
        ready(Response::new(Body::from_stream(nothing)))
    });
    let answer = answer.await;
    assert_eq!(lines.text(), "");
    drop(answer.into_body().collect().await);
    assert!(lines.text().contains(r#"code="DEADLINE_EXCEEDED""#));
}
