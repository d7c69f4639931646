//! The section `rest`.

use std::net::SocketAddr;

use super::{Key, key::KeyDefault::Value, parse, problem::ConfigFault, reader::Reader};

/// `VESTIBULE_REST_LISTEN`, default `127.0.0.1:8080`.
pub(super) const LISTEN: Key = Key::new(
    "rest",
    "listen",
    Value("127.0.0.1:8080"),
    "Address and port of the REST gateway, or off",
);

pub(super) const KEYS: &[&Key] = &[&LISTEN];

pub(super) struct RestSection {
    /// `None`: REST is off.
    pub(super) listen: Option<SocketAddr>,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<RestSection> {
    let listen = reader.read(&LISTEN, |text| {
        if text == "off" {
            return Ok(None);
        }
        parse::address(text)
            .map(Some)
            .map_err(|fault| ConfigFault::new(fault.wrong, format!("{}, or off", fault.fix)))
    });
    Some(RestSection { listen: listen? })
}
