//! Requests that a page of another site makes a browser send. A form needs no permission of ours
//! (CORS), so routes that change something refuse it.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{
    HeaderMap, HeaderName, Uri,
    header::{HOST, ORIGIN},
};

use crate::transport::{failure::Failure, request_id::single};

/// What browsers say of the page that sends a request (W3C Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Passes on what is not from another origin.
pub(super) async fn refuse_foreign(request: Request, next: Next) -> Result<Response, Failure> {
    if is_foreign(request.uri(), request.headers()) {
        return Err(Failure::CrossOrigin);
    }
    Ok(next.run(request).await)
}

/// Whether a browser sent the request for a page of another origin. What is no browser sends neither
/// header; an old browser sends `Origin` alone.
fn is_foreign(uri: &Uri, headers: &HeaderMap) -> bool {
    if headers.contains_key(&SEC_FETCH_SITE) {
        let site = single(headers, &SEC_FETCH_SITE);
        return !matches!(site, Some("same-origin" | "none"));
    }
    if !headers.contains_key(ORIGIN) {
        return false;
    }
    let origin = single(headers, &ORIGIN).and_then(|origin| origin.parse::<Uri>().ok());
    let origin = origin.and_then(|origin| Some(origin.authority()?.as_str().to_ascii_lowercase()));
    let here = uri.authority().map(ToString::to_string);
    let here = here.or_else(|| single(headers, &HOST).map(str::to_owned));
    origin.is_none() || origin != here.map(|here| here.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        is_foreign(&Uri::from_static("/users"), &headers.collect())
    }

    #[test]
    fn a_page_of_another_origin_is_told_by_either_header() {
        const HERE: (&str, &str) = ("host", "api.example.com");
        for headers in [
            &[HERE][..],
            &[HERE, ("sec-fetch-site", "same-origin")],
            &[HERE, ("sec-fetch-site", "none")],
            &[HERE, ("origin", "https://api.example.com")],
            &[HERE, ("origin", "https://API.example.com")],
            // Behind a proxy that rewrites Host the browser's own word counts.
            &[
                HERE,
                ("origin", "https://www.example.com"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert!(!foreign(headers), "{headers:?}");
        }
        for headers in [
            &[HERE, ("sec-fetch-site", "cross-site")][..],
            &[HERE, ("sec-fetch-site", "same-site")],
            &[HERE, ("sec-fetch-site", "anything")],
            &[HERE, ("origin", "https://evil.example")],
            &[HERE, ("origin", "https://api.example.com:8443")],
            &[HERE, ("origin", "null")],
            &[("origin", "https://api.example.com")],
        ] {
            assert!(foreign(headers), "{headers:?}");
        }
    }
}
