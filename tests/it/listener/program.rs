//! The program under TLS.

use std::fs;

use nix::sys::signal::Signal;

use super::tls::Authority;
use crate::commands::Setup;

async fn status(authority: &Authority, address: &str) -> String {
    let output = tokio::process::Command::new("curl")
        .args(["-q", "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}", "--cacert"])
        .args([authority.path("ca.pem"), &format!("https://{address}/health")])
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn setup(authority: &Authority) -> Setup {
    authority.issue("server");
    let setup = Setup::external().await;
    setup
        .with("KEDGE_SERVER__SSL_CERT", authority.path("server.pem"))
        .with("KEDGE_SERVER__SSL_KEY", authority.path("server.key"))
}

#[tokio::test]
async fn public_address_may_be_listened_on_with_tls_and_healthcheck_trusts_the_certificate() {
    let authority = Authority::new();
    let setup = setup(&authority).await.with("KEDGE_LISTEN", "0.0.0.0:0");
    let process = setup.serve().await;
    let port = process.url.rsplit(':').next().unwrap().to_owned();
    assert!(process.url.starts_with("https://"), "{}", process.url);
    assert_eq!(status(&authority, &format!("127.0.0.1:{port}")).await, "200 0");
    let listening = setup.with("KEDGE_LISTEN", &format!("0.0.0.0:{port}"));
    let healthy = listening.run(&["healthcheck"]).await;
    assert_eq!((healthy.code, healthy.err.as_str()), (Some(0), ""));
    // Another certificate than the server's: whoever answers there is not it.
    authority.issue("other");
    let other = listening.with("KEDGE_SERVER__SSL_CERT", authority.path("other.pem"));
    assert_eq!(other.run(&["healthcheck"]).await.code, Some(1));
    process.stop().await;
}

#[tokio::test]
async fn healthcheck_takes_the_wish_for_a_certificate_as_a_sign_of_life() {
    let authority = Authority::new();
    let setup = setup(&authority).await.with("KEDGE_SERVER__SSL_CLIENT_CA", authority.path("ca.pem"));
    let process = setup.serve().await;
    let address = process.url.strip_prefix("https://").unwrap().to_owned();
    let healthy = setup.with("KEDGE_LISTEN", &address).run(&["healthcheck"]).await;
    assert_eq!((healthy.code, healthy.err.as_str()), (Some(0), ""));
    process.stop().await;
}

#[tokio::test]
async fn hangup_reads_the_certificate_anew_without_a_failed_request() {
    let authority = Authority::new();
    let process = setup(&authority).await.serve().await;
    let address = process.url.strip_prefix("https://").unwrap().to_owned();
    assert_eq!(status(&authority, &address).await, "200 0");
    authority.issue("server");
    process.signal(Signal::SIGHUP);
    process.err.until("the certificate was read anew").await;
    assert_eq!(status(&authority, &address).await, "200 0");
    // What cannot be used is told, and changes nothing.
    fs::write(authority.file("server.pem"), "garbage").unwrap();
    process.signal(Signal::SIGHUP);
    process.err.until("the one before stays in use").await;
    assert_eq!(status(&authority, &address).await, "200 0");
    assert_eq!(process.stop().await.code, Some(0));
}

#[tokio::test]
async fn files_that_are_no_certificate_and_key_are_told_at_start() {
    let authority = Authority::new();
    let good = setup(&authority).await;
    authority.issue("other");
    fs::write(authority.file("empty.pem"), "").unwrap();
    for (variable, file, told) in [
        ("KEDGE_SERVER__SSL_CERT", "nowhere.pem", "`server.ssl_cert`: cannot read the file"),
        ("KEDGE_SERVER__SSL_CERT", "empty.pem", "`server.ssl_cert`: expected a PEM file with certificates"),
        (
            "KEDGE_SERVER__SSL_KEY",
            "server.pem",
            "`server.ssl_key`: expected a PEM file with one unencrypted private key",
        ),
        ("KEDGE_SERVER__SSL_KEY", "other.key", "`server.ssl_key`: cannot be used with `server.ssl_cert`"),
        ("KEDGE_SERVER__SSL_CLIENT_CA", "server.key", "`server.ssl_client_ca`: expected a PEM file with certificates"),
        ("KEDGE_SERVER__SSL_KEY", "", "TLS needs both `server.ssl_cert` and `server.ssl_key`"),
    ] {
        let path = if file.is_empty() { "" } else { authority.path(file) };
        let mut setup = setup(&authority).await;
        setup.environment.clone_from(&good.environment);
        let ended = setup.with(variable, path).run(&["serve"]).await;
        assert_eq!(ended.code, Some(2), "{told}: {ended:?}");
        assert!(ended.err.contains(told), "{told}: {ended:?}");
    }
}
