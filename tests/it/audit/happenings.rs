//! What no operation asks for and has a record nevertheless.

use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;

use super::{execute, records, records_in};
use crate::{
    commands::Setup,
    support::{CapturedLog, PASSWORD, Server, new_database, url},
};

const REUSED: &str = "system.security.refresh_token_reused";

fn of_type<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

#[tokio::test]
async fn refresh_token_that_is_used_twice_has_a_record_of_its_own() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    server.refresh(&tokens.refresh).await.expect(200);
    assert!(of_type(&records(&server).await, REUSED).is_empty(), "what is refreshed has none");
    let answer = server.refresh(&tokens.refresh).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let all = records(&server).await;
    let reused = of_type(&all, REUSED);
    let [record] = reused[..] else { panic!("{all:?}") };
    assert_eq!((&record["level"], &record["account"]), (&json!("error"), &json!("acme")));
    assert_eq!(
        (&record["resource_type"], &record["request_id"]),
        (&json!("session"), &json!(answer.header("x-request-id")))
    );
    let details = &record["details"];
    for (name, value) in [
        ("user", "alice"),
        ("user_account", "acme"),
        ("signed_in_by", "refresh_token"),
        ("operation", "get_oauth_token"),
        ("address", "127.0.0.1"),
        ("outcome", "refused"),
    ] {
        assert_eq!(details[name], value, "{details}");
    }
    assert!(!record.to_string().contains(&tokens.refresh));
    let id = record["event_id"].as_str().unwrap();
    assert!(CapturedLog::text().lines().any(|line| line.contains("kedge::audit") && line.contains(id)));
    // The session is gone: whoever uses the token again finds nothing.
    server.refresh(&tokens.refresh).await;
    assert_eq!(of_type(&records(&server).await, REUSED).len(), 1);
}

#[tokio::test]
async fn session_does_not_end_without_the_record_of_why() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    let next = server.refresh(&tokens.refresh).await.expect(200);
    let database = server.app.db.options();
    let failing = "alter table audit_events add constraint nothing check (type not like '%reused') not valid";
    execute(&database, failing).await.unwrap();
    assert_eq!(server.refresh(&tokens.refresh).await.status, 500);
    server.bearer(next["access_token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    execute(&database, "alter table audit_events drop constraint nothing").await.unwrap();
    assert_eq!(server.refresh(&tokens.refresh).await.status, 400);
    server.bearer(next["access_token"].as_str().unwrap()).get("/v2/user").await.expect(401);
}

#[tokio::test]
async fn refresh_token_of_the_console_that_was_used_elsewhere_has_one_too() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let page = |path: &str| server.nobody().request("POST", path).header("x-requested-with", "kedge-console");
    let login = json!({ "username": "alice", "password": PASSWORD });
    let begun = crate::support::send(page("/console/session").json(&login)).await;
    let cookie = begun.header("set-cookie").split(';').next().unwrap().to_owned();
    server.refresh(cookie.strip_prefix("kedge-session=").unwrap()).await.expect(200);
    let asked = page("/console/session/token").header("cookie", &cookie).json(&json!({}));
    let refused = crate::support::send(asked).await;
    assert!(refused.status >= 400, "{refused:?}");
    assert_eq!(of_type(&records(&server).await, REUSED).len(), 1, "{refused:?}");
}

async fn setup() -> (PgConnectOptions, Setup) {
    let database = new_database().await;
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &url(&database));
    (database, setup)
}

#[tokio::test]
async fn commands_that_change_something_have_records() {
    let (database, setup) = setup().await;
    let reset = setup.run(&["admin", "reset-password"]).await;
    assert_eq!(reset.code, Some(0), "{reset:?}");
    let rotated = setup.run(&["admin", "rotate-signing-key"]).await;
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let failed = setup.run(&["admin", "reset-password", "nobody"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let records = records_in(&database).await;
    let [password, key] = &records[..] else { panic!("{records:?}") };
    let of =
        |record: &Value| ["type", "level", "account", "resource_type", "resource_id"].map(|name| record[name].clone());
    assert_eq!(of(password), ["system.security.password_reset", "info", "admin", "user", "admin"].map(Value::from));
    let kid = rotated.out.split_whitespace().nth(2).unwrap();
    assert_eq!(key["account"], Value::Null);
    assert_eq!(
        (&key["type"], &key["resource_id"]),
        (&json!("system.security.signing_key_rotated"), &json!(kid)),
        "{rotated:?}"
    );
    let shown = reset.out.lines().find_map(|line| line.strip_prefix("    ")).unwrap();
    assert!(!json!(records).to_string().contains(shown) && shown != PASSWORD);
    // Where none is kept, there is none.
    let setup = setup.with("KEDGE_AUDIT__ENABLED", "false");
    for command in ["reset-password", "rotate-signing-key"] {
        assert_eq!(setup.run(&["admin", command]).await.code, Some(0));
    }
    assert_eq!(records_in(&database).await.len(), 2);
}
