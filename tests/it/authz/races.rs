//! Grants that change while what depends on them is asked for. A lock in the database decides which comes first.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::world::{ELSEWHERE, HERE, Held::Directly, caller, grant, plant, wonderland};
use crate::support::{Answer, Client, PASSWORD, Server, assert_error};

const MISSING: &str = "Not authorized. Requires permissions: domain=tea-party action=updateUser target=*";

async fn set_password(client: Client) -> Answer {
    let body = json!({ "type": "password", "value": PASSWORD });
    client.post("/v2/accounts/tea-party/users/alice/credentials", body).await
}

async fn grant_more(client: Client) -> Answer {
    let body = json!({ "username": "alice", "domain_name": ELSEWHERE });
    client.post("/v2/rbac-manager/roles/read-write/members", body).await
}

/// Stops `first` at its write to `table`, then starts `second`, and lets go when that waits too. Panics where it is
/// answered before `first`.
async fn in_order(
    server: &Server,
    table: &str,
    first: impl Future<Output = Answer>,
    second: impl Future<Output = Answer>,
) -> (Answer, Answer) {
    let options = server.app.db.options();
    let mut holder = PgConnection::connect_with(&options).await.unwrap();
    let mut observer = PgConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut holder).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("lock table {table} in share mode"))).execute(&mut holder).await.unwrap();
    let (mut first, mut second) = (pin!(first), pin!(second));
    let Either::Right(_) = select(first.as_mut(), pin!(until_waiting(&mut observer, 1))).await else {
        panic!("the first ran past the lock");
    };
    let both = futures_util::future::join(first, second.as_mut());
    let mut both = pin!(both);
    let Either::Right(_) = select(both.as_mut(), pin!(until_waiting(&mut observer, 2))).await else {
        panic!("both ran past the lock");
    };
    sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
    both.await
}

/// Returns when so many connections to this database wait for a lock.
async fn until_waiting(observer: &mut PgConnection, wanted: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let all_wait = async {
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *observer).await.unwrap() < wanted {
            // The requests share this thread: one that opens a connection gives way 4,096 times (SCRAM).
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_wait).await.expect("all run into the lock");
}

async fn world() -> (Server, Client) {
    let server = wonderland().await;
    let manager = caller(&server, HERE, "hatter", &[Directly("account-user-admin", HERE)]).await;
    plant(&server, HERE, "alice", &[]).await;
    (server, manager)
}

#[tokio::test]
async fn role_of_a_group_waits_for_the_password_of_a_member_that_was_allowed_before_it() {
    let (server, manager) = world().await;
    let group = server.group("ravens").await;
    server.join_group(&group, "alice").await;
    let admin = server.admin();
    let given = async {
        let roles = json!({ "domain_name": ELSEWHERE, "roles": [{ "role": "read-write" }] });
        admin.post(&format!("{group}/roles"), roles).await
    };
    let (set, given) = in_order(&server, "passwords", set_password(manager.clone()), given).await;
    set.expect(200);
    given.expect(201);
    assert_error(&set_password(manager).await, 403, MISSING);
}

#[tokio::test]
async fn grant_waits_for_the_password_that_was_allowed_before_it() {
    let (server, manager) = world().await;
    let (set, granted) =
        in_order(&server, "passwords", set_password(manager.clone()), grant_more(server.admin())).await;
    set.expect(200);
    granted.expect(200);
    assert_error(&set_password(manager).await, 403, MISSING);
}

#[tokio::test]
async fn password_waits_for_a_grant_and_is_refused_by_it() {
    let (server, manager) = world().await;
    let (granted, set) = in_order(&server, "role_members", grant_more(server.admin()), set_password(manager)).await;
    granted.expect(200);
    assert_error(&set, 403, MISSING);
}

#[tokio::test]
async fn password_and_grant_that_meet_end_in_one_of_their_two_orders() {
    let (server, manager) = world().await;
    let admin = server.admin();
    for _ in 0..10 {
        let (set, granted) = tokio::join!(set_password(manager.clone()), grant_more(admin.clone()));
        granted.expect(200);
        if set.status != 200 {
            assert_error(&set, 403, MISSING);
        }
        assert_error(&set_password(manager.clone()).await, 403, MISSING);
        let taken = "/v2/rbac-manager/roles/read-write/members?username=alice&domain_name=red-queen-team";
        admin.delete(taken).await.expect(204);
    }
}

#[tokio::test]
async fn grant_taken_away_is_obeyed_by_every_request_that_starts_after_the_answer() {
    let (server, manager) = world().await;
    let (admin, there) = (server.admin(), server.another_node().await);
    let value = server.key_of(&manager, "robot").await;
    let (key, key_there) = (server.key(&value), there.key(&value));
    let members = "/v2/rbac-manager/roles/account-user-admin/members";
    let users = "/v2/accounts/tea-party/users";
    let refusal = "Not authorized. Requires permissions: domain=tea-party action=listUsers target=*";
    for _ in 0..10 {
        grant(&server, "hatter", Directly("account-user-admin", HERE)).await;
        key.get(users).await.expect(200);
        let query = format!("{members}?username=hatter&domain_name={HERE}");
        let take = admin.delete(&query);
        let (taken, _, _, _) = tokio::join!(take, key.get(users), key_there.get(users), key.get(users));
        taken.expect(204);
        assert_error(&key.get(users).await, 403, refusal);
        assert_error(&manager.get(users).await, 403, refusal);
    }
}

/// Sends the head of a change and returns once the server, which knows by then who sends it, asks for the body.
async fn without_body(server: &Server, client: &Client, path: &str) -> TcpStream {
    let request = client.request("POST", path).build().unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: kedge\r\nauthorization: {authorization}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        ANOTHER_PASSWORD.len()
    );
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

const ANOTHER_PASSWORD: &str = r#"{"type":"password","value":"another-glass"}"#;

/// Sends the body; answers what is answered.
async fn with_body(mut stream: TcpStream) -> String {
    stream.write_all(ANOTHER_PASSWORD.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn body_that_was_kept_back_carries_no_rights_over_what_took_them_away() {
    let (server, manager) = world().await;
    let admin = server.admin();

    // A role taken away.
    let kept = without_body(&server, &manager, "/v2/accounts/tea-party/users/alice/credentials").await;
    let member = format!("/v2/rbac-manager/roles/account-user-admin/members?username=hatter&domain_name={HERE}");
    admin.delete(&member).await.expect(204);
    let answer = with_body(kept).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");

    // A password changed.
    let dinah = server.user("acme", "dinah").await;
    let kept = without_body(&server, &dinah, "/v2/user/credentials").await;
    let new = json!({ "type": "password", "value": "through-the-door" });
    dinah.post("/v2/user/credentials", new).await.expect(200);
    let answer = with_body(kept).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    server.basic("dinah", "through-the-door").get("/v2/user").await.expect(200);

    // An administrator deleted.
    let mallory = json!({ "username": "mallory", "password": PASSWORD });
    admin.post("/v2/accounts/admin/users", mallory).await.expect(200);
    let of_admin = "/v2/accounts/admin/users/admin/credentials";
    let kept = without_body(&server, &server.basic("mallory", PASSWORD), of_admin).await;
    admin.delete("/v2/accounts/admin/users/mallory").await.expect(204);
    let answer = with_body(kept).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    admin.get("/v2/user").await.expect(200);
}
