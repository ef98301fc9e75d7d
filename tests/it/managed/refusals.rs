//! What keeps the server from starting is named.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};

use kedge::db::managed::{ManagedError, ManagedSettings};
use nix::unistd::geteuid;

use super::{Place, refusal};

#[tokio::test]
async fn directory_that_the_database_user_cannot_pass_is_named() {
    if !geteuid().is_root() {
        return;
    }
    let place = Place::with_data("closed/data");
    let closed = place.top.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let message = place.refusal().await.to_string();
    assert!(message.contains(&format!("cannot pass through the directory {} on", closed.display())), "{message}");
}

#[tokio::test]
async fn directory_without_the_programs_is_named() {
    let place = Place::new();
    let empty = place.top.join("empty");
    fs::create_dir(&empty).unwrap();
    let error = refusal(ManagedSettings { programs: Some(&empty), ..place.settings() }).await;
    assert!(error.to_string().contains(&format!("{} does not hold", empty.display())), "{error}");
}

#[tokio::test]
async fn cluster_of_another_version_is_refused_with_both_versions() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    fs::write(place.cluster().join("PG_VERSION"), "9\n").unwrap();
    let message = place.refusal().await.to_string();
    assert!(message.contains("PostgreSQL 9's") && message.contains("only this was found: 1"), "{message}");
}

#[tokio::test]
async fn foreign_files_in_place_of_the_cluster_are_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.cluster()).unwrap();
    fs::write(place.cluster().join("letter"), "dear").unwrap();
    assert!(matches!(place.refusal().await, ManagedError::NotACluster(_)));
    assert_eq!(fs::read_to_string(place.cluster().join("letter")).unwrap(), "dear");
}

#[tokio::test]
async fn unknown_user_is_refused_with_the_setting() {
    let place = Place::new();
    let error = refusal(ManagedSettings { user: Some("no-such-user"), ..place.settings() }).await;
    assert!(error.to_string().contains("database.managed_user"), "{error}");
    assert!(!place.data.exists(), "nothing is made before that");
}

#[tokio::test]
async fn root_is_refused_as_the_database_user() {
    if !geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let error = refusal(ManagedSettings { user: Some("root"), ..place.settings() }).await;
    assert!(matches!(error, ManagedError::PrivilegedUser(_)), "{error}");
}

#[tokio::test]
async fn lost_password_file_is_named() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    let file = place.data.join("postgres-password");
    fs::remove_file(&file).unwrap();
    let error = place.refusal().await;
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    assert!(!file.exists(), "no password that does not fit is put on file");
}

#[tokio::test]
async fn server_that_cannot_start_is_reported_with_its_last_words() {
    let place = Place::new();
    let settings = [("shared_buffers", "nonsense")];
    let error = refusal(ManagedSettings { server_settings: &settings, ..place.settings() }).await;
    assert!(error.to_string().contains("invalid value for parameter \"shared_buffers\""), "{error}");
    place.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn socket_directory_that_others_can_enter_is_refused() {
    let place = Place::new();
    let run = place.data.join("run");
    fs::create_dir_all(&run).unwrap();
    fs::set_permissions(&run, Permissions::from_mode(0o755)).unwrap();
    assert!(place.refusal().await.to_string().contains("is open to other users"));
    fs::remove_dir(&run).unwrap();
    symlink("/tmp", &run).unwrap();
    assert!(place.refusal().await.to_string().contains("is no directory"));
}
