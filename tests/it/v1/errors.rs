//! Errors of V1: V2's, whose bodies hold what older clients read (`httpcode`, `message`, an object `detail`).

use serde_json::json;

use crate::support::{PASSWORD, Server, assert_error, assert_problem, lacking, send};

#[tokio::test]
async fn unknown_path_is_a_problem_and_never_a_redirect() {
    let server = Server::start().await;
    for path in [
        "/v1/nonexistent",
        "/v1/images",
        "/v1/account/",
        "/v1/accounts/",
        "/v1//account",
        "/v1/users",
        "/v1/system/error-codes",
        "/v1/system/services",
        "/v1/rbac-manager/roles",
        "/v1/user/api-keys",
    ] {
        for client in [server.nobody(), server.basic("nobody", "wrong")] {
            let answer = client.get(path).await;
            assert_problem(&answer, 404, "The requested URL was not found");
            assert_eq!((answer.header("location"), answer.header("www-authenticate")), ("", ""), "{path}");
        }
    }
}

#[tokio::test]
async fn method_that_v1_had_not_is_not_allowed() {
    let server = Server::start().await;
    for (method, path, allow) in [
        ("PATCH", "/v1/account", "GET, HEAD"),
        // V2 changes an account's email by it.
        ("PUT", "/v1/accounts/acme", "DELETE, GET, HEAD"),
        ("POST", "/v1/accounts/acme/state", "PUT"),
        ("OPTIONS", "/v1/accounts", "GET, HEAD, POST"),
        ("POST", "/v1", "GET, HEAD"),
    ] {
        let answer = send(server.admin().request(method, path)).await;
        assert_problem(&answer, 405, "Method Not Allowed");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn stranger_is_challenged() {
    let server = Server::start().await;
    for client in [server.nobody(), server.basic("admin", "wrong"), server.basic("nobody", "whatever")] {
        for path in ["/v1/account", "/v1/user", "/v1/status", "/v1/system", "/v1/system/error_codes"] {
            let answer = client.get(path).await;
            assert_error(&answer, 401, "Unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Authentication required\"");
        }
    }
}

#[tokio::test]
async fn missing_permission_is_told_in_the_same_words() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    assert_error(&alice.get("/v1/accounts").await, 403, &lacking("system", "listAccounts"));
    assert_error(&alice.get("/v1/accounts/admin").await, 403, &lacking("admin", "getAccount"));
    let sneaky = alice.post("/v1/accounts", json!({ "name": "sneaky" })).await;
    assert_error(&sneaky, 403, &lacking("system", "createAccount"));
    assert_error(&alice.delete("/v1/accounts/acme").await, 403, &lacking("system", "deleteAccount"));
}

#[tokio::test]
async fn wrong_request_is_a_problem_that_names_the_field() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    assert_problem(&admin.get("/v1/accounts?state=bogus").await, 400, "state");
    for (path, body, field) in [
        ("/v1/accounts", json!({ "name": "a" }), "'name'"),
        ("/v1/accounts", json!({ "email": "a@acme.test" }), "name"),
        ("/v1/accounts", json!({ "name": "acme3", "email": "nope" }), "'email'"),
        ("/v1/accounts/acme/users", json!({ "username": "bobby", "password": "12345" }), "password"),
    ] {
        assert_problem(&admin.post(path, body).await, 400, field);
    }
    for state in ["bogus", "deleting"] {
        assert_problem(&admin.put("/v1/accounts/acme/state", json!({ "state": state })).await, 400, "'state'");
    }
    let missing = admin.delete("/v1/accounts/acme/users/alice/credentials").await;
    assert_problem(&missing, 400, "credential_type");
    let text = admin.request("POST", "/v1/accounts").header("content-type", "text/plain").body("{}");
    assert_problem(&send(text).await, 415, "application/json");
}

#[tokio::test]
async fn refusals_have_the_predecessors_texts() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    let disabled = json!({ "state": "disabled" });
    assert_error(&admin.put("/v1/accounts/admin/state", disabled).await, 400, "Cannot disable the admin account");
    assert_error(&admin.delete("/v1/accounts/admin").await, 400, "Account cannot be deleted");
    assert_error(&admin.delete("/v1/accounts/zzz").await, 404, "Account not found");
    assert_error(&admin.get("/v1/accounts/zzz").await, 404, "Account not found");
    assert_error(&admin.get("/v1/accounts/acme/users/zzz").await, 404, "User not found");
    let taken = json!({ "username": "alice", "password": PASSWORD });
    assert_error(&admin.post("/v1/accounts/acme/users", taken).await, 400, "User already exists");
    let own = admin.delete("/v1/accounts/admin/users/admin/credentials?credential_type=password").await;
    assert_error(&own, 400, "Cannot delete credential of authenticated user");
}
