//! Sessions: sign-ins that answered tokens. One is the family of a refresh token, of those before it, and of the access
//! tokens that came with them; when it ends, they all end.
//!
//! [`issue`] begins and continues one, [`handlers`] show them to their user. How a request asks for tokens is
//! [`super::oauth`].

pub mod handlers;
pub mod issue;
pub mod store;
pub mod types;

use time::OffsetDateTime;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    authz::access::Access,
    http::routes::{Body, Routes, TimeLimit},
};

/// A session as it is stored.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: Uuid,
    pub user_id: Uuid,
    /// The user's, when the session began.
    pub auth_epoch: i64,
    pub client_id: String,
    /// What the client that signed in called itself.
    pub user_agent: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_used_at: OffsetDateTime,
    /// When the last of its tokens runs out.
    pub expires_at: OffsetDateTime,
    /// When the last of its access tokens runs out.
    pub access_expires_at: OffsetDateTime,
    /// When it ends whatever happens: with the session at the identity provider.
    pub ends_at: Option<OffsetDateTime>,
}

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    // A key must not end the sign-ins of its user.
    let own = Access::signed_in().not_with_api_key();
    routes.on(own, Body::None, TimeLimit::SHORT, routes!(handlers::list_sessions)).on(
        own,
        Body::None,
        TimeLimit::SHORT,
        routes!(handlers::delete_session),
    )
}
