//! The media type of a request: only exactly the declared ones are read.

use http::{HeaderMap, header::CONTENT_TYPE};

use super::request_id::single;

/// The type without its parameters, in lower case, if there is exactly one and its text is UTF-8.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut parts = single(headers, &CONTENT_TYPE)?.split(';');
    let essence = parts.next()?.trim().to_ascii_lowercase();
    parts.all(is_harmless).then_some(essence)
}

/// Only a charset could change what the bytes mean.
fn is_harmless(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_harmless_parameters_do_not_matter() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, text.parse().unwrap());
            media_type(&headers)
        };
        for same in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"; v=1",
            "application/json;",
        ] {
            assert_eq!(read(same).as_deref(), Some("application/json"), "{same}");
        }
        assert_eq!(read("application/json; charset=latin1"), None);
        assert_eq!(media_type(&HeaderMap::new()), None);
    }

    #[test]
    fn two_types_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_TYPE, "application/json".parse().unwrap());
        headers.append(CONTENT_TYPE, "text/plain".parse().unwrap());
        assert_eq!(media_type(&headers), None);
    }
}
