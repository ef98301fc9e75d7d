//! `DELETE /v2/accounts/{account_name}`, and what an account is until the collector comes.

use kedge::identity::collector;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, assert_error, names};

const ACME: &str = "/v2/accounts/acme";
const STATE: &str = "/v2/accounts/acme/state";

fn cannot_go(from: &str, to: &str) -> String {
    format!("Invalid account state change requested. Cannot go from state {from} to state {to}")
}

#[tokio::test]
async fn account_is_deleted_from_disabled_alone() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    assert_error(&admin.delete(ACME).await, 400, &cannot_go("enabled", "deleting"));
    server.set_state("acme", "disabled").await;
    let deleted = admin.delete(ACME).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_error(&admin.delete(ACME).await, 400, &cannot_go("deleting", "deleting"));
}

#[tokio::test]
async fn deleted_account_can_only_be_looked_at() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    server.delete_account("acme").await;
    assert_eq!(admin.get(ACME).await.expect(200)["state"], "deleting");
    for state in ["enabled", "disabled"] {
        let answer = admin.put(STATE, json!({ "state": state })).await;
        assert_error(&answer, 400, &cannot_go("deleting", state));
    }
    for change in [json!({ "email": "a@acme.test" }), json!({})] {
        assert_error(&admin.put(ACME, change).await, 400, "Account acme is being deleted");
    }
    let user = json!({ "username": "alice", "password": PASSWORD });
    assert_error(&admin.post(&format!("{ACME}/users"), user).await, 400, "Account acme is being deleted");
}

#[tokio::test]
async fn users_of_a_deleted_account_are_gone_at_once() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    server.delete_account("acme").await;

    for client in [alice, other_node.basic("alice", PASSWORD), server.key(&key), other_node.key(&key)] {
        assert_error(&client.get("/v2/user").await, 401, "Unauthorized");
    }
    let admin = server.admin();
    assert_eq!(admin.get(&format!("{ACME}/users")).await.expect(200), json!([]));
    let with_roles: Value = admin.get(&format!("{ACME}/users-with-roles")).await.expect(200);
    assert_eq!(with_roles, json!({ "items": [], "total_rows": 0 }));
    assert_eq!(names(&admin.get("/v2/accounts/users").await.expect(200)["items"], "username"), ["admin"]);

    let user = format!("{ACME}/users/alice");
    let password = json!({ "type": "password", "value": PASSWORD });
    for answer in [
        admin.get(&user).await,
        admin.delete(&user).await,
        admin.get(&format!("{user}/credentials")).await,
        admin.post(&format!("{user}/credentials"), password).await,
        admin.delete(&format!("{user}/credentials?credential_type=password")).await,
        admin.get(&format!("{user}/api-keys")).await,
        admin.get(&format!("{user}/api-keys/k")).await,
        admin.post(&format!("{user}/api-keys"), json!({ "name": "new" })).await,
        admin.patch(&format!("{user}/api-keys/k"), json!({ "status": "revoked" })).await,
        admin.delete(&format!("{user}/api-keys/k")).await,
    ] {
        assert_error(&answer, 404, "User not found");
    }
}

#[tokio::test]
async fn names_are_taken_until_the_collector_has_run() {
    let server = Server::start().await;
    let admin = server.admin();
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    server.account("other").await;
    server.delete_account("acme").await;
    let account = json!({ "name": "acme" });
    let user = json!({ "username": "alice", "password": "another-password" });
    assert_error(&admin.post("/v2/accounts", account.clone()).await, 409, "Account already exists");
    assert_error(&admin.post("/v2/accounts/other/users", user.clone()).await, 400, "User already exists");

    // A password, a key and a user, then the account itself.
    assert_eq!(collector::remove_accounts(&server.app.db).await.unwrap(), 4);
    assert_error(&admin.get(ACME).await, 404, "Account not found");
    assert_error(&admin.delete(ACME).await, 404, "Account not found");
    admin.post("/v2/accounts", account).await.expect(200);
    admin.post("/v2/accounts/acme/users", user).await.expect(200);
    assert_error(&alice.get("/v2/user").await, 401, "Unauthorized");
    assert_error(&server.key(&key).get("/v2/user").await, 401, "Unauthorized");
    let keys = admin.get("/v2/accounts/acme/users/alice/api-keys").await.expect(200);
    assert_eq!(keys["items"], json!([]));
}

#[tokio::test]
async fn accounts_that_cannot_be_deleted_say_so() {
    let server = Server::start().await;
    let admin = server.admin();
    assert_error(&admin.delete("/v2/accounts/admin").await, 400, "Account cannot be deleted");
    assert_error(&admin.delete("/v2/accounts/zzz").await, 404, "Account not found");
}

#[tokio::test]
async fn plain_user_deletes_no_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let refusal = "Not authorized. Requires permissions: domain=system action=deleteAccount target=*";
    assert_error(&alice.delete(ACME).await, 403, refusal);
}
