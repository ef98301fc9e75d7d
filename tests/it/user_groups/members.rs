//! The users of a group.

use kedge::clock::Clock;
use serde_json::json;
use time::{Duration, macros::datetime};

use crate::support::{Options, Server, assert_error, assert_problem, names};

const NOON: time::OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);

/// A Kedge with alice and hatter of acme, Rabbit of court, and a group; answers the path of its users.
async fn users_of_a_group() -> (Server, String) {
    let server = Server::start_with(Options { clock: Some(Clock::fixed(NOON)), ..Options::default() }).await;
    for (account, username) in [("acme", "hatter"), ("acme", "alice"), ("court", "Rabbit")] {
        server.user(account, username).await;
    }
    let group = server.group("tea-drinkers").await;
    (server, format!("{group}/users"))
}

#[tokio::test]
async fn users_of_any_account_are_put_in_and_listed_by_name() {
    let (server, users) = users_of_a_group().await;
    let admin = server.admin();
    assert_eq!(admin.get(&users).await.expect(200), json!({ "items": [] }));
    let two = json!({ "usernames": [{ "username": "hatter" }, { "username": "Rabbit" }, { "username": "hatter" }] });
    let member =
        |username: &str, hour: u8| json!({ "username": username, "added_on": format!("2026-11-22T{hour}:00:00Z") });
    let expected = json!({ "items": [member("Rabbit", 12), member("hatter", 12)] });
    assert_eq!(admin.post(&users, two).await.expect(201), expected);
    // Who is in it stays as before.
    server.app.clock.set(NOON + Duration::hours(1));
    let three = json!({ "usernames": [{ "username": "hatter" }, { "username": "alice" }] });
    let expected = json!({ "items": [member("Rabbit", 12), member("alice", 13), member("hatter", 12)] });
    assert_eq!(admin.post(&users, three).await.expect(201), expected);
    assert_eq!(admin.get(&users).await.expect(200), expected);
}

#[tokio::test]
async fn nobody_is_put_in_where_one_does_not_exist() {
    let (server, users) = users_of_a_group().await;
    let admin = server.admin();
    server.user("gone", "dormouse").await;
    server.delete_account("gone").await;
    for username in ["nobody", "dormouse", "Alice", "anchore-system"] {
        let request = json!({ "usernames": [{ "username": "alice" }, { "username": username }] });
        assert_error(&admin.post(&users, request).await, 404, &format!("User not found. Name={username}"));
    }
    for (wrong, field) in [
        (json!({}), "usernames"),
        (json!({ "usernames": [] }), "'usernames'"),
        (json!({ "usernames": [{}] }), "username"),
        (json!({ "usernames": ["alice"] }), "usernames"),
    ] {
        assert_problem(&admin.post(&users, wrong).await, 400, field);
    }
    assert_eq!(admin.get(&users).await.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn users_are_taken_out_together_or_not_at_all() {
    let (server, users) = users_of_a_group().await;
    let (admin, group) = (server.admin(), users.trim_end_matches("/users"));
    for username in ["alice", "Rabbit"] {
        server.join_group(group, username).await;
    }
    for stranger in ["hatter", "nobody"] {
        let answer = admin.delete(&format!("{users}?username=alice&username={stranger}")).await;
        assert_error(&answer, 404, &format!("Member not found. Name={stranger}"));
    }
    for query in ["", "?username=", "?usernames=alice"] {
        assert_problem(&admin.delete(&format!("{users}{query}")).await, 400, "username");
    }
    assert_eq!(names(&admin.get(&users).await.expect(200)["items"], "username"), ["Rabbit", "alice"]);
    let taken = admin.delete(&format!("{users}?username=Rabbit&username=alice")).await;
    assert_eq!((taken.status, taken.text.as_str()), (204, ""));
    assert_eq!(admin.get(&users).await.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn deleted_user_leaves_its_groups() {
    let (server, users) = users_of_a_group().await;
    let (admin, group) = (server.admin(), users.trim_end_matches("/users"));
    for username in ["alice", "hatter", "Rabbit"] {
        server.join_group(group, username).await;
    }
    admin.delete("/v2/accounts/acme/users/alice").await.expect(204);
    assert_eq!(names(&admin.get(&users).await.expect(200)["items"], "username"), ["Rabbit", "hatter"]);
    server.delete_account("court").await;
    assert_eq!(names(&admin.get(&users).await.expect(200)["items"], "username"), ["hatter"]);
    for gone in ["alice", "Rabbit"] {
        let answer = admin.delete(&format!("{users}?username={gone}")).await;
        assert_error(&answer, 404, &format!("Member not found. Name={gone}"));
    }
}

#[tokio::test]
async fn users_of_a_group_can_be_searched_and_paged() {
    let (server, users) = users_of_a_group().await;
    let admin = server.admin();
    let all = ["alice", "hatter", "Rabbit"].map(|username| json!({ "username": username }));
    admin.post(&users, json!({ "usernames": all })).await.expect(201);
    for (query, expected) in [
        ("?search=A", vec!["Rabbit", "alice", "hatter"]),
        ("?search=RABB", vec!["Rabbit"]),
        ("?limit=2&page=2", vec!["hatter"]),
        ("?search=a&limit=1&page=2", vec!["alice"]),
        ("?search=zzz", vec![]),
    ] {
        let list = admin.get(&format!("{users}{query}")).await.expect(200);
        assert_eq!(names(&list["items"], "username"), expected, "{query}");
    }
    assert_problem(&admin.get(&format!("{users}?limit=0")).await, 400, "limit");
}
