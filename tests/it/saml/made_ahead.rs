//! Users of a provider that are made ahead of their first sign-in, by others than admins.

use serde_json::{Value, json};

use crate::support::{
    Client, Server, assert_error,
    idp::{Says, configuration},
};

const USERS: &str = "/v2/accounts/wonderland/users";
const WONDERLAND: &str = "/v2/rbac-manager/saml/idps/wonderland";

/// A server with the provider, and one who may make users in the account `wonderland`.
async fn server(changes: Value) -> (Server, Client) {
    let server = Server::start().await;
    server.idp(changes).await;
    let queen = server.user("wonderland", "queen").await;
    let role = json!({ "username": "queen", "domain_name": "wonderland" });
    server.admin().post("/v2/rbac-manager/roles/account-user-admin/members", role).await.expect(200);
    (server, queen)
}

fn alice() -> Value {
    json!({ "username": "alice", "user_type": "saml", "idp_name": "wonderland" })
}

/// Asserts that the user admin cannot make a user of the provider, and an admin can.
async fn assert_for_admins_alone(server: &Server, queen: &Client, what: &Value) {
    let denied = "Not authorized. Requires permissions: domain=wonderland action=createUser target=*";
    let refused = queen.post(USERS, alice()).await;
    assert_eq!(refused.status, 403, "{what}: {}", refused.text);
    assert_error(&refused, 403, denied);
    server.admin().get(&format!("{USERS}/alice")).await.expect(404);
    server.admin().post(USERS, alice()).await.expect(200);
    server.admin().delete(&format!("{USERS}/alice")).await.expect(204);
}

#[tokio::test]
async fn user_admin_makes_users_of_a_provider_that_is_its_accounts_alone() {
    let changes = json!({ "require_existing_users": true, "allow_unsolicited": true, "default_role": "read-only" });
    let (server, queen) = server(changes).await;
    queen.post(USERS, alice()).await.expect(200);
    let token = Says::of("alice", None).to(&server).await.expect(200)["token"].as_str().unwrap().to_owned();
    let user = server.bearer(&token).get("/v2/user").await.expect(200);
    assert_eq!(user["unified_roles"][0]["role_name"], "read-only");
    // Without a role to give, too.
    server.admin().put(WONDERLAND, configuration(&json!({}))).await.expect(200);
    let hatter = json!({ "username": "hatter", "user_type": "saml", "idp_name": "wonderland" });
    queen.post(USERS, hatter).await.expect(200);
}

#[tokio::test]
async fn user_admin_makes_none_of_a_provider_that_gives_more_than_it_may() {
    let (server, queen) = server(json!({})).await;
    for what in [
        json!({ "default_account": "narnia" }),
        json!({ "default_account": "narnia", "default_role": "read-only" }),
        json!({ "default_account": null, "idp_account_attribute": "account" }),
        json!({ "idp_account_attribute": "account" }),
        json!({ "idp_role_attribute": "role" }),
        json!({ "default_role": "full-control" }),
    ] {
        server.admin().put(WONDERLAND, configuration(&what)).await.expect(200);
        assert_for_admins_alone(&server, &queen, &what).await;
    }
}

#[tokio::test]
async fn user_admin_makes_none_of_a_provider_with_groups() {
    let (server, queen) = server(json!({})).await;
    let made = server.admin().post("/v2/system/user-groups", json!({ "name": "walrus" })).await.expect(201);
    let groups = json!({ "user_group_uuids": [made["group_uuid"]] });
    server.admin().post(&format!("{WONDERLAND}/user-group-mappings"), groups).await.expect(200);
    assert_for_admins_alone(&server, &queen, &made).await;
}

#[tokio::test]
async fn disabled_provider_is_unknown_to_all_but_admins() {
    let (server, queen) = server(json!({ "enabled": false })).await;
    let unknown = "Invalid user request: Unknown identity provider wonderland";
    assert_error(&queen.post(USERS, alice()).await, 400, unknown);
    server.admin().post(USERS, alice()).await.expect(200);
}
