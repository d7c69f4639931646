//! HTTP/2's counterpart of HTTP/1's `header_read_timeout`, which hyper lacks: without it a peer that
//! never sends its preface, or trickles a header block, keeps its connection for ever, because
//! keepalive begins only after the handshake.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n` (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// Length (3), type (1), flags (1), stream id (4) (RFC 9113 §4.1).
const FRAME_HEADER: usize = 9;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

/// A byte stream whose reads fail once the preface, a frame or a header block has been incomplete
/// for longer than the limit. Nothing runs while the peer is between frames.
pub(super) struct HeaderTimeout<Io> {
    io: Io,
    limit: Duration,
    frames: Frames,
    deadline: Pin<Box<Sleep>>,
    armed: bool,
    greeted: Arc<AtomicBool>,
}

impl<Io> HeaderTimeout<Io> {
    /// Wraps a stream that was just accepted: the preface is due within `limit` from now.
    pub(super) fn new(io: Io, limit: Duration) -> Self {
        Self {
            io,
            limit,
            frames: Frames::new(),
            deadline: Box::pin(sleep(limit)),
            armed: true,
            greeted: Arc::default(),
        }
    }

    /// Becomes true with the preface. hyper's graceful shutdown would wait for one that never comes.
    pub(super) fn greeted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.greeted)
    }

    fn received(&mut self, bytes: &[u8]) {
        let rested = self.frames.advance(bytes);
        if !matches!(self.frames.part, Part::Preface { .. }) {
            self.greeted.store(true, Ordering::Relaxed);
        }
        if self.frames.at_rest() {
            self.armed = false;
        } else if rested || !self.armed {
            self.deadline.as_mut().reset(Instant::now() + self.limit);
            self.armed = true;
        }
    }
}

/// Where in HTTP/2's framing the bytes read so far end.
struct Frames {
    part: Part,
    /// A header block began and its `END_HEADERS` has not come.
    block_open: bool,
}

enum Part {
    Preface {
        missing: usize,
    },
    Header {
        bytes: [u8; FRAME_HEADER],
        filled: usize,
    },
    Payload {
        missing: usize,
    },
}

const NEXT_FRAME: Part = Part::Header {
    bytes: [0; FRAME_HEADER],
    filled: 0,
};

impl Frames {
    fn new() -> Self {
        Self {
            part: Part::Preface { missing: PREFACE },
            block_open: false,
        }
    }

    fn at_rest(&self) -> bool {
        !self.block_open && matches!(self.part, Part::Header { filled: 0, .. })
    }

    /// Follows `bytes`; whether they passed a point of rest.
    fn advance(&mut self, mut bytes: &[u8]) -> bool {
        let mut rested = false;
        while !bytes.is_empty() {
            bytes = self.step(bytes);
            rested |= self.at_rest();
        }
        rested
    }

    /// Follows `bytes` to the end of the current part at most; what is left of them.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match &mut self.part {
            Part::Preface { missing } | Part::Payload { missing } => {
                let taken = bytes.len().min(*missing);
                *missing -= taken;
                if *missing == 0 {
                    self.part = NEXT_FRAME;
                }
                &bytes[taken..]
            }
            Part::Header {
                bytes: header,
                filled,
            } => {
                let taken = bytes.len().min(FRAME_HEADER - *filled);
                header[*filled..*filled + taken].copy_from_slice(&bytes[..taken]);
                *filled += taken;
                if *filled == FRAME_HEADER {
                    let [a, b, c, kind, flags, ..] = *header;
                    self.begin_payload(u32::from_be_bytes([0, a, b, c]), kind, flags);
                }
                &bytes[taken..]
            }
        }
    }

    fn begin_payload(&mut self, length: u32, kind: u8, flags: u8) {
        if matches!(kind, HEADERS | CONTINUATION) {
            self.block_open = flags & END_HEADERS == 0;
        }
        self.part = match length {
            0 => NEXT_FRAME,
            length => Part::Payload {
                missing: length as usize,
            },
        };
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for HeaderTimeout<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                self.received(&buf.filled()[before..]);
                Poll::Ready(Ok(()))
            }
            Poll::Pending if self.armed && self.deadline.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            outcome => outcome,
        }
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for HeaderTimeout<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);
    const PREFACE_BYTES: &[u8; PREFACE] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        bytes.extend_from_slice(payload);
        bytes
    }

    fn accepted() -> (DuplexStream, HeaderTimeout<DuplexStream>) {
        let (client, server) = duplex(4096);
        (client, HeaderTimeout::new(server, LIMIT))
    }

    /// Sends a byte per second and answers after how long the server gave up.
    async fn trickle(bytes: &[u8], greeting: &[u8]) -> Option<Duration> {
        let (mut client, mut server) = accepted();
        client.write_all(greeting).await.unwrap();
        let mut sink = vec![0; greeting.len()];
        server.read_exact(&mut sink).await.unwrap();
        let begin = Instant::now();
        let reading = tokio::spawn(async move {
            let error = server.read_to_end(&mut Vec::new()).await.err();
            error.map(|error| {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                begin.elapsed()
            })
        });
        for byte in bytes {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        drop(client);
        reading.await.unwrap()
    }

    /// (X4)
    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_nothing_is_given_up_after_the_limit() {
        let (_client, mut server) = accepted();
        let begin = Instant::now();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), LIMIT);
    }

    /// (X4)
    #[tokio::test(start_paused = true)]
    async fn a_preface_and_a_header_block_at_one_byte_a_second_are_given_up() {
        let header_block = frame(HEADERS, END_HEADERS, &[0; 40]);
        let after = Some(LIMIT);
        assert_eq!(trickle(PREFACE_BYTES, b"").await, after);
        assert_eq!(trickle(&header_block, PREFACE_BYTES).await, after);
    }

    /// (X4)
    #[tokio::test(start_paused = true)]
    async fn whole_frames_do_not_extend_a_header_block_that_never_ends() {
        let (mut client, mut server) = accepted();
        client.write_all(PREFACE_BYTES).await.unwrap();
        let reading = tokio::spawn(async move { server.read_to_end(&mut Vec::new()).await });
        let begin = Instant::now();
        client.write_all(&frame(HEADERS, 0, b"a")).await.unwrap();
        while !reading.is_finished() {
            let _ = client.write_all(&frame(CONTINUATION, 0, b"b")).await;
            sleep(Duration::from_secs(1)).await;
        }
        assert!(reading.await.unwrap().is_err());
        assert!(begin.elapsed() <= LIMIT + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_between_frames_may_rest_for_ever() {
        let (mut client, mut server) = accepted();
        let settings = frame(0x4, 0, b"");
        let request = frame(HEADERS, END_HEADERS, b"abc");
        client.write_all(PREFACE_BYTES).await.unwrap();
        client.write_all(&settings).await.unwrap();
        client.write_all(&request[..5]).await.unwrap();
        let mut sink = [0; PREFACE + FRAME_HEADER + 5];
        server.read_exact(&mut sink).await.unwrap();
        assert!(server.greeted().load(Ordering::Relaxed));

        client.write_all(&request[5..]).await.unwrap();
        let mut sink = [0; 7];
        server.read_exact(&mut sink).await.unwrap();
        let day = Duration::from_secs(86_400);
        let outcome = tokio::time::timeout(day, server.read_u8()).await;
        assert!(outcome.is_err(), "the stream ended: {outcome:?}");
    }
}
