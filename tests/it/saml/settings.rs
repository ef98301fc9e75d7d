//! What the configuration of the deployment says of saml users and native ones.

use serde_json::json;

use crate::support::{CapturedLog, Options, Server, assert_error, idp::Says};

async fn server(environment: Vec<(&'static str, &'static str)>) -> Server {
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    server
}

const ALLOW_KEYS: (&str, &str) = ("KEDGE_USER_AUTHENTICATION__ALLOW_API_KEYS_FOR_SAML_USERS", "true");
const NO_NATIVES: (&str, &str) = ("KEDGE_USER_AUTHENTICATION__DISALLOW_NATIVE_USERS", "true");
const BUT_ADMIN: (&str, &str) = ("KEDGE_USER_AUTHENTICATION__ALLOW_NATIVE_ADMIN", "true");

#[tokio::test]
async fn saml_user_has_no_keys() {
    let server = server(vec![]).await;
    let alice = server.sso("alice").await;
    let refused = "Not authorized. API keys are not allowed for SAML users";
    assert_error(&alice.post("/v2/user/api-keys", json!({ "name": "ci" })).await, 403, refused);
    let keys = "/v2/accounts/wonderland/users/alice/api-keys";
    assert_error(&alice.post(keys, json!({ "name": "ci" })).await, 403, refused);
    assert_error(&server.admin().post(keys, json!({ "name": "ci" })).await, 403, refused);
    // A native user beside it has.
    let hatter = server.user("wonderland", "hatter").await;
    server.key_of(&hatter, "ci").await;
}

#[tokio::test]
async fn keys_are_allowed_and_stop_when_that_is_turned_off() {
    let server = server(vec![ALLOW_KEYS]).await;
    let alice = server.sso("alice").await;
    let value = server.key_of(&alice, "ci").await;
    assert_eq!(server.key(&value).get("/v2/user").await.expect(200)["username"], "alice");
    let off = server.another_node().await;
    let refused = off.key(&value).get("/v2/user").await;
    assert_error(&refused, 401, "Unauthorized");
    // The record is there still, and can be revoked.
    let own = off.bearer(&token_of(&server).await);
    let revoked = own.patch("/v2/user/api-keys/ci", json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(revoked["status"], "revoked");
}

async fn token_of(server: &Server) -> String {
    let answer = Says::of("alice", None).to(server).await.expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn native_users_are_turned_off_whatever_they_sign_in_by() {
    let server = server(vec![]).await;
    let hatter = server.user("wonderland", "hatter").await;
    let key = server.key_of(&hatter, "ci").await;
    let tokens = server.ask_for_tokens("hatter", crate::support::PASSWORD).await.expect(200);
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let admins = server.admin();
    for (environment, admin_too) in [(vec![NO_NATIVES], true), (vec![NO_NATIVES, BUT_ADMIN], false)] {
        let node = server.another_node_with(Options { environment, ..Options::default() }).await;
        for client in [node.basic("hatter", crate::support::PASSWORD), node.key(&key), node.bearer(access)] {
            assert_error(&client.get("/v2/user").await, 401, "Unauthorized");
        }
        let asked = node.ask_for_tokens("hatter", crate::support::PASSWORD).await;
        assert_eq!((asked.status, asked.body["error"].as_str()), (400, Some("invalid_grant")));
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let asked = node.nobody().form("/v2/oauth/token", &form).await;
        assert_eq!((asked.status, asked.body["error"].as_str()), (400, Some("invalid_grant")));
        assert_eq!(node.admin().get("/v2/user").await.status == 401, admin_too);
        if !admin_too {
            for token in [access, refresh] {
                let asked = node.admin().form("/v2/oauth/introspect", &[("token", token)]).await;
                assert_eq!(asked.expect(200), json!({ "active": false }));
            }
        }
        let alice = Says::of("alice", None).to(&node).await.expect(200);
        node.bearer(alice["token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    }
    // Turned on again, all is as before.
    admins.get("/v2/user").await.expect(200);
    let asked = admins.form("/v2/oauth/introspect", &[("token", refresh)]).await;
    assert_eq!(asked.expect(200)["active"], true);
    server.key(&key).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn assertions_are_logged_only_where_that_is_configured_and_without_their_signature() {
    for logs in [false, true] {
        let environment = if logs { vec![("KEDGE_USER_AUTHENTICATION__LOG_SAML_ASSERTIONS", "true")] } else { vec![] };
        let server = server(environment).await;
        // The log is that of all tests.
        let mail = format!("alice-{logs}@logged.test");
        let says = Says::of("alice", None).with("mail", &mail);
        let xml = says.xml();
        crate::support::idp::bring(&server.nobody(), &xml).await.expect(200);
        let text = CapturedLog::text();
        assert_eq!(text.contains(&mail), logs);
        for value in xml.split("SignatureValue>").skip(1).step_by(2) {
            let value = value.split("</").next().unwrap();
            assert!(value.len() > 100 && !text.contains(&value[..60]));
        }
    }
}

#[tokio::test]
async fn refusal_tells_its_reason_to_the_log_alone() {
    let server = server(vec![]).await;
    let says = Says { audience: "https://oz.test/".into(), ..Says::of("alice", None) };
    let answer = says.to(&server).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.text.contains("audience"), "{}", answer.text);
    let text = CapturedLog::text();
    let id = answer.header("x-request-id");
    let told = |line: &&str| line.contains(id) && line.contains("audience restriction not satisfied");
    assert!(text.lines().any(|line| told(&line)));
}
