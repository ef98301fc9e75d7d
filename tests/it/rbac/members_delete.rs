//! Taking a role away: `DELETE /v2/rbac-manager/roles/{role_name}/members`.

use serde_json::json;

use super::MY_ROLES;
use crate::support::{Server, assert_error, assert_problem, members, names};

#[tokio::test]
async fn role_is_taken_away_in_the_account_named_in_either_spelling() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "read-write", "acme").await;
    server.grant("alice", "read-only", "court").await;
    for query in ["domain_name=acme", "for_account=acme", "domain_name=acme&for_account=acme"] {
        server.grant("alice", "read-only", "acme").await;
        let path = format!("{}?username=alice&{query}", members("read-only"));
        let deleted = server.admin().delete(&path).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""), "{query}");
        assert_error(&server.admin().delete(&path).await, 404, "Role member not found");
    }
    // What was not named is still there.
    let mine = alice.get(MY_ROLES).await.expect(200);
    assert_eq!(names(&mine, "domain_name"), ["acme", "court"]);
    assert_eq!((&mine[0]["roles"]["name"], &mine[1]["roles"]["name"]), (&json!("read-write"), &json!("read-only")));
}

#[tokio::test]
async fn user_and_account_must_be_named() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "read-only", "acme").await;
    let (admin, path) = (server.admin(), members("read-only"));
    for (query, field) in [
        ("", "'domain_name'"),
        ("?username=alice", "'domain_name'"),
        ("?domain_name=acme", "'username'"),
        ("?username=&domain_name=acme", "query"),
        ("?username=alice&domain_name=", "query"),
        ("?username=alice&domain_name=acme&for_account=court", "'for_account'"),
        ("?username=alice&username=alice&domain_name=acme", "username"),
    ] {
        assert_problem(&admin.delete(&format!("{path}{query}")).await, 400, field);
        // The header names no account here.
        assert_problem(&admin.clone().acting_in("acme").delete(&format!("{path}{query}")).await, 400, field);
    }
    assert_eq!(names(&admin.get(&format!("{path}?domain_name=acme")).await.expect(200), "username"), ["alice"]);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "read-only", "acme").await;
    server.group_of("alice", "read-write", "acme").await;
    let admin = server.admin();
    for (role, query, missing) in [
        ("read-only", "username=alice&domain_name=court", "Role member not found"),
        // A role that comes through a group is the group's.
        ("read-write", "username=alice&domain_name=acme", "Role member not found"),
        ("read-only", "username=admin&domain_name=acme", "Role member not found"),
        ("read-only", "username=rabbit&domain_name=acme", "User not found"),
        ("read-only", "username=alice&domain_name=zzz", "Account not found"),
        ("read-only", "username=alice&domain_name=system", "Account not found"),
        ("read-only", "username=alice&domain_name=anchore-system", "Account not found"),
        ("queen", "username=alice&domain_name=acme", "Role not found"),
    ] {
        assert_error(&admin.delete(&format!("{}?{query}", members(role))).await, 404, missing);
    }
}

#[tokio::test]
async fn nothing_is_left_to_take_away_in_an_account_that_was_deleted() {
    let server = Server::start().await;
    server.user("court", "rabbit").await;
    server.account("acme").await;
    server.grant("rabbit", "read-only", "acme").await;
    server.delete_account("acme").await;
    let path = members("read-only");
    assert_eq!(server.admin().get(&format!("{path}?domain_name=acme")).await.expect(200), json!([]));
    let taken = server.admin().delete(&format!("{path}?username=rabbit&domain_name=acme")).await;
    assert_error(&taken, 404, "Role member not found");
}
