//! The body of a request, which must have come while there is time for its operation.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// A body that fails where it is not whole in time. A change is not cut off when its time is over: without this it would
/// go on reading for as long as the client likes.
pub(super) struct InTime {
    body: Body,
    end: Pin<Box<Sleep>>,
}

/// The body, to be read before `end`.
pub(super) fn in_time(body: Body, end: Instant) -> Body {
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
            return Poll::Ready(Some(Err(axum::Error::new("the body took too long"))));
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
