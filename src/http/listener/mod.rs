//! The accept loop: from a socket to connections that are served over one finished router.
//!
//! Every limit of a connection stands here: how many there are, how long one may take with its TLS handshake and with
//! the head of a request, how large a head may be. [`tls`] is what is needed for TLS. `axum::serve` is not used: it has
//! none of these limits, and costs more memory a connection.

mod stall;
pub mod tls;
mod unread;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request},
};
use futures_util::TryFutureExt as _;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tower::Service as _;

use crate::{config::Server, metrics::Metrics};
use stall::Stalling;
use tls::Tls;
use unread::{Unread, Watched};

/// In which time a TLS handshake, and then the first bytes of a connection, must have come.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes: a larger one answers 431.
const HEAD: usize = 64 * 1024;
/// Most requests at once on a connection of HTTP/2.
const STREAMS: u32 = 128;
/// The pause between two pings of an idle HTTP/2 connection, and how long its answer may take.
const PING: Duration = Duration::from_secs(20);
/// How many bytes of answers the kernel may hold for a client that does not read; it would take megabytes by itself.
const UNREAD: usize = 128 * 1024;
/// The pause after an accept that failed: out of file descriptors, there is nothing better than to wait.
const BREATH: Duration = Duration::from_millis(100);

/// What begins a connection of HTTP/2 (RFC 9113, 3.4); no request of HTTP/1.1 begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is served, and what counts it.
pub struct Service {
    pub router: Router,
    pub metrics: Arc<Metrics>,
}

/// What the loop needs to know.
#[derive(Debug)]
pub struct Limits {
    pub connections: u32,
    /// In which time the head of a request must have come, the pause before it included; and how long a client may
    /// leave an answer unread.
    pub head: Duration,
}

impl From<&Server> for Limits {
    fn from(server: &Server) -> Self {
        Self { connections: server.max_connections, head: server.idle_timeout }
    }
}

/// Accepts connections and serves them until `stop` resolves; then none is accepted any more, what is in flight
/// finishes, and the answer is whether it did within `patience`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    service: Service,
    limits: Limits,
    stop: impl Future<Output = ()>,
    patience: Duration,
) -> bool {
    // The connections have it from the listener.
    if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&listener, UNREAD) {
        tracing::warn!(error = &error as &dyn std::error::Error, "the buffers of connections stay as they are");
    }
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections as usize));
    let (stopping, serving) = watch::channel(());
    let (http1, http2) = (http1(&limits), http2());
    let server = Arc::new(Connections { tls, service, http1, http2, unread: limits.head, serving });
    tokio::pin!(stop);
    loop {
        let accepted = async {
            // The place first: whoever finds none stays in the kernel's queue.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let (server, watcher) = (Arc::clone(&server), graceful.watcher());
        let connected = server.service.metrics.connected();
        tokio::spawn(async move {
            server.connection(stream, address, watcher).await;
            drop((place, connected));
        });
    }
    drop((listener, stopping));
    tokio::time::timeout(patience, graceful.shutdown()).await.is_ok()
}

/// Of a request with more than 100 headers, hyper's own limit, which answers 431, is left: setting it costs each
/// request.
fn http1(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_header_size(HEAD);
    http
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    http
}

/// What all connections share.
struct Connections {
    tls: Option<Arc<Tls>>,
    service: Service,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    unread: Duration,
    /// Closed when the server stops.
    serving: watch::Receiver<()>,
}

impl Connections {
    async fn connection(&self, stream: TcpStream, address: SocketAddr, watcher: Watcher) {
        // A small answer must not wait for more to be sent; an error would show at the first write.
        drop(stream.set_nodelay(true));
        let Some(tls) = &self.tls else { return self.requests(stream, true, address, watcher).await };
        match self.before_requests(tls.accept(stream)).await {
            Some(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.requests(stream, http2, address, watcher).await;
            }
            Some(Err(error)) => {
                self.service.metrics.handshake_failed();
                tracing::debug!(%address, %error, "a TLS handshake failed");
            }
            None => {
                self.service.metrics.handshake_failed();
                tracing::debug!(%address, "a TLS handshake took too long");
            }
        }
    }

    /// What comes before the first request; `None` where it takes too long. A server that stops does not wait for it:
    /// browsers connect ahead, and say nothing.
    async fn before_requests<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut serving = self.serving.clone();
        tokio::select! {
            biased;
            done = tokio::time::timeout(HANDSHAKE, work) => done.ok(),
            _ = serving.changed() => None,
        }
    }

    async fn requests<S>(&self, mut stream: S, may_be_http2: bool, address: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut first = Bytes::new();
        if may_be_http2 {
            let Some(Ok(read)) = self.before_requests(beginning(&mut stream)).await else { return };
            first = read;
        }
        let http2 = first == PREFACE;
        let answer = |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(address));
            // A router is a pointer: every connection shares the one that is finished.
            self.service.router.clone().call(request)
        };
        let stream = TokioIo::new(Stalling::new(first, stream, self.unread));
        let ended = if http2 {
            let unread = Arc::<Unread>::default();
            let service = service_fn(|request| {
                let unread = Arc::clone(&unread);
                answer(request).map_ok(|response| response.map(|body| Watched::new(body, unread)))
            });
            let connection = watcher.watch(self.http2.serve_connection(stream, service));
            tokio::select! {
                biased;
                ended = connection => ended,
                () = unread.outlasts(self.unread) => {
                    tracing::debug!(%address, "a connection was ended: the client does not read an answer");
                    return;
                }
            }
        } else {
            watcher.watch(self.http1.serve_connection(stream, service_fn(answer))).await
        };
        if let Err(error) = ended {
            tracing::debug!(%address, %error, "a connection ended early");
        }
    }
}

/// Reads until it is known whether HTTP/2 is spoken. All of its preface is waited for here: hyper would wait without
/// end.
async fn beginning(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    while let Some(rest @ [_, ..]) = first.get_mut(length..) {
        let read = stream.read(rest).await?;
        length += read;
        if read == 0 || !PREFACE.starts_with(first.get(..length).unwrap_or_default()) {
            break;
        }
    }
    Ok(Bytes::copy_from_slice(first.get(..length).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn as_much_is_read_as_tells_the_protocol() {
        for (parts, expected) in [
            (vec![PREFACE], PREFACE),
            (vec![PREFACE, b"more"], PREFACE),
            (vec![b"P", b"RI * HTTP/2.0\r\n\r\nS", b"M\r\n\r\n"], PREFACE),
            (vec![b"P", b"UT / ", b"HTTP/1.1"], b"PUT / "),
            (vec![b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"),
            (vec![b"GET / HTTP/1.1\r\nhost: kedge\r\n"], b"GET / HTTP/1.1\r\nhost: ke"),
            (vec![b"PRI"], b"PRI"),
            (vec![], b""),
        ] {
            let (mut client, mut server) = tokio::io::duplex(1024);
            let sends = async move {
                for part in parts {
                    client.write_all(part).await.unwrap();
                    tokio::task::yield_now().await;
                }
            };
            let (read, ()) = tokio::join!(beginning(&mut server), sends);
            assert_eq!(read.unwrap(), expected);
        }
    }
}
