//! The end of a server: what is in flight finishes, what is new is refused, and nobody waits for ever.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::connect;
use crate::support::{ADMIN_PASSWORD, Server};

/// A request whose body is not there yet.
async fn begun(server: &Server) -> (TcpStream, String) {
    let form = format!("username=admin&password={ADMIN_PASSWORD}");
    let head = format!(
        "POST /v2/oauth/token HTTP/1.1\r\nhost: kedge\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n",
        form.len()
    );
    let mut stream = connect(server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    // Until the handler reads the body.
    tokio::time::sleep(Duration::from_secs(1)).await;
    (stream, form)
}

#[tokio::test]
async fn request_in_flight_finishes_and_new_connections_are_refused() {
    let mut server = Server::start().await;
    let (mut stream, form) = begun(&server).await;
    let mut idle = connect(&server).await;
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: kedge\r\n\r\n").await.unwrap();
    let mut answer = [0; 4096];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let address = server.address().to_owned();
    let ended = server.stop();
    // An idle connection is closed at once.
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0);
    assert!(TcpStream::connect(&address).await.is_err());
    stream.write_all(form.as_bytes()).await.unwrap();
    let mut whole = Vec::new();
    stream.read_to_end(&mut whole).await.unwrap();
    let whole = String::from_utf8(whole).unwrap();
    assert!(whole.starts_with("HTTP/1.1 200 ") && whole.contains("access_token"), "{whole}");
    assert!(ended.await.unwrap(), "all finished in time");
}

#[tokio::test]
async fn request_that_never_finishes_is_not_waited_for_without_end() {
    let mut server = Server::start().await;
    let (_stream, _) = begun(&server).await;
    let started = Instant::now();
    assert!(!server.stop().await.unwrap(), "it did not finish");
    assert!(started.elapsed() < Duration::from_mins(1));
}
