//! A network that swallows everything: no end of a connection is ever seen. Connections from before stay dead, as after
//! the failure of a machine whose address another one takes over.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
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

use super::{Alice, Postgres, assert_back, assert_told, timed};
use crate::support::{DATABASE_PASSWORD, Options, Server};

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
    while postgres.count(held).await < 8 {}
    way.cut();
    assert_eq!(waiting.join_all().await, [503; 8]);
    blocking.rollback().await.unwrap();
    way.mend();
    assert_back(&server, &alice).await;
}
