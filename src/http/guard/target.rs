//! The account that an operation is about, behind the question whether the caller may touch it.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, request::Parts},
};

use crate::{
    authn::caller::Caller,
    authz::{
        action::Action,
        policy::{Denial, Domain},
    },
    error::{Error, Result},
    http::extract::single,
    identity::{
        accounts::{Account, store as accounts},
        roles,
    },
    state::App,
};

const X_ANCHORE_ACCOUNT: HeaderName = HeaderName::from_static("x-anchore-account");

/// The account that the operation is about, found by the guard: permission to act there is given.
#[derive(Clone, Debug)]
pub struct Target(pub Arc<Account>);

impl<S: Sync> FromRequestParts<S> for Target {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let target = parts.extensions.get::<Self>();
        target.cloned().ok_or_else(|| Error::internal("the operation is about no account"))
    }
}

/// A permission that is asked for, of an operation whose body or query names the account: the only way to a
/// [`Target`] there.
#[derive(Clone, Debug)]
pub struct PendingPermission {
    pub action: Action,
    pub caller: Caller,
    /// The account that `x-anchore-account` names.
    pub(super) header: Option<String>,
}

impl PendingPermission {
    /// The account of that name, or else the one that the header names, or else the caller's. The policy is asked
    /// before the account is looked up: who may not touch it learns nothing of whether it exists.
    ///
    /// # Errors
    /// 403, or 404 for those who may know.
    pub async fn account(&self, app: &App, named: Option<&str>) -> Result<Target> {
        let caller = &self.caller;
        let name = named.or(self.header.as_deref()).unwrap_or(&caller.account.name);
        roles::permit(caller, self.action, Domain::Account(name))?;
        if name == caller.account.name {
            return Ok(Target(Arc::clone(&caller.account)));
        }
        // Boxed, as all that is not on the way of most requests: it would make the future of each of them larger.
        Box::pin(self.find(app, named, name)).await
    }

    async fn find(&self, app: &App, named: Option<&str>, name: &str) -> Result<Target> {
        let found = accounts::find_by_name(&mut *app.db.connection().await?, name).await?;
        let target = found.ok_or_else(|| match (named, &self.header) {
            (None, Some(name)) => Error::NotFoundNamed { what: "User account", name: name.clone() },
            _ => Error::NotFound { what: "Account" },
        })?;
        if !target.is_enabled() && !self.caller.is_admin() {
            return Err(Denial::AccountNotEnabled { account: target.name }.into());
        }
        Ok(Target(Arc::new(target)))
    }
}

impl<S: Sync> FromRequestParts<S> for PendingPermission {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let pending = parts.extensions.get::<Self>();
        pending.cloned().ok_or_else(|| Error::internal("the operation asks for no permission"))
    }
}

/// The account that the request is moved to; an empty header is an absent one.
///
/// # Errors
/// 400 for two of them.
pub fn account_header(headers: &HeaderMap) -> Result<Option<String>> {
    let value = single(headers, &X_ANCHORE_ACCOUNT)?;
    let name = value.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    Ok(name.filter(|name| !name.is_empty()))
}
