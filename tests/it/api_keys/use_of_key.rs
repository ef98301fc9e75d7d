//! What a key is good for, and what it may never do.

use kedge::authz::access::Access;
use reqwest::Method;
use serde_json::json;
use time::macros::datetime;

use super::{KEYS, NOON, alice_at, key_path};
use crate::support::{Client, PASSWORD, Server, assert_error, send};

const WITH_A_KEY: &str = "Not authorized. Operation not allowed with an API key";

/// The changes that the rules leave to keys.
const ALLOWED_CHANGES: [&str; 2] = ["/v2/oauth/introspect", "/v2/auth/check"];

/// Every operation served that a key may never do: each change but those, and everything about keys.
fn forbidden() -> Vec<(String, String)> {
    let (_, table, _) = kedge::routes().finish();
    let forbidden = table.rows().into_iter().filter(|(path, method, row)| {
        let changes = method != &Method::GET && !ALLOWED_CHANGES.contains(path);
        row.access != Access::Public && (changes || path.contains("/api-keys"))
    });
    forbidden.map(|(path, method, _)| (method.to_string(), path.to_owned())).collect()
}

#[tokio::test]
async fn key_never_manages_identities_whoever_its_user_is() {
    let server = Server::start().await;
    let alice = server.user("tea-party", "alice").await;
    let admin = server.admin();
    let forbidden = forbidden();
    for known in [
        "POST /v2/accounts",
        "DELETE /v2/accounts/{account_name}",
        "PUT /v2/accounts/{account_name}/state",
        "POST /v2/accounts/{account_name}/users",
        "DELETE /v2/accounts/{account_name}/users/{username}",
        "POST /v2/user/credentials",
        "GET /v2/user/api-keys",
        "GET /v2/user/api-keys/{key_name}",
    ] {
        assert!(forbidden.iter().any(|(method, path)| format!("{method} {path}") == known), "{known} is not served");
    }
    for user in [&alice, &admin] {
        let key = server.key(&server.key_of(user, "robot").await);
        for (method, path) in &forbidden {
            let path = path.replace("{account_name}", "tea-party").replace("{username}", "alice");
            let path = path.replace("{key_name}", "robot");
            // A body that would do, and one that would not: the answer must not depend on it.
            for body in
                [json!({ "name": "more", "username": "more", "password": PASSWORD, "status": "revoked" }), json!(0)]
            {
                let answer = send(key.request(method, &path).json(&body)).await;
                assert_error(&answer, 403, WITH_A_KEY);
            }
        }
        key.get("/v2/user").await.expect(200);
        assert_eq!(user.get(KEYS).await.expect(200)["items"].as_array().unwrap().len(), 1);
    }
    assert_eq!(admin.get("/v2/accounts").await.expect(200).as_array().unwrap().len(), 2);
    assert_eq!(admin.get("/v2/accounts/users").await.expect(200)["total_rows"], 2);
    assert_eq!(alice.get("/v2/account").await.expect(200)["state"], "enabled");
}

#[tokio::test]
async fn key_is_refused_before_what_it_names_is_looked_up() {
    let server = Server::start().await;
    let key = server.key(&server.key_of(&server.admin(), "robot").await);
    let keys = "/v2/accounts/nowhere/users/nobody/api-keys";
    assert_error(&key.get(keys).await, 403, WITH_A_KEY);
    assert_error(&key.delete(&format!("{keys}/nothing")).await, 403, WITH_A_KEY);
    assert_error(&key.delete("/v2/accounts/nowhere").await, 403, WITH_A_KEY);
}

#[tokio::test]
async fn key_of_a_plain_user_reads_what_its_user_reads() {
    let server = Server::start().await;
    let alice = server.user("tea-party", "alice").await;
    let key = server.key(&server.key_of(&alice, "robot").await);
    reads_alike(
        &alice,
        &key,
        &[
            "/v2/user",
            "/v2/user/credentials",
            "/v2/account",
            "/v2/accounts/tea-party",
            "/v2/status",
            "/v2/system",
            "/v2/system/error-codes",
        ],
    )
    .await;
    let listing = "Not authorized. Requires permissions: domain=system action=listAccounts target=*";
    assert_error(&key.get("/v2/accounts").await, 403, listing);
    let foreign = "Not authorized. Requires permissions: domain=admin action=getAccount target=*";
    assert_error(&key.clone().acting_in("admin").get("/v2/account").await, 403, foreign);
}

