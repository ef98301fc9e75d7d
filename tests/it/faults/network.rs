//! A network that swallows everything: no end of a connection is ever seen. Connections from before stay dead, as after
//! the failure of a machine whose address another one takes over.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use kedge::{
    audit::{
        record::{Actor, Refusal},
        seal,
        tally::Refused,
    },
    error::Error,
};
use sqlx::{
    Connection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    task::JoinSet,
};

use super::{Alice, BACK_WITHIN, Postgres, assert_back, assert_told, timed};
use crate::support::{DATABASE_PASSWORD, Options, PASSWORD, Server, until};

/// A way to PostgreSQL by TCP that can be cut in silence.
pub struct Way {
    port: u16,
    socket: Arc<Mutex<PathBuf>>,
    cut: Arc<AtomicBool>,
    cutting: Arc<tokio::sync::Notify>,
}

impl Way {
    pub async fn to(postgres: &Postgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = Arc::new(Mutex::new(socket_of(postgres)));
        let way = Self { port, socket, cut: Arc::default(), cutting: Arc::default() };
        let (socket, cut, cutting) = (Arc::clone(&way.socket), Arc::clone(&way.cut), Arc::clone(&way.cutting));
        tokio::spawn(async move {
            loop {
                let (mut from, _) = listener.accept().await.unwrap();
                let (cut, cutting) = (Arc::clone(&cut), Arc::clone(&cutting));
                let socket = socket.lock().unwrap().clone();
                tokio::spawn(async move {
                    let ended = cutting.notified();
                    tokio::pin!(ended);
                    ended.as_mut().enable();
                    if !cut.load(Ordering::Acquire) {
                        let mut to = UnixStream::connect(socket).await.unwrap();
                        tokio::select! {
                            _ = copy_bidirectional(&mut from, &mut to) => return,
                            () = ended => {}
                        }
                    }
                    // Held, and never answered again.
                    std::future::pending::<()>().await;
                    drop(from);
                });
            }
        });
        way
    }

    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.cutting.notify_waiters();
    }

    fn mend(&self) {
        self.cut.store(false, Ordering::Release);
    }

    /// Mends the way, to another database.
    pub fn lead_to(&self, postgres: &Postgres) {
        *self.socket.lock().unwrap() = socket_of(postgres);
        self.mend();
    }

    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("kedge")
            .password(DATABASE_PASSWORD)
            .database("kedge")
            .ssl_mode(PgSslMode::Disable)
    }
}

fn socket_of(postgres: &Postgres) -> PathBuf {
    postgres.options.get_socket().unwrap().join(".s.PGSQL.5432")
}

#[tokio::test]
async fn connections_that_a_network_swallowed_are_never_used_again() {
    let postgres = Postgres::start().await;
    let way = Way::to(&postgres).await;
    let server = Server::on(way.options(), Options::default()).await;
    let alice = Alice::of(&server).await;
    for _ in 0..2 {
        way.cut();
        assert_told(&server, &alice).await;
        assert_told(&server, &alice).await;
        way.mend();
        assert_back(&server, &alice).await;
    }
}

#[tokio::test]
async fn statements_in_flight_when_the_network_swallowed_them_keep_no_place_in_the_pool() {
    let postgres = Postgres::start().await;
    let way = Way::to(&postgres).await;
    let server = Server::on(way.options(), Options::default()).await;
    let alice = Alice::of(&server).await;
    let mut blocker = postgres.connect().await;
    let mut blocking = blocker.begin().await.unwrap();
    sqlx::query("lock table accounts in access exclusive mode").execute(&mut *blocking).await.unwrap();
    // As many as the pool has connections.
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let request = server.admin().request("GET", "/v2/accounts");
        waiting.spawn(async move { timed(request).await.0.status });
    }
    let held = "select count(*) from pg_stat_activity where application_name = 'kedge' and wait_event_type = 'Lock'";
    until("eight requests wait for the lock", async || postgres.count(held).await >= 8).await;
    way.cut();
    assert_eq!(waiting.join_all().await, [503; 8]);
    blocking.rollback().await.unwrap();
    way.mend();
    assert_back(&server, &alice).await;
}

