//! What happens when the server is told to stop, while it starts or with a request in flight, and when a client goes
//! away.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Process, Setup};
use crate::support::{ADMIN_PASSWORD, new_database, until, url};

#[tokio::test]
async fn request_in_flight_is_answered_after_the_server_is_told_to_stop() {
    let server = Setup::external().await.serve().await;
    let body = json!({ "name": "tea-party" }).to_string();
    let (head, rest) = body.split_at(5);
    // The server asks for the body when the handler reads it: from then on the request is in flight.
    let mut stream = begin(&server, "/v2/accounts", "Expect: 100-continue\r\n", body.len()).await;
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        answer.push(char::from(stream.read_u8().await.unwrap()));
    }
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();

    server.signal(Signal::SIGTERM);
    server.err.until("told to stop").await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""name":"tea-party""#), "{answer}");
    let ended = server.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn terminal_that_is_closed_ends_kedge_in_good_order() {
    let setup = Setup::private();
    let terminal = nix::pty::openpty(None, None).unwrap();
    let process = setup.spawn_reading(terminal.slave.into()).listening().await;
    process.signal(Signal::SIGHUP);
    let ended = process.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(setup.place.server().is_none(), "its PostgreSQL has ended, too");
}

#[tokio::test]
async fn service_without_a_terminal_has_nothing_to_do_about_a_hangup() {
    let process = Setup::external().await.serve().await;
    process.signal(Signal::SIGHUP);
    process.client("admin", ADMIN_PASSWORD).get("/v2/user").await.expect(200);
    assert_eq!(process.stop().await.code, Some(0));
}

#[tokio::test]
async fn kedge_that_is_told_to_stop_while_it_starts_leaves_nothing_running() {
    let setup = Setup::private();
    let starting = setup.spawn();
    setup.place.cluster_begun().await;
    let ended = starting.stop().await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    // A PostgreSQL that was already up is told to stop, not waited for.
    until("its PostgreSQL has ended", async || setup.place.server().is_none()).await;
    let next = setup.serve().await;
    assert_eq!(next.stop().await.code, Some(0));
}

#[tokio::test]
async fn change_is_completed_though_its_client_hangs_up() {
    let database = new_database().await;
    let server = Setup::private().with("KEDGE_DATABASE_URL", &url(&database)).serve().await;
    let mut blocker = PgConnection::connect_with(&database).await.unwrap();
    let mut blocking = blocker.begin().await.unwrap();
    sqlx::query("lock table users in exclusive mode").execute(&mut *blocking).await.unwrap();

    let body = json!({ "username": "alice", "password": "drink-me-please" }).to_string();
    let mut stream = begin(&server, "/v2/accounts/admin/users", "", body.len()).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    wait_for_blocked(&database).await;
    drop(stream);
    // Answered after the server had its chance to see the end of the other connection.
    server.client("admin", ADMIN_PASSWORD).get("/v2/user").await.expect(200);
    blocking.commit().await.unwrap();

    let admin = server.client("admin", ADMIN_PASSWORD);
    let completed = async { while admin.get("/v2/accounts/admin/users/alice").await.status == 404 {} };
    timeout(Duration::from_secs(20), completed).await.expect("the change is completed");
    server.client("alice", "drink-me-please").get("/v2/user").await.expect(200);
}

/// Waits until a statement of the server waits for a lock.
async fn wait_for_blocked(database: &PgConnectOptions) {
    let mut connection = PgConnection::connect_with(database).await.unwrap();
    let query = "select exists (select from pg_stat_activity
                 where datname = current_database() and application_name = 'kedge' and wait_event_type = 'Lock')";
    let waits = async || sqlx::query_scalar::<_, bool>(query).fetch_one(&mut connection).await.unwrap();
    until("a statement waits for the lock", waits).await;
}

/// Sends the head of a POST with a JSON body of this length.
async fn begin(server: &Process, path: &str, headers: &str, length: usize) -> TcpStream {
    let login = STANDARD.encode(format!("admin:{ADMIN_PASSWORD}"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: kedge\r\nAuthorization: Basic {login}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}
