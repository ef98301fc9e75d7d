//! Whole bodies, as the predecessor answered them.

use kedge::clock::Clock;
use serde_json::{Value, json};
use time::macros::datetime;

use crate::support::{Options, PASSWORD, Server};

const MOMENT: &str = "2026-11-22T19:34:57Z";

/// A Kedge whose clock stands at [`MOMENT`].
async fn server() -> Server {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:34:57 UTC)));
    Server::start_with(Options { clock, ..Options::default() }).await
}

fn account(name: &str, email: Option<&str>) -> Value {
    json!({ "created_at": MOMENT, "email": email, "last_updated": MOMENT, "name": name, "state": "enabled", "type": "user" })
}

fn user(username: &str) -> Value {
    json!({ "created_at": MOMENT, "last_updated": MOMENT, "source": null, "type": "native", "username": username })
}

#[tokio::test]
async fn accounts_are_a_plain_array() {
    let server = server().await;
    let admin = server.admin();
    let acme = json!({ "name": "acme", "email": "a@acme.test" });
    let made = admin.post("/v1/accounts", acme).await.expect(200);
    assert_eq!(made, account("acme", Some("a@acme.test")));
    let made = admin.post("/v1/accounts", json!({ "name": "noemail" })).await.expect(200);
    assert_eq!(made, account("noemail", None));

    let mut own = admin.get("/v1/account").await.expect(200);
    let listed = json!([own, account("acme", Some("a@acme.test")), made]);
    let mut sorted = admin.get("/v1/accounts").await.expect(200);
    sorted.as_array_mut().unwrap().sort_by_key(|account| account["name"] != "admin");
    assert_eq!(sorted, listed);
    for moment in ["created_at", "last_updated"] {
        // The account admin is as old as the database.
        assert!(own.as_object_mut().unwrap().remove(moment).unwrap().as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(own, json!({ "email": "admin@myanchore", "name": "admin", "state": "enabled", "type": "admin" }));
    assert_eq!(admin.get("/v1/accounts?state=disabled").await.expect(200), json!([]));
    assert_eq!(admin.get("/v1/accounts/acme").await.expect(200), listed[1]);
}

#[tokio::test]
async fn users_have_five_properties() {
    let server = server().await;
    let admin = server.admin();
    server.account("acme").await;
    let users = "/v1/accounts/acme/users";
    assert_eq!(admin.get(users).await.expect(200), json!([]));
    let alice = json!({ "username": "alice", "password": PASSWORD });
    assert_eq!(admin.post(users, alice).await.expect(200), user("alice"));
    assert_eq!(admin.get(users).await.expect(200), json!([user("alice")]));
    assert_eq!(admin.get("/v1/accounts/acme/users/alice").await.expect(200), user("alice"));
    assert_eq!(server.basic("alice", PASSWORD).get("/v1/user").await.expect(200), user("alice"));
}

#[tokio::test]
async fn credentials_are_a_plain_array_and_masked() {
    let server = server().await;
    let admin = server.admin();
    let alice = server.user("acme", "alice").await;
    let theirs = "/v1/accounts/acme/users/alice/credentials";
    let masked = json!({ "created_at": MOMENT, "type": "password", "value": "********" });
    assert_eq!(admin.get(theirs).await.expect(200), json!([masked]));
    assert_eq!(alice.get("/v1/user/credentials").await.expect(200), json!([masked]));
    let password = json!({ "type": "password", "value": "curiouser-and-curiouser" });
    assert_eq!(admin.post(theirs, password.clone()).await.expect(200), masked);
    let alice = server.basic("alice", "curiouser-and-curiouser");
    assert_eq!(alice.post("/v1/user/credentials", password).await.expect(200), masked);
    for _ in 0..2 {
        let deleted = admin.delete(&format!("{theirs}?credential_type=password")).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    }
    assert_eq!(admin.get(theirs).await.expect(200), json!([]));
}

#[tokio::test]
async fn base_url_says_v1_with_and_without_the_slash() {
    let server = Server::start().await;
    for path in ["/v1", "/v1/"] {
        for client in [server.nobody(), server.basic("nobody", "wrong"), server.admin()] {
            let answer = client.get(path).await;
            assert_eq!((answer.status, answer.text.as_str()), (200, "\"v1\""), "{path}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn version_leaves_the_api_open() {
    let server = Server::start().await;
    let nobody = server.nobody();
    let mut version = nobody.get("/v2/version").await.expect(200);
    version["api"] = json!({});
    assert_eq!(nobody.get("/v1/version").await.expect(200), version);
}

#[tokio::test]
async fn services_have_the_names_that_older_clients_read() {
    let server = Server::start().await;
    let admin = server.admin();
    let status = admin.get("/v1/status").await.expect(200);
    let keys: Vec<_> = status.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["available", "busy", "db_version", "detail", "message", "up", "version"]);
    assert_eq!(status, admin.get("/v2/status").await.expect(200));

    let newer = &admin.get("/v2/system").await.expect(200)["service_states"][0];
    let service = json!({
        "hostid": newer["host_id"], "servicename": "apiext", "base_url": "http://localhost:8228",
        "status_message": "available", "service_detail": status, "status": true, "version": newer["version"],
    });
    assert_eq!(admin.get("/v1/system").await.expect(200), json!({ "service_states": [service] }));
    let codes = admin.get("/v1/system/error_codes").await.expect(200);
    assert_eq!(codes, admin.get("/v2/system/error-codes").await.expect(200));
    assert_eq!(codes[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["description", "name"]);
}
