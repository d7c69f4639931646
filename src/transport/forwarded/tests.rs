//! Which hop is believed, and what a client can do to the header before a proxy appends to it.

use http::HeaderValue;

use super::*;

fn proxies() -> Proxies {
    let networks = ["10.0.0.0/8", "2001:db8:aaaa::/48"];
    Proxies::new(networks.map(|network| network.parse().unwrap()).to_vec())
}

fn origin_of(peer: &str, lines: &[(&'static str, &str)]) -> Origin {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    proxies().origin(peer.parse().unwrap(), &headers)
}

/// The hop that is believed of a proxy's `X-Forwarded-For`.
fn hop(x_forwarded_for: &str) -> Option<String> {
    forwarded(&[("x-forwarded-for", x_forwarded_for)])
}

fn forwarded(lines: &[(&'static str, &str)]) -> Option<String> {
    match origin_of("10.1.2.3", lines) {
        Origin::Unsaid => None,
        Origin::Forwarded(hop) => hop.map(|hop| hop.to_string()),
        Origin::Direct(peer) => panic!("{peer} is a proxy"),
    }
}

/// (T6)
#[test]
fn a_header_of_a_peer_that_is_no_proxy_is_ignored() {
    for lines in [
        [("x-forwarded-for", "198.51.100.1")],
        [("forwarded", "for=198.51.100.1")],
    ] {
        let peer = "192.0.2.7";
        assert_eq!(
            origin_of(peer, &lines),
            Origin::Direct(peer.parse().unwrap())
        );
    }
    let nobody = Proxies::default().origin("10.1.2.3".parse().unwrap(), &HeaderMap::new());
    assert_eq!(nobody, Origin::Direct("10.1.2.3".parse().unwrap()));
}

/// (T6)
#[test]
fn the_last_hop_that_is_no_proxy_is_believed() {
    for (list, expected) in [
        ("198.51.100.1", Some("198.51.100.1")),
        ("203.0.113.9, 198.51.100.1", Some("198.51.100.1")),
        (
            "203.0.113.9,198.51.100.1,10.9.9.9 , 10.8.8.8",
            Some("198.51.100.1"),
        ),
        ("198.51.100.1:4711", Some("198.51.100.1")),
        ("[2001:db8::1]:443", Some("2001:db8::1")),
        (
            "2001:db8:bbbb::1, 2001:db8:aaaa::1",
            Some("2001:db8:bbbb::1"),
        ),
        ("10.9.9.9", None),
        ("", None),
        ("198.51.100.1,", None),
        ("198.51.100.1, unknown", None),
        ("198.51.100.1, unknown, 10.9.9.9", None),
    ] {
        assert_eq!(hop(list).as_deref(), expected, "{list:?}");
    }
}

/// (T6) Whoever could make the list unreadable would have no source and no budget of failures.
#[test]
fn what_a_client_sent_before_spoils_nothing() {
    let many = "203.0.113.9, ".repeat(1_000);
    for before in ["\"", "x, ", "203.0.113.9;\", ", "\u{e9}", ",,,, ", &many] {
        let expected = Some("198.51.100.1".to_owned());
        assert_eq!(
            hop(&format!("{before}, 198.51.100.1")),
            expected,
            "{before:?}"
        );
        let list = format!("for=\"{before}, for=198.51.100.1");
        assert_eq!(forwarded(&[("forwarded", &list)]), expected, "{list:?}");
        let lines = [
            ("x-forwarded-for", before),
            ("x-forwarded-for", "198.51.100.1"),
        ];
        assert_eq!(forwarded(&lines), expected, "a line before, {before:?}");
    }
    let both = [
        ("x-forwarded-for", "198.51.100.1"),
        ("forwarded", "for=198.51.100.1"),
    ];
    assert_eq!(forwarded(&both), None);
}

#[test]
fn only_so_many_proxies_are_passed() {
    let behind = |proxies: usize| hop(&format!("198.51.100.1{}", ", 10.9.9.9".repeat(proxies)));
    assert_eq!(behind(31).as_deref(), Some("198.51.100.1"));
    assert_eq!(behind(32), None);
}

/// (RFC 7239 §4, §6)
#[test]
fn an_element_of_forwarded_names_its_client_once() {
    for (element, expected) in [
        ("for=198.51.100.1", Some("198.51.100.1")),
        (
            "For=\"198.51.100.1:4711\";Proto=https;by=10.1.1.1",
            Some("198.51.100.1"),
        ),
        (
            "proto=http ; for=\"[2001:db8::1]:4711\"",
            Some("2001:db8::1"),
        ),
        ("for=\"[2001:db8::1]\"", Some("2001:db8::1")),
        ("for=unknown", None),
        ("for=_hidden", None),
        ("proto=https", None),
        ("for=198.51.100.1;for=198.51.100.2", None),
        ("for=\"198.51.100.1", None),
        ("for=198.51.100.1\"", None),
        ("for", None),
        ("for=198.51.100.1;", None),
    ] {
        assert_eq!(
            forwarded(&[("forwarded", element)]).as_deref(),
            expected,
            "{element}"
        );
    }
}
