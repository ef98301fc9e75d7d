//! What keeps `kedge serve` from starting: told in one message, with nothing left running.

use std::net::TcpListener;

use super::Setup;
use crate::support::{Client, Login};

#[tokio::test]
async fn second_kedge_on_the_same_directory_is_refused_and_the_first_serves_on() {
    let setup = Setup::private();
    let first = setup.serve().await;

    let second = setup.run(&["serve"]).await;
    assert_eq!((second.code, second.out.as_str()), (Some(1), ""), "{second:?}");
    let told = format!("kedge: the data directory {} is in use by another Kedge\n", setup.place.data.display());
    assert!(second.err.ends_with(&told), "{second:?}");

    Client::new(&first.url, Login::Nobody).get("/ready").await.expect(200);
    assert_eq!(first.stop().await.code, Some(0));
}

#[tokio::test]
async fn taken_port_is_told_and_postgresql_does_not_stay_behind() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let setup = Setup::private().with("KEDGE_LISTEN", &address);

    let ended = setup.run(&["serve"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains(&format!("\nkedge: cannot listen on {address}: ")), "{ended:?}");
    assert!(setup.place.cluster().exists());
    assert!(setup.place.server().is_none());
}

#[tokio::test]
async fn place_that_cannot_be_written_is_told_with_both_ways_out() {
    let mut setup = Setup::private();
    let file = setup.place.top.join("file");
    std::fs::write(&file, "").unwrap();
    // As on a read-only root: nothing can be made there, by root either.
    for data in ["/proc/kedge".to_owned(), file.join("data").to_str().unwrap().to_owned()] {
        setup = setup.with("KEDGE_DATA_DIR", &data);
        let ended = setup.run(&["serve"]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains(&format!("kedge: cannot write into the data directory {data}: ")), "{ended:?}");
        assert!(ended.err.contains("data_dir, or give the address of a database in database.url"), "{ended:?}");
    }
}

#[tokio::test]
async fn missing_programs_are_told_with_the_setting_to_correct() {
    let setup = Setup::private();
    let empty = setup.place.top.to_str().unwrap().to_owned();
    let setup = setup.with("KEDGE_DATABASE__PROGRAMS", &empty);

    let ended = setup.run(&["serve"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told =
        format!("kedge: {empty} does not hold PostgreSQL's programs initdb and postgres: correct database.programs\n");
    assert!(ended.err.ends_with(&told), "{ended:?}");
}

#[tokio::test]
async fn database_that_cannot_be_reached_is_told_without_its_password() {
    let url = "postgres://kedge:jam-tomorrow@localhost/kedge?host=/nowhere";
    let setup = Setup::private().with("KEDGE_DATABASE_URL", url);

    let ended = setup.run(&["serve"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("\nkedge: cannot use the database: "), "{ended:?}");
    assert!(!ended.err.contains("jam-tomorrow"), "{ended:?}");
}
