//! HTTP/2 by hand, for peers that do no wrong in any one frame.

use tokio::io::AsyncReadExt;

use crate::harness::{DATA, HEADERS, RawConnection, call_headers, h2_frame, h2_greeting};

/// As many calls as a connection may have.
pub(super) const STREAMS: u32 = 100;
const END_STREAM: u8 = 0x1;
const PING: u8 = 0x6;
const ACK: u8 = 0x1;
const WINDOW_UPDATE: u8 = 0x8;
/// An index of the dynamic table (RFC 7541 §6.1), whose newest entry is 62: a field in one byte.
const NEWEST: u8 = 0xbe;

/// A peer that keeps to the protocol.
pub(super) struct Peer {
    pub(super) connection: RawConnection,
    /// What it may send.
    window: usize,
}

impl Peer {
    pub(super) async fn of(mut connection: RawConnection) -> Self {
        connection.write(&h2_greeting()).await;
        let window = 65_535;
        Self { connection, window }
    }

    /// Begins as many calls as a connection may, each with so many fields of two bytes.
    pub(super) async fn begin_calls(&mut self, path: &str, fields: usize) {
        // A literal that is put into the table: `a: b`.
        let mut block = [call_headers(path), vec![0x40, 1, b'a', 1, b'b']].concat();
        block.extend(vec![NEWEST; fields]);
        for stream in 0..STREAMS {
            self.connection
                .write(&h2_frame(HEADERS, 2 * stream + 1, &block))
                .await;
            block = [call_headers(path), vec![NEWEST; fields]].concat();
        }
    }

    /// Sends a whole message as soon as the window is open; nothing once the peer is gone.
    pub(super) async fn call(&mut self, path: &str, stream: u32, message: &[u8]) -> Option<()> {
        while self.window < message.len() {
            self.read_frame().await?;
        }
        self.window -= message.len();
        let headers = h2_frame(HEADERS, stream, &call_headers(path));
        self.connection.write(&headers).await;
        let mut parts = message.chunks(16_384).peekable();
        while let Some(part) = parts.next() {
            let flags = if parts.peek().is_some() {
                0
            } else {
                END_STREAM
            };
            self.connection
                .write(&h2_frame((DATA.0, flags), stream, part))
                .await;
        }
        Some(())
    }

    /// The kind of the next frame; `None`: the connection has ended.
    pub(super) async fn read_frame(&mut self) -> Option<u8> {
        let io = &mut self.connection.0;
        let mut header = [0; 9];
        io.read_exact(&mut header).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        io.read_exact(&mut payload).await.ok()?;
        if kind == WINDOW_UPDATE && stream == [0; 4] {
            let more = u32::from_be_bytes(payload.try_into().unwrap());
            self.window += more as usize;
        } else if kind == PING && flags != ACK {
            let answer = h2_frame((PING, ACK), 0, &payload);
            self.connection.write(&answer).await;
        }
        Some(kind)
    }
}
