//! The size of a header list as HTTP/2 counts it (RFC 9113 §6.5.2), so that one that is too large is
//! answered with a reason; the library's own, larger limit only ends the stream.

use http::{
    Request,
    uri::{Authority, PathAndQuery},
};

/// The largest header list that is served, in bytes.
const HEADER_LIST_MAX: usize = 16 * 1024;
/// What each field counts besides its name and value.
const FIELD_OVERHEAD: usize = 32;

/// Whether the header list, with path and authority, is over 16 KiB.
pub(crate) fn is_too_large<B>(request: &Request<B>) -> bool {
    let fields = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD);
    let uri = request.uri();
    let pseudo = [
        (":path", uri.path_and_query().map(PathAndQuery::as_str)),
        (":authority", uri.authority().map(Authority::as_str)),
    ];
    let pseudo = pseudo
        .iter()
        .filter_map(|(name, value)| Some(name.len() + (*value)?.len() + FIELD_OVERHEAD));
    fields.chain(pseudo).sum::<usize>() > HEADER_LIST_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_large(value_len: usize) -> bool {
        let value = "x".repeat(value_len);
        let request = http::Request::get("/").header("a", value).body(()).unwrap();
        is_too_large(&request)
    }

    /// (I3)
    #[test]
    fn one_byte_over_the_limit_is_too_large() {
        let around = (":path".len() + 1 + FIELD_OVERHEAD) + (1 + FIELD_OVERHEAD);
        assert!(!too_large(HEADER_LIST_MAX - around));
        assert!(too_large(HEADER_LIST_MAX - around + 1));
    }
}
