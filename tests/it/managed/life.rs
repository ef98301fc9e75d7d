//! Starting, stopping, being killed: the data stays.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kedge::db::managed::{ManagedError, ManagedPostgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};

use super::{Holder, Place, connect, text};
use crate::support::until;

#[tokio::test]
async fn data_survives_stop_and_start() {
    let place = Place::new();
    let postgres = place.start().await;
    let mut connection = connect(postgres.connect_options()).await;
    sqlx::raw_sql("create table kept as select 'here' as what").execute(&mut connection).await.unwrap();
    postgres.stop().await.unwrap();
    assert!(place.server().is_none());

    let postgres = place.start().await;
    assert_eq!(text(postgres.connect_options(), "select what from kept").await, "here");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn dropped_server_stops_and_makes_way_for_the_next() {
    let place = Place::new();
    drop(place.start().await);
    place.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn killed_server_is_reported_and_the_next_start_recovers_its_data() {
    let place = Place::new();
    let mut postgres = place.start().await;
    let mut connection = connect(postgres.connect_options()).await;
    sqlx::raw_sql("create table kept as select 'here' as what").execute(&mut connection).await.unwrap();
    kill(place.server().unwrap(), Signal::SIGKILL).unwrap();

    let report = tokio::time::timeout(Duration::from_mins(1), postgres.exited()).await.unwrap();
    assert!(report.to_string().contains("SIGKILL"), "{report}");
    drop(postgres);

    let postgres = place.start().await;
    assert_eq!(text(postgres.connect_options(), "select what from kept").await, "here");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn start_waits_for_the_remains_of_a_killed_server() {
    let place = Place::new();
    let mut postgres = place.start().await;
    let mut connection = connect(postgres.connect_options()).await;
    let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    let backend = Pid::from_raw(backend);
    kill(backend, Signal::SIGSTOP).unwrap();
    kill(place.server().unwrap(), Signal::SIGKILL).unwrap();
    postgres.exited().await;
    drop(postgres);

    let end_of_remains = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill(backend, Signal::SIGKILL).unwrap();
    };
    let (started, ()) = tokio::join!(ManagedPostgres::start(place.settings()), end_of_remains);
    started.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn server_left_behind_by_a_killed_kedge_is_stopped_and_replaced() {
    let place = Place::new();
    Holder::start(&place, &[]).kill();
    let orphan = place.server().expect("PostgreSQL outlives its Kedge");

    let postgres = place.start().await;
    assert_ne!(place.server(), Some(orphan));
    assert_eq!(text(postgres.connect_options(), "select 'up'").await, "up");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn stale_process_number_that_now_belongs_to_another_process_is_never_signalled() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    let mut bystander = Command::new("sleep").arg("60").current_dir("/").spawn().unwrap();
    let pid_file = place.cluster().join("postmaster.pid");
    fs::write(&pid_file, format!("{}\n{}\n", bystander.id(), place.cluster().display())).unwrap();

    let started = ManagedPostgres::start(place.settings()).await;
    let untouched = bystander.try_wait().unwrap().is_none();
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    assert!(untouched);
    started.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn half_made_cluster_is_made_anew_with_the_password_on_file() {
    let place = Place::new();
    fs::create_dir_all(place.data.join("postgres.new/base")).unwrap();
    fs::write(place.data.join("postgres.new/PG_VERSION"), "15\n").unwrap();
    fs::write(place.data.join("postgres-password.initdb"), "torn").unwrap();
    fs::write(place.data.join("postgres-password"), "kept-password\n").unwrap();

    let postgres = place.start().await;
    let options = postgres.connect_options().clone();
    connect(&options.clone().password("kept-password")).await;
    assert!(PgConnection::connect_with(&options.password("first-password")).await.is_err());
    assert!(!place.data.join("postgres.new").exists());
    assert!(!place.data.join("postgres-password.initdb").exists());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn kedge_killed_while_it_makes_the_cluster_recovers() {
    let place = Place::new();
    let mut child = Holder::command(&place).stdout(Stdio::null()).spawn().unwrap();
    place.cluster_begun().await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.cluster().exists(), "the cluster was not complete yet");
    // The initdb of the dead one keeps the directory until it ends.
    let recovers = async || match ManagedPostgres::start(place.settings()).await {
        Err(ManagedError::InUse(_)) => false,
        started => started.unwrap().stop().await.is_ok(),
    };
    until("the next start recovers", recovers).await;
}

#[tokio::test]
async fn logs_of_the_server_are_kept_for_a_week_in_the_cluster() {
    let place = Place::new();
    let postgres = place.start().await;
    let file = text(postgres.connect_options(), "select pg_current_logfile()").await;
    assert!(Path::new(&file).starts_with("log") && file.len() == "log/postgresql-Mon.log".len(), "{file}");
    postgres.stop().await.unwrap();
}
