//! `DELETE /v2/accounts/{account_name}/users/{username}`.

use serde_json::json;

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, assert_error};

const ALICE: &str = "/v2/accounts/acme/users/alice";

#[tokio::test]
async fn deleted_user_is_gone_with_every_credential_at_once() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    other_node.key(&key).get("/v2/user").await.expect(200);
    let deleted = server.admin().delete(ALICE).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    for client in [alice, other_node.basic("alice", PASSWORD), server.key(&key), other_node.key(&key)] {
        assert_error(&client.get("/v2/user").await, 401, "Unauthorized");
    }
    assert_error(&server.admin().get(ALICE).await, 404, "User not found");
    assert_error(&server.admin().delete(ALICE).await, 404, "User not found");
}

#[tokio::test]
async fn name_of_a_deleted_user_is_free_and_brings_nothing_back() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    server.admin().delete(ALICE).await.expect(204);
    server.account("other").await;
    let user = json!({ "username": "alice", "password": "another-password" });
    server.admin().post("/v2/accounts/other/users", user).await.expect(200);
    assert_error(&alice.get("/v2/user").await, 401, "Unauthorized");
    assert_error(&server.key(&key).get("/v2/user").await, 401, "Unauthorized");
    let reborn = server.basic("alice", "another-password");
    assert_eq!(reborn.get("/v2/user").await.expect(200)["account_name"], "other");
    assert_eq!(reborn.get("/v2/user/api-keys").await.expect(200)["items"], json!([]));
    server.key_of(&reborn, "k").await;
}

#[tokio::test]
async fn user_is_not_deleted_through_another_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("other").await;
    let admin = server.admin();
    assert_error(&admin.delete("/v2/accounts/other/users/alice").await, 404, "User not found");
    assert_error(&admin.delete("/v2/accounts/zzz/users/alice").await, 404, "Account not found");
    assert_error(&admin.delete("/v2/accounts/acme/users/admin").await, 404, "User not found");
    alice.get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn nobody_deletes_oneself() {
    let server = Server::start().await;
    server.user("admin", "alice").await;
    let alice = server.basic("alice", PASSWORD);
    let answer = alice.delete("/v2/accounts/admin/users/alice").await;
    assert_error(&answer, 400, "Cannot delete credential used for authentication of the request");
    alice.get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn admin_cannot_be_deleted_by_anyone() {
    let server = Server::start().await;
    let alice = server.user("admin", "alice").await;
    for client in [server.basic("admin", ADMIN_PASSWORD), alice] {
        let answer = client.delete("/v2/accounts/admin/users/admin").await;
        assert_error(&answer, 400, "User not allowed to be deleted due to system constraints");
    }
    server.admin().get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn plain_user_deletes_nobody() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.user("acme", "bob").await;
    for username in ["alice", "bob", "zzz"] {
        let refusal = "Not authorized. Requires permissions: domain=acme action=deleteUser target=*";
        assert_error(&alice.delete(&format!("/v2/accounts/acme/users/{username}")).await, 403, refusal);
    }
}
