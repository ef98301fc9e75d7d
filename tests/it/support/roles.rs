//! Roles and groups, given by the user `admin`.

use serde_json::{Value, json};

use super::Server;

/// The roles of the deployment.
pub const ROLES: &str = "/v2/rbac-manager/roles";

/// The path of the members of a role.
pub fn members(role: &str) -> String {
    format!("{ROLES}/{role}/members")
}

/// The text of the refusal of an action.
pub fn lacking(domain: &str, action: &str) -> String {
    format!("Not authorized. Requires permissions: domain={domain} action={action} target=*")
}

impl Server {
    /// Grants a user a role in an account.
    pub async fn grant(&self, username: &str, role: &str, account: &str) -> Value {
        let member = json!({ "username": username, "domain_name": account });
        self.admin().post(&members(role), member).await.expect(200)
    }

    /// Takes a role in an account from a user.
    pub async fn take_away(&self, username: &str, role: &str, account: &str) {
        let query = format!("username={username}&domain_name={account}");
        self.admin().delete(&format!("{}?{query}", members(role))).await.expect(204);
    }

    /// Makes a group; answers its path.
    pub async fn group(&self, name: &str) -> String {
        let made = self.admin().post("/v2/system/user-groups", json!({ "name": name })).await.expect(201);
        format!("/v2/system/user-groups/{}", made["group_uuid"].as_str().unwrap())
    }

    /// Gives a group a role in an account.
    pub async fn give_group(&self, group: &str, role: &str, account: &str) {
        let roles = json!({ "domain_name": account, "roles": [{ "role": role }] });
        self.admin().post(&format!("{group}/roles"), roles).await.expect(201);
    }

    /// Puts a user into a group.
    pub async fn join_group(&self, group: &str, username: &str) {
        let users = json!({ "usernames": [{ "username": username }] });
        self.admin().post(&format!("{group}/users"), users).await.expect(201);
    }

    /// Makes a group that gives a user a role in an account; answers its path.
    pub async fn group_of(&self, username: &str, role: &str, account: &str) -> String {
        let group = self.group("tea-drinkers").await;
        self.give_group(&group, role, account).await;
        self.join_group(&group, username).await;
        group
    }
}
