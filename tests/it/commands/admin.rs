//! `kedge admin reset-password`: for an operator who has the machine but not the password.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::{Ended, Process, Setup, shown_password};
use crate::support::{ADMIN_PASSWORD, new_database, url};

const RESET: [&str; 2] = ["admin", "reset-password"];
const RESET_STDIN: [&str; 3] = ["admin", "reset-password", "--password-stdin"];

#[tokio::test]
async fn generated_password_counts_at_once_on_a_running_server() {
    let setup = Setup::private().with("KEDGE_ADMIN_PASSWORD", "white-rabbit");
    let server = setup.serve().await;
    assert_password(&server, "white-rabbit").await;

    let ended = setup.run(&RESET).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let password = shown_password(&ended.out).unwrap();
    assert!(password.len() == 24 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
    assert_password(&server, password).await;
    server.client("admin", "white-rabbit").get("/v2/user").await.expect(401);
    assert_eq!(server.stop().await.code, Some(0));
}

#[tokio::test]
async fn password_can_be_reset_while_no_server_runs() {
    let setup = Setup::private().with("KEDGE_ADMIN_PASSWORD", "white-rabbit");
    assert_eq!(setup.serve().await.stop().await.code, Some(0));

    let ended = setup.run(&RESET).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let password = shown_password(&ended.out).unwrap();
    assert!(setup.place.server().is_none(), "the command stops the PostgreSQL that it started");

    let server = setup.serve().await;
    assert_password(&server, password).await;
    server.client("admin", "white-rabbit").get("/v2/user").await.expect(401);
    assert_eq!(server.stop().await.code, Some(0));
}

#[tokio::test]
async fn password_from_standard_input_is_set_without_its_newline_and_never_printed() {
    let setup = Setup::external().await;
    let server = setup.serve().await;
    assert_password(&server, ADMIN_PASSWORD).await;
    for input in ["march-hare", "mock-turtle\n", "two words\r\n"] {
        let ended = setup.run_reading(&RESET_STDIN, input).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{ended:?}");
        assert_password(&server, input.trim_end()).await;
    }
    server.client("admin", ADMIN_PASSWORD).get("/v2/user").await.expect(401);
    server.client("admin", "march-hare").get("/v2/user").await.expect(401);
}

#[tokio::test]
async fn impossible_password_or_user_is_told_and_changes_nothing() {
    let setup = Setup::external().await;
    let server = setup.serve().await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    admin.post("/v2/accounts", json!({ "name": "tea-party" })).await.expect(200);
    let alice = json!({ "username": "alice", "password": "drink-me-please" });
    admin.post("/v2/accounts/tea-party/users", alice).await.expect(200);

    let length = "'password' must have 6 to 128 characters and no control character";
    let common = "This password is too common; choose another";
    let refused =
        [("short", length), ("", length), ("off\twith their heads", length), ("123456", common), ("Password1", common)];
    for (input, why) in refused {
        assert_refused(&setup.run_reading(&RESET_STDIN, input).await, why);
    }
    for username in ["nobody", "alice", "ADMIN"] {
        assert_refused(&setup.run(&["admin", "reset-password", username]).await, "User not found");
    }
    assert_password(&server, ADMIN_PASSWORD).await;
    server.client("alice", "drink-me-please").get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn password_of_another_admin_can_be_reset_by_name() {
    let setup = Setup::external().await;
    let server = setup.serve().await;
    let duchess = json!({ "username": "duchess", "password": "pepper-pepper" });
    server.client("admin", ADMIN_PASSWORD).post("/v2/accounts/admin/users", duchess).await.expect(200);

    let ended = setup.run(&["admin", "reset-password", "duchess"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let password = shown_password(&ended.out).unwrap();
    server.client("duchess", password).get("/v2/user").await.expect(200);
    server.client("duchess", "pepper-pepper").get("/v2/user").await.expect(401);
    assert_password(&server, ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn password_that_was_changed_is_shown_though_nodes_cannot_be_told() {
    let database = new_database().await;
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &url(&database));
    let execute = async |sql: &'static str| {
        let mut connection = PgConnection::connect_with(&database).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    };
    execute("alter table nodes rename to gone").await;
    let ended = setup.run(&RESET).await;
    execute("alter table gone rename to nodes").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.starts_with("kedge: the password was changed, but"), "{ended:?}");
    let server = setup.serve().await;
    assert_password(&server, shown_password(&ended.out).unwrap()).await;
}

async fn assert_password(server: &Process, password: &str) {
    server.client("admin", password).get("/v2/user").await.expect(200);
}

#[track_caller]
fn assert_refused(ended: &Ended, why: &str) {
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.err, format!("kedge: {why}\n"));
}
