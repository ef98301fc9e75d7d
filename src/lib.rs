//! Kedge: an open server that speaks Anchore's V2 API, beginning with who may call, and with what.
//!
//! Where things are:
//!
//! - [`identity`] who there is, a folder for each resource: [`identity::accounts`], [`identity::users`],
//!   [`identity::credentials`], [`identity::api_keys`], [`identity::roles`], [`identity::user_groups`],
//!   [`identity::oauth`] the token endpoints, [`identity::sessions`] what refresh tokens belong to, [`identity::saml`]
//!   single sign-on; each with its operations, types and SQL
//! - [`authn`] who is calling: password, API key or token; what is remembered of callers, signing keys, limits on
//!   guessing
//! - [`authz`] what they may do: actions, roles, pure decisions
//! - [`http`] the way of a request: [`http::listener`] accepts connections and does TLS, [`http::routes`] mounts an
//!   operation, [`http::guard`] stands before it, [`http::extract`] reads what it is given
//! - [`forward_auth`] the check that proxies ask in front of other services
//! - [`console`] the pages for a browser, and its sign-in
//! - [`v1`] the older paths, on the same operations
//! - [`audit`] who did what, and how nobody can alter that unnoticed
//! - [`system`] the server about itself; [`system::configurations`] settings that change while it runs
//! - [`db`] the pool, transactions, migrations; [`db::changes`] how nodes hear of changes, [`db::managed`] the private
//!   PostgreSQL
//! - [`command`] what `kedge` does on the command line
//! - [`config`] the file and the environment; [`state`] what handlers share, put together in [`startup`]; [`error`]
//!   errors as answers
//! - [`logging`], [`metrics`], [`telemetry`] what is told of it all
//! - [`names`] texts that were checked, [`secret`] texts that are not printed, [`timestamp`] moments on the wire,
//!   [`clock`] time and chance
//!
//! To add an operation: write the handler beside its siblings, mount it in the `routes` of its module.

pub mod audit;
pub mod authn;
pub mod authz;
pub mod clock;
pub mod command;
pub mod config;
pub mod console;
pub mod db;
pub mod error;
pub mod forward_auth;
pub mod http;
pub mod identity;
pub mod logging;
pub mod metrics;
pub mod names;
pub mod secret;
pub mod startup;
pub mod state;
pub mod system;
pub mod telemetry;
pub mod timestamp;
pub mod v1;

use std::{convert::Infallible, pin::pin, sync::Arc};

use axum::{Router, extract::Request, response::Response, routing::Route};
use tower::{layer::layer_fn, service_fn};

use crate::{
    http::{guard::Guard, openapi, request_id::Identity, routes::Routes},
    state::App,
};

/// Every operation.
#[must_use]
pub fn routes() -> Routes {
    Routes::new(openapi::frames())
        .with(system::routes)
        .with(system::configurations::routes)
        .with(http::openapi::routes)
        .with(identity::accounts::routes)
        .with(identity::users::routes)
        .with(identity::credentials::routes)
        .with(identity::api_keys::routes)
        .with(identity::roles::routes)
        .with(identity::user_groups::routes)
        .with(identity::oauth::routes)
        .with(identity::saml::routes)
        .with(identity::sessions::routes)
        .with(forward_auth::routes)
        .with(console::routes)
        .with(audit::routes)
        // Last: it takes over the rows of the others.
        .with(v1::routes)
}

/// The server as one service: the only place where it is put together.
pub fn app(app: App) -> Router {
    let (router, mut table, _) = routes().finish();
    if app.config.metrics.auth_disabled {
        table.open(system::METRICS);
    }
    app.metrics.know(&table);
    let guard = Arc::new(Guard { app: Arc::clone(&app), routes: table });
    // One layer for both steps: a layer costs a request some allocations, a function none.
    let layer = layer_fn(move |route: Route| {
        let (guard, route) = (Arc::clone(&guard), Arc::new(route));
        service_fn(move |request| serve(Arc::clone(&guard), Arc::clone(&route), request))
    });
    router.layer(layer).with_state(app)
}

/// The whole way of a request.
fn serve(
    guard: Arc<Guard>,
    route: Arc<Route>,
    request: Request,
) -> impl Future<Output = Result<Response, Infallible>> + Send {
    let identity = Identity::of(&guard.app, &request);
    let (mut parts, mut body) = request.into_parts();
    async move {
        let row = guard.find(&parts);
        let answer = pin!(guard.answer(row, identity.id(), &mut parts, &mut body, &route));
        Ok(identity.wrap(&guard.app, row, answer).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is moved into a box for every request: boxing what most requests do not need keeps that cheap. Pieces of more
    /// than 1,032 bytes glibc does not keep at hand for each thread.
    #[test]
    fn future_of_a_request_is_small() {
        const fn size<F: Future>(_: &impl Fn(Arc<Guard>, Arc<Route>, Request) -> F) -> usize {
            size_of::<F>()
        }
        assert!(size(&serve) <= 1024, "{} bytes", size(&serve));
    }
}
