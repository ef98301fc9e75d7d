//! Granting a role, and who holds it: `POST` and `GET` of `/v2/rbac-manager/roles/{role_name}/members`.

use kedge::clock::Clock;
use serde_json::json;
use time::{Duration, macros::datetime};

use super::MY_ROLES;
use crate::support::{Options, Server, assert_error, assert_problem, lacking, members, names};

#[tokio::test]
async fn account_is_named_in_either_spelling_and_answered_in_both() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let admin = server.admin();
    for (role, domain) in [
        ("read-only", json!({ "domain_name": "acme" })),
        ("read-write", json!({ "for_account": "acme" })),
        ("report-admin", json!({ "domain_name": "acme", "for_account": "acme" })),
    ] {
        let mut member = domain;
        member["username"] = "alice".into();
        let made = admin.post(&members(role), member).await.expect(200);
        assert_eq!((&made["username"], &made["domain_name"]), (&json!("alice"), &json!("acme")));
        assert_eq!(made["for_account"], "acme");
        assert!(made["created_at"].is_string());
        for query in ["domain_name=acme", "for_account=acme", "for_account=acme&domain_name=acme"] {
            let list = admin.get(&format!("{}?{query}", members(role))).await.expect(200);
            assert_eq!(list, json!([made]), "{role} {query}");
        }
    }
}

#[tokio::test]
async fn account_that_is_named_wrongly_or_not_at_all_is_refused() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.account("court").await;
    let (admin, path) = (server.admin(), members("read-only"));
    let differing = json!({ "username": "alice", "domain_name": "acme", "for_account": "court" });
    assert_problem(&admin.post(&path, differing).await, 400, "'for_account'");
    assert_problem(&admin.post(&path, json!({ "username": "alice" })).await, 400, "'domain_name'");
    let null = json!({ "username": "alice", "domain_name": null, "for_account": null });
    assert_problem(&admin.post(&path, null).await, 400, "'domain_name'");
    assert_problem(&admin.post(&path, json!({ "domain_name": "acme" })).await, 400, "username");
    assert_problem(&admin.get(&format!("{path}?domain_name=acme&for_account=court")).await, 400, "'for_account'");
    // The header names no account for a grant.
    let moved = admin.acting_in("acme");
    assert_problem(&moved.post(&path, json!({ "username": "alice" })).await, 400, "'domain_name'");
    for account in ["acme", "court"] {
        assert_eq!(moved.get(&format!("{path}?domain_name={account}")).await.expect(200), json!([]));
    }
}

#[tokio::test]
async fn grant_that_is_there_is_answered_unchanged() {
    let noon = datetime!(2026-11-22 12:00:00 UTC);
    let server = Server::start_with(Options { clock: Some(Clock::fixed(noon)), ..Options::default() }).await;
    let alice = server.user("acme", "alice").await;
    let first = server.grant("alice", "read-only", "acme").await;
    assert_eq!(first["created_at"], "2026-11-22T12:00:00Z");
    server.user("admin", "queen").await;
    server.app.clock.set(noon + Duration::hours(1));
    let queen = server.basic("queen", crate::support::PASSWORD);
    let again = json!({ "username": "alice", "domain_name": "acme" });
    assert_eq!(queen.post(&members("read-only"), again).await.expect(200), first);
    let roles = &alice.get("/v2/user").await.expect(200)["unified_roles"];
    assert_eq!(names(roles, "granter"), ["admin"]);
}

#[tokio::test]
async fn read_only_property_is_ignored() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    for (role, created_at) in
        [("read-only", json!("1970-01-01T00:00:00Z")), ("read-write", json!(7)), ("report-admin", json!({ "a": [] }))]
    {
        let member = json!({ "username": "alice", "domain_name": "acme", "created_at": created_at, "rabbit": "white" });
        let made = server.admin().post(&members(role), member).await.expect(200);
        assert!(made["created_at"].as_str().unwrap() > "2020", "{made}");
        assert!(made.get("rabbit").is_none(), "{made}");
    }
}

