//! The three ports, bound before anything else happens: an address in use is told at once, and a
//! probe is answered from the first moment.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::{ServerSettings, StartError};

/// Connections that wait to be accepted. What does not fit has its SYN dropped and tries again a
/// second later, so that with tokio's own 128 a flood slows the good clients down.
const BACKLOG: u32 = 1024;

/// The bound ports.
pub(super) struct Listeners {
    pub(super) grpc: BoundListener,
    pub(super) rest: Option<BoundListener>,
    pub(super) operations: BoundListener,
}

/// One bound port.
pub(super) struct BoundListener {
    pub(super) socket: TcpListener,
    /// The address with the port that the system chose where 0 was asked for.
    pub(super) address: SocketAddr,
}

impl Listeners {
    pub(super) fn bind_port(settings: &ServerSettings) -> Result<Self, StartError> {
        let rest = match settings.rest_listen {
            Some(address) => Some(bind_port("rest.listen", "VESTIBULE_REST_LISTEN", address)?),
            None => None,
        };
        Ok(Self {
            grpc: bind_port("grpc.listen", "VESTIBULE_GRPC_LISTEN", settings.grpc_listen)?,
            rest,
            operations: bind_port(
                "operations.listen",
                "VESTIBULE_OPERATIONS_LISTEN",
                settings.operations_listen,
            )?,
        })
    }
}

fn bind_port(
    key: &'static str,
    variable: &'static str,
    address: SocketAddr,
) -> Result<BoundListener, StartError> {
    listen_on(address).map_err(|source| StartError::Bind {
        key,
        variable,
        address,
        source,
    })
}

fn listen_on(address: SocketAddr) -> io::Result<BoundListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for the connections of the last process to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let socket = socket.listen(BACKLOG)?;
    let address = socket.local_addr()?;
    Ok(BoundListener { socket, address })
}
