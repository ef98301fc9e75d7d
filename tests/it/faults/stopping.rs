//! The program on a database that hangs.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Postgres, assert_unavailable, timed};
use crate::{
    commands::Setup,
    support::{ADMIN_PASSWORD, url},
};

#[tokio::test]
async fn kedge_tells_its_log_of_a_frozen_database_and_ends_when_it_is_told_to() {
    let postgres = Postgres::start().await;
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &url(&postgres.options));
    let server = setup.serve().await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    admin.get("/v2/user").await.expect(200);

    postgres.freeze();
    assert_unavailable("a sign-in", &timed(admin.request("GET", "/v2/accounts")).await);
    server.err.until("the database does not answer").await;
    postgres.thaw();
    let back = async { while admin.get("/v2/accounts").await.status != 200 {} };
    tokio::time::timeout(super::BACK_WITHIN, back).await.expect("admin is let in again");
    server.err.until("the database answers again").await;

    postgres.freeze();
    let started = Instant::now();
    server.signal(Signal::SIGTERM);
    let ended = server.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(25), "it took {:?}", started.elapsed());
}
