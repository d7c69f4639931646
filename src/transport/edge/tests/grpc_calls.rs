//! gRPC calls through the edge.

use http_body::Frame;
use http_body_util::StreamBody;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_server::{Health, HealthServer},
};

use super::*;

const WATCH: &str = "/grpc.health.v1.Health/Watch";

async fn call<F, Fut>(request: http::request::Builder, handler: F) -> Response<Body>
where
    F: Fn(Request<Body>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    through(settings(), Protocol::Grpc, request, handler).await
}

fn login() -> http::request::Builder {
    grpc_request(VALID_LOGIN)
}

/// (C5)
#[tokio::test]
async fn a_panic_is_internal_and_tells_nothing_of_itself() {
    let answer = call(login(), panics).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    assert_eq!(
        code_and_reason(answer.headers()),
        (Code::Internal, "INTERNAL".into())
    );
    assert!(!format!("{:?}", answer.headers()).contains("canary"));
}

/// (W13)
#[tokio::test]
async fn the_clients_deadline_and_ours_are_deadline_exceeded() {
    let expected = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into());
    let answer = call(login().header("grpc-timeout", "5m"), never).await;
    assert_eq!(code_and_reason(answer.headers()), expected);
    let ours = short(Duration::from_millis(5));
    let answer = through(ours, Protocol::Grpc, login(), never).await;
    assert_eq!(code_and_reason(answer.headers()), expected);
}

#[tokio::test]
async fn a_deadline_that_passed_on_arrival_starts_no_handler() {
    let answer = call(login().header("grpc-timeout", "0n"), panics).await;
    assert_eq!(code_and_reason(answer.headers()).0, Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_malformed_timeout_starts_no_handler() {
    let answer = call(login().header("grpc-timeout", "soon"), panics).await;
    let expected = (Code::InvalidArgument, "MALFORMED_REQUEST".into());
    assert_eq!(code_and_reason(answer.headers()), expected);
}

#[tokio::test]
async fn handlers_are_told_the_shorter_deadline() {
    async fn seconds_left(request: http::request::Builder) -> String {
        let answer = call(request, |request: Request<Body>| async move {
            let context: &CallContext = request.extensions().get().unwrap();
            let left = context.deadline - Instant::now();
            Response::new(Body::from(left.as_secs().to_string()))
        });
        text(answer.await).await
    }
    assert_eq!(seconds_left(login()).await, "59");
    let shorter = login().header("grpc-timeout", "30S");
    assert_eq!(seconds_left(shorter).await, "29");
    let longer = login().header("grpc-timeout", "2H");
    assert_eq!(seconds_left(longer).await, "59");
}

/// (X8)
#[tokio::test]
async fn what_the_drain_cuts_is_unavailable() {
    let settings = settings();
    let cut = settings.cut.clone();
    let cuts_itself = move |_| {
        cut.cancel();
        pending()
    };
    let expected = (Code::Unavailable, "UNAVAILABLE".to_owned());
    let answer = through(settings.clone(), Protocol::Grpc, login(), cuts_itself).await;
    assert_eq!(code_and_reason(answer.headers()), expected);
    let after = through(settings, Protocol::Grpc, login(), panics).await;
    assert_eq!(
        code_and_reason(after.headers()),
        expected,
        "no handler starts now"
    );
}

#[tokio::test]
async fn the_request_id_is_kept_or_made() {
    let kept = call(login().header("x-request-id", "r-1"), ok).await;
    assert_eq!(kept.headers()["x-request-id"], "r-1");
    let made = call(login(), panics).await;
    assert_eq!(made.headers()["x-request-id"].len(), 32);
}

#[tokio::test]
async fn a_seam_is_awaited_with_the_path_and_within_the_deadline() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let held = EdgeSettings {
        before_handler: Some(Arc::new(move |path| {
            assert_eq!(path, VALID_LOGIN);
            counter.fetch_add(1, Ordering::SeqCst);
            Box::pin(pending())
        })),
        ..short(Duration::from_millis(5))
    };
    let answer = through(held, Protocol::Grpc, login(), panics).await;
    assert_eq!(code_and_reason(answer.headers()).0, Code::DeadlineExceeded);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

/// (I2)
#[tokio::test]
async fn what_is_not_grpc_is_answered_as_http() {
    let of = |content_type| Request::post(VALID_LOGIN).header("content-type", content_type);
    let get = Request::get(VALID_LOGIN).header("content-type", "application/grpc");
    for (request, status) in [
        (of("application/json"), 415),
        (of("application/grpc-web"), 415),
        (of("application/grpc+json"), 415),
        (Request::post(VALID_LOGIN), 415),
        (get, 405),
    ] {
        let answer = call(request, panics).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("allow"), status == 405);
        assert_eq!(json(answer).await["reason"], "UNSUPPORTED");
    }
}

#[tokio::test]
async fn a_stream_ends_by_its_own_timeout_alone() {
    let silent = |_| async {
        let nothing = futures_util::stream::pending::<io::Result<Bytes>>();
        Response::new(Body::from_stream(nothing))
    };
    let settings = short(Duration::ZERO);
    let request = grpc_request(WATCH).header("grpc-timeout", "5m");
    let answer = through(settings.clone(), Protocol::Grpc, request, silent).await;
    let body = answer.into_body().collect().await.unwrap();
    let expected = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into());
    let trailers = body.trailers().unwrap();
    assert_eq!(code_and_reason(trailers), expected);
    assert!(!trailers.contains_key("content-type"));

    let cut = settings.cut.clone();
    let answer = through(settings, Protocol::Grpc, grpc_request(WATCH), silent).await;
    cut.cancel();
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(
        code_and_reason(body.trailers().unwrap()).0,
        Code::Unavailable
    );
}

