//! `kedge healthcheck`: asks `/health` of the Kedge that listens on the configured address.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Failure;

const PATIENCE: Duration = Duration::from_secs(5);
const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Asks; a failure says why.
pub async fn healthcheck(listen: SocketAddr) -> Result<(), Failure> {
    let address = reachable(listen);
    let asked = tokio::time::timeout(PATIENCE, ask(address)).await;
    match asked {
        Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 200 ") => Ok(()),
        Ok(Ok(_)) => Err(Failure::Other(format!("{address} answers, but not that it is healthy"))),
        Ok(Err(error)) => Err(Failure::Other(format!("{address} does not answer: {error}"))),
        Err(_) => Err(Failure::Other(format!("{address} did not answer within {} s", PATIENCE.as_secs()))),
    }
}

async fn ask(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// A server that listens on every address is asked on loopback.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}
