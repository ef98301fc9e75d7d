//! Making, listing, describing and deleting groups.

use kedge::clock::Clock;
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use super::GROUPS;
use crate::support::{Options, Server, assert_error, assert_problem, names, segment};

#[tokio::test]
async fn group_is_made_described_and_deleted() {
    let noon = datetime!(2026-11-22 12:00:00 UTC);
    let server = Server::start_with(Options { clock: Some(Clock::fixed(noon)), ..Options::default() }).await;
    let admin = server.admin();
    let made = admin.post(GROUPS, json!({ "name": "tea-drinkers", "description": "At six" })).await.expect(201);
    let id = made["group_uuid"].as_str().unwrap();
    let expected = json!({
        "name": "tea-drinkers", "description": "At six", "group_uuid": id, "account_roles": { "items": [] },
        "created_at": "2026-11-22T12:00:00Z", "last_updated": "2026-11-22T12:00:00Z",
    });
    assert_eq!(made, expected);
    let path = format!("{GROUPS}/{id}");
    assert_eq!(admin.get(&path).await.expect(200), made);
    assert_eq!(admin.get(GROUPS).await.expect(200), json!([made]));

    server.app.clock.set(noon + Duration::hours(1));
    let changed = admin.patch(&path, json!({ "description": "", "name": "another" })).await.expect(200);
    let mut expected = made;
    expected["description"] = json!("");
    expected["last_updated"] = json!("2026-11-22T13:00:00Z");
    assert_eq!(changed, expected);
    assert_eq!(admin.get(&path).await.expect(200), expected);

    let deleted = admin.delete(&path).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_error(&admin.get(&path).await, 404, "User group not found");
    assert_error(&admin.delete(&path).await, 404, "User group not found");
    assert_eq!(admin.get(GROUPS).await.expect(200), json!([]));
}

#[tokio::test]
async fn name_belongs_to_one_group() {
    let server = Server::start().await;
    let admin = server.admin();
    let group = server.group("tea-drinkers").await;
    assert_error(&admin.post(GROUPS, json!({ "name": "tea-drinkers" })).await, 409, "User group already exists");
    server.group("Tea-drinkers").await;
    admin.delete(&group).await.expect(204);
    assert_ne!(server.group("tea-drinkers").await, group);
}

#[tokio::test]
async fn name_and_description_are_held_to_the_contract() {
    let server = Server::start().await;
    let admin = server.admin();
    for name in ["Abc", "a b", "a@.!#$+=^_`~;-_", &"a".repeat(128)] {
        if name != "a b" {
            server.group(name).await;
        }
    }
    server.group("a b").await;
    for name in ["", "ab", "-abc", "abc-", "a:c", "a/c", "a\0c", "äöü", "abc\n", &"a".repeat(129)] {
        assert_problem(&admin.post(GROUPS, json!({ "name": name })).await, 400, "name");
    }
    assert_problem(&admin.post(GROUPS, json!({ "description": "d" })).await, 400, "name");
    let longest = "🐇".repeat(1024);
    let made = admin.post(GROUPS, json!({ "name": "long", "description": longest })).await.expect(201);
    assert_eq!(made["description"], longest);
    let path = format!("{GROUPS}/{}", made["group_uuid"].as_str().unwrap());
    for wrong in [json!("🐇".repeat(1025)), json!("a\0b"), json!(7)] {
        let new = json!({ "name": "longer", "description": wrong });
        assert_problem(&admin.post(GROUPS, new).await, 400, "description");
        assert_problem(&admin.patch(&path, json!({ "description": wrong })).await, 400, "description");
    }
    assert_problem(&admin.patch(&path, json!({})).await, 400, "description");
    assert_problem(&admin.patch(&path, json!({ "description": null })).await, 400, "description");
    assert_eq!(admin.get(&path).await.expect(200)["description"], longest);
    let none = admin.post(GROUPS, json!({ "name": "none", "description": null })).await.expect(201);
    assert!(none.get("description").is_none(), "{none}");
}

