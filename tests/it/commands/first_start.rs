//! The first start and the ones after it, on the private PostgreSQL.

use nix::sys::signal::Signal;
use serde_json::json;

use super::{Process, Setup, shown_password};

#[tokio::test]
async fn first_start_prints_a_working_password_once_and_a_restart_keeps_everything() {
    let setup = Setup::private();
    let first = setup.serve().await;
    let password = shown_password(&first.out.until("    ").await).unwrap().to_owned();
    assert!(password.len() == 24 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
    let key = fill(&first, &password).await;
    assert!(setup.place.server().is_some());

    let ended = first.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.matches(&password).count(), 1, "{ended:?}");
    assert!(!ended.err.contains(&password), "{ended:?}");
    assert!(setup.place.server().is_none());

    let second = setup.serve().await;
    assert_filled(&second, &password, &key).await;
    let ended = second.stop().await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
}

#[tokio::test]
async fn killed_kedge_loses_nothing_that_it_acknowledged() {
    let setup = Setup::private().with("KEDGE_ADMIN_PASSWORD", "looking-glass");
    let killed = setup.serve().await;
    let key = fill(&killed, "looking-glass").await;
    killed.signal(Signal::SIGKILL);
    assert_eq!(killed.end().await.code, None);
    let orphan = setup.place.server().expect("PostgreSQL outlives a killed Kedge");

    let next = setup.serve().await;
    assert_ne!(setup.place.server(), Some(orphan));
    assert_filled(&next, "looking-glass", &key).await;
    assert_eq!(next.stop().await.code, Some(0));
    assert!(setup.place.server().is_none());
}

/// Makes an account, a user and a key; answers the key's value.
async fn fill(process: &Process, admin_password: &str) -> String {
    let admin = process.client("admin", admin_password);
    admin.post("/v2/accounts", json!({ "name": "tea-party" })).await.expect(200);
    let alice = json!({ "username": "alice", "password": "drink-me-please" });
    admin.post("/v2/accounts/tea-party/users", alice).await.expect(200);
    let alice = process.client("alice", "drink-me-please");
    let key = alice.post("/v2/user/api-keys", json!({ "name": "golden" })).await.expect(201);
    key["value"].as_str().unwrap().to_owned()
}

/// Asserts that all of it is there.
async fn assert_filled(process: &Process, admin_password: &str, key: &str) {
    let admin = process.client("admin", admin_password);
    assert_eq!(admin.get("/v2/accounts/tea-party").await.expect(200)["state"], "enabled");
    let alice = process.client("alice", "drink-me-please");
    assert_eq!(alice.get("/v2/user/api-keys/golden").await.expect(200)["status"], "active");
    assert_eq!(process.client("_api_key", key).get("/v2/user").await.expect(200)["username"], "alice");
}