#[tokio::test]
async fn key_of_an_admin_reads_what_its_user_reads() {
    let server = Server::start().await;
    server.user("tea-party", "alice").await;
    let admin = server.admin();
    let key = server.key(&server.key_of(&admin, "robot").await);
    reads_alike(
        &admin,
        &key,
        &[
            "/v2/user",
            "/v2/user/credentials",
            "/v2/account",
            "/v2/accounts",
            "/v2/accounts/users",
            "/v2/accounts/tea-party",
            "/v2/accounts/tea-party/users",
            "/v2/accounts/tea-party/users/alice",
            "/v2/accounts/tea-party/users/alice/credentials",
            "/v2/accounts/tea-party/users-with-roles",
            "/v2/status",
            "/v2/system",
            "/v2/system/services",
            "/v2/system/error-codes",
            "/v2/system/resource-limits",
        ],
    )
    .await;
    let elsewhere = key.acting_in("tea-party");
    assert_eq!(elsewhere.get("/v2/account").await.expect(200)["name"], "tea-party");
    assert_eq!(elsewhere.get("/v2/user").await.expect(200)["username"], "admin");
}

/// Asserts that a key sees on each path what its user sees.
async fn reads_alike(user: &Client, key: &Client, paths: &[&str]) {
    for path in paths {
        let by_password = user.get(path).await.expect(200);
        assert_eq!(key.get(path).await.expect(200), by_password, "{path}");
    }
}

#[tokio::test]
async fn key_ends_at_its_expiry_to_the_second() {
    let (server, alice) = alice_at(NOON).await;
    let request = json!({ "name": "hatter", "expires_at": "2026-11-22T12:30:00Z" });
    let made = alice.post(KEYS, request).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    server.app.clock.set(datetime!(2026-11-22 12:29:59.999 UTC));
    key.get("/v2/user").await.expect(200);
    server.app.clock.set(datetime!(2026-11-22 12:30 UTC));
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    assert_eq!(alice.get(&key_path("hatter")).await.expect(200)["status"], "expired");
}

#[tokio::test]
async fn key_stands_and_falls_with_its_user() {
    let server = Server::start().await;
    let alice = server.user("tea-party", "alice").await;
    let key = server.key(&server.key_of(&alice, "robot").await);
    let admin = server.admin();
    let state = "/v2/accounts/tea-party/state";
    admin.put(state, json!({ "state": "disabled" })).await.expect(200);
    assert_error(&key.get("/v2/user").await, 403, "Not authorized. Account tea-party not enabled.");
    admin.put(state, json!({ "state": "enabled" })).await.expect(200);
    key.get("/v2/user").await.expect(200);

    admin.delete("/v2/accounts/tea-party/users/alice").await.expect(204);
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    server.user("tea-party", "alice").await;
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn key_of_a_deleted_account_is_refused_before_the_rows_are_gone() {
    let server = Server::start().await;
    let alice = server.user("tea-party", "alice").await;
    let key = server.key(&server.key_of(&alice, "robot").await);
    let admin = server.admin();
    admin.put("/v2/accounts/tea-party/state", json!({ "state": "disabled" })).await.expect(200);
    admin.delete("/v2/accounts/tea-party").await.expect(204);
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    let keys = "/v2/accounts/tea-party/users/alice/api-keys";
    assert_error(&admin.get(keys).await, 404, "User not found");
    assert_error(&admin.post(keys, json!({ "name": "more" })).await, 404, "User not found");
}

#[tokio::test]
async fn only_the_very_value_under_the_very_name_signs_in() {
    let server = Server::start().await;
    let alice = server.user("tea-party", "alice").await;
    let value = server.key_of(&alice, "robot").await;
    let other = server.key_of(&server.admin(), "robot").await;
    // The id of one key with the secret of another, its checksum right for neither.
    let mixed = format!("{}{}", &value[..23], &other[23..]);
    for wrong in [
        String::new(),
        mixed,
        format!("{value} "),
        format!("{value}\0"),
        value.to_uppercase(),
        value[6..].to_owned(),
        value[..value.len() - 1].to_owned(),
        format!("x{}", &value[1..]),
        value.replace("kedge_", "kedge__"),
    ] {
        assert_error(&server.key(&wrong).get("/v2/user").await, 401, "Unauthorized");
    }
    for name in ["alice", "_API_KEY", "_api_key ", "api_key", ""] {
        assert_error(&server.basic(name, &value).get("/v2/user").await, 401, "Unauthorized");
    }
    assert_error(&server.key(PASSWORD).get("/v2/user").await, 401, "Unauthorized");
    server.key(&value).get("/v2/user").await.expect(200);
}
