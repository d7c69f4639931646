//! The body of a streaming call. It outlives the handler, so it enforces the deadline and the end of
//! the drain, gives the status its form, and ends the line in the log.

use std::{
    convert::identity,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use http_body::Frame;

use super::{call_log::CallLog, deadline::Ends, failure::Failure, protocol::Protocol, status};

/// The messages and trailers of one streaming call.
pub(crate) struct StreamBody {
    /// `None` once the stream has ended; the handler's task that feeds it ends with it.
    inner: Option<Body>,
    end: BoxFuture<'static, Failure>,
    request_id: String,
    log: CallLog,
}

impl StreamBody {
    /// Wraps what the handler answered.
    pub(crate) fn new(inner: Body, ends: Ends, request_id: &str, log: CallLog) -> Self {
        Self {
            inner: Some(inner),
            end: Box::pin(ends.reached()),
            request_id: request_id.to_owned(),
            log,
        }
    }

    /// Ends the stream with trailers of our form.
    fn end_with(&mut self, mut trailers: HeaderMap, failure: Option<&Failure>) -> Frame<Bytes> {
        self.inner = None;
        self.log.outcome(Protocol::Grpc, StatusCode::OK, failure);
        if let Some(failure) = failure {
            status::write_status(&mut trailers, failure, &self.request_id);
        }
        Frame::trailers(trailers)
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(failure) = this.end.as_mut().poll(cx) {
            let end = this.end_with(HeaderMap::new(), Some(&failure));
            return Poll::Ready(Some(Ok(end)));
        }
        Pin::new(inner).poll_frame(cx).map_ok(|frame| {
            frame.into_trailers().map_or_else(identity, |trailers| {
                let failure = status::foreign_code(&trailers).map(Failure::from_grpc);
                this.end_with(trailers, failure.as_ref())
            })
        })
    }
}