#[tokio::test]
async fn groups_are_listed_by_name_with_their_roles() {
    let server = Server::start().await;
    for account in ["court", "acme"] {
        server.account(account).await;
    }
    let cards = server.group("cards").await;
    server.group("Zebras").await;
    server.group("bakers").await;
    for (role, account) in [("read-write", "court"), ("read-only", "court"), ("read-only", "acme")] {
        server.give_group(&cards, role, account).await;
    }
    let list = server.admin().get(GROUPS).await.expect(200);
    assert_eq!(names(&list, "name"), ["Zebras", "bakers", "cards"]);
    assert_eq!(list[2], server.admin().get(&cards).await.expect(200));
    let items = &list[2]["account_roles"]["items"];
    assert_eq!(names(items, "domain_name"), ["acme", "court"]);
    assert_eq!(names(items, "for_account"), ["acme", "court"]);
    assert_eq!(names(&items[1]["roles"], "role"), ["read-only", "read-write"]);
    assert_eq!(list[1]["account_roles"]["items"], json!([]));
}

#[tokio::test]
async fn list_is_narrowed_by_user_name_and_account() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    server.user("court", "rabbit").await;
    let (cards, bakers) = (server.group("cards").await, server.group("bakers of tarts").await);
    server.join_group(&cards, "alice").await;
    server.join_group(&cards, "rabbit").await;
    server.join_group(&bakers, "alice").await;
    server.give_group(&bakers, "read-only", "court").await;
    for (query, expected) in [
        ("contains_user=alice", vec!["bakers of tarts", "cards"]),
        ("contains_user=rabbit", vec!["cards"]),
        ("contains_user=nobody", vec![]),
        ("contains_account=court", vec!["bakers of tarts"]),
        ("contains_account=acme", vec![]),
        ("user_group_name=cards", vec!["cards"]),
        ("user_group_name=card", vec![]),
        (&format!("user_group_name={}", segment("bakers of tarts")), vec!["bakers of tarts"]),
        ("user_group_name=cards&contains_user=alice", vec!["cards"]),
        ("contains_user=rabbit&contains_account=court", vec![]),
    ] {
        let list = admin.get(&format!("{GROUPS}?{query}")).await.expect(200);
        assert_eq!(names(&list, "name"), expected, "{query}");
    }
    server.delete_account("court").await;
    for query in ["contains_account=court", "contains_user=rabbit"] {
        assert_eq!(admin.get(&format!("{GROUPS}?{query}")).await.expect(200), json!([]), "{query}");
    }
}

#[tokio::test]
async fn group_that_is_not_there_is_not_found_whatever_its_id_looks_like() {
    let server = Server::start().await;
    let admin = server.admin();
    let (roles, users) = (
        json!({ "domain_name": "admin", "roles": [{ "role": "read-only" }] }),
        json!({ "usernames": [{ "username": "admin" }] }),
    );
    for id in ["00000000-0000-4000-8000-000000000000", "tea-drinkers", "%F0%9F%90%87", "%20", "*"] {
        let path = format!("{GROUPS}/{id}");
        let (of_roles, of_users) = (format!("{path}/roles"), format!("{path}/users"));
        for answer in [
            admin.get(&path).await,
            admin.patch(&path, json!({ "description": "d" })).await,
            admin.delete(&path).await,
            admin.get(&of_roles).await,
            admin.post(&of_roles, roles.clone()).await,
            admin.delete(&format!("{of_roles}?all_roles_for_account=admin")).await,
            admin.get(&of_users).await,
            admin.post(&of_users, users.clone()).await,
            admin.delete(&format!("{of_users}?username=admin")).await,
        ] {
            assert_error(&answer, 404, "User group not found");
        }
    }
    assert_eq!(admin.get(GROUPS).await.expect(200), Value::Array(vec![]));
}

#[tokio::test]
async fn groups_can_be_searched_and_paged() {
    let server = Server::start().await;
    let admin = server.admin();
    for (name, description) in [("tea-drinkers", "At six"), ("gardeners", "Of the Queen"), ("queens", "")] {
        admin.post(GROUPS, json!({ "name": name, "description": description })).await.expect(201);
    }
    for (query, expected) in [
        ("?search=QUEEN", vec!["gardeners", "queens"]),
        ("?search=queen&limit=1&page=2", vec!["queens"]),
        ("?limit=2&page=2", vec!["tea-drinkers"]),
        ("?user_group_name=queens&search=queen", vec!["queens"]),
        ("?search=%25", vec![]),
    ] {
        let list = admin.get(&format!("{GROUPS}{query}")).await.expect(200);
        assert_eq!(names(&list, "name"), expected, "{query}");
    }
    assert_problem(&admin.get(&format!("{GROUPS}?page=x")).await, 400, "page");
}
