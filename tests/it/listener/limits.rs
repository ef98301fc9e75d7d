//! What a client may ask of a connection.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{HEALTH, connect, exchange, head};
use crate::support::{Options, Server, until};

const PATIENCE: Duration = Duration::from_mins(1);

async fn with(name: &'static str, value: &'static str) -> Server {
    Server::start_with(Options { environment: vec![(name, value)], ..Options::default() }).await
}

#[tokio::test]
async fn head_that_is_too_large_or_has_too_many_lines_is_431() {
    let server = Server::start().await;
    let large = format!("GET /health HTTP/1.1\r\nhost: kedge\r\nx: {}\r\n\r\n", "a".repeat(64 * 1024));
    let many = format!("GET /health HTTP/1.1\r\nhost: kedge\r\n{}\r\n", "x: a\r\n".repeat(120));
    for head in [large, many] {
        let answer = exchange(&mut connect(&server).await, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    // Within the limits, whatever the size of a single line.
    let fits = format!("GET /health HTTP/1.1\r\nhost: kedge\r\nconnection: close\r\nx: {}\r\n\r\n", "a".repeat(30_000));
    let answer = exchange(&mut connect(&server).await, fits.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn connection_that_never_sends_a_whole_head_is_closed() {
    let server = with("KEDGE_SERVER__IDLE_TIMEOUT_SECONDS", "1").await;
    // Without a first byte, and with the beginning of HTTP/2's preface, the time of a handshake counts.
    let begun = ["", "G", "P", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "GET /health HTTP/1.1\r\nhost: ked"];
    let closed = begun.map(async |begun| {
        // Closed with bytes that nobody took, a connection is reset.
        let rest = timeout(PATIENCE, exchange(&mut connect(&server).await, begun.as_bytes())).await;
        let rest = rest.expect("it is closed");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408 "), "{begun:?}: {rest}");
    });
    join_all(closed).await;
}

#[tokio::test]
async fn connection_that_stays_idle_is_closed_and_one_that_is_used_is_not() {
    let server = with("KEDGE_SERVER__IDLE_TIMEOUT_SECONDS", "3").await;
    let mut stream = connect(&server).await;
    for _ in 0..5 {
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: kedge\r\n\r\n").await.unwrap();
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
}

#[tokio::test]
async fn connection_beyond_the_limit_waits_for_another_to_close() {
    let server = with("KEDGE_SERVER__MAX_CONNECTIONS", "2").await;
    let (first, _second) = (connect(&server).await, connect(&server).await);
    let mut third = connect(&server).await;
    third.write_all(HEALTH).await.unwrap();
    let mut answer = [0; 16];
    assert!(timeout(Duration::from_millis(300), third.read(&mut answer)).await.is_err(), "it was served");
    drop(first);
    timeout(PATIENCE, third.read_exact(&mut answer)).await.expect("it is served").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_connections_do_not_stop_others() {
    let server = Server::start().await;
    let mut slow = Vec::new();
    for turn in 0..200 {
        let mut stream = connect(&server).await;
        let head = b"POST /v2/oauth/token HTTP/1.1\r\nhost: kedge\r\ncontent-length: 9\r\n\
                     content-type: application/x-www-form-urlencoded\r\n\r\na";
        // Half of them stop in the head, half in the body.
        stream.write_all(if turn % 2 == 0 { &head[..20] } else { head }).await.unwrap();
        slow.push(stream);
    }
    let started = Instant::now();
    for _ in 0..20 {
        let answer = exchange(&mut connect(&server).await, HEALTH).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert!(started.elapsed() < PATIENCE);
}

#[tokio::test]
async fn body_that_never_ends_is_not_read_beyond_the_time_of_its_operation() {
    let server = Server::start().await;
    let mut stream = connect(&server).await;
    let head = b"POST /v2/oauth/token HTTP/1.1\r\nhost: kedge\r\ncontent-length: 1000\r\n\
                 content-type: application/x-www-form-urlencoded\r\n\r\na";
    stream.write_all(head).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let drips = tokio::spawn(async move {
        while writer.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let mut answer = Vec::new();
    // Closed with bytes that nobody took, a connection is reset.
    let _ = timeout(PATIENCE, reader.read_to_end(&mut answer)).await.expect("it is closed");
    assert!(answer.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&answer));
    drips.await.unwrap();
}

#[tokio::test]
async fn client_that_does_not_read_is_hung_up_on() {
    let limits = vec![("KEDGE_SERVER__IDLE_TIMEOUT_SECONDS", "1"), ("KEDGE_SERVER__MAX_CONNECTIONS", "1")];
    let server = Server::start_with(Options { environment: limits, ..Options::default() }).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address().parse().unwrap()).await.unwrap();
    // More than the buffers of the kernel take; this client sends no more than it must.
    let requests = b"GET /v2/openapi.json HTTP/1.1\r\nhost: kedge\r\n\r\n".repeat(100);
    deaf.write_all(&requests).await.unwrap();
    // The only place is free once the other is gone.
    let mut next = connect(&server).await;
    next.write_all(HEALTH).await.unwrap();
    let mut answer = [0; 16];
    timeout(PATIENCE, next.read_exact(&mut answer)).await.expect("there is a place").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    drop(deaf);
}

#[tokio::test]
async fn http2_is_spoken_to_who_begins_with_it() {
    let server = Server::start().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let answer = client.get(format!("{}/v2/version", server.url)).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    assert!(answer.headers().contains_key("x-request-id"));
    let told = answer.content_length();
    assert_eq!(told, answer.bytes().await.unwrap().len().try_into().ok());
    let head = client.head(format!("{}/v2/version", server.url)).send().await.unwrap();
    let told_of_head = head.headers()["content-length"].to_str().unwrap().parse().ok();
    assert_eq!((told_of_head, head.bytes().await.unwrap().len()), (told, 0));
}

#[tokio::test]
async fn pipelined_requests_are_all_answered() {
    let server = Server::start().await;
    let mut requests = b"GET /health HTTP/1.1\r\nhost: kedge\r\n\r\n".repeat(3);
    requests.extend_from_slice(HEALTH);
    let answers = exchange(&mut connect(&server).await, &requests).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 4, "{answers}");
}

/// A large form from this address, of which so much is there.
async fn large_form(server: &Server, from: &str, there: usize) -> TcpStream {
    let head = format!(
        "POST /v2/rbac-manager/saml/sso/nobody HTTP/1.1\r\nhost: kedge\r\nx-forwarded-for: {from}\r\n\
         connection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        LARGE.len()
    );
    let mut stream = connect(server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    // A refusal may come before all of it is there.
    let _ = stream.write_all(&LARGE[..there]).await;
    stream
}

const LARGE: &[u8] = &[b'a'; 512 * 1024];

#[tokio::test]
async fn who_keeps_large_forms_back_keeps_nobody_else_out() {
    let server = with("KEDGE_SERVER__TRUSTED_PROXIES", "127.0.0.0/8").await;
    let mut kept = Vec::new();
    for _ in 0..16 {
        kept.push(large_form(&server, "198.51.100.1", LARGE.len() - 1).await);
    }
    let status = async |from: &str| {
        let mut answer = [0; 12];
        large_form(&server, from, LARGE.len()).await.read_exact(&mut answer).await.map(|_| answer[9..].to_vec())
    };
    // Refused while more comes, a connection may be reset before the answer is read.
    until("the share is used up", async || status("198.51.100.1").await.is_ok_and(|status| status == b"503")).await;
    assert_eq!(status("198.51.100.2").await.unwrap(), b"404");
}
