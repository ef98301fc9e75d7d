//! Text that no client would send, wherever these operations take text.

use serde_json::json;

use crate::support::{Server, members, segment};

#[tokio::test]
async fn no_text_makes_the_operations_fail() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&server.admin(), "k").await);
    let long = "🐇".repeat(2_000);
    let texts = ["\0", "a\0b", "", " ", "\u{202e}alice", "\u{feff}", "e\u{301}", "\u{10ffff}", "' or ''='", "%", &long];
    for text in texts {
        let encoded = segment(text);
        let of_text = format!("/v2/rbac-manager/users/{encoded}/roles");
        let queries = [
            format!("{}?domain_name={encoded}", members("read-only")),
            format!("{}?for_account={encoded}", members("read-only")),
            format!("/v2/rbac-manager/users/admin/roles?role={encoded}"),
            format!("/v2/rbac-manager/users/admin/roles?domain_name={encoded}"),
            format!("/v2/rbac-manager/roles/{encoded}"),
            members(&encoded),
            of_text,
        ];
        for path in queries {
            let answer = key.get(&path).await;
            assert!(answer.status < 500, "{path}: {answer:?}");
        }
        let admin = server.admin();
        for query in ["username=alice&domain_name=", "domain_name=acme&username="] {
            let answer = admin.delete(&format!("{}?{query}{encoded}", members("read-only"))).await;
            assert!([400, 404].contains(&answer.status), "{query}{text:?}: {answer:?}");
        }
        for member in [
            json!({ "username": text, "domain_name": "acme" }),
            json!({ "username": "alice", "domain_name": text }),
            json!({ "username": "alice", "for_account": text }),
        ] {
            let answer = admin.post(&members("read-only"), member.clone()).await;
            assert!([400, 404].contains(&answer.status), "{member}: {answer:?}");
        }
    }
    assert_eq!(alice.get("/v2/rbac-manager/my-roles").await.expect(200), json!([]));
}
