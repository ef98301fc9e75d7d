//! `kedge migrate`: the schema without a server.

use super::Setup;

#[tokio::test]
async fn migrate_makes_the_schema_alone_and_finds_it_made_beside_a_running_server() {
    let setup = Setup::private().with("KEDGE_ADMIN_PASSWORD", "white-rabbit");
    let alone = setup.run(&["migrate"]).await;
    assert_eq!((alone.code, alone.out.as_str()), (Some(0), "The schema is at version 12.\n"), "{alone:?}");
    assert!(setup.place.cluster().exists());
    assert!(setup.place.server().is_none());

    let server = setup.serve().await;
    let serving = setup.place.server();
    let beside = setup.run(&["migrate"]).await;
    assert_eq!((beside.code, beside.out.as_str()), (Some(0), "The schema is at version 12.\n"), "{beside:?}");
    assert!(serving.is_some() && setup.place.server() == serving);
    server.client("admin", "white-rabbit").get("/v2/user").await.expect(200);
    assert_eq!(server.stop().await.code, Some(0));
}

#[tokio::test]
async fn migrations_of_several_nodes_at_once_all_succeed() {
    let setup = Setup::external_empty().await;
    let nodes = tokio::join!(setup.run(&["migrate"]), setup.run(&["migrate"]), setup.run(&["migrate"]));
    for ended in [nodes.0, nodes.1, nodes.2] {
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "The schema is at version 12.\n"), "{ended:?}");
    }
    assert!(!setup.place.data.exists());
}
