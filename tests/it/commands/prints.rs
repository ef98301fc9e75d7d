//! The commands that only print or ask.

use tokio::net::TcpSocket;

use super::Setup;

#[tokio::test]
async fn printed_document_is_the_committed_one_byte_for_byte() {
    let ended = Setup::private().run(&["openapi"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let committed = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/v2.json"));
    assert!(ended.out == committed, "run: kedge openapi > openapi/v2.json");

    let ended = Setup::private().run(&["openapi", "--v1"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let committed = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/v1.json"));
    assert!(ended.out == committed, "run: kedge openapi --v1 > openapi/v1.json");
}

#[tokio::test]
async fn help_names_every_command_and_every_short_variable() {
    let ended = Setup::private().run(&["--help"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for command in ["serve", "migrate", "openapi", "healthcheck", "config", "admin"] {
        let starts = |line: &str| line.strip_prefix("  ").is_some_and(|line| line.starts_with(command));
        assert!(ended.out.lines().any(starts), "{command}: {}", ended.out);
    }
    let names = ["CONFIG", "LISTEN", "DATABASE_URL", "DATA_DIR", "ADMIN_PASSWORD", "LOG"];
    let more = ["SERVER__EXTERNAL_URL", "DATABASE_URL_FILE", "ADMIN_PASSWORD_FILE"];
    for name in names.iter().chain(&more) {
        let shown = regex::Regex::new(&format!(r"\bKEDGE_{name}\b")).unwrap();
        assert!(shown.is_match(&ended.out), "{name}: {}", ended.out);
    }
}

#[tokio::test]
async fn version_is_that_of_the_package() {
    let ended = Setup::private().run(&["--version"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), concat!("kedge ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[tokio::test]
async fn healthcheck_succeeds_only_where_a_kedge_serves() {
    let setup = Setup::external().await;
    let server = setup.serve().await;
    let address = server.address().to_owned();
    let setup = setup.with("KEDGE_LISTEN", &address);
    let healthy = setup.run(&["healthcheck"]).await;
    assert_eq!((healthy.code, healthy.out.as_str(), healthy.err.as_str()), (Some(0), "", ""));
    assert_eq!(server.stop().await.code, Some(0));

    // Bound, so that nobody else gets the port, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let refused = setup.with("KEDGE_LISTEN", &address).run(&["healthcheck"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.err.starts_with(&format!("kedge: {address} does not answer: ")), "{refused:?}");
}
