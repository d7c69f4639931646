//! Rules over listening addresses that the three listeners share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Key, callers, problem::Fault, reader::Reader, tls};

/// Beyond loopback: somebody should have thought of what crosses the network.
pub(super) fn warn_of_plaintext(reader: &mut Reader<'_>, key: &Key, address: SocketAddr) {
    warn(reader, key, address, &[PLAINTEXT]);
}

/// The same for a listener of callers, and whether it is open to whoever reaches it.
pub(super) fn warn_of_callers(reader: &mut Reader<'_>, key: &Key, address: SocketAddr) {
    let plaintext = (!tls::is_on(reader)).then_some(PLAINTEXT);
    let open =
        callers::is_open(reader).then_some("open to whoever reaches it (callers.auth_service)");
    let reasons: Vec<_> = plaintext.into_iter().chain(open).collect();
    warn(reader, key, address, &reasons);
}

const PLAINTEXT: &str = "plaintext beyond this machine";

fn warn(reader: &mut Reader<'_>, key: &Key, address: SocketAddr, reasons: &[&str]) {
    if !address.ip().is_loopback() && !reasons.is_empty() {
        reader.warnings.push(format!(
            "{} is {address}: {}, keep the port on a private network",
            key.path(),
            reasons.join(" and ")
        ));
    }
}

/// Two listeners at one address: the second could never be bound.
pub(super) fn refuse_overlaps(
    reader: &mut Reader<'_>,
    listeners: &[(&'static Key, Option<SocketAddr>)],
) {
    let listeners: Vec<_> = listeners
        .iter()
        .filter_map(|(key, address)| Some((key, (*address)?)))
        .collect();
    for (index, (key, address)) in listeners.iter().enumerate() {
        let taken = listeners[..index]
            .iter()
            .find(|(_, other)| overlap(*address, *other));
        if let Some((other_key, other)) = taken {
            reader.fault(
                key,
                Fault::new(
                    format!("{address} overlaps {} at {other}", other_key.path()),
                    "give each listener a port of its own",
                ),
            );
        }
    }
}

fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port()
        && a.port() != 0
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// Where a listener is reached from this machine.
pub(super) fn dialled(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}
