//! What is read from headers and paths before anybody is asked.

use http::HeaderValue;

use super::*;

fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn an_idempotency_key_is_sent_once_or_not_at_all() {
    let key = |values: &[&'static str]| {
        let headers = headers(&HeaderName::from_static("idempotency-key"), values);
        idempotency_key(&headers).map(str::to_owned)
    };
    assert_eq!(key(&[]).as_deref(), Some(""));
    assert_eq!(key(&["a"]).as_deref(), Some("a"));
    assert_eq!(key(&[""]), None);
    assert_eq!(key(&["a", "a"]), None);
}
