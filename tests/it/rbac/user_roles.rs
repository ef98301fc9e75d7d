//! `GET /v2/rbac-manager/users/{username}/roles`.

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Server, assert_error, assert_problem, lacking, names};

fn roles_of(username: &str) -> String {
    format!("/v2/rbac-manager/users/{username}/roles")
}

/// A Kedge with rabbit of court, who is read-only and report-admin in court, read-only in acme and, through a group,
/// read-write in acme.
async fn rabbit_everywhere() -> (Server, Client) {
    let server = Server::start().await;
    let rabbit = server.user("court", "rabbit").await;
    server.account("acme").await;
    for (role, account) in [("report-admin", "court"), ("read-only", "court"), ("read-only", "acme")] {
        server.grant("rabbit", role, account).await;
    }
    server.group_of("rabbit", "read-write", "acme").await;
    (server, rabbit)
}

/// What is held where, as `account role`.
fn held(list: &Value) -> Vec<String> {
    names(list, "domain_name")
        .iter()
        .zip(names(list, "role"))
        .map(|(domain, role)| format!("{domain} {role}"))
        .collect()
}

const ALL: [&str; 4] = ["acme read-only", "acme read-write", "court read-only", "court report-admin"];

#[tokio::test]
async fn everyone_sees_all_of_their_own_roles() {
    let (server, rabbit) = rabbit_everywhere().await;
    let list = rabbit.get(&roles_of("rabbit")).await.expect(200);
    assert_eq!(held(&list), ALL);
    assert_eq!(names(&list, "domain_name"), names(&list, "for_account"));
    assert!(list.as_array().unwrap().iter().all(|role| role["created_at"].is_string()), "{list}");
    for account in ["acme", "zzz"] {
        assert_eq!(rabbit.clone().acting_in(account).get(&roles_of("rabbit")).await.expect(200), list);
    }
    let key = server.key(&server.key_of(&rabbit, "k").await);
    assert_eq!(key.get(&roles_of("rabbit")).await.expect(200), list);
}

#[tokio::test]
async fn admin_sees_the_roles_of_everyone() {
    let (server, rabbit) = rabbit_everywhere().await;
    let queen = server.user("admin", "queen").await;
    for client in [server.admin(), queen] {
        let list = client.get(&roles_of("rabbit")).await.expect(200);
        assert_eq!(list, rabbit.get(&roles_of("rabbit")).await.expect(200));
        assert_eq!(client.get(&roles_of("queen")).await.expect(200), json!([]));
        assert_error(&client.get(&roles_of("nobody")).await, 404, "User not found");
    }
}

#[tokio::test]
async fn user_without_the_action_sees_nobody_elses_roles() {
    let (server, _) = rabbit_everywhere().await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "read-write", "acme").await;
    for username in ["rabbit", "nobody", "admin"] {
        assert_error(&alice.get(&roles_of(username)).await, 403, &lacking("acme", "listRoleMembers"));
    }
    assert_eq!(held(&alice.get(&roles_of("alice")).await.expect(200)), ["acme read-write"]);
}

#[tokio::test]
async fn holder_of_the_action_sees_the_accounts_it_is_held_in() {
    let (server, _) = rabbit_everywhere().await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "account-user-admin", "acme").await;
    server.grant("alice", "read-only", "court").await;
    assert_eq!(held(&alice.get(&roles_of("rabbit")).await.expect(200)), ["acme read-only", "acme read-write"]);
    assert_eq!(alice.get(&format!("{}?domain_name=court", roles_of("rabbit"))).await.expect(200), json!([]));
    server.grant("alice", "account-user-admin", "court").await;
    assert_eq!(held(&alice.get(&roles_of("rabbit")).await.expect(200)), ALL);
}

#[tokio::test]
async fn user_of_whom_nothing_is_seen_is_not_there() {
    let (server, _) = rabbit_everywhere().await;
    let alice = server.user("tea-party", "alice").await;
    server.user("tea-party", "dormouse").await;
    server.grant("alice", "account-user-admin", "tea-party").await;
    let mut answers = Vec::new();
    for username in ["rabbit", "nobody", "admin"] {
        let answer = alice.get(&roles_of(username)).await;
        assert_error(&answer, 404, "User not found");
        answers.push(answer.text);
    }
    assert!(answers.iter().all(|text| *text == answers[0]), "{answers:?}");
    // Who lives in an account of theirs is seen, without a role too.
    assert_eq!(alice.get(&roles_of("dormouse")).await.expect(200), json!([]));
}

#[tokio::test]
async fn list_is_narrowed_by_role_and_account() {
    let (_server, rabbit) = rabbit_everywhere().await;
    let path = roles_of("rabbit");
    for (query, expected) in [
        ("domain_name=acme", vec!["acme read-only", "acme read-write"]),
        ("for_account=acme", vec!["acme read-only", "acme read-write"]),
        ("for_account=acme&domain_name=acme", vec!["acme read-only", "acme read-write"]),
        ("role=read-only", vec!["acme read-only", "court read-only"]),
        ("role=read-only&domain_name=court", vec!["court read-only"]),
        ("role=queen", vec![]),
        ("domain_name=zzz", vec![]),
        ("rabbit=white", ALL.to_vec()),
    ] {
        assert_eq!(held(&rabbit.get(&format!("{path}?{query}")).await.expect(200)), expected, "{query}");
    }
    let differing = rabbit.get(&format!("{path}?domain_name=acme&for_account=court")).await;
    assert_problem(&differing, 400, "'for_account'");
}

#[tokio::test]
async fn user_and_role_of_a_deleted_account_are_not_there() {
    let (server, rabbit) = rabbit_everywhere().await;
    server.user("acme", "hatter").await;
    server.grant("hatter", "read-only", "court").await;
    server.delete_account("acme").await;
    assert_eq!(held(&rabbit.get(&roles_of("rabbit")).await.expect(200)), ALL[2..]);
    assert_error(&server.admin().get(&roles_of("hatter")).await, 404, "User not found");
    assert_error(&server.basic("hatter", PASSWORD).get(&roles_of("hatter")).await, 401, "Unauthorized");
}
