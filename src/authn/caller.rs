//! Who is calling, as the guard found out.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use uuid::Uuid;

use super::Principal;
use crate::{
    authz::{narrowing::Narrowing, rights::Rights, roles::RoleTable},
    error::{Error, Result},
    identity::{
        accounts::{Account, AccountType},
        roles::store::UnifiedRole,
        users::User,
    },
};

/// An authenticated user. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Known>);

/// What is known of a caller, as of one moment.
#[derive(Debug)]
pub struct Known {
    pub user: User,
    /// The account that the user lives in.
    pub account: Arc<Account>,
    /// Every role that the user has, and why.
    pub roles: Vec<UnifiedRole>,
    /// What these amount to.
    pub rights: Rights,
    pub credential: Credential,
}

impl Deref for Caller {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

/// How the caller signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Password,
    /// An access token of this session.
    Token {
        session: Uuid,
    },
    ApiKey {
        id: String,
        narrowing: Narrowing,
    },
}

impl Credential {
    /// Whether it counts from there: a key may be kept to some networks.
    #[must_use]
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        !matches!(self, Self::ApiKey { narrowing, .. } if !narrowing.admits(address))
    }
}

impl Caller {
    /// The principal, signed in by this credential.
    #[must_use]
    pub fn new(table: &RoleTable, principal: Principal, credential: Credential) -> Self {
        let Principal { user, account, roles, .. } = principal;
        let mut rights = Rights::new(account.kind == AccountType::Admin, &account.name);
        for held in &roles {
            if let Some(role) = table.named(&held.role) {
                rights.grant(&held.account, role);
            }
        }
        Self(Arc::new(Known { user, account: Arc::new(account), roles, rights, credential }))
    }
}

impl Known {
    /// Users of the account `admin` are above roles.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.account.kind == AccountType::Admin
    }

    /// Whether `found`, looked up by the caller's name, is still the caller and not a namesake made meanwhile.
    ///
    /// # Errors
    /// The 401 of a user who is gone.
    pub fn is_still(&self, found: Uuid) -> Result<()> {
        if found == self.user.id {
            return Ok(());
        }
        Err(Error::unauthenticated("the user was deleted in the meantime, and another one of that name created"))
    }

    #[must_use]
    pub const fn is_api_key(&self) -> bool {
        matches!(self.credential, Credential::ApiKey { .. })
    }

    /// The session that the access token belongs to.
    #[must_use]
    pub const fn session(&self) -> Option<Uuid> {
        match self.credential {
            Credential::Token { session } => Some(session),
            Credential::Password | Credential::ApiKey { .. } => None,
        }
    }

    /// What the key that signed in was narrowed to.
    #[must_use]
    pub const fn narrowing(&self) -> Option<&Narrowing> {
        match &self.credential {
            Credential::ApiKey { narrowing, .. } => Some(narrowing),
            Credential::Password | Credential::Token { .. } => None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let caller = parts.extensions.get::<Self>();
        caller.cloned().ok_or_else(|| Error::internal("the operation is public, it has no caller"))
    }
}
