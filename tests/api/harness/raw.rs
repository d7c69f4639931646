//! Bytes on a socket, for what no client would send.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::interval,
};

use super::within;

/// Longer than every time-out of the accept loop.
const LIMIT: Duration = Duration::from_secs(20);

/// A TCP connection without a protocol.
pub(crate) struct RawConnection(pub(crate) TcpStream);

impl RawConnection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes; a peer that is gone is no failure.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Says that nothing more will come.
    pub(crate) async fn finish_writing(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Everything until the peer closes. A reset is an end like any other.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        let all = async {
            while let Ok(count @ 1..) = self.0.read(&mut chunk).await {
                bytes.extend_from_slice(&chunk[..count]);
            }
        };
        within(LIMIT, "the peer closes", all).await;
        bytes
    }

    /// Sends one byte a second until the peer closes; answers with what the peer said.
    pub(crate) async fn trickle(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut from, mut to) = self.0.split();
        let mut answer = Vec::new();
        let send = async {
            let mut second = interval(Duration::from_secs(1));
            for byte in bytes {
                second.tick().await;
                // A peer that is gone is told by the other half.
                let _ = to.write_all(&[*byte]).await;
            }
            std::future::pending::<()>().await;
        };
        let close = async {
            tokio::select! {
                () = send => {}
                _ = from.read_to_end(&mut answer) => {}
            }
        };
        within(LIMIT, "the peer closes", close).await;
        answer
    }

    /// So many bytes, which must come.
    pub(crate) async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.0.read_exact(&mut bytes);
        within(LIMIT, "the bytes come", read).await.unwrap();
        bytes
    }
}
