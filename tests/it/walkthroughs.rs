//! The published calls, as printed but for host, user, password and key value.

mod clients;
mod curl;

use serde_json::json;

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, assert_error, assert_problem, lacking, members, names};

const KEYS: &str = "/v2/accounts/mad-hatter-team/users/alice/api-keys";
const WITH_A_KEY: &str = "Not authorized. Operation not allowed with an API key";

#[tokio::test]
async fn key_is_made_used_refused_and_revoked() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let request = json!({ "name": "cheshire-cat", "description": "Pipeline automation key" });

    let made = alice.post(KEYS, request.clone()).await.expect(201);
    assert_eq!(made["name"], "cheshire-cat");
    assert_eq!(made["description"], "Pipeline automation key");
    let key = server.key(made["value"].as_str().unwrap());
    assert_error(&key.post(KEYS, request).await, 403, WITH_A_KEY);
    assert_eq!(key.get("/v2/user").await.expect(200)["username"], "alice");
    // The images are not served: to anyone, that is a path that is not there.
    assert_problem(&key.get("/v2/images").await, 404, "The requested URL was not found");

    let revoked = alice.patch(&format!("{KEYS}/cheshire-cat"), json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(revoked["status"], "revoked");
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    let record = alice.get(&format!("{KEYS}/cheshire-cat")).await.expect(200);
    assert_eq!(record["status"], "revoked");
    assert_eq!(names(&alice.get(KEYS).await.expect(200)["items"], "name"), ["cheshire-cat"]);
}

#[tokio::test]
async fn global_admin_makes_and_revokes_keys_for_any_user_of_any_account() {
    let server = Server::start().await;
    let admin = server.admin();
    for (account, username) in [("mad-hatter-team", "alice"), ("court", "rabbit"), ("admin", "queen")] {
        server.user(account, username).await;
        let keys = format!("/v2/accounts/{account}/users/{username}/api-keys");
        let request = json!({ "name": "cheshire-cat", "description": "Pipeline automation key" });
        let made = admin.post(&keys, request).await.expect(201);
        let key = server.key(made["value"].as_str().unwrap());
        assert_eq!(key.get("/v2/user").await.expect(200)["username"], username);
        let revoked = admin.patch(&format!("{keys}/cheshire-cat"), json!({ "status": "revoked" })).await.expect(200);
        assert_eq!(revoked["status"], "revoked");
        assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn account_admin_makes_and_revokes_keys_for_another_user_of_the_account() {
    let server = Server::start().await;
    server.user("mad-hatter-team", "alice").await;
    let hatter = server.user("mad-hatter-team", "hatter").await;
    let request = json!({ "name": "cheshire-cat", "description": "Pipeline automation key" });
    let refused = hatter.post(KEYS, request.clone()).await;
    assert_error(&refused, 403, &lacking("mad-hatter-team", "createApiKey"));

    server.grant("hatter", "account-user-admin", "mad-hatter-team").await;
    let made = hatter.post(KEYS, request).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    assert_eq!(key.get("/v2/user").await.expect(200)["username"], "alice");
    let revoked = hatter.patch(&format!("{KEYS}/cheshire-cat"), json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(revoked["status"], "revoked");
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn key_never_touches_roles_their_members_or_groups() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let group = server.group_of("alice", "full-control", "mad-hatter-team").await;
    for owner in [alice, server.admin()] {
        let key = server.key(&server.key_of(&owner, "cheshire-cat").await);
        let member = json!({ "username": "alice", "domain_name": "mad-hatter-team" });
        let roles = json!({ "domain_name": "mad-hatter-team", "roles": [{ "role": "read-only" }] });
        let answers = [
            key.post(&members("read-only"), member).await,
            key.delete(&format!("{}?username=alice&domain_name=mad-hatter-team", members("full-control"))).await,
            key.post("/v2/system/user-groups", json!({ "name": "court" })).await,
            key.patch(&group, json!({ "description": "mine" })).await,
            key.delete(&group).await,
            key.post(&format!("{group}/roles"), roles).await,
            key.delete(&format!("{group}/roles?all_roles_for_account=mad-hatter-team")).await,
            key.post(&format!("{group}/users"), json!({ "usernames": [{ "username": "admin" }] })).await,
            key.delete(&format!("{group}/users?username=alice")).await,
        ];
        for answer in answers {
            assert_error(&answer, 403, WITH_A_KEY);
        }
    }
}

#[tokio::test]
async fn own_account_and_the_specification_are_answered() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    assert_eq!(alice.get("/v2/account").await.expect(200)["name"], "mad-hatter-team");
    let admin = server.basic("admin", ADMIN_PASSWORD);
    assert_eq!(admin.get("/v2/account").await.expect(200)["name"], "admin");

    let document = server.nobody().get("/v2/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    let document = document.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    let own_key = "/accounts/{account_name}/users/{username}/api-keys";
    assert!(document["paths"].as_object().unwrap().keys().any(|path| path.ends_with(own_key)));
}

#[tokio::test]
async fn key_never_adds_edits_or_removes_accounts_users_credentials_or_keys() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let (account, user) = ("/v2/accounts/mad-hatter-team", "/v2/accounts/mad-hatter-team/users/alice");
    for owner in [alice, server.admin()] {
        let key = server.key(&server.key_of(&owner, "cheshire-cat").await);
        let password = json!({ "type": "password", "value": PASSWORD });
        let answers = [
            key.post("/v2/accounts", json!({ "name": "court" })).await,
            key.put(account, json!({ "email": "alice@example.com" })).await,
            key.put(&format!("{account}/state"), json!({ "state": "disabled" })).await,
            key.delete(account).await,
            key.post(&format!("{account}/users"), json!({ "username": "rabbit", "password": PASSWORD })).await,
            key.delete(user).await,
            key.post(&format!("{user}/credentials"), password.clone()).await,
            key.delete(&format!("{user}/credentials?credential_type=password")).await,
            key.post("/v2/user/credentials", password).await,
            key.get(KEYS).await,
            key.post(KEYS, json!({ "name": "more" })).await,
            key.get(&format!("{KEYS}/cheshire-cat")).await,
            key.patch(&format!("{KEYS}/cheshire-cat"), json!({ "status": "revoked" })).await,
            key.delete(&format!("{KEYS}/cheshire-cat")).await,
        ];
        for answer in answers {
            assert_error(&answer, 403, WITH_A_KEY);
        }
        key.get("/v2/user").await.expect(200);
    }
}
