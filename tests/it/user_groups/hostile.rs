//! Text that no client would send, wherever the operations on groups take text.

use serde_json::json;

use super::GROUPS;
use crate::support::{Server, segment};

#[tokio::test]
async fn no_text_makes_the_operations_fail() {
    let server = Server::start().await;
    let admin = server.admin();
    let group = server.group("tea-drinkers").await;
    let before = admin.get(GROUPS).await.expect(200);
    let long = "🐇".repeat(2_000);
    for text in ["\0", "a\0b", "", " ", "\u{202e}alice", "\u{feff}", "e\u{301}", "\u{10ffff}", "' or ''='", "%", &long]
    {
        let encoded = segment(text);
        for path in [
            format!("{GROUPS}?contains_user={encoded}"),
            format!("{GROUPS}?user_group_name={encoded}"),
            format!("{GROUPS}?contains_account={encoded}"),
            format!("{GROUPS}/{encoded}"),
            format!("{GROUPS}/{encoded}/roles"),
        ] {
            let answer = admin.get(&path).await;
            assert!(answer.status < 500, "{path}: {answer:?}");
        }
        for path in [
            format!("{group}/roles?membership_id={encoded}"),
            format!("{group}/roles?all_roles_for_account={encoded}"),
            format!("{group}/users?username={encoded}"),
        ] {
            let answer = admin.delete(&path).await;
            assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
        }
        for (path, body) in [
            (GROUPS, json!({ "name": text })),
            (&format!("{group}/roles"), json!({ "domain_name": text, "roles": [{ "role": "read-only" }] })),
            (&format!("{group}/roles"), json!({ "domain_name": "admin", "roles": [{ "role": text }] })),
            (&format!("{group}/users"), json!({ "usernames": [{ "username": text }] })),
        ] {
            let answer = admin.post(path, body.clone()).await;
            assert!([400, 404].contains(&answer.status), "{path} {body}: {answer:?}");
        }
    }
    assert_eq!(admin.get(GROUPS).await.expect(200), before);
}
