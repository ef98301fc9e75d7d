//! How many statements a request costs: the log names the request with each.

use serde_json::json;

use crate::support::{Answer, CapturedLog, Server};

/// The statements that were run for the request of this answer.
fn statements(answer: &Answer) -> Vec<String> {
    let id = answer.header("x-request-id");
    let log = CapturedLog::text();
    let lines = log.lines().filter(|line| line.contains(id) && line.contains("sqlx::query"));
    // A connection that is new is asked whether it leads to a standby: that is no cost of the request's.
    lines.filter(|line| !line.contains("select pg_is_in_recovery()")).map(str::to_owned).collect()
}

#[tokio::test]
async fn cold_caller_costs_one_statement_and_a_warm_one_none_and_so_does_another_account() {
    let server = Server::start().await;
    let clients = super::warm(&server).await;
    server.account("croquet").await;
    let member = json!({ "username": "alice", "domain_name": "croquet" });
    server.admin().post("/v2/rbac-manager/roles/read-only/members", member).await.expect(200);
    for (client, credential) in clients.iter().zip(["password", "key", "token"]) {
        server.app.changes.freshness().raise_everything();
        // Of the keys that sign tokens, too, nothing counts that was read before: they are read once for all callers.
        server.nobody().get("/.well-known/jwks.json").await.expect(200);
        let elsewhere = client.clone().acting_in("croquet");
        for (client, path, cost, what) in [
            (client, "/v2/account", 1, "cold"),
            (client, "/v2/account", 0, "warm"),
            (client, "/v2/accounts/acme", 0, "its own account by the path"),
            (client, "/v2/accounts/croquet", 1, "another account by the path"),
            (&elsewhere, "/v2/account", 1, "another account by the header"),
            (client, "/v2/accounts/looking-glass", 0, "refused"),
        ] {
            let answer = client.get(path).await;
            let statements = statements(&answer);
            assert_eq!(answer.status, if what == "refused" { 403 } else { 200 }, "{credential}, {what}");
            assert_eq!(statements.len(), cost, "{credential}, {what}: {statements:#?}");
        }
    }
}
