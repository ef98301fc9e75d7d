//! Connections: how they begin, how many there may be, how long they may take, and how they end.

mod drain;
mod host;
mod http2;
mod limits;
mod program;
mod tls;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::Server;

/// A connection on which nothing was sent yet.
async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).await.unwrap()
}

/// Sends these bytes and reads until the server closes the connection.
async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> String {
    // A server that closes while bytes are on their way resets the connection.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads the head of an answer, which is all of it where there is no body.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(stream.read_u8().await.unwrap()));
    }
    head
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: kedge\r\nconnection: close\r\n\r\n";
