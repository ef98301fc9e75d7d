//! A stream whose writes may not stall: a client that does not read what it asked for would hold its connection for
//! ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long what is put together may be.
const SHORT: usize = 1024;

/// Fails a write that nothing of could be sent for a while. What was read of the stream already is read again.
pub(super) struct Stalling<S> {
    first: Bytes,
    stream: S,
    patience: Duration,
    /// Since a write found the client's buffers and ours full.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Stalling<S> {
    pub(super) const fn new(first: Bytes, stream: S, patience: Duration) -> Self {
        Self { first, stream, patience, stalled: None }
    }

    fn within_patience<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream), context);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

/// Puts the parts together where there is room for all of them; answers how long they are.
fn join(parts: &[io::IoSlice<'_>], joined: &mut [u8; SHORT]) -> Option<usize> {
    let mut length = 0;
    for part in parts {
        let end = length + part.len();
        joined.get_mut(length..end)?.copy_from_slice(part);
        length = end;
    }
    Some(length)
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.within_patience(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Most answers are a head and a short body: the kernel takes one piece in less time than two.
        let mut joined = [0; SHORT];
        if let Some(length) = join(parts, &mut joined) {
            return self.poll_write(context, joined.get(..length).unwrap_or_default());
        }
        self.within_patience(context, |stream, context| stream.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.within_patience(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.within_patience(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::*;

    #[test]
    fn short_parts_are_put_together_in_their_order_and_long_ones_are_not() {
        let mut joined = [0; SHORT];
        let length = join(&[IoSlice::new(b"head "), IoSlice::new(b""), IoSlice::new(b"body")], &mut joined);
        assert_eq!(length.map(|length| &joined[..length]), Some(b"head body".as_slice()));
        let whole = [1; SHORT];
        assert_eq!(join(&[IoSlice::new(&whole)], &mut joined), Some(SHORT));
        assert_eq!(join(&[IoSlice::new(&whole), IoSlice::new(b"more")], &mut joined), None);
    }
}