/// With limits that lock out whoever's sign-ins hang.
async fn limited(way: &Way) -> Server {
    let environment = vec![
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "5"),
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "100"),
    ];
    Server::on(way.options(), Options { environment, ..Options::default() }).await
}

async fn assert_let_in(server: &Server) {
    let back = async { while server.ask_for_tokens("alice", PASSWORD).await.status != 200 {} };
    tokio::time::timeout(BACK_WITHIN, back).await.expect("alice is let in again");
}

#[tokio::test]
async fn what_a_network_swallowed_in_the_background_ends_is_done_again_and_locks_nobody_out() {
    let postgres = Postgres::start().await;
    let way = Way::to(&postgres).await;
    let server = limited(&way).await;
    server.user("acme", "alice").await;
    let app = &server.app;
    let actor = Actor { user: Some("alice".to_owned()), ..Actor::default() };
    let (refusal, why) = (Refusal::SignIn, "in the dark");
    let refused = Refused { refusal, actor, address: None, operation: None, request_id: None, why };
    app.tally.note(app.clock.now(), refused);
    let mut blocker = postgres.connect().await;
    let mut blocking = blocker.begin().await.unwrap();
    let lock = "lock table sign_in_attempts, audit_events, audit_seals in access exclusive mode";
    sqlx::query(lock).execute(&mut *blocking).await.unwrap();

    let in_a_minute = app.clock.now() + time::Duration::minutes(1);
    let ended = async {
        let mut sign_ins = JoinSet::new();
        for _ in 0..5 {
            let form = [("username", "alice"), ("password", PASSWORD)];
            let request = server.nobody().request("POST", "/v2/oauth/token").form(&form);
            sign_ins.spawn(async move { timed(request).await.0.status });
        }
        tokio::join!(seal::seal(app), app.tally.write(app, in_a_minute), sign_ins.join_all())
    };
    let cut = async {
        let held =
            "select count(*) from pg_stat_activity where application_name = 'kedge' and wait_event_type = 'Lock'";
        until("all of it waits for the locks", async || postgres.count(held).await >= 7).await;
        way.cut();
    };
    let both = Box::pin(async { tokio::join!(ended, cut) });
    let ((sealed, written, statuses), ()) = tokio::time::timeout(BACK_WITHIN, both).await.expect("all of it ends");
    assert!(
        matches!((&sealed, &written), (Err(Error::Unavailable(_)), Err(Error::Unavailable(_)))),
        "{sealed:?} {written:?}"
    );
    assert_eq!(statuses, [503; 5]);
    blocking.rollback().await.unwrap();
    way.mend();
    assert_let_in(&server).await;
    app.tally.write(app, in_a_minute).await.unwrap();
    seal::seal(app).await.unwrap().expect("there is something to seal");
    let counted = "select count(*) from audit_events where message like '%in the dark'";
    assert_eq!(postgres.count(counted).await, 1);
}

#[tokio::test]
async fn sign_ins_that_a_network_swallowed_at_whatever_point_lock_nobody_out() {
    let postgres = Postgres::start().await;
    let way = Way::to(&postgres).await;
    let server = limited(&way).await;
    server.user("acme", "alice").await;
    for wait in [5, 20, 60] {
        assert_let_in(&server).await;
        let mut sign_ins = JoinSet::new();
        for _ in 0..20 {
            let form = [("username", "alice"), ("password", PASSWORD)];
            let request = server.nobody().request("POST", "/v2/oauth/token").form(&form);
            sign_ins.spawn(async move { timed(request).await.0.status });
        }
        tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
        way.cut();
        sign_ins.join_all().await;
        way.mend();
    }
    assert_let_in(&server).await;
}
