//! A password deleted.

use crate::support::{PASSWORD, Server, assert_error, assert_problem};

const CREDENTIALS: &str = "/v2/accounts/acme/users/alice/credentials";

#[tokio::test]
async fn deleted_password_stops_at_once_and_again_is_no_error() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    for _ in 0..2 {
        let deleted = server.admin().delete(&format!("{CREDENTIALS}?credential_type=password")).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
        assert_error(&alice.get("/v2/user").await, 401, "Unauthorized");
        assert_error(&other_node.basic("alice", PASSWORD).get("/v2/user").await, 401, "Unauthorized");
        assert_error(&server.basic("alice", "").get("/v2/user").await, 401, "Unauthorized");
    }
    let user = server.key(&key).get("/v2/user").await.expect(200);
    assert!(user["password_last_updated"].is_null());
}

#[tokio::test]
async fn credential_type_is_required_and_known() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for query in ["", "?", "?credential_type=", "?credential_type=key", "?credential_type=Password", "?type=password"] {
        assert_problem(&server.admin().delete(&format!("{CREDENTIALS}{query}")).await, 400, "credential_type");
    }
    alice.get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn own_password_cannot_be_deleted() {
    let server = Server::start().await;
    let answer = server.admin().delete("/v2/accounts/admin/users/admin/credentials?credential_type=password").await;
    assert_error(&answer, 400, "Cannot delete credential of authenticated user");
    server.admin().get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn unknown_user_or_account_is_not_found() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("other").await;
    let admin = server.admin();
    for user in ["acme/users/zzz", "other/users/alice"] {
        let answer = admin.delete(&format!("/v2/accounts/{user}/credentials?credential_type=password")).await;
        assert_error(&answer, 404, "User not found");
    }
    let answer = admin.delete("/v2/accounts/zzz/users/alice/credentials?credential_type=password").await;
    assert_error(&answer, 404, "Account not found");
    alice.get("/v2/user").await.expect(200);
}
