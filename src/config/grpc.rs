//! The section `grpc`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::{Key, key::KeyDefault::Value, parse, problem::ConfigFault, reader::Reader};
use crate::{server::ConnectionSettings, transport::Reflection};

/// `VESTIBULE_GRPC_LISTEN`, default `127.0.0.1:50051`.
pub(super) const LISTEN: Key = Key::new(
    "grpc",
    "listen",
    Value("127.0.0.1:50051"),
    "Address and port of the gRPC server",
);

/// `VESTIBULE_GRPC_REFLECTION`, default `true`.
const REFLECTION: Key = Key::new(
    "grpc",
    "reflection",
    Value("true"),
    "Who may read the schema: true (whoever may call AuthService), open (everybody) or false",
);

/// `VESTIBULE_GRPC_REQUEST_TIMEOUT`, default `10s`.
const REQUEST_TIMEOUT: Key = Key::new(
    "grpc",
    "request_timeout",
    Value("10s"),
    "Longest that a call may take, gRPC and REST: 100ms to 60s",
);

/// `VESTIBULE_GRPC_MAX_CONNECTIONS`, default `10000`.
const MAX_CONNECTIONS: Key = Key::new(
    "grpc",
    "max_connections",
    Value("10000"),
    "Most connections, gRPC and REST together",
);

/// `VESTIBULE_GRPC_MAX_CONNECTION_AGE`, default `30m`.
const MAX_CONNECTION_AGE: Key = Key::new(
    "grpc",
    "max_connection_age",
    Value("30m"),
    "Age of a connection, a tenth more or less, at which its client must open another: 1s to 24h",
);

const REFLECTIONS: [(&str, Reflection); 3] = [
    ("true", Reflection::On),
    ("open", Reflection::Open),
    ("false", Reflection::Off),
];

pub(super) const KEYS: &[&Key] = &[
    &LISTEN,
    &REFLECTION,
    &REQUEST_TIMEOUT,
    &MAX_CONNECTIONS,
    &MAX_CONNECTION_AGE,
];

pub(super) struct GrpcSection {
    pub(super) listen: SocketAddr,
    pub(super) reflection: Reflection,
    pub(super) request_timeout: Duration,
    pub(super) connections: ConnectionSettings,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<GrpcSection> {
    let listen = reader.read(&LISTEN, parse::address);
    let reflection = reader.read(&REFLECTION, parse::word(&REFLECTIONS));
    let request_timeout = reader.read(&REQUEST_TIMEOUT, parse::duration("100ms"..="60s"));
    let max_connections = reader.read(&MAX_CONNECTIONS, parse::number(1..=1_000_000));
    let max_connection_age = reader.read(&MAX_CONNECTION_AGE, parse::duration("1s"..="24h"));
    Some(GrpcSection {
        listen: listen?,
        reflection: reflection?,
        request_timeout: request_timeout?,
        connections: ConnectionSettings {
            max: max_connections?,
            max_age: max_connection_age?,
        },
    })
}

/// The address at which a client on this machine reaches the server.
pub(super) fn read_dialled(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.read(&LISTEN, |text| {
        let mut address = parse::address(text)?;
        if address.port() == 0 {
            return Err(ConfigFault::new(
                "port 0 is a different port at every start",
                "name the port that the server bound",
            ));
        }
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        Ok(address)
    })
}
