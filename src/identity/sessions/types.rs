//! Sessions on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Session as StoredSession;
use crate::timestamp::Timestamp;

/// A session: a sign-in that issued tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    id: Uuid,
    client_id: String,
    /// The User-Agent of the client that signed in.
    user_agent: Option<String>,
    created_at: Timestamp,
    /// When tokens were last issued.
    last_used_at: Timestamp,
    /// When the last of its tokens expires.
    expires_at: Timestamp,
    /// Whether this request was made with a token of this session.
    current: bool,
}

impl Session {
    /// The session, told from the caller's own.
    #[must_use]
    pub fn new(session: StoredSession, own: Option<Uuid>) -> Self {
        Self {
            current: own == Some(session.id),
            id: session.id,
            client_id: session.client_id,
            user_agent: session.user_agent,
            created_at: Timestamp(session.created_at),
            last_used_at: Timestamp(session.last_used_at),
            expires_at: Timestamp(session.expires_at),
        }
    }
}

/// The sessions of a user, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    pub items: Vec<Session>,
}
