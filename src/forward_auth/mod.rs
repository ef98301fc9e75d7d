//! Who is calling, for other services: a proxy in front of them asks with the client's own credentials before it lets a
//! request through (nginx's `auth_request`, Caddy's `forward_auth`, Traefik's `forwardAuth`, Envoy's `ext_authz`). The
//! lines for each are in `deploy/`.

pub mod handlers;
pub mod rules;
pub mod types;

use utoipa_axum::routes;

use crate::{
    authz::access::Access,
    http::routes::{Body, Profile, Routes, TimeLimit},
};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    // What is asked for, the handler reads from the query, as the proxy's configuration has it.
    let signed_in = Access::signed_in().with_api_key();
    routes.on_as(Profile::QUESTION, signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::check_auth)).on_as(
        Profile::QUESTION,
        signed_in,
        Body::None,
        TimeLimit::SHORT,
        routes!(handlers::check_auth_by_post),
    )
}
