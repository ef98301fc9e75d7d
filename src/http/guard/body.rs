//! The body of a request, which must come while there is time for its operation and have no more bytes than it may.
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

/// Why a body is not read to its end.
#[derive(Debug)]
pub(in crate::http) enum Cut {
    /// There is no time left for its operation.
    Late,
    /// It has more bytes than this.
    TooLarge(usize),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("the body took too long"),
            Self::TooLarge(limit) => write!(f, "the body has more than {limit} bytes"),
        }
    }
}

impl std::error::Error for Cut {}

/// A body that fails where it is not whole in time, or too large. A change is not cut off when its time is over:
/// without this it would go on reading for as long as the client likes.
struct Bounded {
    body: Body,
    limit: usize,
    left: usize,
    end: Pin<Box<Sleep>>,
}

/// The body, to be read before `end`, of at most `limit` bytes.
pub(in crate::http) fn bounded(body: Body, limit: usize, end: Instant) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(Bounded { body, limit, left: limit, end: Box::pin(sleep_until(end)) })
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() && self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new(Cut::Late))));
        }
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            match self.left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(axum::Error::new(Cut::TooLarge(self.limit))))),
            }
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
