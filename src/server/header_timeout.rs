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
    preface_received: Arc<AtomicBool>,
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
            preface_received: Arc::default(),
        }
    }

    /// Becomes true with the preface. hyper's graceful shutdown would wait for one that never comes.
    pub(super) fn preface_received(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.preface_received)
    }

    fn received(&mut self, bytes: &[u8]) {
        let rested = self.frames.advance(bytes);
        if !matches!(self.frames.part, Part::Preface { .. }) {
            self.preface_received.store(true, Ordering::Relaxed);
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
mod tests;
