//! Binds the three ports before anything else happens: an address in use is reported at once, and
//! probes are answered from the first moment.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::{ServerSettings, StartError};

/// The most connections that wait to be accepted. The SYN of a further one is dropped and sent again
/// a second later, so with tokio's default of 128 a flood would delay legitimate clients.
const BACKLOG: u32 = 1024;

pub(super) struct Listeners {
    pub(super) grpc: BoundListener,
    pub(super) rest: Option<BoundListener>,
    pub(super) operations: BoundListener,
}

pub(super) struct BoundListener {
    pub(super) socket: TcpListener,
    /// The address, with the port that the system chose if 0 was configured.
    pub(super) address: SocketAddr,
}

impl Listeners {
    pub(super) fn bind(settings: &ServerSettings) -> Result<Self, StartError> {
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
    // Lets a restart bind while connections of the last process are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let socket = socket.listen(BACKLOG)?;
    let address = socket.local_addr()?;
    Ok(BoundListener { socket, address })
}
