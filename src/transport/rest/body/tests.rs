//! Two readers must never see two different requests in one body.

use std::io;

use futures_util::{StreamExt, stream};
use http::{HeaderName, HeaderValue, Request, header::CONTENT_TYPE};
use proptest::prelude::*;

use super::*;
use crate::proto::v1::ErrorReason;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

async fn refused_with(
    headers: impl IntoIterator<Item = (HeaderName, &'static str)>,
    body: impl Into<Body>,
) -> Option<ErrorReason> {
    let (mut request, ()) = Request::new(()).into_parts();
    request.headers = headers
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    let fields = read_fields(&request, body.into()).await;
    fields.err().map(|failure| failure.code().reason)
}

async fn refused(content_type: &'static str, body: impl Into<Body>) -> Option<ErrorReason> {
    refused_with([(CONTENT_TYPE, content_type)], body).await
}

#[test]
fn json_fields_are_read_with_their_escapes() {
    let fields =
        json::parse(r#" {"email":"a\u00e9\ud83d\ude00","n":[1,{"a":null}],"b":""} "#).unwrap();
    assert_eq!(fields.text("email"), Some("aé😀"));
    assert_eq!(fields.text("n"), None, "not text");
    assert_eq!(
        (fields.text("b"), fields.text("missing")),
        (Some(""), Some(""))
    );
    assert_eq!(fields.unknown(&["email"]), ["b", "n"]);
}

#[test]
fn json_that_could_be_read_in_two_ways_is_malformed() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(7000), "]".repeat(7000));
    for bad in [
        "",
        " ",
        "[]",
        "null",
        "\"text\"",
        r#"{"a":"1","a":"1"}"#,
        r#"{"a":"1","\u0061":"2"}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00\ud800"}"#,
        r#"{"a":["\ud800"]}"#,
        r#"{"\ud800":1}"#,
        r#"{"a":"1"} x"#,
        r#"{"a":"1"}{"a":"1"}"#,
        r#"{"a":"1",}"#,
        r#"{"a":"1""#,
        r#"{a:"1"}"#,
        "{'a':'1'}",
        r#"{"a":NaN}"#,
        r#"{"a":1e999}"#,
        "{\"a\":\"\n\"}",
        "\u{feff}{}",
        &deep,
    ] {
        assert!(json::parse(bad).is_none(), "{bad:.40}");
    }
}

#[test]
fn forms_are_decoded_strictly() {
    let fields = form::parse("email=ada%40example.com&p=a+b%2Bc%c3%A9é&&empty=&bare").unwrap();
    assert_eq!(fields.text("email"), Some("ada@example.com"));
    assert_eq!(fields.text("p"), Some("a b+céé"));
    assert_eq!(
        (fields.text("empty"), fields.text("bare")),
        (Some(""), Some(""))
    );
    assert_eq!(form::parse("a==b").unwrap().text("a"), Some("=b"));
    for bad in [
        "a=%",
        "a=%4",
        "a=%zz",
        "a=%+1",
        "a=%ff",
        "a=%c3",
        "%ff=1",
        "a=%ed%a0%80",
        "a=1&a=1",
        "a=1&%61=2",
        "a&a",
    ] {
        assert!(form::parse(bad).is_none(), "{bad}");
    }
}

#[tokio::test]
async fn exactly_the_declared_media_types_are_read() {
    for good in [JSON, "application/json; charset=UTF-8"] {
        assert_eq!(refused(good, "{}").await, None);
    }
    assert_eq!(refused(FORM, "a=b").await, None);
    for bad in [
        "text/json",
        "application/json2",
        "application/merge-patch+json",
        "multipart/form-data",
        "",
        "application/json; charset=utf-16",
    ] {
        assert_eq!(
            refused(bad, "{}").await,
            Some(ErrorReason::Unsupported),
            "{bad}"
        );
    }
    let none = refused_with([], "{}").await;
    assert_eq!(none, Some(ErrorReason::Unsupported));
    let packed = refused_with([(CONTENT_TYPE, JSON), (CONTENT_ENCODING, "gzip")], "{}").await;
    assert_eq!(packed, Some(ErrorReason::Unsupported));
}

