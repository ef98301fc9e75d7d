//! The accept loop: from a socket to connections that are served over one finished router.
//!
//! Every limit of a connection stands here: how many there are, how long one may take with its TLS handshake and with
//! the head of a request, how large a head may be. [`tls`] is what is needed for TLS. `axum::serve` is not used: it has
//! none of these limits, and costs more memory a connection.

mod stall;
pub mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::Service as _;

use crate::{config::Server, metrics::Metrics};
use stall::Stalling;
use tls::Tls;

/// In which time a TLS handshake, or the first bytes of a plain connection, must have come.
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

/// What begins a connection of HTTP/2 without TLS (RFC 9113, 3.4); no method of HTTP/1.1 begins so.
const PRIOR_KNOWLEDGE: &[u8] = b"PRI";

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
    let server = Arc::new(Connections { tls, service, http1: http1(&limits), http2: http2(), unread: limits.head });
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
    drop(listener);
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
}

impl Connections {
    async fn connection(&self, stream: TcpStream, address: SocketAddr, watcher: Watcher) {
        // A small answer must not wait for more to be sent; an error would show at the first write.
        drop(stream.set_nodelay(true));
        let Some(tls) = &self.tls else {
            if let Ok(Some(http2)) = tokio::time::timeout(HANDSHAKE, speaks_http2(&stream)).await {
                self.requests(stream, http2, address, watcher).await;
            }
            return;
        };
        match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.requests(stream, http2, address, watcher).await;
            }
            Ok(Err(error)) => {
                self.service.metrics.handshake_failed();
                tracing::debug!(%address, %error, "a TLS handshake failed");
            }
            Err(_) => {
                self.service.metrics.handshake_failed();
                tracing::debug!(%address, "a TLS handshake took too long");
            }
        }
    }

    async fn requests<S>(&self, stream: S, http2: bool, address: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(address));
            // A router is a pointer: every connection shares the one that is finished.
            self.service.router.clone().call(request)
        });
        let stream = TokioIo::new(Stalling::new(stream, self.unread));
        let ended = if http2 {
            watcher.watch(self.http2.serve_connection(stream, service)).await
        } else {
            watcher.watch(self.http1.serve_connection(stream, service)).await
        };
        if let Err(error) = ended {
            tracing::debug!(%address, %error, "a connection ended early");
        }
    }
}

/// Looks at the first bytes without taking them; `None` where the connection ends before they come.
async fn speaks_http2(stream: &TcpStream) -> Option<bool> {
    let mut first = [0; PRIOR_KNOWLEDGE.len()];
    loop {
        let seen = stream.peek(&mut first).await.ok()?;
        let seen = first.get(..seen).filter(|seen| !seen.is_empty())?;
        if seen == PRIOR_KNOWLEDGE {
            return Some(true);
        }
        if !PRIOR_KNOWLEDGE.starts_with(seen) {
            return Some(false);
        }
        // The rest is not there yet, and nothing tells when more than these bytes can be read.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
