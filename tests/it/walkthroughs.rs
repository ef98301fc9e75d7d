//! The published calls, as printed but for host, user, password and key value.

use serde_json::json;

use crate::support::{Server, assert_error};

#[tokio::test]
async fn key_is_made_used_refused_and_revoked() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let keys = "/v2/accounts/mad-hatter-team/users/alice/api-keys";
    let request = json!({ "name": "cheshire-cat", "description": "Pipeline automation key" });

    let made = alice.post(keys, request.clone()).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    assert_error(&key.post(keys, request).await, 403, "Not authorized. Operation not allowed with an API key");
    assert_eq!(key.get("/v2/user").await.expect(200)["username"], "alice");

    let revoked = alice.patch(&format!("{keys}/cheshire-cat"), json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(revoked["status"], "revoked");
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    let record = alice.get(&format!("{keys}/cheshire-cat")).await.expect(200);
    assert_eq!(record["status"], "revoked");
}
