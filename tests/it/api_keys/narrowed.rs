//! Making a key that may do less than its user.

use serde_json::{Value, json};

use super::{KEYS, key_path};
use crate::{
    authz::world::{ELSEWHERE, HERE, Held::Directly, caller, wonderland},
    support::{Client, Server, assert_error, assert_problem},
};

/// Alice, who lives here and reads there.
async fn alice() -> (Server, Client) {
    let server = wonderland().await;
    let held = [Directly("account-user-admin", HERE), Directly("read-only", ELSEWHERE), Directly("raven", HERE)];
    let alice = caller(&server, HERE, "alice", &held).await;
    (server, alice)
}

/// The request for a key with one narrowing list.
fn with(property: &str, list: impl Into<Value>) -> Value {
    let list: Value = list.into();
    json!({ "name": "robot", property: list })
}

#[tokio::test]
async fn narrowing_is_stored_sorted_each_once_and_shown_everywhere() {
    let (_server, alice) = alice().await;
    let request = json!({
        "name": "robot",
        "actions": ["x-write-desk", "listUsers", "getUser", "listUsers"],
        "accounts": [HERE, ELSEWHERE, HERE],
        "cidrs": ["2001:db8::/32", "127.0.0.1", "10.1.2.3/8", "::1", "::ffff:10.0.0.0/104"],
    });
    let made = alice.post(KEYS, request).await.expect(201);
    let shown = json!({
        "actions": ["getUser", "listUsers", "x-write-desk"],
        "accounts": [ELSEWHERE, HERE],
        "cidrs": ["10.0.0.0/8", "127.0.0.1/32", "::1/128", "2001:db8::/32"],
    });
    let read = alice.get(&key_path("robot")).await.expect(200);
    let listed = alice.get(KEYS).await.expect(200)["items"][0].take();
    for record in [&made, &read, &listed] {
        for property in ["actions", "accounts", "cidrs"] {
            assert_eq!(record[property], shown[property], "{record}");
        }
    }
}

#[tokio::test]
async fn key_that_is_not_narrowed_shows_no_lists() {
    let (_server, alice) = alice().await;
    for (name, request) in [
        ("left-out", json!({ "name": "left-out" })),
        ("null", json!({ "name": "null", "actions": null, "accounts": null, "cidrs": null })),
    ] {
        let made = alice.post(KEYS, request).await.expect(201);
        let read = alice.get(&key_path(name)).await.expect(200);
        for record in [made, read] {
            for property in ["actions", "accounts", "cidrs"] {
                assert!(record.get(property).is_none(), "{record}");
            }
        }
    }
}

#[tokio::test]
async fn action_that_the_user_does_not_hold_is_refused() {
    let (server, alice) = alice().await;
    let admin = server.admin();
    for action in ["createImage", "createAccount", "listAccounts", "flyToMoon", "x-fly", "*"] {
        let refusal = format!("The user of the key does not hold the action {action}");
        assert_error(&alice.post(KEYS, with("actions", json!(["getUser", action]))).await, 400, &refusal);
        // What counts is the user of the key, not who makes it.
        let path = format!("/v2/accounts/{HERE}/users/alice/api-keys");
        assert_error(&admin.post(&path, with("actions", json!([action]))).await, 400, &refusal);
    }
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
    // By a role elsewhere, by a role here, by none, of the deployment's own.
    alice
        .post(KEYS, with("actions", json!(["getImage", "createUser", "selfGetApiKey", "x-write-desk"])))
        .await
        .expect(201);
}

#[tokio::test]
async fn admin_holds_every_action_there_is() {
    let (server, _) = alice().await;
    let admin = server.admin();
    for unknown in ["flyToMoon", "x-fly"] {
        let refusal = format!("The user of the key does not hold the action {unknown}");
        assert_error(&admin.post(KEYS, with("actions", json!([unknown]))).await, 400, &refusal);
    }
    let all = json!(["createAccount", "getImage", "x-write-desk"]);
    admin.post(KEYS, with("actions", all)).await.expect(201);
}

#[tokio::test]
async fn foreign_account_and_unknown_account_are_refused_alike() {
    let (server, alice) = alice().await;
    server.account("mad-hatter-team").await;
    for account in ["mad-hatter-team", "no-such-team", "admin", "system", "anchore-system"] {
        let refusal = format!("The user of the key does not hold anything in the account {account}");
        assert_error(&alice.post(KEYS, with("accounts", json!([HERE, account]))).await, 400, &refusal);
    }
    let admin = server.admin();
    for account in ["no-such-team", "system", "anchore-system"] {
        let refusal = format!("The user of the key does not hold anything in the account {account}");
        assert_error(&admin.post(KEYS, with("accounts", json!([account]))).await, 400, &refusal);
    }
    admin.post(KEYS, with("accounts", json!(["mad-hatter-team", "admin"]))).await.expect(201);
}

#[tokio::test]
async fn malformed_list_is_refused_naming_it() {
    let (_server, alice) = alice().await;
    for cidr in
        ["10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/", "/8", "10.0.0.0/-1", "localhost", "", " ::1", "10.0.0.1-9"]
    {
        assert_problem(&alice.post(KEYS, with("cidrs", json!(["127.0.0.1", cidr]))).await, 400, "cidrs");
    }
    for property in ["actions", "accounts", "cidrs"] {
        for list in [json!("getUser"), json!({}), json!(1), json!([1]), json!([null]), json!([""])] {
            assert_problem(&alice.post(KEYS, with(property, list)).await, 400, property);
        }
    }
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn list_longer_than_documented_is_refused() {
    let (_server, alice) = alice().await;
    for (property, item) in [("actions", "getUser"), ("accounts", HERE), ("cidrs", "127.0.0.1")] {
        let longer = alice.post(KEYS, with(property, json!(vec![item; 257]))).await;
        assert_problem(&longer, 400, property);
        let request = json!({ "name": property, property: vec![item; 256] });
        alice.post(KEYS, request).await.expect(201);
    }
}

#[test]
fn narrowing_is_marked_as_an_addition() {
    let document: Value = serde_json::from_str(include_str!("../../../openapi/v2.json")).unwrap();
    for schema in ["UserApiKey", "NewApiKey", "ApiKeyChange"] {
        for property in ["actions", "accounts", "cidrs"] {
            let property = &document["components"]["schemas"][schema]["properties"][property];
            assert_eq!(property["x-kedge-addition"], true, "{schema}: {property}");
        }
    }
}