#[tokio::test]
async fn a_streams_own_status_gets_a_reason() {
    let stream = |_| async {
        let status = Status::not_found("no such symbol").into_http::<()>();
        let frames = [
            Frame::data(Bytes::from_static(b"message")),
            Frame::trailers(status.headers().clone()),
        ];
        let frames = frames.map(Ok::<_, io::Error>);
        Response::new(Body::new(StreamBody::new(futures_util::stream::iter(
            frames,
        ))))
    };
    let answer = call(grpc_request(WATCH), stream).await;
    let body = answer.into_body().collect().await.unwrap();
    let expected = (Code::NotFound, "UNSUPPORTED".into());
    assert_eq!(code_and_reason(body.trailers().unwrap()), expected);
    assert_eq!(body.to_bytes(), "message");
}

/// A service as tonic generates it, for what its codec answers by itself.
struct Probe;

#[tonic::async_trait]
impl Health for Probe {
    async fn check(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        Err(Status::not_found("unknown service"))
    }

    type WatchStream = futures_util::stream::Pending<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

async fn probe(request: http::request::Builder, body: &'static [u8]) -> Response<Body> {
    let health = HealthServer::new(Probe).max_decoding_message_size(64 * 1024);
    let routes = tonic::service::Routes::new(health);
    let edge = Edge::new(routes, Protocol::Grpc, settings());
    edge.oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap()
}

/// A label, the path, the body, and the expected code and reason.
type Case = (
    &'static str,
    &'static str,
    &'static [u8],
    (Code, &'static str),
);

/// (I1) (W20)
#[tokio::test]
async fn what_tonic_answers_by_itself_gets_a_code_and_a_reason_of_ours() {
    const CHECK: &str = "/grpc.health.v1.Health/Check";
    const UNSUPPORTED: (Code, &str) = (Code::Unimplemented, "UNSUPPORTED");
    const MALFORMED: (Code, &str) = (Code::InvalidArgument, "MALFORMED_REQUEST");
    const TOO_LARGE: (Code, &str) = (Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    let cases: [Case; 10] = [
        ("no such service", "/a/b", b"", UNSUPPORTED),
        (
            "no such RPC",
            "/grpc.health.v1.Health/No",
            b"\0\0\0\0\0",
            UNSUPPORTED,
        ),
        (
            "a handler's own",
            CHECK,
            b"\0\0\0\0\0",
            (Code::NotFound, "UNSUPPORTED"),
        ),
        ("no message", CHECK, b"", MALFORMED),
        ("cut short", CHECK, b"\0\0\0\0\x05ab", MALFORMED),
        ("no protobuf", CHECK, b"\0\0\0\0\x01\xff", MALFORMED),
        ("no UTF-8", CHECK, b"\0\0\0\0\x03\x0a\x01\xff", MALFORMED),
        (
            "compressed, not saying how",
            CHECK,
            b"\x01\0\0\0\0",
            MALFORMED,
        ),
        (
            "a flag that does not exist",
            CHECK,
            b"\x07\0\0\0\0",
            MALFORMED,
        ),
        ("4 GiB", CHECK, b"\0\xff\xff\xff\xff", TOO_LARGE),
    ];
    for (what, path, body, (code, reason)) in cases {
        let answer = probe(grpc_request(path), body).await;
        assert_eq!(
            code_and_reason(answer.headers()),
            (code, reason.to_owned()),
            "{what}"
        );
    }
    let compressed = grpc_request(CHECK).header("grpc-encoding", "gzip");
    let answer = probe(compressed, b"\x01\0\0\0\0").await;
    assert_eq!(code_and_reason(answer.headers()).0, Code::Unimplemented);
    assert!(answer.headers().contains_key("grpc-accept-encoding"));
}
