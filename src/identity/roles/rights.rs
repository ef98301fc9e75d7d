//! What may this caller do? The one place that asks the database for it; a cache would stand here.

use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::{
    authn::caller::Caller,
    authz::{
        action::Action,
        policy::{self, WITHOUT_ROLE, Where},
        rights::Rights,
        roles::RoleTable,
    },
    error::Result,
    state::App,
};

/// A user, as far as rights depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    pub user_id: Uuid,
    pub is_admin: bool,
    /// The name of the account that the user lives in.
    pub home: &'a str,
}

impl<'a> From<&'a Caller> for Holder<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self { user_id: caller.id, is_admin: caller.is_admin(), home: &caller.account.name }
    }
}

/// The rights of a user at this moment, in one query.
pub async fn of(db: &mut PgConnection, roles: &RoleTable, holder: Holder<'_>) -> sqlx::Result<Rights> {
    let held = store::find_grants(db, holder.user_id).await?;
    let mut rights = Rights::new(holder.is_admin, holder.home, held.version);
    for grant in held.grants {
        if let Some(role) = roles.named(&grant.role) {
            rights.grant(&grant.account, role);
        }
    }
    Ok(rights)
}

/// Whether the caller may do `action` in `domain`. Asks the database only where roles decide.
///
/// # Errors
/// The missing permission.
pub async fn permit(app: &App, caller: &Caller, action: Action, domain: Where<'_>) -> Result<()> {
    let holder = Holder::from(caller);
    let needs_none = domain == Where::Account(holder.home) && WITHOUT_ROLE.contains(&action);
    let rights = if holder.is_admin || needs_none || domain == Where::System {
        Rights::new(holder.is_admin, holder.home, 0)
    } else {
        of(&mut *app.db.read().await?, &app.roles, holder).await?
    };
    Ok(policy::permit(&rights, caller.narrowing(), action, domain)?)
}
