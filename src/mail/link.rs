//! The links in mails. The token is in the fragment, which browsers do not send: it appears in no
//! access log and in no `Referer`.

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

/// The base URL of the pages that links open. The pages belong to the application, not to Vestibule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkBase {
    /// The URL without a slash at its end.
    base: String,
    site: String,
}

/// Why a text is not a base URL of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkBaseFault {
    /// It is not a URL with a host.
    #[error("is no URL")]
    NoUrl,
    /// Tokens would cross a network unencrypted.
    #[error("is not https")]
    Plaintext,
    /// It has a user name, which would reveal a password, or a query or fragment, where the token goes.
    #[error("has a user name, a query or a fragment")]
    Surplus,
}

impl LinkBase {
    /// Accepts an https URL, or an http URL of a loopback host.
    pub fn parse(text: &str) -> Result<Self, LinkBaseFault> {
        let url = Url::parse(text).map_err(|_| LinkBaseFault::NoUrl)?;
        let host = url.host().ok_or(LinkBaseFault::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            _ => return Err(LinkBaseFault::Plaintext),
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(LinkBaseFault::Surplus);
        }
        Ok(Self {
            site: host.to_string(),
            base: url.as_str().trim_end_matches('/').to_owned(),
        })
    }

    /// The host, by which a mail names the service.
    pub(super) fn site(&self) -> &str {
        &self.site
    }

    /// The link to a page, with a token in its fragment.
    pub(super) fn page_link(&self, page: &str, token: &str) -> String {
        format!("{}/{page}#token={token}", self.base)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => IpAddr::V4(*ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_its_token_in_the_fragment() {
        for base in ["https://app.example.com", "https://app.example.com/"] {
            let base = LinkBase::parse(base).unwrap();
            let link = base.page_link("reset", "vrt_x");
            assert_eq!(link, "https://app.example.com/reset#token=vrt_x");
        }
        let base = LinkBase::parse("https://example.com:8443/my/app/").unwrap();
        let link = base.page_link("verify", "vvt_x");
        assert_eq!(link, "https://example.com:8443/my/app/verify#token=vvt_x");
        assert_eq!(base.site(), "example.com");
    }

    #[test]
    fn plaintext_is_accepted_for_loopback_only() {
        for good in [
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:3000/app",
        ] {
            assert!(LinkBase::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://app.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
        ] {
            assert_eq!(LinkBase::parse(bad), Err(LinkBaseFault::Plaintext), "{bad}");
        }
    }

    #[test]
    fn a_text_that_is_no_base_url_is_refused() {
        for bad in ["", "app.example.com", "/reset", "mailto:ada@example.com"] {
            assert_eq!(LinkBase::parse(bad), Err(LinkBaseFault::NoUrl), "{bad}");
        }
        for bad in [
            "https://ada@app.example.com",
            "https://app.example.com/?a",
            "https://app.example.com/#a",
        ] {
            assert_eq!(LinkBase::parse(bad), Err(LinkBaseFault::Surplus), "{bad}");
        }
    }
}
