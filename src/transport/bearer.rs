//! `Authorization: Bearer …` (RFC 6750 §2.1), which end users' clients and callers send alike.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::request_id::single;

/// The token of the header, where it was sent exactly once.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    token(single(headers, &AUTHORIZATION)?)
}

/// Whether any value of the header begins like tokens of a kind, `vck_`.
pub(crate) fn any_bearer_is(prefix: &str, headers: &HeaderMap) -> bool {
    headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value: &HeaderValue| token(value.to_str().ok()?))
        .any(|token| token.starts_with(prefix))
}

fn token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn exactly_one_bearer_token_is_taken() {
        for good in ["Bearer x", "bearer x", "BEARER  x"] {
            assert_eq!(bearer(&headers(&[good])), Some("x"), "{good}");
        }
        for bad in ["", "Bearer", "Basic x", "Bearerx", "x"] {
            assert_eq!(bearer(&headers(&[bad])), None, "{bad:?}");
        }
        assert_eq!(bearer(&headers(&["Bearer "])), Some(""));
        assert_eq!(bearer(&headers(&[])), None);
        assert_eq!(bearer(&headers(&["Bearer x", "Bearer x"])), None);
    }

    #[test]
    fn a_kind_is_found_in_any_value() {
        let is = |values: &[&'static str]| any_bearer_is("vck_", &headers(values));
        assert!(is(&["Bearer vck_x"]) && is(&["Bearer vst_x", "bearer  vck_x"]));
        assert!(!is(&["Bearer vst_vck_"]) && !is(&["vck_x"]) && !is(&[]));
    }
}
