//! The ids of a call: the request id of answers and logs, and the trace id that joins our logs with
//! those of other services (W3C Trace Context). What a caller sends is kept only in a form that can
//! do no harm in a log line or a header.

use http::{HeaderMap, HeaderName};

/// The header or metadata that carries the request id both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID_MAX: usize = 64;

/// The caller's request id if it is one of 1 to 64 of `[A-Za-z0-9._-]`, else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    single(headers, &X_REQUEST_ID)
        .filter(|id| {
            (1..=REQUEST_ID_MAX).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        })
        .map_or_else(random_id, str::to_owned)
}

/// The trace id of the caller's `traceparent`, else a new one.
pub(crate) fn trace_id(headers: &HeaderMap) -> String {
    single(headers, &TRACEPARENT)
        .and_then(parse_traceparent)
        .map_or_else(random_id, str::to_owned)
}

/// A header that was sent exactly once, as text.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

/// `version-trace_id-parent_id-flags` in lower-case hexadecimal. A version above 00 may go on after
/// a further dash (§4 of the recommendation).
fn parse_traceparent(text: &str) -> Option<&str> {
    let mut parts = text.splitn(5, '-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let parent_id = hex(parts.next()?, 16)?;
    hex(parts.next()?, 2)?;
    let version_fits = match version {
        "00" => parts.next().is_none(),
        other => other != "ff",
    };
    let names_something = |id: &str| id.bytes().any(|b| b != b'0');
    (version_fits && names_something(trace_id) && names_something(parent_id)).then_some(trace_id)
}

fn hex(text: &str, len: usize) -> Option<&str> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == len && text.bytes().all(is_hex)).then_some(text)
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // An id is no secret: a call without a good one is better than no call.
        tracing::error!(%error, "no random bytes for a request id");
    }
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn kept(id: &str) -> bool {
        request_id(&headers("x-request-id", &[id])) == id
    }

    #[test]
    fn a_good_request_id_is_kept_and_any_other_replaced() {
        for good in ["a", "7f.B_c-9", &"x".repeat(64)] {
            assert!(kept(good), "{good}");
        }
        for bad in ["", "a b", "a\tb", "a/b", "a\"", &"x".repeat(65)] {
            assert!(!kept(bad), "{bad}");
        }
        let twice = request_id(&headers("x-request-id", &["a", "a"]));
        assert_eq!(twice.len(), 32, "two are none: {twice}");
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn a_trace_goes_on_and_a_broken_one_starts_anew() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parse = |text: &str| trace_id(&headers("traceparent", &[text])) == id;
        assert!(parse(&format!("00-{id}-00f067aa0ba902b7-01")));
        assert!(parse(&format!("cc-{id}-00f067aa0ba902b7-01-later")));
        for bad in [
            format!("00-{id}-00f067aa0ba902b7-01-more"),
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            format!("00-{id}-00f067aa0ba902b7"),
            format!("00-{id}"),
            id.to_owned(),
        ] {
            assert!(!parse(&bad), "{bad}");
        }
        let zero = format!("00-{:032}-00f067aa0ba902b7-01", 0);
        assert_ne!(
            trace_id(&headers("traceparent", &[&zero])),
            format!("{:032}", 0)
        );
    }
}
