//! Who reaches the server, and by which way.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::Duration;

use kedge::db::managed::{ManagedError, ManagedSettings, running};
use nix::unistd::geteuid;
use sqlx::error::DatabaseError;
use sqlx::{Connection, PgConnection};

use super::{Holder, Place, refusal, text};

#[tokio::test]
async fn second_kedge_on_one_directory_is_refused() {
    let place = Place::new();
    let postgres = place.start().await;
    let error = place.refusal().await;
    assert!(matches!(error, ManagedError::InUse(_)));
    assert_eq!(error.to_string(), format!("the data directory {} is in use by another Kedge", place.data.display()));
    assert_eq!(text(postgres.connect_options(), "select 'up'").await, "up");
    postgres.stop().await.unwrap();
    place.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn data_directory_behind_a_symbolic_link_is_the_same_directory() {
    let place = Place::new();
    let postgres = place.start().await;
    let link = place.top.join("link");
    symlink(&place.data, &link).unwrap();
    let error = refusal(ManagedSettings { data_dir: &link, ..place.settings() }).await;
    assert!(matches!(error, ManagedError::InUse(_)), "{error}");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn long_path_works() {
    let place = Place::with_data(&["d".repeat(120), "e".repeat(120), "f".repeat(30)].join("/"));
    let postgres = place.start().await;
    assert_eq!(text(postgres.connect_options(), "select 'up'").await, "up");
    let substitute = postgres.connect_options().get_socket().unwrap().clone();
    assert!(substitute.starts_with("/tmp"));
    postgres.stop().await.unwrap();
    assert!(!substitute.exists(), "nothing is left in /tmp");
}

#[tokio::test]
async fn path_with_blanks_commas_quotes_and_unicode_works() {
    let place = Place::with_data("a b, \"c\" 'd' \\ $HOME größe");
    let postgres = place.start().await;
    assert_eq!(text(postgres.connect_options(), "select 'up'").await, "up");
    postgres.stop().await.unwrap();
    place.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_listens_on_a_network() {
    let place = Place::new();
    let postgres = place.start().await;
    assert_eq!(text(postgres.connect_options(), "show listen_addresses").await, "");
    let pid = place.server().unwrap();
    let inodes: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned))
        .collect();
    assert!(!inodes.is_empty(), "the Unix socket is seen");
    for table in ["tcp", "tcp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let seen = table
            .lines()
            .any(|line| line.split_whitespace().nth(9).is_some_and(|inode| inodes.iter().any(|one| one == inode)));
        assert!(!seen, "{table}");
    }
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn password_file_is_private_and_a_wrong_password_is_refused() {
    let place = Place::new();
    let postgres = place.start().await;
    let file = fs::metadata(place.data.join("postgres-password")).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o600);
    assert_eq!(file.uid(), geteuid().as_raw());
    let wrong = postgres.connect_options().clone().password("wrong");
    let error = PgConnection::connect_with(&wrong).await.err().unwrap();
    assert_eq!(error.as_database_error().and_then(DatabaseError::code).as_deref(), Some("28P01"));
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn environment_of_the_operator_does_not_misdirect_the_connection() {
    let place = Place::new();
    let misleading = [
        ("PGHOST", "/nowhere"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody"),
        ("PGPASSWORD", "wrong"),
        ("PGDATABASE", "elsewhere"),
        ("PGSSLMODE", "verify-full"),
        ("PGDATA", "/nowhere"),
        ("PGAPPNAME", "other"),
    ];
    Holder::start(&place, &misleading).kill();
    let environment = fs::read(format!("/proc/{}/environ", place.server().unwrap())).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("nowhere"));
}

#[tokio::test]
async fn running_server_is_found_by_other_processes() {
    let place = Place::new();
    assert!(running(&place.data).await.unwrap().is_none(), "no directory");
    let holder = Holder::start(&place, &[]);
    let options = running(&place.data).await.unwrap().expect("a Kedge runs");
    assert_eq!(text(&options, "select current_database()::text || current_user").await, "kedgekedge");
    holder.kill();
    assert!(running(&place.data).await.unwrap().is_none(), "only the orphan is left");
}

#[tokio::test]
async fn running_waits_for_a_server_that_is_starting() {
    let place = Place::new();
    let asked = async {
        while !place.data.join("kedge.lock").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running(&place.data).await
    };
    let (postgres, found) = tokio::join!(place.start(), asked);
    assert!(found.unwrap().is_some());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn two_askers_do_not_take_each_other_for_a_running_kedge() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    for _ in 0..20 {
        let (one, other) = tokio::join!(running(&place.data), running(&place.data));
        assert!(one.unwrap().is_none() && other.unwrap().is_none());
    }
}

#[tokio::test]
async fn options_of_the_operator_that_would_change_every_connection_are_refused() {
    let place = Place::new();
    let output = Holder::command(&place).env("PGOPTIONS", "-c search_path=elsewhere").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains("ForeignOptions"), "{text}");
}
