//! Grants that are made and taken away at the same time.

use kedge::identity::collector;
use serde_json::json;

use crate::support::{PASSWORD, Server, members, names};

#[tokio::test]
async fn two_grants_of_one_role_make_one() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let (here, there) = (server.admin(), other_node.admin());
    let alice = server.user("acme", "alice").await;
    let member = json!({ "username": "alice", "domain_name": "acme" });
    for role in ["read-only", "read-write", "report-admin", "full-control"] {
        let path = members(role);
        let (a, b) = tokio::join!(here.post(&path, member.clone()), there.post(&path, member.clone()));
        assert_eq!(a.expect(200), b.expect(200));
        let list = here.get(&format!("{path}?domain_name=acme")).await.expect(200);
        assert_eq!(names(&list, "username"), ["alice"]);
    }
    assert_eq!(alice.get("/v2/user").await.expect(200)["unified_roles"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn role_is_taken_away_once() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    let path = format!("{}?username=alice&domain_name=acme", members("read-only"));
    for _ in 0..4 {
        server.grant("alice", "read-only", "acme").await;
        let (a, b) = tokio::join!(admin.delete(&path), admin.delete(&path));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404], "{a:?} {b:?}");
    }
}

#[tokio::test]
async fn grant_beside_the_deletion_of_its_user_leaves_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    let user = json!({ "username": "alice", "password": PASSWORD });
    let member = json!({ "username": "alice", "domain_name": "acme" });
    for _ in 0..5 {
        admin.post("/v2/accounts/acme/users", user.clone()).await.expect(200);
        let path = members("read-only");
        let (granted, deleted) =
            tokio::join!(admin.post(&path, member.clone()), admin.delete("/v2/accounts/acme/users/alice"));
        assert!([200, 404].contains(&granted.status), "{granted:?}");
        assert_eq!(deleted.status, 204, "{deleted:?}");
        let list = admin.get(&format!("{path}?domain_name=acme")).await.expect(200);
        assert_eq!(list, json!([]));
    }
}

#[tokio::test]
async fn grant_beside_the_deletion_of_its_account_does_not_hold_it_up() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("court", "rabbit").await;
    let group = server.group("tea-drinkers").await;
    for round in 0..5 {
        let account = format!("acme{round}");
        server.account(&account).await;
        server.set_state(&account, "disabled").await;
        let path = format!("/v2/accounts/{account}");
        let deleted = async {
            let deleted = admin.delete(&path).await;
            collector::remove_accounts(&server.app.db).await.unwrap();
            deleted
        };
        let member = json!({ "username": "rabbit", "domain_name": account });
        let (to_user, groups_roles) = (members("read-only"), format!("{group}/roles"));
        let roles = json!({ "domain_name": account, "roles": [{ "role": "read-only" }] });
        let (granted, given, deleted) =
            tokio::join!(admin.post(&to_user, member), admin.post(&groups_roles, roles), deleted);
        assert!([200, 400, 404].contains(&granted.status), "{granted:?}");
        assert!([201, 400, 404].contains(&given.status), "{given:?}");
        assert_eq!(deleted.status, 204, "{deleted:?}");
        // Whatever came in before the deletion is gone with the account.
        collector::remove_accounts(&server.app.db).await.unwrap();
        assert_eq!(admin.get(&path).await.status, 404);
    }
    assert_eq!(admin.get("/v2/rbac-manager/users/rabbit/roles").await.expect(200), json!([]));
}