/// (I3)
#[tokio::test]
async fn one_byte_over_the_limit_is_refused() {
    let filled = |len: usize| format!("a={}", "x".repeat(len - 2));
    assert_eq!(refused(FORM, filled(BODY_MAX)).await, None);
    let over = refused(FORM, filled(BODY_MAX + 1)).await;
    assert_eq!(over, Some(ErrorReason::MessageTooLarge));
}

#[tokio::test]
async fn a_body_that_is_cut_short_or_no_text_is_malformed() {
    let parts = [Ok("{\"email\":\"a\"}"), Err(io::Error::other("reset"))];
    let cut = refused(JSON, Body::from_stream(stream::iter(parts))).await;
    assert_eq!(cut, Some(ErrorReason::MalformedRequest));
    for content_type in [JSON, FORM] {
        let latin1 = refused(content_type, &b"{\"a\":\"\xe9\"}"[..]).await;
        assert_eq!(latin1, Some(ErrorReason::MalformedRequest));
    }
}

/// (X4) A client that sends nothing more does not hold the call for ever, and the time that the headers
/// took is the body's.
#[tokio::test(start_paused = true)]
async fn a_body_has_its_time_in_total() {
    const HEADERS: Duration = Duration::from_secs(5);
    let (mut request, ()) = Request::new(()).into_parts();
    request
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let start = Instant::now();
    request.extensions.insert(AwaitedSince(start));
    tokio::time::advance(HEADERS).await;
    let silent = Body::from_stream(stream::pending::<io::Result<Bytes>>());
    let slow = read_fields(&request, silent).await;
    assert_eq!(
        slow.err().map(|failure| failure.code().reason),
        Some(ErrorReason::DeadlineExceeded)
    );
    assert_eq!(start.elapsed().as_secs(), BODY_TIME.as_secs());
}

/// One that is too large has no time of its own.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_discarded_within_its_time() {
    let large = stream::iter([Ok::<_, io::Error>(Bytes::from(vec![b' '; BODY_MAX + 1]))]);
    let large = Body::from_stream(large.chain(stream::pending()));
    let until = Instant::now() + DISCARD_TIME / 2;
    let outcome = read_body(large, until).await;
    assert!(matches!(outcome, Err(Failure::MessageTooLarge)));
    assert!(until.elapsed() < DISCARD_TIME / 4);
}

/// Another spelling of the same text: each byte as a number.
fn escaped(mark: &str, digits: usize, text: &str) -> String {
    let bytes: Vec<String> = text
        .bytes()
        .map(|byte| format!("{mark}{byte:0digits$x}"))
        .collect();
    bytes.concat()
}

proptest! {
    /// (I1)
    #[test]
    fn no_text_panics(text in any::<String>(), jsonish in "[\\[\\]{}\",:a0\\\\ud8 ]{0,40}", formish in "[a=&%+f0-9]{0,30}") {
        for text in [text, jsonish, formish] {
            let _ = (json::parse(&text).is_some(), form::parse(&text).is_some());
        }
    }

    /// What was sent is what is read, in both formats.
    #[test]
    fn any_text_survives_both_formats(name in any::<String>(), value in any::<String>()) {
        let object = serde_json::to_string(&serde_json::Map::from_iter([(name.clone(), value.clone().into())])).unwrap();
        let parsed = json::parse(&object).unwrap();
        prop_assert_eq!(parsed.text(&name), Some(&*value));
        let pair = format!("{}={}", escaped("%", 2, &name), escaped("%", 2, &value));
        let parsed = form::parse(&pair).unwrap();
        prop_assert_eq!(parsed.text(&name), Some(&*value));
    }

    /// A name that comes twice is refused however it is spelt.
    #[test]
    fn a_repeated_name_is_never_read(name in "[a-z]{1,8}", first in "[a-z0-9]{0,8}", second in "[a-z0-9]{0,8}") {
        let spelt = escaped("\\u", 4, &name);
        let object = format!("{{\"{name}\":\"{first}\",\"{spelt}\":\"{second}\"}}");
        prop_assert!(json::parse(&object).is_none());
        let spelt = escaped("%", 2, &name);
        let form = format!("{name}={first}&{spelt}={second}");
        prop_assert!(form::parse(&form).is_none());
    }
}
