//! A PostgreSQL that the operator runs, named by `KEDGE_DATABASE_URL`.

use super::{Setup, shown_password};
use crate::support::{Client, Login};

#[tokio::test]
async fn external_database_is_used_and_no_postgresql_is_started() {
    let setup = Setup::external_empty().await;
    let first = setup.serve().await;
    let password = shown_password(&first.out.until("    ").await).unwrap().to_owned();
    first.client("admin", &password).get("/v2/accounts").await.expect(200);
    assert_eq!(first.stop().await.code, Some(0));

    let second = setup.serve().await;
    second.client("admin", &password).get("/v2/accounts").await.expect(200);
    let ended = second.stop().await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    assert!(!setup.place.data.exists());
}

#[tokio::test]
async fn configured_admin_password_counts_at_the_first_start_only_and_is_never_printed() {
    let setup = Setup::external_empty().await.with("KEDGE_ADMIN_PASSWORD", "white-rabbit");
    let first = setup.serve().await;
    first.client("admin", "white-rabbit").get("/v2/user").await.expect(200);
    let ended = first.stop().await;
    assert_eq!(ended.out, "");
    assert!(!ended.err.contains("white-rabbit"), "{ended:?}");

    let setup = setup.with("KEDGE_ADMIN_PASSWORD", "march-hare");
    let second = setup.serve().await;
    second.client("admin", "white-rabbit").get("/v2/user").await.expect(200);
    second.client("admin", "march-hare").get("/v2/user").await.expect(401);
    let ended = second.stop().await;
    assert_eq!(ended.out, "");
    assert!(!ended.err.contains("march-hare"), "{ended:?}");
}

#[tokio::test]
async fn three_first_starts_at_once_on_one_database_come_up_with_one_password() {
    let setup = Setup::external_empty().await;
    let nodes = tokio::join!(setup.serve(), setup.serve(), setup.serve());
    let mut printed = String::new();
    for node in [nodes.0, nodes.1, nodes.2] {
        Client::new(&node.url, Login::Nobody).get("/ready").await.expect(200);
        let ended = node.stop().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        printed += &ended.out;
    }
    let password = shown_password(&printed).expect("one of them prints the password");
    let again = setup.serve().await;
    again.client("admin", password).get("/v2/accounts").await.expect(200);
}
