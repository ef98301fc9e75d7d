//! The body of a request, which must have come while there is time for its operation.
//!
//! The end of that time is the end of the operation's own, which answers 503: whichever of the two is seen first, the
//! client is told the same.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Why a body could not be read: there was no time left for its operation.
#[derive(Debug)]
pub(in crate::http) struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body took too long")
    }
}

impl std::error::Error for Late {}

/// A body that fails where it is not whole in time. A change is not cut off when its time is over: without this it would
/// go on reading for as long as the client likes.
pub(super) struct InTime {
    body: Body,
    end: Pin<Box<Sleep>>,
}

/// The body, to be read before `end`.
pub(in crate::http) fn in_time(body: Body, end: Instant) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(InTime { body, end: Box::pin(sleep_until(end)) })
}

impl HttpBody for InTime {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() && self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new(Late))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
