//! What the audit trail is told: of a provider that is changed, and of what a sign-in makes and changes. Each of the
//! latter has a record beside the sign-in's, of the type of the operation that does it by hand, so that it is found as
//! that is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{Idp, types::RbacManagerSamlConfiguration};
use crate::{
    audit::{Beside, recording::Resource, seal::hex},
    identity::user_groups::{UserGroup, trail::of_members},
};

/// A provider's properties: what the API shows of it, and what was read of its metadata, which another fetch may give
/// other values though the URL stays.
#[derive(Serialize)]
pub struct Told {
    #[serde(flatten)]
    shown: RbacManagerSamlConfiguration,
    entity_id: String,
    sso_url: String,
    /// The SHA-256 of each, in hexadecimal.
    certificates: Vec<String>,
}

impl From<&Idp> for Told {
    fn from(idp: &Idp) -> Self {
        let metadata = &idp.metadata;
        Self {
            // What the deployment requires is no property of the provider.
            shown: RbacManagerSamlConfiguration::new(idp.clone(), false),
            entity_id: metadata.entity_id.clone(),
            sso_url: metadata.sso_url.clone(),
            certificates: metadata.certificates.iter().map(|certificate| fingerprint(certificate)).collect(),
        }
    }
}

/// Of a certificate in base64.
fn fingerprint(certificate: &str) -> String {
    hex(&Sha256::digest(STANDARD.decode(certificate).unwrap_or_default()))
}

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
