//! The limit of every gRPC call: tonic's generated service on hyper with their default settings,
//! without edge, log and work. It is a process of its own, like the server under test.

use std::{
    env,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio, exit},
    thread,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::Empty;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use crate::{Result, load::Target};

/// The bare server as a process; dropped, it ends.
pub(crate) struct BareServer {
    child: Child,
    pub(crate) target: Target,
}

impl BareServer {
    /// Starts this program again, to [`serve`].
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg("--serve-bare")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = [0; 6];
        let received = child
            .stdout
            .take()
            .ok_or("no pipe")?
            .read_exact(&mut address);
        let [a, b, c, d, high, low] = address;
        let target = Target {
            address: (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into(),
            pid: child.id(),
        };
        let bare = Self { child, target };
        received?;
        Ok(bare)
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        // An error means that the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the pipe on standard input closes.
pub(crate) fn serve() -> Result<()> {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        exit(0);
    });
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        write_address(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve_connection(stream));
        }
    })
}

fn write_address(address: SocketAddr) -> Result<()> {
    let SocketAddr::V4(address) = address else {
        return Err("the loopback address is not IPv4".into());
    };
    let mut bytes = address.ip().octets().to_vec();
    bytes.extend(address.port().to_be_bytes());
    io::Write::write_all(&mut io::stdout(), &bytes)?;
    Ok(io::Write::flush(&mut io::stdout())?)
}

async fn serve_connection(stream: TcpStream) {
    let service = TowerToHyperService::new(HealthServer::new(EmptyHealth));
    let builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    // A client may close its connection at any time.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

struct EmptyHealth;

#[tonic::async_trait]
impl Health for EmptyHealth {
    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> std::result::Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    type WatchStream = Empty<std::result::Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> std::result::Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}
