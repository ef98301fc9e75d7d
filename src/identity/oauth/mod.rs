//! OAuth2: credentials are exchanged for tokens, tokens ended and asked about; and what clients of tokens need to know
//! of the deployment (RFC 6749, 7009, 7662, 8414).
//!
//! [`grant`] reads what a request for tokens asks, [`sender`] from whom it comes, [`handlers`] are the operations. The
//! tokens' life is in [`super::sessions`], their signature in [`crate::authn::signing_keys`].

pub mod grant;
pub mod handlers;
pub mod sender;
pub mod types;
pub mod well_known;

use utoipa_axum::routes;

use crate::{
    authz::access::Access,
    http::routes::{Body, Profile, Routes, TimeLimit},
};

/// The largest form, in bytes: a password of 128 characters has some 1,600, percent-encoded.
pub const FORM_LIMIT: usize = 16 * 1024;

/// The same where an assertion may be in it.
pub const TOKEN_FORM_LIMIT: usize = super::saml::FORM_LIMIT;

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let form = Body::Form(FORM_LIMIT);
    // Whose tokens are told is for the handler to say: everyone may ask about their own.
    let signed_in = Access::signed_in().with_api_key();
    let public = Access::public();
    routes
        .on_as(
            Profile::OAUTH,
            public,
            Body::Form(TOKEN_FORM_LIMIT),
            TimeLimit::SHORT,
            routes!(handlers::get_oauth_token),
        )
        .on_as(Profile::OAUTH, public, form, TimeLimit::SHORT, routes!(handlers::revoke_oauth_token))
        .on_as(Profile::OAUTH_QUESTION, signed_in, form, TimeLimit::SHORT, routes!(handlers::introspect_oauth_token))
        .on(public, Body::None, TimeLimit::SHORT, routes!(well_known::get_jwks))
        .on(public, Body::None, TimeLimit::SHORT, routes!(well_known::get_authorization_server))
}
