//! Answers that a client of HTTP/2 does not take: it holds each one back by the stream's window while the connection's
//! writes go on, so that [`super::stall`] sees nothing, and hyper and h2 wait for a window without end.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Buf, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// The answers of one connection that are on their way.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    /// How many there were: the number of the last one.
    count: u64,
    by_number: HashMap<u64, Answer>,
}

#[derive(Debug)]
struct Answer {
    /// How many pieces of it are not sent yet.
    pieces: usize,
    /// When some of it was last sent, or when its first piece was there.
    moved: Instant,
}

impl Unread {
    /// Waits until nothing of an answer was sent for as long as `patience`.
    pub(super) async fn outlasts(&self, patience: Duration) {
        loop {
            let now = Instant::now();
            let longest = self.answers().by_number.values().map(|answer| answer.moved).min();
            let end = longest.unwrap_or(now) + patience;
            if end <= now {
                return;
            }
            sleep_until(end).await;
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer, each piece of which tells when it is sent. h2 has pieces, too, whose body is gone already.
pub(super) struct Watched {
    body: Body,
    unread: Arc<Unread>,
    number: Option<u64>,
}

impl Watched {
    pub(super) const fn new(body: Body, unread: Arc<Unread>) -> Self {
        Self { body, unread, number: None }
    }

    fn piece(&mut self, bytes: Bytes) -> Piece {
        let mut answers = self.unread.answers();
        let number = *self.number.get_or_insert_with(|| {
            answers.count += 1;
            answers.count
        });
        let new = || Answer { pieces: 0, moved: Instant::now() };
        answers.by_number.entry(number).or_insert_with(new).pieces += 1;
        Piece { bytes, unread: Arc::clone(&self.unread), number }
    }
}

impl HttpBody for Watched {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map_ok(|frame| frame.map_data(|bytes| self.piece(bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A piece of an answer: h2 goes forward in it as the client's window and connection take it, and drops it then.
pub(super) struct Piece {
    bytes: Bytes,
    unread: Arc<Unread>,
    number: u64,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if count > 0
            && let Some(answer) = self.unread.answers().by_number.get_mut(&self.number)
        {
            answer.moved = Instant::now();
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut answers = self.unread.answers();
        if let Some(answer) = answers.by_number.get_mut(&self.number) {
            answer.pieces -= 1;
            if answer.pieces == 0 {
                answers.by_number.remove(&self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    async fn next(body: &mut Watched) -> Piece {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        frame.unwrap().unwrap().into_data().ok().unwrap()
    }

    #[tokio::test]
    async fn answer_counts_until_the_last_of_its_pieces_is_gone() {
        let unread = Arc::new(Unread::default());
        let pieces = stream::iter(["off with ", "their heads"]).map(Ok::<_, std::io::Error>);
        let mut body = Watched::new(Body::from_stream(pieces), Arc::clone(&unread));
        let patience = Duration::from_mins(1);
        assert!(unread.outlasts(patience).now_or_never().is_none());
        let mut first = next(&mut body).await;
        let second = next(&mut body).await;
        drop(body);
        // As if it were long ago.
        let long_ago = || {
            let then = Instant::now().checked_sub(2 * patience).unwrap();
            unread.answers().by_number.values_mut().for_each(|answer| answer.moved = then);
        };
        long_ago();
        assert!(unread.outlasts(patience).now_or_never().is_some());
        // What is sent of one piece counts for those behind it.
        first.advance(3);
        assert_eq!(first.chunk(), b" with ");
        assert!(unread.outlasts(patience).now_or_never().is_none());
        long_ago();
        drop(first);
        assert!(unread.outlasts(patience).now_or_never().is_some());
        drop(second);
        assert!(unread.outlasts(patience).now_or_never().is_none());
        assert!(unread.answers().by_number.is_empty());
    }

    #[test]
    fn length_is_told_as_it_is() {
        for (body, length) in [(Body::empty(), 0), (Body::from("rabbit"), 6)] {
            let body = Watched::new(body, Arc::default());
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(length), length == 0));
        }
    }
}
