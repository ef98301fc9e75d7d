//! `x-anchore-account`: an operation moved to another account.

use serde_json::json;

use crate::support::{Answer, Client, Server, assert_error, assert_problem, send};

/// A 403 with the account's name struck out: what is left must not tell accounts apart.
fn without_name(answer: &Answer, name: &str) -> (u16, Vec<(String, String)>, String) {
    let told = answer.headers.iter().filter(|(header, _)| {
        // The length follows the name.
        !matches!(header.as_str(), "date" | "x-request-id" | "content-length")
    });
    let headers = told.map(|(header, value)| (header.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status, headers, answer.text.replace(&format!("domain={name} "), "domain=? "))
}

#[tokio::test]
async fn admin_acts_in_the_account_that_the_header_names() {
    let server = Server::start().await;
    server.account("acme").await;
    let moved = server.admin().acting_in("acme");
    assert_eq!(moved.get("/v2/account").await.expect(200)["name"], "acme");
    server.set_state("acme", "disabled").await;
    assert_eq!(moved.get("/v2/account").await.expect(200)["state"], "disabled");
    server.delete_account("acme").await;
    assert_eq!(moved.get("/v2/account").await.expect(200)["state"], "deleting");
}

#[tokio::test]
async fn unknown_account_is_told_to_admins() {
    let server = Server::start().await;
    let answer = server.admin().acting_in("zzz").get("/v2/account").await;
    assert_error(&answer, 404, "User account not found. Name=zzz");
}

#[tokio::test]
async fn empty_header_is_an_absent_one() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for empty in ["", " "] {
        assert_eq!(alice.clone().acting_in(empty).get("/v2/account").await.expect(200)["name"], "acme");
    }
}

#[tokio::test]
async fn plain_user_acts_at_home_alone_and_learns_of_no_other_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("other").await;
    server.account("shut").await;
    server.set_state("shut", "disabled").await;
    assert_eq!(alice.clone().acting_in("acme").get("/v2/account").await.expect(200)["name"], "acme");

    let mut refusals = Vec::new();
    for name in ["admin", "other", "shut", "anchore-system", "zzz", "Acme", "system"] {
        let answer = alice.clone().acting_in(name).get("/v2/account").await;
        let refusal = format!("Not authorized. Requires permissions: domain={name} action=getAccount target=*");
        assert_error(&answer, 403, &refusal);
        refusals.push(without_name(&answer, name));
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
}

#[tokio::test]
async fn two_headers_are_refused_where_one_would_count_and_ignored_elsewhere() {
    let server = Server::start().await;
    server.account("acme").await;
    let twice = |client: Client, path: &str| {
        send(client.request("GET", path).header("x-anchore-account", "acme").header("x-anchore-account", "admin"))
    };
    let ask = |path: &'static str| twice(server.admin(), path);
    assert_problem(&ask("/v2/account").await, 400, "'x-anchore-account' is given more than once");
    assert_problem(&ask("/v2/events").await, 400, "'x-anchore-account' is given more than once");
    for path in ["/v2/user", "/v2/accounts/acme", "/v2/version"] {
        ask(path).await.expect(200);
    }
    twice(server.nobody(), "/v2/rbac-manager/saml/idps").await.expect(200);
}

#[tokio::test]
async fn operations_on_the_caller_ignore_the_header() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for account in ["admin", "zzz", "acme"] {
        let moved = alice.clone().acting_in(account);
        assert_eq!(moved.get("/v2/user").await.expect(200)["account_name"], "acme");
        assert_eq!(moved.get("/v2/user/credentials").await.expect(200).as_array().unwrap().len(), 1);
        assert_eq!(moved.get("/v2/user/api-keys").await.expect(200)["items"], json!([]));
    }
    let admin = server.admin().acting_in("acme").get("/v2/user").await.expect(200);
    assert_eq!(admin["account_name"], "admin");
}
