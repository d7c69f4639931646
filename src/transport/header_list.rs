//! The size of a header list: as HTTP/2 counts it (RFC 9113 §6.5.2), and by what it takes of our memory,
//! which a peer multiplies by sending an index of one byte for each field (RFC 7541 §6.1).

use http::{
    HeaderMap, Request,
    header::CONTENT_TYPE,
    uri::{Authority, PathAndQuery},
};

use super::request_id::{TRACEPARENT, X_REQUEST_ID};

/// The largest header list that is served, in bytes.
const HEADER_LIST_MAX: usize = 16 * 1024;
/// The most fields, as many as Envoy and Apache httpd take.
const FIELDS_MAX: usize = 100;
/// What each field counts besides its name and value.
const FIELD_OVERHEAD: usize = 32;
/// What each field takes besides its name and value.
const FIELD_MEMORY: usize = 128;

/// The size of a header list, with path and authority.
pub(crate) struct HeaderListSize {
    /// Whether it is over 16 KiB or has more than 100 fields.
    pub(crate) is_too_large: bool,
    /// The bytes that it takes of our memory.
    pub(crate) memory: usize,
}

pub(crate) fn measure<B>(request: &Request<B>) -> HeaderListSize {
    let fields = request.headers().iter();
    let uri = request.uri();
    let pseudo = [
        (":path", uri.path_and_query().map(PathAndQuery::as_str)),
        (":authority", uri.authority().map(Authority::as_str)),
    ];
    let pseudo = pseudo
        .iter()
        .filter_map(|(name, value)| Some(name.len() + (*value)?.len()));
    let lengths = fields
        .map(|(name, value)| name.as_str().len() + value.len())
        .chain(pseudo);
    let (count, text) = lengths.fold((0, 0), |(count, text), length| (count + 1, text + length));
    HeaderListSize {
        is_too_large: text + count * FIELD_OVERHEAD > HEADER_LIST_MAX
            || request.headers().len() > FIELDS_MAX,
        memory: text + count * FIELD_MEMORY,
    }
}

/// The fields by which a refusal is told.
pub(crate) fn of_refused(headers: &HeaderMap) -> HeaderMap {
    let told = [CONTENT_TYPE, X_REQUEST_ID, TRACEPARENT];
    let told = told.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_large(value_len: usize) -> bool {
        let value = "x".repeat(value_len);
        let request = http::Request::get("/").header("a", value).body(()).unwrap();
        measure(&request).is_too_large
    }

    /// (I3)
    #[test]
    fn one_byte_over_the_limit_is_too_large() {
        let around = (":path".len() + 1 + FIELD_OVERHEAD) + (1 + FIELD_OVERHEAD);
        assert!(!too_large(HEADER_LIST_MAX - around));
        assert!(too_large(HEADER_LIST_MAX - around + 1));
    }

    #[test]
    fn a_list_has_a_hundred_fields_at_most() {
        let with = |count: usize| {
            let fields = (0..count).map(|n| (n, http::Request::get("/")));
            let request = fields.fold(http::Request::get("/"), |request, (n, _)| {
                request.header(format!("a{n}"), "b")
            });
            measure(&request.body(()).unwrap())
        };
        assert!(!with(FIELDS_MAX).is_too_large);
        assert!(with(FIELDS_MAX + 1).is_too_large);
        assert!(with(FIELDS_MAX).memory > FIELDS_MAX * FIELD_MEMORY);
    }
}
