//! Narrowing a key that is there: always further, never back.

use kedge::identity::collector::remove_accounts;
use serde_json::{Value, json};

use super::{KEYS, key_path};
use crate::{
    authz::world::{ELSEWHERE, HERE, Held::Directly, caller, grant, wonderland},
    support::{Client, Server, assert_error, assert_problem},
};

const WIDENED: &str = "A key can be narrowed further, never widened: actions, accounts, cidrs";

async fn alice() -> (Server, Client) {
    let server = wonderland().await;
    let alice = caller(&server, HERE, "alice", &[Directly("read-only", HERE), Directly("read-only", ELSEWHERE)]).await;
    (server, alice)
}

#[tokio::test]
async fn each_list_only_shrinks() {
    let (_server, alice) = alice().await;
    alice.post(KEYS, json!({ "name": "robot" })).await.expect(201);
    let path = key_path("robot");
    // What is taken, one after the other, and what each leaves refused.
    let steps: [(&str, Value, Value); 9] = [
        ("actions", json!(["getImage", "listImages"]), json!(["getImage", "listImages", "getPolicy"])),
        ("actions", json!(["listImages", "listImages"]), json!(["getImage"])),
        ("actions", json!([]), json!(["listImages"])),
        ("accounts", json!([HERE, ELSEWHERE]), json!([HERE, ELSEWHERE, "no-such-team"])),
        ("accounts", json!([ELSEWHERE]), json!([HERE, ELSEWHERE])),
        ("accounts", json!([]), json!([ELSEWHERE])),
        ("cidrs", json!(["10.0.0.0/8", "2001:db8::/32"]), json!(["10.0.0.0/7"])),
        ("cidrs", json!(["10.1.2.3/16", "10.2.0.1"]), json!(["2001:db8::/32"])),
        ("cidrs", json!([]), json!(["10.2.0.1/32"])),
    ];
    for (property, narrower, wider) in steps {
        let changed = alice.patch(&path, json!({ property: narrower })).await.expect(200);
        assert_eq!(alice.get(&path).await.expect(200), changed);
        let back = json!({ "description": "lost", property: wider });
        assert_error(&alice.patch(&path, back).await, 400, WIDENED);
        assert_problem(&alice.patch(&path, json!({ property: null })).await, 400, property);
        assert_eq!(alice.get(&path).await.expect(200), changed, "a refused change leaves nothing behind");
    }
    let last = alice.get(&path).await.expect(200);
    assert_eq!([&last["actions"], &last["accounts"], &last["cidrs"]], [&json!([]), &json!([]), &json!([])]);
}

#[tokio::test]
async fn change_of_something_else_keeps_the_lists() {
    let (_server, alice) = alice().await;
    let lists = json!({ "name": "robot", "actions": ["getImage"], "accounts": [ELSEWHERE], "cidrs": ["10.0.0.0/8"] });
    let made = alice.post(KEYS, lists).await.expect(201);
    let changed = alice.patch(&key_path("robot"), json!({ "description": "Ten and six" })).await.expect(200);
    let revoked = alice.patch(&key_path("robot"), json!({ "status": "revoked" })).await.expect(200);
    for property in ["actions", "accounts", "cidrs"] {
        assert_eq!((&changed[property], &revoked[property]), (&made[property], &made[property]));
    }
}

#[tokio::test]
async fn first_list_is_judged_as_at_creation() {
    let (server, alice) = alice().await;
    server.account("mad-hatter-team").await;
    alice.post(KEYS, json!({ "name": "robot" })).await.expect(201);
    let path = key_path("robot");
    let before = alice.get(&path).await.expect(200);
    // Foreign or not there: the answers, and what stays behind, must not tell.
    for account in ["mad-hatter-team", "no-such-team"] {
        let refusal = format!("The user of the key does not hold anything in the account {account}");
        assert_error(&alice.patch(&path, json!({ "accounts": [account] })).await, 400, &refusal);
    }
    for action in ["createUser", "flyToMoon"] {
        let refusal = format!("The user of the key does not hold the action {action}");
        assert_error(&alice.patch(&path, json!({ "actions": [action] })).await, 400, &refusal);
    }
    assert_eq!(alice.get(&path).await.expect(200), before);
}

#[tokio::test]
async fn key_can_be_narrowed_to_what_its_user_no_longer_holds() {
    let (server, alice) = alice().await;
    let lists = json!({ "name": "robot", "actions": ["getImage", "listImages"], "accounts": [HERE, ELSEWHERE] });
    alice.post(KEYS, lists).await.expect(201);
    for account in [HERE, ELSEWHERE] {
        let path = format!("/v2/rbac-manager/roles/read-only/members?username=alice&domain_name={account}");
        server.admin().delete(&path).await.expect(204);
    }
    let change = json!({ "actions": ["getImage"], "accounts": [ELSEWHERE] });
    let changed = alice.patch(&key_path("robot"), change).await.expect(200);
    assert_eq!((&changed["actions"], &changed["accounts"]), (&json!(["getImage"]), &json!([ELSEWHERE])));
}

#[tokio::test]
async fn account_made_anew_under_the_name_is_not_the_one_meant() {
    let (server, alice) = alice().await;
    let lists = json!({ "name": "robot", "accounts": [HERE, ELSEWHERE] });
    let made = alice.post(KEYS, lists).await.expect(201);
    let moved = server.key(made["value"].as_str().unwrap()).acting_in(ELSEWHERE);
    moved.get("/v2/account").await.expect(200);

    server.delete_account(ELSEWHERE).await;
    remove_accounts(&server.app.db).await.unwrap();
    server.account(ELSEWHERE).await;
    grant(&server, "alice", Directly("read-only", ELSEWHERE)).await;
    alice.clone().acting_in(ELSEWHERE).get("/v2/account").await.expect(200);
    let refusal = format!("Not authorized. Requires permissions: domain={ELSEWHERE} action=getAccount target=*");
    assert_error(&moved.get("/v2/account").await, 403, &refusal);

    // Nor does a change bring it back.
    assert_eq!(alice.get(&key_path("robot")).await.expect(200)["accounts"], json!([HERE]));
    let back = json!({ "accounts": [HERE, ELSEWHERE] });
    assert_error(&alice.patch(&key_path("robot"), back).await, 400, WIDENED);
    alice.patch(&key_path("robot"), json!({ "description": "Ten and six" })).await.expect(200);
    assert_error(&moved.get("/v2/account").await, 403, &refusal);
}
