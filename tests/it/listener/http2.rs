//! The limits of HTTP/2, against a client that keeps to none: frames as they go over the wire (RFC 9113).

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::connect;
use crate::support::{Options, Server};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Flags of DATA, HEADERS and CONTINUATION, and of PING.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// Settings.
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_HEADER_LIST_SIZE: u16 = 6;
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
/// The largest frame that a peer takes unasked.
const FRAME: usize = 16 * 1024;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct Connection(TcpStream);

impl Connection {
    /// A connection on which the server told its settings.
    async fn begin(server: &Server) -> (Self, Vec<(u16, u32)>) {
        Self::begin_with(server, &[]).await
    }

    /// The same, with settings of the client's own.
    async fn begin_with(server: &Server, own: &[(u16, u32)]) -> (Self, Vec<(u16, u32)>) {
        let mut connection = Self(connect(server).await);
        connection.0.write_all(PREFACE).await.unwrap();
        let own = own.iter().flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
        connection.send(SETTINGS, 0, 0, &own.collect::<Vec<_>>()).await.unwrap();
        let settings = connection.read().await.unwrap();
        assert_eq!(settings.kind, SETTINGS);
        let told = settings.payload.chunks(6).map(|setting| {
            let (name, value) = setting.split_at(2);
            (u16::from_be_bytes(name.try_into().unwrap()), u32::from_be_bytes(value.try_into().unwrap()))
        });
        (connection, told.collect())
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.write_all(&[&head, payload].concat()).await
    }

    async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame, but for pings, which are answered.
    async fn read_answering(&mut self) -> io::Result<Frame> {
        loop {
            let frame = self.read().await?;
            if frame.kind != PING || frame.flags == ACK {
                return Ok(frame);
            }
            self.send(PING, ACK, 0, &frame.payload).await?;
        }
    }

    /// Lets the server send so many bytes more, of a stream or of all.
    async fn widen(&mut self, stream: u32, more: u32) -> io::Result<()> {
        self.send(WINDOW_UPDATE, 0, stream, &more.to_be_bytes()).await
    }

    /// Sends a head in as many frames as it takes.
    async fn request(
        &mut self,
        stream: u32,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        ends: u8,
    ) -> io::Result<()> {
        let own = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "kedge")];
        let block: Vec<u8> = own.iter().chain(headers).flat_map(|(name, value)| literal(name, value)).collect();
        let mut parts = block.chunks(FRAME).peekable();
        let mut kind = HEADERS;
        while let Some(part) = parts.next() {
            let last = if parts.peek().is_none() { END_HEADERS } else { 0 };
            self.send(kind, last | if kind == HEADERS { ends } else { 0 }, stream, part).await?;
            kind = CONTINUATION;
        }
        Ok(())
    }

    /// What answers a stream: its head, or that it was reset.
    async fn answer(&mut self, stream: u32) -> Frame {
        loop {
            let frame = self.read().await.unwrap();
            if frame.stream == stream && [HEADERS, RST_STREAM].contains(&frame.kind) {
                return frame;
            }
        }
    }
}

/// A header that no table has, its name and value as they are (RFC 7541, 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0], &*string(name), &*string(value)].concat()
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    // An integer behind a prefix of seven bits (RFC 7541, 5.1).
    match text.len().checked_sub(127) {
        None => bytes.push(u8::try_from(text.len()).unwrap()),
        Some(mut rest) => {
            bytes.push(127);
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).unwrap());
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The first byte of the head of a 200: the eighth entry of the static table (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;
/// That of the head of a 431: the name of the same entry, and the number in Huffman's code.
const STATUS_431: [u8; 5] = [0x48, 0x83, 0x69, 0x90, 0xff];

#[tokio::test]
async fn head_beyond_the_limit_is_refused_and_the_connection_goes_on() {
    let server = Server::start().await;
    let (mut connection, settings) = Connection::begin(&server).await;
    assert!(settings.contains(&(MAX_HEADER_LIST_SIZE, 64 * 1024)), "{settings:?}");
    let (large, fits) = ("a".repeat(64 * 1024), "a".repeat(60 * 1024));
    connection.request(1, "GET", "/health", &[("x", &large)], END_STREAM).await.unwrap();
    let answer = connection.answer(1).await;
    assert_eq!((answer.kind, &answer.payload[..5]), (HEADERS, &STATUS_431[..]));
    connection.request(3, "GET", "/health", &[("x", &fits)], END_STREAM).await.unwrap();
    let answer = connection.answer(3).await;
    assert_eq!((answer.kind, answer.payload[0]), (HEADERS, STATUS_200));
}

#[tokio::test]
async fn request_beyond_the_limit_of_a_connection_is_refused_and_those_before_it_go_on() {
    let server = Server::start().await;
    let (mut connection, settings) = Connection::begin(&server).await;
    assert!(settings.contains(&(MAX_CONCURRENT_STREAMS, 128)), "{settings:?}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    // Bodies that do not come.
    for stream in (1..).step_by(2).take(128) {
        connection.request(stream, "POST", "/v2/oauth/revoke", &form, 0).await.unwrap();
    }
    connection.request(257, "GET", "/health", &[], END_STREAM).await.unwrap();
    let answer = connection.answer(257).await;
    assert_eq!((answer.kind, &answer.payload[..]), (RST_STREAM, &REFUSED_STREAM[..]));
    // One of them ends; there is a place again.
    connection.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]).await.unwrap();
    connection.request(259, "GET", "/health", &[], END_STREAM).await.unwrap();
    let answer = connection.answer(259).await;
    assert_eq!((answer.kind, answer.payload[0]), (HEADERS, STATUS_200));
}

