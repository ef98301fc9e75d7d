//! What Kedge is measured beside, started by `benches/run`:
//!
//! - `answer`: a bare axum handler that answers the bytes Kedge answered
//! - `select`: the same, after one select by primary key of a row of `api_keys`
//! - `argon2`: how many passwords these cores can hash, with nothing else to do
//!
//! The accept loop is as short as can be, with `TCP_NODELAY` and without any limit or time-out; `axum::serve`, which a
//! newcomer would take, is slower.

use std::{
    convert::Infallible,
    error::Error,
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kedge::authn::password::Cost;
use serde::Deserialize;
use sqlx::{PgPool, postgres::PgPoolOptions};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tower::Service;
use uuid::Uuid;

const USAGE: &str = "\
Started by benches/run.
usage: bare answer ADDRESS ANSWER | bare select ADDRESS ANSWER DATABASE KEY | bare argon2 THREADS SECONDS";

/// As many as Kedge opens by default.
const POOL_SIZE: u32 = 30;
const SELECT: &str = "select user_id, secret_hash, revoked_at, expires_at from api_keys where id = $1";
const KEY_VALUE: &str = "_api_key:kedge_";
const KEY_ID_LENGTH: usize = 16;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["answer", address, answer] => serve(address, bare(Answer::read(answer)?)).await,
        ["select", address, answer, database, key] => {
            let pool = PgPoolOptions::new().max_connections(POOL_SIZE).connect(database).await?;
            serve(address, selecting(Answer::read(answer)?, pool, (*key).to_owned())).await
        }
        ["argon2", threads, seconds] => passwords(threads.parse()?, Duration::from_secs(seconds.parse()?)),
        // `cargo bench` and `cargo test --benches` come here.
        _ => {
            println!("{USAGE}");
            Ok(())
        }
    }
}

/// What Kedge answered.
#[derive(Debug, Deserialize)]
struct Recorded {
    method: String,
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The same, as it is answered: nothing in it is copied or parsed any more.
#[derive(Clone, Debug)]
struct Answer {
    path: String,
    changes: bool,
    status: StatusCode,
    headers: Arc<[(HeaderName, HeaderValue)]>,
    body: Bytes,
}

impl Answer {
    fn read(file: &str) -> Result<Self, Failure> {
        let recorded: Recorded = serde_json::from_slice(&fs::read(file)?)?;
        let header = |(name, value): (String, String)| Ok::<_, Failure>((name.parse()?, value.parse()?));
        Ok(Self {
            path: recorded.path,
            changes: recorded.method == "POST",
            status: StatusCode::from_u16(recorded.status)?,
            headers: recorded.headers.into_iter().map(header).collect::<Result<Vec<_>, _>>()?.into(),
            body: Bytes::from(recorded.body),
        })
    }

    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        for (name, value) in self.headers.iter() {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    }
}

#[expect(clippy::disallowed_methods, reason = "a router of no operations of Kedge's, which needs no access")]
fn bare(answer: Answer) -> Router {
    let path = answer.path.clone();
    let handler = if answer.changes {
        // The extractor reads the body, as any handler that is sent one must.
        post(move |_: Bytes| async move { answer.response() })
    } else {
        get(move || async move { answer.response() })
    };
    Router::new().route(&path, handler)
}

#[expect(clippy::disallowed_methods, reason = "a router of no operations of Kedge's, which needs no access")]
fn selecting(answer: Answer, pool: PgPool, key: String) -> Router {
    let path = answer.path.clone();
    let changes = answer.changes;
    let handler = move |headers: HeaderMap, _: Bytes| async move {
        match select(&pool, key_id(&headers).unwrap_or(key)).await {
            Ok(()) => answer.response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    };
    Router::new().route(&path, if changes { post(handler) } else { get(handler) })
}

/// The row that the request means, where it comes with a key: without this, no other row would ever be read.
fn key_id(headers: &HeaderMap) -> Option<String> {
    let login = headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Basic ")?;
    let login = String::from_utf8(BASE64_STANDARD.decode(login).ok()?).ok()?;
    login.strip_prefix(KEY_VALUE)?.get(..KEY_ID_LENGTH).map(str::to_owned)
}

async fn select(pool: &PgPool, key: String) -> Result<(), sqlx::Error> {
    type Row = (Uuid, Vec<u8>, Option<OffsetDateTime>, OffsetDateTime);
    let row: Row = sqlx::query_as(SELECT).bind(key).fetch_one(pool).await?;
    std::hint::black_box(row);
    Ok(())
}

async fn serve(address: &str, router: Router) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await?;
    let http = Arc::new(http1::Builder::new());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (router, http) = (router.clone(), Arc::clone(&http));
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = router.clone().call(request.map(Body::new));
                async move { Ok::<_, Infallible>(answer.await.into_response()) }
            });
            // A client that goes away in the middle is none of our business.
            drop(http.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// Prints how many passwords were hashed, and how many in a second. Each thread keeps its memory: what is taken and
/// given back for each hash is cleared by the kernel each time, which costs as much again where several threads do it.
fn passwords(threads: usize, span: Duration) -> Result<(), Failure> {
    let cost = Cost::OWASP;
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| error.to_string())?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let started = Instant::now();
    let work = || {
        let (mut memory, mut hash) = (vec![Block::default(); blocks], [0; 32]);
        let mut hashed = 0_u32;
        while started.elapsed() < span {
            let done = argon2.hash_password_into_with_memory(b"through-the-glass", &[7; 16], &mut hash, &mut memory);
            done.map_err(|error| error.to_string())?;
            std::hint::black_box(&hash);
            hashed += 1;
        }
        Ok::<_, String>(hashed)
    };
    let hashed: Result<u32, String> = thread::scope(|scope| {
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        working.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?).sum()
    });
    let hashed = hashed?;
    println!("{hashed} {}", f64::from(hashed) / started.elapsed().as_secs_f64());
    Ok(())
}
