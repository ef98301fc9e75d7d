//! What a sign-in makes and changes, for the audit trail: each has a record beside the sign-in's, of the type of the
//! operation that does it by hand, so that it is found as that is.

use sqlx::PgConnection;

use super::Idp;
use crate::{
    audit::{Beside, recording::Resource},
    identity::user_groups::{UserGroup, trail::of_members},
};

/// What the sign-in of a user by a provider made and changed so far.
#[derive(Debug)]
pub struct Made<'a> {
    idp: &'a Idp,
    username: &'a str,
    all: Vec<Beside>,
}

impl<'a> Made<'a> {
    #[must_use]
    pub const fn new(idp: &'a Idp, username: &'a str) -> Self {
        Self { idp, username, all: Vec::new() }
    }

    pub fn account(&mut self, account: &str) {
        self.push("create_account", ("account", account), account, &[account]);
    }

    pub fn user(&mut self, account: &str) {
        self.push("create_user", ("user", self.username), account, &[self.username]);
    }

    pub fn role(&mut self, role: &str, account: &str) {
        self.push("add_role_user", ("role_member", self.username), account, &[self.username, role]);
    }

    /// Groups that the user joined, or left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn groups(&mut self, db: &mut PgConnection, groups: &[UserGroup], joined: bool) -> sqlx::Result<()> {
        let operation = if joined { "add_user_group_users" } else { "delete_user_group_users" };
        for group in groups {
            for (account, names) in of_members(db, group, &[self.username.to_owned()]).await? {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                self.push(operation, ("user_group", &group.id.to_string()), &account, &names);
            }
        }
        Ok(())
    }

    /// All of it.
    #[must_use]
    pub fn records(self) -> Vec<Beside> {
        self.all
    }

    /// Every record names the provider last: what it vouched for was done.
    fn push(&mut self, operation: &'static str, (kind, id): (&'static str, &str), account: &str, names: &[&str]) {
        let resource = Resource { account: Some(account.to_owned()), kind: Some(kind), id: Some(id.to_owned()) };
        let names = names.iter().copied().chain([self.idp.name.as_str()]).map(str::to_owned).collect();
        self.all.push(Beside { operation: Some(operation), resource, names });
    }
}
