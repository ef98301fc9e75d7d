//! On the node that answered a change, the next request obeys it, with whatever credential was remembered; and so does,
//! within moments, a change that was made in the database by other hands.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{sql, warm};
use crate::support::{Client, PASSWORD, Server};

#[track_caller]
fn assert_statuses(found: [u16; 3], expected: [u16; 3], what: &str) {
    assert_eq!(found, expected, "{what}: password, key, token");
}

async fn statuses(clients: &[Client; 3], path: &str) -> [u16; 3] {
    let [password, key, token] = clients;
    [password.get(path).await.status, key.get(path).await.status, token.get(path).await.status]
}

#[tokio::test]
async fn next_request_obeys_each_change_of_the_user_and_of_what_it_holds() {
    let server = Server::start().await;
    let admin = server.admin();
    let clients = warm(&server).await;

    admin.put("/v2/accounts/acme", json!({ "email": "new@example.com" })).await.expect(200);
    for client in &clients {
        assert_eq!(client.get("/v2/account").await.body["email"], "new@example.com");
    }

    server.set_state("acme", "disabled").await;
    assert_statuses(statuses(&clients, "/v2/account").await, [403; 3], "disabled");
    server.set_state("acme", "enabled").await;
    assert_statuses(statuses(&clients, "/v2/account").await, [200; 3], "enabled");

    admin.patch("/v2/accounts/acme/users/alice/api-keys/warm", json!({ "status": "revoked" })).await.expect(200);
    assert_statuses(statuses(&clients, "/v2/account").await, [200, 401, 200], "revoked");

    let new = json!({ "type": "password", "value": "another-glass" });
    admin.post("/v2/accounts/acme/users/alice/credentials", new).await.expect(200);
    assert_statuses(statuses(&clients, "/v2/account").await, [401; 3], "password changed");

    let clients = [server.basic("alice", "another-glass"), clients[1].clone(), clients[2].clone()];
    clients[0].get("/v2/account").await.expect(200);
    admin.delete("/v2/accounts/acme/users/alice").await.expect(204);
    assert_statuses(statuses(&clients, "/v2/account").await, [401; 3], "deleted");
    server.user("acme", "alice").await;
    assert_statuses(statuses(&clients, "/v2/account").await, [401; 3], "a namesake");
}

#[tokio::test]
async fn next_request_obeys_each_way_a_role_comes_and_goes() {
    let server = Server::start().await;
    let admin = server.admin();
    let clients = warm(&server).await;
    server.account("croquet").await;
    let path = "/v2/accounts/croquet";
    assert_statuses(statuses(&clients, path).await, [403; 3], "no role");

    let member = json!({ "username": "alice", "domain_name": "croquet" });
    let members = "/v2/rbac-manager/roles/read-only/members";
    admin.post(members, member).await.expect(200);
    assert_statuses(statuses(&clients, path).await, [200; 3], "a role");
    assert_eq!(clients[1].get("/v2/user").await.body["unified_roles"][0]["role_name"], "read-only");
    admin.delete(&format!("{members}?username=alice&domain_name=croquet")).await.expect(204);
    assert_statuses(statuses(&clients, path).await, [403; 3], "taken away");

    let made = admin.post("/v2/system/user-groups", json!({ "name": "spectators" })).await.expect(201);
    let group = format!("/v2/system/user-groups/{}", made["group_uuid"].as_str().unwrap());
    let users = format!("{group}/users");
    let alice = json!({ "usernames": [{ "username": "alice" }] });
    admin.post(&users, alice.clone()).await.expect(201);
    assert_statuses(statuses(&clients, path).await, [403; 3], "in a group without roles");
    let roles = json!({ "domain_name": "croquet", "roles": [{ "role": "read-only" }] });
    admin.post(&format!("{group}/roles"), roles.clone()).await.expect(201);
    assert_statuses(statuses(&clients, path).await, [200; 3], "the group got a role");
    admin.delete(&format!("{group}/roles?all_roles_for_account=croquet")).await.expect(204);
    assert_statuses(statuses(&clients, path).await, [403; 3], "the group lost it");
    admin.post(&format!("{group}/roles"), roles).await.expect(201);
    assert_statuses(statuses(&clients, path).await, [200; 3], "and got it back");
    admin.delete(&format!("{users}?username=alice")).await.expect(204);
    assert_statuses(statuses(&clients, path).await, [403; 3], "out of the group");
    admin.post(&users, alice).await.expect(201);
    assert_statuses(statuses(&clients, path).await, [200; 3], "in again");
    admin.delete(&group).await.expect(204);
    assert_statuses(statuses(&clients, path).await, [403; 3], "no group any more");
}

