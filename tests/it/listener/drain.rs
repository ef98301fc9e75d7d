//! The end of a server: what is in flight finishes, what is new is refused, and nobody waits for ever.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{connect, head};
use crate::support::{ADMIN_PASSWORD, Server};

/// A request whose body is not there yet, though the handler waits for it.
async fn begun(server: &Server) -> (TcpStream, String) {
    let form = format!("username=admin&password={ADMIN_PASSWORD}");
    let request = format!(
        "POST /v2/oauth/token HTTP/1.1\r\nhost: kedge\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\nexpect: 100-continue\r\n\r\n",
        form.len()
    );
    let mut stream = connect(server).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(head(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    (stream, form)
}

#[tokio::test]
async fn request_in_flight_finishes_and_new_connections_are_refused() {
    let mut server = Server::start().await;
    let (mut stream, form) = begun(&server).await;
    let mut idle = connect(&server).await;
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: kedge\r\n\r\n").await.unwrap();
    assert!(head(&mut idle).await.starts_with("HTTP/1.1 200 "));
    let address = server.address().to_owned();
    let ended = server.stop();
    // An idle connection is closed at once.
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    assert!(TcpStream::connect(&address).await.is_err());
    stream.write_all(form.as_bytes()).await.unwrap();
    let mut whole = Vec::new();
    stream.read_to_end(&mut whole).await.unwrap();
    let whole = String::from_utf8(whole).unwrap();
    assert!(whole.starts_with("HTTP/1.1 200 ") && whole.contains("access_token"), "{whole}");
    assert!(ended.await.unwrap(), "all finished in time");
}

/// Browsers connect ahead.
#[tokio::test]
async fn connection_that_has_said_nothing_is_not_waited_for() {
    let mut server = Server::start().await;
    let mut silent = connect(&server).await;
    let mut unfinished = connect(&server).await;
    unfinished.write_all(b"P").await.unwrap();
    server.nobody().get("/health").await.expect(200);
    let started = Instant::now();
    assert!(server.stop().await.unwrap(), "all finished in time");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    for stream in [&mut silent, &mut unfinished] {
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or_default(), 0);
    }
}

#[tokio::test]
async fn request_that_never_finishes_is_not_waited_for_without_end() {
    let mut server = Server::start().await;
    let (_stream, _) = begun(&server).await;
    let started = Instant::now();
    assert!(!server.stop().await.unwrap(), "it did not finish");
    assert!(started.elapsed() < Duration::from_mins(1));
}