#[tokio::test]
async fn two_hosts_are_refused_beside_an_authority_too() {
    let server = Server::start().await;
    let (mut connection, _) = Connection::begin(&server).await;
    for (stream, headers, begins) in
        [(1, vec![("host", "kedge")], STATUS_200), (3, vec![("host", "kedge"), ("host", "kedge")], 0x8c)]
    {
        connection.request(stream, "GET", "/health", &headers, END_STREAM).await.unwrap();
        let answer = connection.answer(stream).await;
        assert_eq!((answer.kind, answer.payload[0]), (HEADERS, begins), "{headers:?}");
    }
}

async fn patient_for(seconds: &'static str) -> Server {
    let environment = vec![("KEDGE_SERVER__IDLE_TIMEOUT_SECONDS", seconds)];
    Server::start_with(Options { environment, ..Options::default() }).await
}

/// Reads other answers until the connection ends.
async fn read_others(connection: &mut Connection) -> io::Result<()> {
    for stream in (3..).step_by(2) {
        connection.request(stream, "GET", "/v2/version", &[], END_STREAM).await?;
        connection.widen(stream, 1024).await?;
        connection.widen(0, 1024).await?;
        loop {
            let frame = connection.read_answering().await?;
            if (frame.stream, frame.kind, frame.flags & END_STREAM) == (stream, DATA, END_STREAM) {
                break;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test]
async fn client_that_does_not_read_one_of_its_answers_is_hung_up_on() {
    let server = patient_for("1").await;
    // A window of nothing, and one that h2 takes the whole answer for; then an answer that is small.
    for (window, path) in [(0, "/v2/openapi.json"), (1, "/v2/openapi.json"), (1, "/v2/version")] {
        let (mut connection, _) = Connection::begin_with(&server, &[(INITIAL_WINDOW_SIZE, window)]).await;
        connection.request(1, "GET", path, &[], END_STREAM).await.unwrap();
        let ended = timeout(Duration::from_mins(1), read_others(&mut connection)).await;
        assert!(ended.expect("it is hung up on").is_err());
    }
}

#[tokio::test]
async fn client_that_reads_slowly_is_answered_to_the_end() {
    let server = patient_for("3").await;
    let whole = server.nobody().get("/v2/openapi.json").await.text.len();
    let (mut connection, _) = Connection::begin_with(&server, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    connection.request(1, "GET", "/v2/openapi.json", &[], END_STREAM).await.unwrap();
    let mut read = 0;
    for step in 0..20_usize {
        connection.widen(1, 10).await.unwrap();
        while read < 10 * (step + 1) {
            let frame = connection.read_answering().await.unwrap();
            read += if frame.kind == DATA { frame.payload.len() } else { 0 };
        }
        sleep(Duration::from_millis(300)).await;
    }
    for stream in [0, 1] {
        connection.widen(stream, 10_000_000).await.unwrap();
    }
    loop {
        let frame = connection.read_answering().await.unwrap();
        if frame.kind == DATA {
            read += frame.payload.len();
            if frame.flags & END_STREAM != 0 {
                break;
            }
        }
    }
    assert_eq!(read, whole);
}
