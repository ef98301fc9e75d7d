//! `GET /v2/accounts/{account_name}` and the account that does not exist for anyone.

use serde_json::json;

use crate::support::{Server, assert_error};

#[tokio::test]
async fn admin_account_is_there_from_the_first_start() {
    let server = Server::start().await;
    let account = server.admin().get("/v2/account").await.expect(200);
    assert_eq!(account["name"], "admin");
    assert_eq!(account["type"], "admin");
    assert_eq!(account["state"], "enabled");
    assert_eq!(account["email"], "admin@myanchore");
    assert_eq!(server.admin().get("/v2/accounts/admin").await.expect(200), account);
}

#[tokio::test]
async fn unknown_account_is_not_found() {
    let server = Server::start().await;
    assert_error(&server.admin().get("/v2/accounts/zzz").await, 404, "Account not found");
}

#[tokio::test]
async fn plain_user_sees_the_own_account_and_no_other() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    assert_eq!(alice.get("/v2/accounts/acme").await.expect(200)["name"], "acme");
    for name in ["admin", "anchore-system", "zzz"] {
        let refusal = format!("Not authorized. Requires permissions: domain={name} action=getAccount target=*");
        assert_error(&alice.get(&format!("/v2/accounts/{name}")).await, 403, &refusal);
    }
}

#[tokio::test]
async fn service_account_is_found_by_no_operation() {
    let server = Server::start().await;
    let admin = server.admin();
    let account = "/v2/accounts/anchore-system";
    let user = json!({ "username": "alice", "password": "through-the-glass" });
    let password = json!({ "type": "password", "value": "through-the-glass" });
    let answers = [
        admin.get(account).await,
        admin.put(account, json!({ "email": "a@acme.test" })).await,
        admin.put(&format!("{account}/state"), json!({ "state": "disabled" })).await,
        admin.delete(account).await,
        admin.get(&format!("{account}/users")).await,
        admin.get(&format!("{account}/users-with-roles")).await,
        admin.post(&format!("{account}/users"), user).await,
        admin.get(&format!("{account}/users/admin")).await,
        admin.delete(&format!("{account}/users/admin")).await,
        admin.get(&format!("{account}/users/admin/credentials")).await,
        admin.post(&format!("{account}/users/admin/credentials"), password).await,
        admin.delete(&format!("{account}/users/admin/credentials?credential_type=password")).await,
        admin.get(&format!("{account}/users/admin/api-keys")).await,
        admin.post(&format!("{account}/users/admin/api-keys"), json!({ "name": "k" })).await,
    ];
    for answer in answers {
        assert_error(&answer, 404, "Account not found");
    }
    let moved = admin.acting_in("anchore-system").get("/v2/account").await;
    assert_error(&moved, 404, "User account not found. Name=anchore-system");
}
