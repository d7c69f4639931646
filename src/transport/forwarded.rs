//! Whom a proxy forwards for: `Forwarded` (RFC 7239) or `X-Forwarded-For`, believed of the proxies of
//! `callers.proxies` alone.
//!
//! A proxy appends the address of its own client, so the end of the list is its word and everything
//! before may be forged. The list is read from its end up to the first hop that is no proxy; what is
//! before is not looked at, and can neither forge a source nor spoil it.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{FORWARDED, GetAll},
};
use ipnet::IpNet;

use crate::domain::parse_client_ip;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies between an end user and this service.
const HOPS_MAX: usize = 32;

/// The networks of the proxies whose word is believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every process of this machine is believed.
    pub fn trust_loopback(&self) -> bool {
        self.0.iter().any(|network| network.addr().is_loopback())
    }

    /// Whether the address is of a proxy.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// What the connection and the headers of a call say of where it comes from.
    pub(crate) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Origin {
        if !self.contain(peer) {
            return Origin::Direct(peer.to_canonical());
        }
        if !headers.contains_key(FORWARDED) && !headers.contains_key(&X_FORWARDED_FOR) {
            return Origin::Unsaid;
        }
        Origin::Forwarded(self.last_untrusted_hop(headers))
    }

    /// The last hop that is no proxy. `None`: no header or two of them, or a hop that names no address.
    fn last_untrusted_hop(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let forwarded = headers.get_all(FORWARDED);
        let x_forwarded_for = headers.get_all(&X_FORWARDED_FOR);
        let has_both = headers.contains_key(FORWARDED) && headers.contains_key(&X_FORWARDED_FOR);
        // A proxy sets one of them; the other is of somebody else, and which is not to be seen.
        if has_both {
            return None;
        }
        let hops = hops_from_the_end(&forwarded).map(|hop| parse_forwarded(hop?));
        let x_hops = hops_from_the_end(&x_forwarded_for).map(|hop| parse_client_ip(hop?));
        for hop in hops.chain(x_hops).take(HOPS_MAX) {
            let hop = hop?;
            if !self.contain(hop) {
                return Some(hop);
            }
        }
        None
    }
}

/// Where a call comes from, as far as the connection and the headers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The peer of the connection.
    Direct(IpAddr),
    /// The peer is a proxy that has no word on it.
    Unsaid,
    /// The peer is a proxy; whom it forwards for, if that can be told.
    Forwarded(Option<IpAddr>),
}

impl Origin {
    /// The address that can be told; a proxy's own is nobody's.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Direct(peer) => Some(peer),
            Self::Unsaid => None,
            Self::Forwarded(hop) => hop,
        }
    }
}

/// The elements of the header's lines (RFC 9110 §5.3: one list), the last one first. `None`: it is no
/// text.
fn hops_from_the_end<'h>(lines: &GetAll<'h, HeaderValue>) -> impl Iterator<Item = Option<&'h str>> {
    let lines = lines.iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    hops.map(|hop| str::from_utf8(hop).ok())
}

/// The address of `for` in one element: pairs with `;` between them, each a token, `=` and a token or
/// quoted string (RFC 7239 §4). `unknown` and obfuscated names (§6) are no address.
fn parse_forwarded(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        if value.contains('"') {
            return None;
        }
        if name.eq_ignore_ascii_case("for") {
            // Twice: which of them is meant cannot be told.
            if found.is_some() {
                return None;
            }
            found = Some(parse_client_ip(value)?);
        }
    }
    found
}

#[cfg(test)]
mod tests;
