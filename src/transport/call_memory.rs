//! What calls hold of the memory, from the header list to the last unsent byte of the answer, charged to
//! the connection that they came by. The sum has a bound: past [`BEGIN_MAX`] only a connection that holds
//! little begins a call, and past [`HELD_MAX`] the server closes the one that holds the most.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use tokio::sync::{Notify, futures::Notified};

use super::{failure::Failure, header_list};

const MIB: usize = 1024 * 1024;
/// What all calls may hold before those of greedy connections are refused.
const BEGIN_MAX: usize = 32 * MIB;
/// What all calls may hold.
pub const HELD_MAX: usize = 48 * MIB;
/// What a connection may hold to begin a call in any case.
const LITTLE: usize = 64 * 1024;
/// What a call takes besides its bytes: its tasks, and the library's state of its stream.
const CALL: usize = 8 * 1024;
/// What an unsent part of an answer takes besides its bytes, the state of its stream included.
const UNSENT: usize = 1024;

/// What the calls of all connections hold.
#[derive(Default)]
pub struct CallMemory {
    held: AtomicUsize,
    exceeded: Notify,
}

impl CallMemory {
    /// Resolves when a call has taken more than [`HELD_MAX`].
    pub fn exceeded(&self) -> Notified<'_> {
        self.exceeded.notified()
    }

    /// The bytes that are held.
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }
}

/// What the calls of one connection hold.
pub struct ConnectionMemory {
    all: Arc<CallMemory>,
    held: AtomicUsize,
    /// Parts of answers that were sent, and those that were not yet.
    sent: AtomicU64,
    unsent: AtomicUsize,
}

impl ConnectionMemory {
    /// A part of `all`.
    pub fn new(all: Arc<CallMemory>) -> Self {
        Self {
            all,
            held: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            unsent: AtomicUsize::new(0),
        }
    }

    /// The bytes that are held; none while no call is open.
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// How many parts of answers were sent, if one waits to be sent.
    pub fn sent_while_waiting(&self) -> Option<u64> {
        (self.unsent.load(Relaxed) > 0).then(|| self.sent.load(Relaxed))
    }

    /// Charges a call that has arrived. One that holds too much, or more than there is, is refused by the
    /// edge; the refusal is an extension of the request, whose header list is gone.
    pub fn begin<B>(self: &Arc<Self>, mut request: Request<B>) -> (Request<ReceivedBody<B>>, Call) {
        let list = header_list::measure(&request);
        let refused = if list.is_too_large {
            Some(Failure::HeadersTooLarge)
        } else if self.held() > LITTLE && self.all.held() > BEGIN_MAX {
            Some(Failure::out_of_memory())
        } else {
            None
        };
        let is_refused = refused.is_some();
        if let Some(failure) = refused {
            let kept = header_list::of_refused(request.headers());
            *request.headers_mut() = kept;
            request.extensions_mut().insert(failure);
        }
        let bytes = if is_refused { CALL } else { CALL + list.memory };
        let call = Call(Arc::new(Charge::of(self, bytes)));
        let request = request.map(|inner| ReceivedBody {
            inner,
            call: call.clone(),
        });
        (request, call)
    }

    fn take(&self, bytes: usize) {
        self.held.fetch_add(bytes, Relaxed);
        if self.all.held.fetch_add(bytes, Relaxed) + bytes > HELD_MAX {
            self.all.exceeded.notify_one();
        }
    }
}

/// What is given back when it is dropped.
struct Charge {
    connection: Arc<ConnectionMemory>,
    bytes: AtomicUsize,
}

impl Charge {
    fn of(connection: &Arc<ConnectionMemory>, bytes: usize) -> Self {
        connection.take(bytes);
        Self {
            connection: Arc::clone(connection),
            bytes: AtomicUsize::new(bytes),
        }
    }

    fn grow(&self, bytes: usize) {
        self.connection.take(bytes);
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.connection.held.fetch_sub(bytes, Relaxed);
        self.connection.all.held.fetch_sub(bytes, Relaxed);
    }
}

/// A call that is charged until its request and its answer are gone.
#[derive(Clone)]
pub struct Call(Arc<Charge>);

impl Call {
    /// The answer, each part of which is charged until it is sent.
    pub fn charge(self, answer: Response<Body>) -> Response<Body> {
        answer.map(|inner| Body::new(AnswerBody { inner, call: self }))
    }
}

/// The body of a request, charged as it is read.
pub struct ReceivedBody<B> {
    inner: B,
    call: Call,
}

impl<B: http_body::Body<Data = Bytes> + Unpin> http_body::Body for ReceivedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.call.0.grow(frame.data_ref().map_or(0, Bytes::len));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

struct AnswerBody {
    inner: Body,
    call: Call,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        let connection = &self.call.0.connection;
        frame.map_ok(|frame| frame.map_data(|bytes| Unsent::charge(connection, bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A part of an answer. The library drops it when the last byte is sent.
struct Unsent {
    bytes: Bytes,
    charge: Charge,
}

impl Unsent {
    fn charge(connection: &Arc<ConnectionMemory>, bytes: Bytes) -> Bytes {
        if bytes.is_empty() {
            return bytes;
        }
        connection.unsent.fetch_add(1, Relaxed);
        let charge = Charge::of(connection, UNSENT + bytes.len());
        Bytes::from_owner(Self { bytes, charge })
    }
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.charge.connection.sent.fetch_add(1, Relaxed);
        self.charge.connection.unsent.fetch_sub(1, Relaxed);
    }
}
