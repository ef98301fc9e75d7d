//! `GET /v2/my-user-groups`.

use serde_json::json;

use super::GROUPS;
use crate::support::{Server, names};

const MINE: &str = "/v2/my-user-groups";

#[tokio::test]
async fn everyone_sees_the_groups_they_are_in() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let hatter = server.user("acme", "hatter").await;
    let (cards, bakers) = (server.group("cards").await, server.group("bakers").await);
    server.group("strangers").await;
    server.give_group(&cards, "read-only", "acme").await;
    for (group, username) in [(&cards, "alice"), (&bakers, "alice"), (&cards, "admin")] {
        server.join_group(group, username).await;
    }
    let mine = alice.get(MINE).await.expect(200);
    assert_eq!(names(&mine, "name"), ["bakers", "cards"]);
    assert_eq!(mine, server.admin().get(&format!("{GROUPS}?contains_user=alice")).await.expect(200));
    assert_eq!(names(&server.admin().get(MINE).await.expect(200), "name"), ["cards"]);
    assert_eq!(hatter.get(MINE).await.expect(200), json!([]));

    let key = server.key(&server.key_of(&alice, "k").await);
    for account in ["acme", "admin", "zzz"] {
        assert_eq!(key.clone().acting_in(account).get(MINE).await.expect(200), mine);
    }
    server.admin().delete(&bakers).await.expect(204);
    server.admin().delete(&format!("{cards}/users?username=alice")).await.expect(204);
    assert_eq!(alice.get(MINE).await.expect(200), json!([]));
}
