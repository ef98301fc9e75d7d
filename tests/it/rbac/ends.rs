//! How a grant ends: in every request that starts after the answer, on every node.

use std::future::Future;

use crate::support::{Client, Server, assert_error, lacking};

const USERS: &str = "/v2/accounts/court/users";

/// A Kedge of two nodes, with alice of acme, who signs in with a key on each.
async fn alice_on_two_nodes() -> (Server, [Client; 2]) {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.user("court", "rabbit").await;
    let (node, value) = (server.another_node().await, server.key_of(&alice, "k").await);
    let nodes = [server.key(&value), node.key(&value)];
    (server, nodes)
}

/// Whatever `grant` gives, both nodes obey; what `end` takes away, neither obeys any more.
async fn counts_until<G, E>(server: &Server, nodes: &[Client; 2], grant: G, end: E)
where
    G: Future,
    E: Future,
{
    let everywhere = || kedge::db::changes::everywhere(&server.app.db);
    grant.await;
    everywhere().await.unwrap();
    for node in nodes {
        node.get(USERS).await.expect(200);
    }
    end.await;
    everywhere().await.unwrap();
    for node in nodes {
        assert_error(&node.get(USERS).await, 403, &lacking("court", "listUsers"));
    }
}

#[tokio::test]
async fn role_that_was_taken_away_is_obeyed_by_no_later_request() {
    let (server, nodes) = alice_on_two_nodes().await;
    for _ in 0..8 {
        let grant = server.grant("alice", "account-user-admin", "court");
        counts_until(&server, &nodes, grant, server.take_away("alice", "account-user-admin", "court")).await;
    }
}

#[tokio::test]
async fn role_ends_with_the_membership_of_the_group() {
    let (server, nodes) = alice_on_two_nodes().await;
    let (admin, group) = (server.admin(), server.group("tea-drinkers").await);
    server.give_group(&group, "account-user-admin", "court").await;
    for _ in 0..4 {
        let leave = async { admin.delete(&format!("{group}/users?username=alice")).await.expect(204) };
        counts_until(&server, &nodes, server.join_group(&group, "alice"), leave).await;
    }
}

#[tokio::test]
async fn role_ends_with_the_role_of_the_group() {
    let (server, nodes) = alice_on_two_nodes().await;
    let (admin, group) = (server.admin(), server.group("tea-drinkers").await);
    server.join_group(&group, "alice").await;
    for _ in 0..4 {
        let end = async { admin.delete(&format!("{group}/roles?all_roles_for_account=court")).await.expect(204) };
        counts_until(&server, &nodes, server.give_group(&group, "account-user-admin", "court"), end).await;
    }
}

#[tokio::test]
async fn role_ends_with_the_group() {
    let (server, nodes) = alice_on_two_nodes().await;
    let (admin, group) = (server.admin(), server.group("tea-drinkers").await);
    server.join_group(&group, "alice").await;
    let delete = async { admin.delete(&group).await.expect(204) };
    counts_until(&server, &nodes, server.give_group(&group, "account-user-admin", "court"), delete).await;
}

#[tokio::test]
async fn role_ends_with_the_account() {
    let (server, nodes) = alice_on_two_nodes().await;
    server.group_of("alice", "account-user-admin", "court").await;
    let grant = server.grant("alice", "full-control", "court");
    counts_until(&server, &nodes, grant, server.delete_account("court")).await;
}

#[tokio::test]
async fn account_made_anew_brings_back_no_role() {
    let (server, nodes) = alice_on_two_nodes().await;
    server.group_of("alice", "account-user-admin", "court").await;
    let anew = async {
        server.delete_account("court").await;
        kedge::identity::collector::remove_accounts(&server.app.db).await.unwrap();
        server.account("court").await;
    };
    counts_until(&server, &nodes, server.grant("alice", "full-control", "court"), anew).await;
}

#[tokio::test]
async fn one_of_two_ways_to_a_role_is_enough() {
    let (server, nodes) = alice_on_two_nodes().await;
    let group = server.group_of("alice", "account-user-admin", "court").await;
    server.grant("alice", "account-user-admin", "court").await;
    server.take_away("alice", "account-user-admin", "court").await;
    let delete = async { server.admin().delete(&group).await.expect(204) };
    counts_until(&server, &nodes, async {}, delete).await;
}

#[tokio::test]
async fn user_made_anew_has_none_of_the_roles_of_the_old_one() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "full-control", "court").await;
    server.group_of("alice", "read-only", "court").await;
    server.admin().delete("/v2/accounts/acme/users/alice").await.expect(204);
    let alice = server.user("acme", "alice").await;
    assert_error(&alice.get("/v2/accounts/court").await, 403, &lacking("court", "getAccount"));
    assert_eq!(alice.get("/v2/user").await.expect(200)["unified_roles"], serde_json::json!([]));
    assert_eq!(alice.get("/v2/my-user-groups").await.expect(200), serde_json::json!([]));
}
