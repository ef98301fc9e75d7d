//! What a warm `GET /v2/account` costs, layer by layer, without a network: in nanoseconds, as the fastest of several
//! rounds, since all that disturbs a round makes it slower.

mod offline;

use std::{
    convert::Infallible,
    error::Error,
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kedge::{authn, config::Config, http::Json, identity::accounts::types::Account, state::App};
use tokio::runtime::Runtime;
use tower::Service;

const ROUNDS: usize = 15;
const RUNS: u32 = 20_000;
const PATH: &str = "/v2/account";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` only asks whether it runs.
    let runs = if std::env::args().any(|argument| argument == "--bench") { RUNS } else { 1 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let environment =
        [("DATA_DIR", "/nowhere"), ("KEYS__SECRET", "0123456789abcdef0123456789abcdef"), ("LOGGING__LEVEL", "warn")]
            .map(|(name, value)| (format!("KEDGE_{name}"), value.to_owned()));
    let app = runtime.block_on(offline::app(Config::load(None, &environment, false)?))?;
    let layers = Layers { runtime, app, runs };
    layers.print()
}

struct Layers {
    runtime: Runtime,
    app: App,
    runs: u32,
}

impl Layers {
    fn print(&self) -> Result<(), Box<dyn Error>> {
        let app = &self.app;
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, offline::ADMIN)]);
        let caller = self.runtime.block_on(authn::authenticate(app, &headers, None, None))?;
        let kedge = kedge::app(Arc::clone(app));
        let answer = self.runtime.block_on(kedge.clone().call(request())).unwrap_or_else(|never| match never {});
        if answer.status() != StatusCode::OK {
            return Err(format!("the account is not answered: {}", answer.status()).into());
        }
        let bare = bare(&self.runtime, answer)?;
        let (bare, kedge) = (self.router(&bare), self.router(&kedge));
        let authentication = self.fastest(|| {
            black_box(self.runtime.block_on(authn::authenticate(app, &headers, None, None))).ok();
        });
        let digest = app.cache.digest(offline::ADMIN.as_bytes(), None);
        let look = self.fastest(|| {
            black_box(app.cache.recall(black_box(&digest), &app.changes, app.clock.now()));
        });
        let digest = self.fastest(|| {
            black_box(app.cache.digest(black_box(offline::ADMIN.as_bytes()), Some(HERE)));
        });
        let counting = self.fastest(|| app.metrics.answered(Some(0), StatusCode::OK, Duration::from_micros(20)));
        let nothing = self.fastest(|| self.runtime.block_on(std::future::ready(())));
        let body = self.fastest(|| {
            black_box(Json::<_, 200>(Account::from(&*caller.account)).into_response());
        });
        let id = self.fastest(|| {
            black_box(app.random.uuid());
        });
        println!("| layer | ns |\n|---|---|");
        for (layer, nanoseconds) in [
            ("the bare handler behind its router", bare),
            ("Kedge's router, with all below", kedge),
            ("authentication by what is remembered", authentication),
            ("of that: the digest of the header", digest),
            ("of that: the look at what is remembered", look),
            ("the account as JSON", body),
            ("the request's id", id),
            ("the counters", counting),
            ("a future that does nothing, in the rows of routers and of authentication", nothing),
        ] {
            println!("| {layer} | {nanoseconds:.0} |");
        }
        Ok(())
    }

    fn router(&self, router: &Router) -> f64 {
        self.fastest(|| {
            let answer: Result<Response, Infallible> = self.runtime.block_on(router.clone().call(request()));
            black_box(answer).ok();
        })
    }

    fn fastest(&self, mut work: impl FnMut()) -> f64 {
        let mut round = || {
            let began = Instant::now();
            (0..self.runs).for_each(|_| work());
            began.elapsed().as_secs_f64() * 1e9 / f64::from(self.runs)
        };
        (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
    }
}

/// As the listener hands it on.
fn request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static(PATH);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("kedge"));
    request.headers_mut().insert(header::AUTHORIZATION, offline::ADMIN);
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(HERE, 1)));
    request
}

/// Answers the same bytes.
#[expect(clippy::disallowed_methods, reason = "a router of no operations of Kedge's, which needs no access")]
fn bare(runtime: &Runtime, answer: Response) -> Result<Router, Box<dyn Error>> {
    let (parts, body) = answer.into_parts();
    let body: Bytes = runtime.block_on(axum::body::to_bytes(body, usize::MAX))?;
    let headers: Arc<[(HeaderName, HeaderValue)]> =
        parts.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let handler = move || async move {
        let mut response = Response::new(Body::from(body));
        response.headers_mut().extend(headers.iter().cloned());
        response
    };
    Ok(Router::new().route(PATH, get(handler)))
}
