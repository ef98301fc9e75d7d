//! What the targets share: a Kedge without a database. What needs one answers 503; what reads a request comes before.

#[path = "../../benches/offline/mod.rs"]
mod offline;

use std::{
    cell::LazyCell,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, header},
};
use kedge::{config::Config, state::App};
use tower::Service;

pub use offline::ADMIN;

/// The key that signs tokens (HS256).
pub const SIGNING_SECRET: &str = "a secret that no fuzzer can find out";

/// One state for all runs: nothing that is read changes it.
pub static APP: LazyLock<App> = LazyLock::new(|| block_on(async { state().await }));

static ROUTER: LazyLock<Router> = LazyLock::new(|| kedge::app(Arc::clone(&APP)));

thread_local! {
    static RUNTIME: LazyCell<tokio::runtime::Runtime> = LazyCell::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
    });
}

/// Runs to the end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The answer of the whole server.
pub fn answer(request: Request<Body>) -> Response<Body> {
    // Before the runtime is entered: the state is made on it.
    let mut router = ROUTER.clone();
    match block_on(router.call(request)) {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Headers with this `Authorization`.
pub fn authorization(value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

async fn state() -> App {
    let environment = [
        ("KEDGE_DATA_DIR", "/nowhere"),
        ("KEDGE_KEYS__SECRET", SIGNING_SECRET),
        ("KEDGE_METRICS__ENABLED", "true"),
        ("KEDGE_LIMITS__HASHES_AT_ONCE", "1"),
        ("KEDGE_LOGGING__LEVEL", "off"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(None, &environment, false).expect("the configuration is right");
    offline::app(config).await.expect("the configuration names a key")
}
