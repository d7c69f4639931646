//! The rules that concern more than one section: which listeners conflict, which are exposed, and
//! how mail is delivered.

use std::net::SocketAddr;

use super::{
    Key,
    callers::{self, CallersSection},
    mail,
    reader::Reader,
    smtp, tls,
};
use crate::{mail::Delivery, transport::AuthServiceAccess};

/// A listener's key and its address. `None`: it is off, or faulty.
pub(super) type ListenAddress = (&'static Key, Option<SocketAddr>);

/// Checks the listeners of calls (gRPC and REST) and the listener of operations.
pub(super) fn check_listeners(
    reader: &mut Reader<'_>,
    callers: Option<&CallersSection>,
    calls: &[ListenAddress],
    operations: ListenAddress,
) {
    refuse_overlaps(reader, calls.iter().copied().chain([operations]));
    let open = callers
        .is_some_and(|callers| matches!(callers.auth_service, AuthServiceAccess::Open))
        .then_some("open to every client that reaches it (callers.auth_service)");
    let plaintext = (!tls::is_on(reader)).then_some(PLAINTEXT);
    for listener in calls {
        warn_beyond_loopback(reader, *listener, [plaintext, open]);
        refuse_printed_mail(reader, *listener);
    }
    warn_beyond_loopback(reader, operations, [Some(PLAINTEXT), None]);
}

const PLAINTEXT: &str = "plaintext beyond this machine";

fn beyond_loopback((key, address): ListenAddress) -> Option<(&'static Key, SocketAddr)> {
    let address = address.filter(|address| !address.ip().is_loopback())?;
    Some((key, address))
}

fn warn_beyond_loopback(
    reader: &mut Reader<'_>,
    listener: ListenAddress,
    reasons: [Option<&str>; 2],
) {
    let reasons: Vec<_> = reasons.into_iter().flatten().collect();
    if let Some((key, address)) = beyond_loopback(listener)
        && !reasons.is_empty()
    {
        reader.warn(format!(
            "{} is {address}: {}, keep the port on a private network",
            key.path(),
            reasons.join(" and ")
        ));
    }
}

/// Links that are printed open accounts: only callers on this machine may ask for them.
fn refuse_printed_mail(reader: &mut Reader<'_>, listener: ListenAddress) {
    if let Some((key, address)) = beyond_loopback(listener)
        && reader.dev
        && !reader.is_set(&smtp::SERVER)
    {
        reader.report(
            key,
            format!("{address} is beyond this machine, and with --dev mail is printed"),
            "listen on loopback, leave --dev out, or set smtp.server",
        );
    }
}

/// The second of two listeners at one address could not be bound.
fn refuse_overlaps(reader: &mut Reader<'_>, listeners: impl Iterator<Item = ListenAddress>) {
    let mut taken: Vec<(&Key, SocketAddr)> = Vec::new();
    for (key, address) in listeners.filter_map(|(key, address)| Some((key, address?))) {
        if let Some((other_key, other)) = taken.iter().find(|(_, other)| overlap(address, *other)) {
            reader.report(
                key,
                format!("{address} overlaps {} at {other}", other_key.path()),
                "give each listener a port of its own",
            );
        }
        taken.push((key, address));
    }
}

fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port()
        && a.port() != 0
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// SPIFFE IDs are in client certificates, which are requested only with `tls.client_ca`.
pub(super) fn check_trust_domain(reader: &mut Reader<'_>) {
    if reader.is_set(&callers::TRUST_DOMAIN) && !reader.is_set(&tls::CLIENT_CA) {
        reader.warn(
            "callers.trust_domain is not used: without tls.client_ca no client shows a certificate",
        );
    }
}

/// Mail goes to `smtp.server` if it is set, else with `--dev` to the terminal, else nowhere.
pub(super) fn read_delivery(reader: &mut Reader<'_>) -> Option<Delivery> {
    let from = mail::read_from(reader);
    let links = mail::read_link_base(reader);
    let smtp = smtp::read_section(reader, from, links.clone());
    if reader.is_set(&smtp::SERVER) {
        for key in [&mail::FROM, &mail::LINK_BASE] {
            if !reader.is_set(key) {
                reader.report(
                    key,
                    "is not set, and smtp.server is",
                    "set it, or unset smtp.server",
                );
            }
        }
        return smtp.map(Delivery::Smtp);
    }
    if reader.dev {
        return links.map(Delivery::Terminal);
    }
    reader.warn(
        "smtp.server is not set: requests for a reset or a verification are accepted, and no mail is sent",
    );
    Some(Delivery::Nowhere)
}
