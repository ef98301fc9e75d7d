//! Which accounts a change of a group concerns, and what the audit trail tells each of them.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::{
    UserGroup,
    store::{self, GroupRole},
};
use crate::identity::users::store as users;

/// Accounts, each with what its record names.
pub type Concerned = BTreeMap<String, Vec<String>>;

/// Of users who join a group or leave it: where the group has roles, as all of them get or lose these; and where they
/// live, which is told of no others.
///
/// # Errors
/// What the database says.
pub async fn of_members(db: &mut PgConnection, group: &UserGroup, usernames: &[String]) -> sqlx::Result<Concerned> {
    let mut concerned = Concerned::new();
    if usernames.is_empty() {
        return Ok(concerned);
    }
    for home in users::list_homes(db, usernames).await? {
        concerned.entry(home.account).or_insert_with(|| vec![group.name.clone()]).push(home.username);
    }
    let all: Vec<_> = std::iter::once(&group.name).chain(usernames).cloned().collect();
    for role in store::list_group_roles(db, &[group.id]).await? {
        concerned.insert(role.account, all.clone());
    }
    Ok(concerned)
}

/// Of roles that a group gets or loses: where they count.
#[must_use]
pub fn of_roles(group: &UserGroup, roles: impl IntoIterator<Item = GroupRole>) -> Concerned {
    let mut concerned = Concerned::new();
    for GroupRole { account, role, .. } in roles {
        let begin = || vec![group.name.clone(), account.clone()];
        concerned.entry(account.clone()).or_insert_with(begin).push(role);
    }
    concerned
}

/// Of a group that is deleted: where it has roles, and where its members live.
///
/// # Errors
/// What the database says.
pub async fn of_deletion(db: &mut PgConnection, group: &UserGroup) -> sqlx::Result<Concerned> {
    let accounts = store::list_accounts_of_group(db, group.id).await?;
    Ok(accounts.into_iter().map(|account| (account, vec![group.name.clone()])).collect())
}
