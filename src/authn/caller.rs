//! Who is calling, as the guard found out.

use axum::{extract::FromRequestParts, http::request::Parts};
use uuid::Uuid;

use crate::{
    authz::policy::Principal,
    error::{Error, Result},
    identity::accounts::{Account, AccountType},
};

/// An authenticated user.
#[derive(Clone, Debug)]
pub struct Caller {
    pub id: Uuid,
    pub username: String,
    /// The account that the user lives in.
    pub account: Account,
    pub credential: Credential,
}

/// How the caller signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Password,
    ApiKey { id: String },
}

impl Caller {
    /// What the policy needs to know.
    #[must_use]
    pub fn principal(&self) -> Principal<'_> {
        Principal { is_admin: self.account.kind == AccountType::Admin, home: &self.account.name }
    }

    /// Whether `found`, looked up by the caller's name, is still the caller and not a namesake made meanwhile.
    ///
    /// # Errors
    /// The 401 of a user who is gone.
    pub fn is_still(&self, found: Uuid) -> Result<()> {
        if found == self.id {
            return Ok(());
        }
        Err(Error::Unauthenticated("the user was deleted meanwhile, and one of that name made anew"))
    }

    #[must_use]
    pub const fn is_api_key(&self) -> bool {
        matches!(self.credential, Credential::ApiKey { .. })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let caller = parts.extensions.get::<Self>();
        caller.cloned().ok_or_else(|| Error::internal("the operation is public, it has no caller"))
    }
}

/// The account that the operation is about, found by the guard: permission to act there is given.
#[derive(Clone, Debug)]
pub struct Target(pub Account);

impl<S: Sync> FromRequestParts<S> for Target {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let account = parts.extensions.get::<Account>();
        account.cloned().map(Self).ok_or_else(|| Error::internal("the operation is about no account"))
    }
}
