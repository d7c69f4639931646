//! The links in mails. Their token is in the fragment, which browsers send to no server: it is in no
//! access log and in no `Referer`.

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

/// Where the pages are that links lead to: an application's, not Vestibule's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkBase {
    /// Without a slash at its end.
    base: String,
    site: String,
}

/// Why a text is no base of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkBaseFault {
    /// Not a URL with a host.
    #[error("is no URL")]
    NoUrl,
    /// Tokens would cross a network unencrypted.
    #[error("is not https")]
    Plaintext,
    /// A place for the token is taken, or the mail would hold a password.
    #[error("has a user name, a query or a fragment")]
    Surplus,
}

impl LinkBase {
    /// Reads a URL: https, or http on loopback.
    ///
    /// # Errors
    /// It is none, not https, or has parts that a base cannot have.
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

    /// The host, which is how a mail calls the service.
    pub(super) fn site(&self) -> &str {
        &self.site
    }

    /// The link to a page that shall use a token.
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
    fn plaintext_is_for_this_machine_alone() {
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
    fn what_is_no_base_is_refused() {
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
