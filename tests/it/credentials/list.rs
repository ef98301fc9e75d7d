//! The credentials of a user, listed.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use crate::support::{Options, PASSWORD, Server, assert_error};

const CREDENTIALS: &str = "/v2/accounts/acme/users/alice/credentials";

#[tokio::test]
async fn list_is_one_masked_password_or_empty() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:34:57 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    let alice = server.user("acme", "alice").await;
    let admin = server.admin();
    let expected = json!([{ "type": "password", "value": "********", "created_at": "2026-11-22T19:34:57Z" }]);
    assert_eq!(admin.get(CREDENTIALS).await.expect(200), expected);
    assert_eq!(alice.get("/v2/user/credentials").await.expect(200), expected);

    let key = server.key_of(&alice, "k").await;
    admin.delete(&format!("{CREDENTIALS}?credential_type=password")).await.expect(204);
    assert_eq!(admin.get(CREDENTIALS).await.expect(200), json!([]));
    assert_eq!(server.key(&key).get("/v2/user/credentials").await.expect(200), json!([]));
}

#[tokio::test]
async fn mask_tells_nothing_of_the_length() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let mut masks = Vec::new();
    for password in ["sixsix", &"x".repeat(128), "äöüäöü-ß"] {
        let credential = json!({ "type": "password", "value": password });
        let set = server.admin().post(CREDENTIALS, credential).await.expect(200);
        let listed = server.admin().get(CREDENTIALS).await.expect(200);
        assert_eq!(listed[0]["value"], set["value"]);
        masks.push(set["value"].clone());
    }
    assert!(masks.iter().all(|mask| *mask == masks[0]), "{masks:?}");
}

#[tokio::test]
async fn unknown_user_or_account_is_not_found() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.account("other").await;
    let admin = server.admin();
    for user in ["acme/users/zzz", "other/users/alice"] {
        assert_error(&admin.get(&format!("/v2/accounts/{user}/credentials")).await, 404, "User not found");
    }
    assert_error(&admin.get("/v2/accounts/zzz/users/alice/credentials").await, 404, "Account not found");
}

#[tokio::test]
async fn plain_user_sees_the_own_credentials_by_the_own_path_alone() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let refusal = "Not authorized. Requires permissions: domain=acme action=getUser target=*";
    assert_error(&alice.get(CREDENTIALS).await, 403, refusal);
    let refusal = "Not authorized. Requires permissions: domain=acme action=updateUser target=*";
    let credential = json!({ "type": "password", "value": PASSWORD });
    assert_error(&alice.post(CREDENTIALS, credential).await, 403, refusal);
    assert_error(&alice.delete(&format!("{CREDENTIALS}?credential_type=password")).await, 403, refusal);
}
