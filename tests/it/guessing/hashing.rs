//! What is hashed at once is bounded, and so is what waits for it.

use kedge::authn::password::Cost;

use crate::support::{Options, PASSWORD, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sign_ins_than_fit_are_told_to_come_again_while_keys_go_on() {
    let environment = vec![("KEDGE_LIMITS__HASHES_AT_ONCE", "1"), ("KEDGE_LIMITS__HASHES_WAITING", "3")];
    let cost = Some(Cost::OWASP);
    let server = Server::start_with(Options { environment, cost, ..Options::default() }).await;
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "k").await);
    let sign_ins: Vec<_> = (0..20)
        .map(|_| {
            let client = server.basic("alice", "wrong");
            tokio::spawn(async move { client.get("/v2/user").await })
        })
        .collect();
    key.get("/v2/user").await.expect(200);
    let (mut refused, mut told) = (0, 0);
    for answer in sign_ins {
        let answer = answer.await.unwrap();
        match answer.status {
            401 => refused += 1,
            503 => {
                assert_eq!(answer.header("retry-after"), "1");
                told += 1;
            }
            _ => panic!("{answer:?}"),
        }
    }
    // How many are checked hangs on how fast they come; what fits is.
    assert!(refused >= 4 && told >= 1, "{refused} checked, {told} told to come again");
    server.basic("alice", PASSWORD).get("/v2/user").await.expect(200);
}
