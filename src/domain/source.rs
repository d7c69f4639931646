//! The source of a call: where its end user is, as far as that can be believed. Failures are counted
//! and work is shared out by source.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// One IPv4 address, or one IPv6 network of 64 bits, which is what one subscriber has (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source of an address. `None`: the address is this machine's or nobody's, so everybody
    /// behind a proxy or sidecar would share it.
    pub fn of(address: IpAddr) -> Option<Self> {
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        Some(Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Ipv6Addr::from_bits(network).into()
            }
        }))
    }

    /// The address without the bits of the host: 4 or 16 bytes.
    pub fn octets(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(network) => network.octets().to_vec(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Option<String> {
        Source::of(address.parse().unwrap()).map(|source| source.to_string())
    }

    /// (T6)
    #[test]
    fn an_ipv6_network_of_64_bits_is_one_source() {
        for host in ["2001:db8:1:2::", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9"] {
            assert_eq!(source(host).unwrap(), "2001:db8:1:2::/64", "{host}");
        }
        assert_eq!(source("2001:db8:1:3::1").unwrap(), "2001:db8:1:3::/64");
        assert_eq!(source("192.0.2.7").unwrap(), "192.0.2.7");
        assert_eq!(source("::ffff:192.0.2.7").unwrap(), "192.0.2.7");
    }

    /// (T6)
    #[test]
    fn this_machine_is_no_source() {
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "::ffff:127.0.0.1",
            "::",
            "0.0.0.0",
        ] {
            assert_eq!(source(address), None, "{address}");
        }
    }
}