#[tokio::test]
async fn members_are_listed_by_name_wherever_they_live() {
    let server = Server::start().await;
    let users = [("acme", "hatter"), ("court", "rabbit"), ("court", "Zebra"), ("acme", "alice")];
    for (account, username) in users {
        server.user(account, username).await;
        server.grant(username, "read-only", "acme").await;
    }
    // Neither another role nor another account nor a group makes a member.
    server.user("acme", "dormouse").await;
    server.grant("dormouse", "read-write", "acme").await;
    server.grant("dormouse", "read-only", "court").await;
    server.group_of("dormouse", "read-only", "acme").await;
    let list = server.admin().get(&format!("{}?domain_name=acme", members("read-only"))).await.expect(200);
    assert_eq!(names(&list, "username"), ["Zebra", "alice", "hatter", "rabbit"]);
}

#[tokio::test]
async fn without_a_domain_the_members_of_the_callers_account_are_listed() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.user("court", "rabbit").await;
    server.grant("rabbit", "read-only", "court").await;
    for account in ["acme", "court"] {
        server.grant("alice", "account-user-admin", account).await;
    }
    let of_read_only = members("read-only");
    assert_eq!(alice.get(&of_read_only).await.expect(200), json!([]));
    let list = alice.get(&members("account-user-admin")).await.expect(200);
    assert_eq!((names(&list, "username"), names(&list, "domain_name")), (vec!["alice".into()], vec!["acme".into()]));

    let moved = alice.clone().acting_in("court");
    assert_eq!(names(&moved.get(&of_read_only).await.expect(200), "username"), ["rabbit"]);
    // What the query names goes before the header.
    assert_eq!(moved.get(&format!("{of_read_only}?domain_name=acme")).await.expect(200), json!([]));
    assert_eq!(server.admin().get(&of_read_only).await.expect(200), json!([]));
    assert_eq!(names(&server.admin().acting_in("court").get(&of_read_only).await.expect(200), "username"), ["rabbit"]);
}

#[tokio::test]
async fn granting_to_who_is_above_roles_stores_nothing() {
    let server = Server::start().await;
    let queen = server.user("admin", "queen").await;
    let hatter = server.user("acme", "hatter").await;
    server.grant("hatter", "full-control", "acme").await;
    for username in ["admin", "queen"] {
        let made = server.grant(username, "read-only", "acme").await;
        assert_eq!((&made["username"], &made["domain_name"]), (&json!(username), &json!("acme")));
        let member = json!({ "username": username, "domain_name": "acme" });
        let refused = hatter.post(&members("read-only"), member).await;
        assert_error(&refused, 403, &lacking("acme", "createRoleMember"));
    }
    assert_eq!(queen.get(MY_ROLES).await.expect(200), json!([]));
    assert_eq!(server.admin().get(&format!("{}?domain_name=acme", members("read-only"))).await.expect(200), json!([]));
}

#[tokio::test]
async fn members_can_be_searched_and_paged() {
    let server = Server::start().await;
    for name in ["alice", "Alison", "bob"] {
        server.user("acme", name).await;
        server.grant(name, "read-only", "acme").await;
    }
    for (query, expected) in [
        ("&search=ALI", vec!["Alison", "alice"]),
        ("&search=ali&limit=1&page=2", vec!["alice"]),
        ("&limit=2&page=2", vec!["bob"]),
        ("&search=zzz", vec![]),
    ] {
        let path = format!("{}?domain_name=acme{query}", members("read-only"));
        assert_eq!(names(&server.admin().get(&path).await.expect(200), "username"), expected, "{query}");
    }
    let path = format!("{}?domain_name=acme&limit=1001", members("read-only"));
    assert_problem(&server.admin().get(&path).await, 400, "limit");
}
