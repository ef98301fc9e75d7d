//! No escalation: nobody hands out, takes away or gets into what they do not hold themselves.
//!
//! Asked inside the writing transaction, with the row of the user concerned locked, so that no grant can come
//! between the question and the change.

use sqlx::PgConnection;

use super::rights::{self, Holder};
use crate::{
    authn::caller::Caller,
    authz::{
        action::Action,
        policy::Domain,
        roles::{Role, RoleTable},
    },
    db::WriteError,
    error::Error,
    identity::{
        accounts::{Account, AccountType},
        users::User,
    },
};

/// What is about to be done to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A way into the user: a password, the lack of one, a key.
    Enter,
    Delete,
}

/// Rule 3: only admins create users of the account `admin`.
///
/// # Errors
/// The same refusal as for a missing permission.
pub fn may_add_to(caller: &Caller, account: &Account, action: Action) -> Result<(), Error> {
    if account.kind == AccountType::Admin && !caller.is_admin() {
        return Err(Domain::Account(&account.name).denies(action).into());
    }
    Ok(())
}

/// Rules 2 and 3: whether the caller may do this to `user`, who lives in `account`. Oneself one may always enter.
///
/// # Errors
/// The same refusal as for a missing permission.
pub async fn may_change(
    db: &mut PgConnection,
    roles: &RoleTable,
    caller: &Caller,
    (account, user): (&Account, &User),
    (change, action): (Change, Action),
) -> Result<(), WriteError> {
    if user.username == caller.user.username {
        return Ok(caller.is_still(user.id)?);
    }
    if caller.is_admin() {
        return Ok(());
    }
    may_add_to(caller, account, action)?;
    let own = rights::of(db, roles, Holder::from(caller)).await?;
    if !own.may(action, &account.name) {
        return Err(Domain::Account(&account.name).denies(action).into());
    }
    let target = rights::of(db, roles, Holder::living_in(account, user.id)).await?;
    let allowed = match change {
        Change::Enter => own.may_enter(&target),
        Change::Delete => own.may_delete(&target),
    };
    if allowed { Ok(()) } else { Err(Domain::Account(&account.name).denies(action).into()) }
}

/// Rule 1: whether the caller may grant `role` in `account` or take it away. Rule 3 is the caller's to ask.
///
/// # Errors
/// The same refusal as for a missing permission.
pub async fn may_hand_out(
    db: &mut PgConnection,
    roles: &RoleTable,
    caller: &Caller,
    (account, role): (&Account, &Role),
    action: Action,
) -> Result<(), WriteError> {
    if caller.is_admin() || rights::of(db, roles, Holder::from(caller)).await?.may_hand_out(role, &account.name) {
        return Ok(());
    }
    Err(Domain::Account(&account.name).denies(action).into())
}
