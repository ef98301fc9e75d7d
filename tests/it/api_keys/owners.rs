//! Who manages whose keys.

use serde_json::json;

use super::{KEYS, NOON, alice_at, key_path};
use crate::support::{Client, Server, assert_error, assert_problem, names};

const OF_ALICE: &str = "/v2/accounts/tea-party/users/alice/api-keys";

/// Every operation on the keys under `keys`, on the key `name`; each with its action's name.
async fn try_all(client: &Client, keys: &str, name: &str) -> [(crate::support::Answer, &'static str); 5] {
    let key = format!("{keys}/{name}");
    [
        (client.get(keys).await, "listApiKeys"),
        (client.post(keys, json!({ "name": "intruder" })).await, "createApiKey"),
        (client.get(&key).await, "getApiKey"),
        (client.patch(&key, json!({ "status": "revoked" })).await, "updateApiKey"),
        (client.delete(&key).await, "deleteApiKey"),
    ]
}

#[tokio::test]
async fn own_account_path_is_the_same_as_ones_own() {
    let (server, alice) = alice_at(NOON).await;
    let made = alice.post(OF_ALICE, json!({ "name": "hatter" })).await.expect(201);
    server.key(made["value"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!(alice.get(OF_ALICE).await.expect(200), alice.get(KEYS).await.expect(200));
    let one = format!("{OF_ALICE}/hatter");
    assert_eq!(alice.get(&one).await.expect(200), alice.get(&key_path("hatter")).await.expect(200));
    assert_eq!(alice.patch(&one, json!({ "status": "revoked" })).await.expect(200)["status"], "revoked");
    assert_error(&alice.post(KEYS, json!({ "name": "hatter" })).await, 400, "API key already exists");
    alice.delete(&one).await.expect(204);
    assert_error(&alice.get(&key_path("hatter")).await, 404, "API key not found");
}

#[tokio::test]
async fn global_admin_manages_the_keys_of_every_user() {
    let (server, alice) = alice_at(NOON).await;
    let admin = server.admin();
    let made = admin.post(OF_ALICE, json!({ "name": "hatter" })).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    assert_eq!(key.get("/v2/user").await.expect(200)["username"], "alice");
    assert_eq!(names(&admin.get(OF_ALICE).await.expect(200)["items"], "name"), ["hatter"]);
    assert_eq!(admin.get(KEYS).await.expect(200), json!({ "items": [] }));

    let one = format!("{OF_ALICE}/hatter");
    assert_eq!(admin.get(&one).await.expect(200), alice.get(&one).await.expect(200));
    assert_eq!(admin.patch(&one, json!({ "status": "revoked" })).await.expect(200)["status"], "revoked");
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    admin.delete(&one).await.expect(204);
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn any_user_of_the_admin_account_manages_the_keys_of_every_user() {
    let (server, alice) = alice_at(NOON).await;
    let queen = server.user("admin", "queen").await;
    let made = queen.post(OF_ALICE, json!({ "name": "hatter" })).await.expect(201);
    server.key(made["value"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!(alice.get(KEYS).await.expect(200)["items"][0]["name"], "hatter");
}

#[tokio::test]
async fn user_without_a_role_touches_nobody_elses_keys() {
    let (server, alice) = alice_at(NOON).await;
    let value = server.key_of(&alice, "hatter").await;
    let hatter = server.user("tea-party", "hatter").await;
    let rabbit = server.user("court", "rabbit").await;
    for stranger in [&hatter, &rabbit] {
        for (answer, action) in try_all(stranger, OF_ALICE, "hatter").await {
            let message = format!("Not authorized. Requires permissions: domain=tea-party action={action} target=*");
            assert_error(&answer, 403, &message);
        }
    }
    // One's own name under a foreign account is not oneself.
    for (answer, action) in try_all(&rabbit, "/v2/accounts/tea-party/users/rabbit/api-keys", "hatter").await {
        let message = format!("Not authorized. Requires permissions: domain=tea-party action={action} target=*");
        assert_error(&answer, 403, &message);
    }
    server.key(&value).get("/v2/user").await.expect(200);
    assert_eq!(names(&alice.get(KEYS).await.expect(200)["items"], "name"), ["hatter"]);
}

#[tokio::test]
async fn account_that_does_not_exist_looks_like_any_other_to_those_who_may_not() {
    let (_server, alice) = alice_at(NOON).await;
    for account in ["nowhere", "admin", "anchore-system", "system"] {
        let keys = format!("/v2/accounts/{account}/users/alice/api-keys");
        for (answer, action) in try_all(&alice, &keys, "hatter").await {
            let message = format!("Not authorized. Requires permissions: domain={account} action={action} target=*");
            assert_error(&answer, 403, &message);
        }
    }
}

#[tokio::test]
async fn admin_is_told_what_is_not_there() {
    let (server, alice) = alice_at(NOON).await;
    server.key_of(&alice, "hatter").await;
    server.account("court").await;
    let admin = server.admin();
    for (answer, _) in try_all(&admin, "/v2/accounts/nowhere/users/alice/api-keys", "hatter").await {
        assert_error(&answer, 404, "Account not found");
    }
    for keys in ["/v2/accounts/tea-party/users/nobody/api-keys", "/v2/accounts/court/users/alice/api-keys"] {
        for (answer, _) in try_all(&admin, keys, "hatter").await {
            assert_error(&answer, 404, "User not found");
        }
    }
    assert_eq!(names(&alice.get(KEYS).await.expect(200)["items"], "name"), ["hatter"]);
}

#[tokio::test]
async fn key_is_neither_seen_nor_touched_through_another_users_path() {
    let (server, alice) = alice_at(NOON).await;
    server.user("tea-party", "hatter").await;
    let value = server.key_of(&alice, "of-alice").await;
    let of_hatter = "/v2/accounts/tea-party/users/hatter/api-keys/of-alice";
    let admin = server.admin();
    assert_error(&admin.get(of_hatter).await, 404, "API key not found");
    assert_error(&admin.patch(of_hatter, json!({ "status": "revoked" })).await, 404, "API key not found");
    assert_error(&admin.delete(of_hatter).await, 404, "API key not found");
    server.key(&value).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn permission_is_judged_before_the_body() {
    let server = Server::start().await;
    let alice = server.user("tea-party", "alice").await;
    server.user("tea-party", "hatter").await;
    let keys = "/v2/accounts/tea-party/users/hatter/api-keys";
    let message = "Not authorized. Requires permissions: domain=tea-party action=createApiKey target=*";
    assert_error(&alice.post(keys, json!({ "name": 42 })).await, 403, message);
    assert_problem(&server.admin().post(keys, json!({ "name": 42 })).await, 400, "name");
}
