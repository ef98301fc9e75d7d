//! Users looked at: one, those of an account, all of them.

use serde_json::json;

use crate::support::{Server, assert_error, assert_problem, names};

#[tokio::test]
async fn admin_user_is_there_from_the_first_start() {
    let server = Server::start().await;
    let user = server.admin().get("/v2/user").await.expect(200);
    assert_eq!((&user["username"], &user["account_name"]), (&json!("admin"), &json!("admin")));
    assert_eq!((&user["type"], &user["source"]), (&json!("native"), &json!(null)));
    assert_eq!(server.admin().get("/v2/accounts/admin/users").await.expect(200), json!([user]));
}

#[tokio::test]
async fn users_of_an_account_are_sorted_by_name() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    assert_eq!(admin.get("/v2/accounts/acme/users").await.expect(200), json!([]));
    for username in ["bob", "Bob", "alice", "9lives"] {
        server.user("acme", username).await;
    }
    server.user("other", "aaa").await;
    let users = admin.get("/v2/accounts/acme/users").await.expect(200);
    assert_eq!(names(&users, "username"), ["9lives", "Bob", "alice", "bob"]);
    let with_roles = admin.get("/v2/accounts/acme/users-with-roles").await.expect(200);
    assert_eq!(with_roles, json!({ "items": users, "total_rows": 4 }));
    let all = admin.get("/v2/accounts/users").await.expect(200);
    assert_eq!(names(&all["items"], "username"), ["9lives", "Bob", "aaa", "admin", "alice", "bob"]);
    assert_eq!(all["total_rows"], 6);
}

#[tokio::test]
async fn user_is_found_in_the_own_account_alone() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    server.account("other").await;
    admin.get("/v2/accounts/acme/users/alice").await.expect(200);
    for path in ["/v2/accounts/other/users/alice", "/v2/accounts/acme/users/zzz", "/v2/accounts/acme/users/Alice"] {
        assert_error(&admin.get(path).await, 404, "User not found");
    }
    assert_error(&admin.get("/v2/accounts/zzz/users/alice").await, 404, "Account not found");
    assert_error(&admin.get("/v2/accounts/zzz/users").await, 404, "Account not found");
    assert_error(&admin.get("/v2/accounts/zzz/users-with-roles").await, 404, "Account not found");
}

#[tokio::test]
async fn new_user_has_no_role() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    assert_eq!(alice.get("/v2/user").await.expect(200)["unified_roles"], json!([]));
    for (path, domain, action) in [
        ("/v2/accounts/users", "system", "listAllUsers"),
        ("/v2/accounts/acme/users", "acme", "listUsers"),
        ("/v2/accounts/acme/users-with-roles", "acme", "listAccountUsersWithRoles"),
        ("/v2/accounts/acme/users/alice", "acme", "getUser"),
        ("/v2/accounts/zzz/users/alice", "zzz", "getUser"),
    ] {
        let refusal = format!("Not authorized. Requires permissions: domain={domain} action={action} target=*");
        assert_error(&alice.get(path).await, 403, &refusal);
    }
}

#[tokio::test]
async fn users_of_an_account_can_be_searched_and_paged() {
    let server = Server::start().await;
    for name in ["alice", "Alison", "bob"] {
        server.user("acme", name).await;
    }
    for (query, expected) in [
        ("?search=ALI", vec!["Alison", "alice"]),
        ("?search=ali&limit=1&page=2", vec!["alice"]),
        ("?limit=2", vec!["Alison", "alice"]),
        ("?limit=2&page=2", vec!["bob"]),
        ("?search=zzz", vec![]),
    ] {
        let list = server.admin().get(&format!("/v2/accounts/acme/users{query}")).await.expect(200);
        assert_eq!(names(&list, "username"), expected, "{query}");
    }
    assert_problem(&server.admin().get("/v2/accounts/acme/users?limit=0").await, 400, "limit");
}

#[tokio::test]
async fn lists_with_a_count_are_searched_and_paged_and_count_what_is_on_all_pages() {
    let server = Server::start().await;
    for name in ["alice", "Alison", "bob"] {
        server.user("acme", name).await;
    }
    server.user("other", "alina").await;
    for (path, query, expected, count) in [
        ("acme/users-with-roles", "?search=ALI", vec!["Alison", "alice"], 2),
        ("acme/users-with-roles", "?limit=1&page=3", vec!["bob"], 3),
        ("acme/users-with-roles", "?page=2", vec![], 3),
        ("users", "?search=ALI&limit=2", vec!["Alison", "alice"], 3),
        ("users", "?limit=2&page=2", vec!["alice", "alina"], 5),
        ("users", "?search=zzz", vec![], 0),
    ] {
        let list = server.admin().get(&format!("/v2/accounts/{path}{query}")).await.expect(200);
        assert_eq!(names(&list["items"], "username"), expected, "{path}{query}");
        assert_eq!(list["total_rows"], count, "{path}{query}");
        assert_problem(&server.admin().get(&format!("/v2/accounts/{path}?limit=0")).await, 400, "limit");
    }
}
