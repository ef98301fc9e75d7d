//! What is remembered is bounded, and bad credentials leave nothing behind.

use crate::support::{Options, Server};

fn small() -> Options {
    Options { environment: vec![("KEDGE_CACHE__SIZE_MIB", "1")], ..Options::default() }
}

#[tokio::test]
async fn flood_of_bad_credentials_pushes_no_good_one_out() {
    let server = Server::start_with(small()).await;
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "good").await);
    key.get("/v2/account").await.expect(200);
    let remembered = server.app.cache.len();
    let nobody = server.nobody();
    for number in 0..2_000 {
        let header = match number % 3 {
            0 => crate::support::basic("_api_key", &format!("bad-{number}")),
            1 => format!("Bearer a.b.{number}"),
            _ => crate::support::basic(&format!("user:{number}"), "x"),
        };
        let request = nobody.request("GET", "/v2/account").header("authorization", header);
        crate::support::send(request).await.expect(401);
    }
    assert_eq!(server.app.cache.len(), remembered);
    let before = server.app.cache.uses();
    key.get("/v2/account").await.expect(200);
    assert_eq!(server.app.cache.uses().misses, before.misses);
}

/// Each spelling of a good header is remembered by itself, so anyone can make as many as they like.
#[tokio::test]
async fn flood_of_good_credentials_stays_within_the_size() {
    let server = Server::start_with(small()).await;
    let alice = server.user("acme", "alice").await;
    let value = server.key_of(&alice, "good").await;
    let header = crate::support::basic("_api_key", &value);
    let credentials = header.strip_prefix("Basic ").unwrap();
    let nobody = server.nobody();
    for spaces in 1..=1_500 {
        let request = nobody.request("GET", "/v2/account");
        let spelled = format!("Basic{}{credentials}", " ".repeat(spaces));
        crate::support::send(request.header("authorization", spelled)).await.expect(200);
    }
    let remembered = server.app.cache.len();
    assert!((500..=1_024).contains(&remembered), "{remembered} entries of about a KiB");
}
