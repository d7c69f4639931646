//! The end user's client as a caller tells it. It informs and never authorises, but it is written
//! to logs and rows, so it is cut to a form that can do no harm there.

use std::net::IpAddr;

use thiserror::Error;

/// The longest user agent that is kept, in characters.
const USER_AGENT_MAX: usize = 256;

/// Address and user agent of the end user, both claimed by the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address, if known.
    pub ip: Option<IpAddr>,
    /// At most 256 characters, none of them a control or bidirectional formatting character.
    pub user_agent: Option<String>,
}

/// The address is no IPv4 or IPv6 address in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an IPv4 or IPv6 address in canonical form, without a port")]
pub struct ClientFault;

impl ClientInfo {
    /// Reads what a caller told; empty text means not known.
    ///
    /// # Errors
    /// The address is not empty and not an address in canonical form (RFC 5952 for IPv6).
    pub fn parse(ip: &str, user_agent: &str) -> Result<Self, ClientFault> {
        let ip = if ip.is_empty() {
            None
        } else {
            let address: IpAddr = ip.parse().map_err(|_| ClientFault)?;
            // One spelling per address, or one client would look like several.
            if address.to_string() != ip {
                return Err(ClientFault);
            }
            Some(address)
        };
        let user_agent: String = user_agent
            .chars()
            .filter(|c| !is_unprintable(*c))
            .take(USER_AGENT_MAX)
            .collect();
        Ok(Self {
            ip,
            user_agent: (!user_agent.is_empty()).then_some(user_agent),
        })
    }
}

/// Control characters break log lines; bidirectional formatting makes them read as something else
/// (Unicode UAX #9).
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for good in ["192.0.2.1", "2001:db8::1", "::1"] {
            assert_eq!(
                ClientInfo::parse(good, "").unwrap().ip,
                Some(good.parse().unwrap())
            );
        }
        for bad in [
            "192.0.2.1:80",
            "2001:DB8::1",
            "2001:db8:0::1",
            "[::1]",
            " ::1",
            "fe80::1%eth0",
            "localhost",
        ] {
            assert_eq!(ClientInfo::parse(bad, ""), Err(ClientFault), "{bad}");
        }
    }

    #[test]
    fn a_user_agent_is_cut_and_cleaned() {
        let told = format!("curl\r\n\u{202E}{}", "x".repeat(1000));
        let kept = ClientInfo::parse("", &told).unwrap().user_agent.unwrap();
        assert!(kept.starts_with("curlxxx"));
        assert_eq!(kept.chars().count(), 256);
        assert_eq!(ClientInfo::parse("", "\n").unwrap(), ClientInfo::default());
    }
}
