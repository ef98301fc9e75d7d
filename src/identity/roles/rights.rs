//! What may this caller do? The one place that asks the database for it. A caller brings its own rights
//! (`Caller::rights`), as they were when it signed in; a change is decided by those of the moment of the change.

use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::{
    authn::caller::Caller,
    authz::{
        action::Action,
        policy::{self, Denial, Domain},
        rights::Rights,
        roles::RoleTable,
    },
    identity::accounts::{Account, AccountType},
};

/// A user, as far as rights depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    pub user_id: Uuid,
    pub is_admin: bool,
    /// The name of the account that the user lives in.
    pub home: &'a str,
}

impl<'a> Holder<'a> {
    /// The user of that id, who lives in the account.
    #[must_use]
    pub fn living_in(account: &'a Account, user_id: Uuid) -> Self {
        Self { user_id, is_admin: account.kind == AccountType::Admin, home: &account.name }
    }
}

impl<'a> From<&'a Caller> for Holder<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self::living_in(&caller.account, caller.user.id)
    }
}

/// The rights of a user at this moment, in one query.
pub async fn of(db: &mut PgConnection, roles: &RoleTable, holder: Holder<'_>) -> sqlx::Result<Rights> {
    let mut rights = Rights::new(holder.is_admin, holder.home);
    for grant in store::find_grants(db, holder.user_id).await? {
        if let Some(role) = roles.named(&grant.role) {
            rights.grant(&grant.account, role);
        }
    }
    Ok(rights)
}

/// Whether the caller may do `action` in `domain`.
///
/// # Errors
/// The missing permission.
pub fn permit(caller: &Caller, action: Action, domain: Domain<'_>) -> Result<(), Denial> {
    policy::permit(&caller.rights, caller.narrowing(), action, domain)
}
