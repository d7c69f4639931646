//! The end user's client: what the caller claims of it, and the source that is believed. It authorises
//! nothing. It is written to logs and rows, so it is cut to a form that is harmless there.

use std::net::IpAddr;

use super::Source;

/// The most characters of a user agent; the rest is cut off.
const USER_AGENT_MAX: usize = 256;

/// Address and user agent of the end user, as claimed by the caller, and the source of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The IP address, where the caller sent it; else the address of the source.
    pub ip: Option<IpAddr>,
    /// The user agent, where the caller sent it: at most 256 characters, without control and
    /// bidirectional formatting characters.
    pub user_agent: Option<String>,
    /// Where the end user is, as far as that is believed. It is not stored.
    pub source: Option<Source>,
}

impl ClientInfo {
    /// Keeps what a caller sent. It only informs, so nothing of it is refused; the user agent is cut
    /// and cleaned.
    pub fn new(ip: Option<IpAddr>, user_agent: &str) -> Self {
        let user_agent: String = user_agent
            .chars()
            .filter(|c| !is_unprintable(*c))
            .take(USER_AGENT_MAX)
            .collect();
        Self {
            ip,
            user_agent: (!user_agent.is_empty()).then_some(user_agent),
            source: None,
        }
    }
}

/// The address that a text names, with or without brackets, a port or a zone. One address has one
/// value, IPv4-mapped IPv6 included (RFC 4291 §2.5.5.2): with several, one client would look like many.
pub fn parse_client_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']')?;
            let is_port = |port: &str| port.strip_prefix(':').is_some_and(is_port);
            if !port.is_empty() && !is_port(port) {
                return None;
            }
            address
        }
        // An IPv6 address has two colons at least, so one colon is that of a port.
        None => match text.split_once(':') {
            Some((address, port)) if is_port(port) => address,
            Some(_) | None => text,
        },
    };
    let (address, zone) = address.split_once('%').unwrap_or((address, ""));
    let address: IpAddr = address.parse().ok()?;
    // Only IPv6 addresses have zones (RFC 4007 §11).
    (zone.is_empty() || address.is_ipv6()).then(|| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit())
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
    fn an_address_in_any_spelling_is_kept_in_its_canonical_one() {
        for (spelling, canonical) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:443", "192.0.2.1"),
            (" 192.0.2.1 ", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::FFFF:c000:201", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%eth0]:443", "fe80::1"),
        ] {
            let ip = parse_client_ip(spelling);
            assert_eq!(ip, Some(canonical.parse().unwrap()), "{spelling}");
        }
    }

    #[test]
    fn text_that_names_no_address_is_dropped() {
        for text in [
            "",
            "unknown",
            "localhost",
            "192.0.2.256",
            "192.0.2.1:http",
            "192.0.2.1%eth0",
            "[2001:db8::1",
            "[2001:db8::1]443",
            "2001:db8::1::2",
            "192.0.2.1, 192.0.2.2",
        ] {
            assert_eq!(parse_client_ip(text), None, "{text}");
        }
    }

    #[test]
    fn a_user_agent_is_cut_and_cleaned() {
        let received = format!("curl\r\n\u{202E}{}", "x".repeat(1000));
        let kept = ClientInfo::new(None, &received).user_agent.unwrap();
        assert!(kept.starts_with("curlxxx"));
        assert_eq!(kept.chars().count(), 256);
        assert_eq!(ClientInfo::new(None, "\n"), ClientInfo::default());
    }
}
