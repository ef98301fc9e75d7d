//! `unified_roles` of a user, and the users of an account with their roles.

use kedge::clock::Clock;
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use crate::support::{Options, PASSWORD, Server, members, names};

/// The user of that name in a list.
#[track_caller]
fn named<'a>(list: &'a Value, username: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|user| user["username"] == username).expect("the user is in the list")
}

#[tokio::test]
async fn every_answer_about_a_user_tells_where_each_role_comes_from() {
    let noon = datetime!(2026-11-22 12:00:00 UTC);
    let server = Server::start_with(Options { clock: Some(Clock::fixed(noon)), ..Options::default() }).await;
    let alice = server.user("acme", "alice").await;
    let hatter = server.user("acme", "hatter").await;
    server.account("court").await;
    server.grant("hatter", "account-user-admin", "acme").await;
    server.app.clock.set(noon + Duration::minutes(1));
    let by_hatter = json!({ "username": "alice", "domain_name": "acme" });
    hatter.post(&members("read-only"), by_hatter).await.expect(200);
    server.grant("alice", "read-write", "court").await;
    server.app.clock.set(noon + Duration::minutes(2));
    let group = server.group("tea-drinkers").await;
    server.give_group(&group, "read-only", "acme").await;
    server.app.clock.set(noon + Duration::minutes(3));
    server.join_group(&group, "alice").await;
    server.app.clock.set(noon + Duration::minutes(4));
    server.give_group(&group, "full-control", "court").await;

    let role = |role: &str, domain: &str, granter: &str, by: &str, minute: u8| {
        let granted_at = format!("2026-11-22T12:0{minute}:00Z");
        json!({ "role_name": role, "domain_name": domain, "granter": granter, "grant_type": by, "granted_at": granted_at })
    };
    let unified = json!([
        role("read-only", "acme", "hatter", "direct", 1),
        // Since the user is in the group and the group has the role.
        role("read-only", "acme", "tea-drinkers", "group_membership", 3),
        role("full-control", "court", "tea-drinkers", "group_membership", 4),
        role("read-write", "court", "admin", "direct", 1),
    ]);
    let admin = server.admin();
    assert_eq!(alice.get("/v2/user").await.expect(200)["unified_roles"], unified);
    assert_eq!(admin.get("/v2/accounts/acme/users/alice").await.expect(200)["unified_roles"], unified);
    let of_account = admin.get("/v2/accounts/acme/users").await.expect(200);
    assert_eq!(named(&of_account, "alice")["unified_roles"], unified);
    let of_all = admin.get("/v2/accounts/users").await.expect(200);
    assert_eq!(named(&of_all["items"], "alice")["unified_roles"], unified);
    assert_eq!(named(&of_all["items"], "admin")["unified_roles"], json!([]));
}

#[tokio::test]
async fn new_user_has_no_role() {
    let server = Server::start().await;
    server.account("acme").await;
    let user = json!({ "username": "alice", "password": PASSWORD });
    let made = server.admin().post("/v2/accounts/acme/users", user).await.expect(200);
    assert_eq!(made["unified_roles"], json!([]));
}

#[tokio::test]
async fn users_with_roles_are_those_who_live_in_the_account_or_hold_a_role_there() {
    let server = Server::start().await;
    for (account, username) in
        [("acme", "hatter"), ("acme", "alice"), ("court", "rabbit"), ("court", "Queen"), ("court", "duchess")]
    {
        server.user(account, username).await;
    }
    server.grant("rabbit", "read-only", "acme").await;
    server.grant("rabbit", "full-control", "court").await;
    server.grant("alice", "read-write", "acme").await;
    server.grant("alice", "read-write", "court").await;
    server.group_of("Queen", "report-admin", "acme").await;
    let list = server.admin().get("/v2/accounts/acme/users-with-roles").await.expect(200);
    assert_eq!(list["total_rows"], 4);
    assert_eq!(names(&list["items"], "username"), ["Queen", "alice", "hatter", "rabbit"]);
    assert_eq!(names(&list["items"], "account_name"), ["court", "acme", "acme", "court"]);
    for (username, expected) in [
        ("Queen", vec!["report-admin"]),
        ("alice", vec!["read-write"]),
        ("hatter", vec![]),
        ("rabbit", vec!["read-only"]),
    ] {
        let roles = &named(&list["items"], username)["unified_roles"];
        assert_eq!(names(roles, "role_name"), expected, "{username}");
        assert!(names(roles, "domain_name").iter().all(|domain| domain == "acme"), "{roles}");
    }
    let grant_types = names(&named(&list["items"], "Queen")["unified_roles"], "grant_type");
    assert_eq!(grant_types, ["group_membership"]);
    let residents = server.admin().get("/v2/accounts/acme/users").await.expect(200);
    assert_eq!(names(&residents, "username"), ["alice", "hatter"]);
}

#[tokio::test]
async fn holder_from_a_deleted_account_is_not_told() {
    let server = Server::start().await;
    server.user("gone", "rabbit").await;
    server.user("acme", "alice").await;
    server.grant("rabbit", "read-only", "acme").await;
    server.delete_account("gone").await;
    let list = server.admin().get("/v2/accounts/acme/users-with-roles").await.expect(200);
    assert_eq!((names(&list["items"], "username"), &list["total_rows"]), (vec!["alice".to_owned()], &json!(1)));
}
