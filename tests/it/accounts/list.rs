//! `GET /v2/accounts`.

use serde_json::Value;

use crate::support::{Server, assert_error, assert_problem, names};

/// The name of every account in a state.
async fn listed(server: &Server, query: &str) -> Vec<String> {
    let list: Value = server.admin().get(&format!("/v2/accounts{query}")).await.expect(200);
    names(&list, "name")
}

#[tokio::test]
async fn accounts_are_sorted_by_name_and_the_service_account_is_hidden() {
    let server = Server::start().await;
    for name in ["zoo", "Zoo", "a-b", "acme", "9lives"] {
        server.account(name).await;
    }
    assert_eq!(listed(&server, "").await, ["9lives", "Zoo", "a-b", "acme", "admin", "zoo"]);
}

#[tokio::test]
async fn list_can_be_narrowed_to_a_state() {
    let server = Server::start().await;
    for name in ["abc", "def", "ghi"] {
        server.account(name).await;
    }
    server.set_state("def", "disabled").await;
    server.delete_account("ghi").await;
    assert_eq!(listed(&server, "?state=enabled").await, ["abc", "admin"]);
    assert_eq!(listed(&server, "?state=disabled").await, ["def"]);
    assert_eq!(listed(&server, "?state=deleting").await, ["ghi"]);
    assert_eq!(listed(&server, "?zzz=1").await, ["abc", "admin", "def", "ghi"]);
}

#[tokio::test]
async fn state_outside_the_enum_is_refused_naming_the_parameter() {
    let server = Server::start().await;
    for state in ["bogus", "Enabled", "", "%00", "%FF"] {
        let answer = server.admin().get(&format!("/v2/accounts?state={state}")).await;
        assert_problem(&answer, 400, "state");
    }
    assert_problem(&server.admin().get("/v2/accounts?state=enabled&state=enabled").await, 400, "state");
}

#[tokio::test]
async fn counts_leave_the_service_account_and_deleted_users_out() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.user("acme", "bob").await;
    server.user("gone", "carol").await;
    server.delete_account("gone").await;
    let limits = server.admin().get("/v2/system/resource-limits").await.expect(200);
    let count = |name: &str| {
        let items = limits["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap()["current_value"].clone()
    };
    // An account that is being deleted is still listed; its users are gone.
    assert_eq!(count("account_inventory"), 3);
    assert_eq!(count("user_inventory"), 3);
}

#[tokio::test]
async fn plain_user_lists_no_accounts() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let refusal = "Not authorized. Requires permissions: domain=system action=listAccounts target=*";
    assert_error(&alice.get("/v2/accounts").await, 403, refusal);
}

#[tokio::test]
async fn list_can_be_searched_and_paged() {
    let server = Server::start().await;
    for name in ["tea-party", "Teapot", "croquet"] {
        server.account(name).await;
    }
    assert_eq!(listed(&server, "?search=TEA").await, ["Teapot", "tea-party"]);
    assert_eq!(listed(&server, "?search=tea&limit=1").await, ["Teapot"]);
    assert_eq!(listed(&server, "?search=tea&limit=1&page=2").await, ["tea-party"]);
    assert_eq!(listed(&server, "?limit=2&page=2").await, ["croquet", "tea-party"]);
    assert_eq!(listed(&server, "?limit=2&page=3").await, [""; 0]);
    // Without a limit the first page has all: whoever asks until one is empty comes to an end.
    assert_eq!(listed(&server, "?page=1").await, ["Teapot", "admin", "croquet", "tea-party"]);
    assert_eq!(listed(&server, "?page=2").await, [""; 0]);
    assert_eq!(listed(&server, "?state=disabled&search=tea").await, [""; 0]);
    // It is no pattern.
    for search in ["%25", "_", ".*"] {
        assert_eq!(listed(&server, &format!("?search={search}")).await, [""; 0], "{search}");
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("search=%00", "search"),
    ] {
        assert_problem(&server.admin().get(&format!("/v2/accounts?{query}")).await, 400, field);
    }
}