#[tokio::test]
async fn next_request_obeys_the_end_of_a_session_a_key_and_an_account() {
    let server = Server::start().await;
    let clients = warm(&server).await;
    let sessions = clients[2].get("/v2/user/sessions").await.expect(200);
    let own = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    clients[0].delete(&format!("/v2/user/sessions/{}", own["id"].as_str().unwrap())).await.expect(204);
    assert_statuses(statuses(&clients, "/v2/account").await, [200, 200, 401], "session ended");
    clients[0].delete("/v2/user/api-keys/warm").await.expect(204);
    assert_statuses(statuses(&clients, "/v2/account").await, [200, 401, 401], "key deleted");
    server.delete_account("acme").await;
    assert_statuses(statuses(&clients, "/v2/account").await, [401; 3], "account deleted");
}

/// The account that a key of an admin was narrowed to is not the one that is made anew under its name.
#[tokio::test]
async fn narrowed_key_of_an_admin_does_not_reach_a_namesake_of_its_account() {
    let server = Server::start().await;
    server.account("acme").await;
    let body = json!({ "name": "narrow", "accounts": ["acme"] });
    let made = server.admin().post("/v2/user/api-keys", body).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    key.get("/v2/accounts/acme").await.expect(200);
    server.delete_account("acme").await;
    kedge::identity::collector::remove_accounts(&server.app.db).await.unwrap();
    server.account("acme").await;
    key.get("/v2/accounts/acme").await.expect(403);
}

/// No statement of Kedge's: the log is written by the database itself, and read without a wake-up.
#[tokio::test]
async fn change_by_other_hands_is_obeyed_by_polling_alone() {
    for (statement, expected) in [
        ("update accounts set state = 'disabled' where name = 'acme'", [403; 3]),
        ("update api_keys set revoked_at = now()", [200, 401, 200]),
        ("update api_keys set expires_at = now() - interval '1 hour'", [200, 401, 200]),
        ("delete from api_keys", [200, 401, 200]),
        (
            "delete from passwords where phc like '%' and user_id in (select id from users where username = 'alice')",
            [401, 200, 200],
        ),
        ("delete from sessions", [200, 200, 401]),
        ("update users set auth_epoch = auth_epoch + 1 where username = 'alice'", [200, 200, 401]),
        ("delete from users where username = 'alice'", [401; 3]),
    ] {
        let server = Server::start().await;
        let clients = warm(&server).await;
        sql(&server, statement).await;
        let changed = Instant::now();
        loop {
            let found = statuses(&clients, "/v2/account").await;
            if found == expected {
                break;
            }
            assert!(changed.elapsed() < Duration::from_mins(1), "{statement}: still {found:?}");
        }
    }
}

/// Its number is lower than that of a change that was read before it became visible.
#[tokio::test]
async fn change_that_becomes_visible_late_is_not_passed_over() {
    let server = Server::start().await;
    let clients = warm(&server).await;
    let mut slow = server.app.db.begin().await.unwrap();
    sqlx::query("update accounts set state = 'disabled' where name = 'acme'").execute(&mut *slow).await.unwrap();
    // Later transactions are committed, read and applied.
    for number in 0..3 {
        server.account(&format!("other-{number}")).await;
        server.admin().put(&format!("/v2/accounts/other-{number}"), json!({ "email": null })).await.expect(200);
    }
    assert_statuses(statuses(&clients, "/v2/account").await, [200; 3], "not committed");
    slow.commit().await.unwrap();
    let committed = Instant::now();
    while statuses(&clients, "/v2/account").await != [403; 3] {
        assert!(committed.elapsed() < Duration::from_mins(1));
    }
}

/// The very moment: a client that is answered and asks again, over and over, beside others who keep it warm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_from_before_a_change_that_was_answered() {
    let server = Server::start().await;
    let admin = server.admin();
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "warm").await);
    let noise: Vec<_> = (0..4)
        .map(|_| {
            let key = key.clone();
            tokio::spawn(async move {
                loop {
                    key.get("/v2/account").await;
                }
            })
        })
        .collect();
    for round in 0..60 {
        let email = format!("round-{round}@example.com");
        admin.put("/v2/accounts/acme", json!({ "email": email })).await.expect(200);
        assert_eq!(key.get("/v2/account").await.expect(200)["email"], email.as_str());
    }
    for task in noise {
        task.abort();
    }
    assert_eq!(server.basic("alice", PASSWORD).get("/v2/account").await.status, 200);
}
