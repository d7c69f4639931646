//! The section `operations`.

use std::net::SocketAddr;

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};

/// `VESTIBULE_OPERATIONS_LISTEN`, default `127.0.0.1:9090`.
pub(super) const LISTEN: Key = Key::new(
    "operations",
    "listen",
    Value("127.0.0.1:9090"),
    "Address and port of /livez, /readyz and /metrics",
);

pub(super) const KEYS: &[&Key] = &[&LISTEN];

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.read(&LISTEN, parse::address)
}
