//! The end user's client, as claimed by the caller. It is information and authorises nothing. It is
//! written to logs and rows, so it is cut to a form that is harmless there.

use std::net::IpAddr;

use thiserror::Error;

/// The most characters of a user agent; the rest is cut off.
const USER_AGENT_MAX: usize = 256;

/// Address and user agent of the end user, both claimed by the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The IP address, where the caller sent it.
    pub ip: Option<IpAddr>,
    /// The user agent, where the caller sent it: at most 256 characters, without control and
    /// bidirectional formatting characters.
    pub user_agent: Option<String>,
}

/// The text is not an IPv4 or IPv6 address in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an IPv4 or IPv6 address in canonical form, without a port")]
pub struct ClientFault;

impl ClientInfo {
    /// Parses what a caller sent; an empty text is absent. The user agent is cut and cleaned.
    ///
    /// # Errors
    /// The address is not in canonical form (RFC 5952 for IPv6).
    pub fn parse(ip: &str, user_agent: &str) -> Result<Self, ClientFault> {
        let ip = if ip.is_empty() {
            None
        } else {
            let address: IpAddr = ip.parse().map_err(|_| ClientFault)?;
            // One spelling for each address: with several, one client would look like many.
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
        let received = format!("curl\r\n\u{202E}{}", "x".repeat(1000));
        let kept = ClientInfo::parse("", &received)
            .unwrap()
            .user_agent
            .unwrap();
        assert!(kept.starts_with("curlxxx"));
        assert_eq!(kept.chars().count(), 256);
        assert_eq!(ClientInfo::parse("", "\n").unwrap(), ClientInfo::default());
    }
}
