//! The three ports, bound before anything else happens: an address in use is told at once, and a
//! probe is answered from the first moment.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use super::{Settings, StartError};

/// The bound ports.
pub(super) struct Listeners {
    pub(super) grpc: Listener,
    pub(super) rest: Option<Listener>,
    pub(super) operations: Listener,
}

/// One bound port.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// The address with the port that the system chose where 0 was asked for.
    pub(super) address: SocketAddr,
}

impl Listeners {
    pub(super) async fn bind(settings: &Settings) -> Result<Self, StartError> {
        let rest = match settings.rest_listen {
            Some(address) => Some(bind("rest.listen", "VESTIBULE_REST_LISTEN", address).await?),
            None => None,
        };
        Ok(Self {
            grpc: bind("grpc.listen", "VESTIBULE_GRPC_LISTEN", settings.grpc_listen).await?,
            rest,
            operations: bind(
                "operations.listen",
                "VESTIBULE_OPERATIONS_LISTEN",
                settings.operations_listen,
            )
            .await?,
        })
    }
}

async fn bind(
    key: &'static str,
    variable: &'static str,
    address: SocketAddr,
) -> Result<Listener, StartError> {
    listen(address).await.map_err(|source| StartError::Bind {
        key,
        variable,
        address,
        source,
    })
}

async fn listen(address: SocketAddr) -> io::Result<Listener> {
    let socket = TcpListener::bind(address).await?;
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}
