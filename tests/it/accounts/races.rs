//! Two who do the same at once: one of them wins, and the rows are those of one.

use kedge::identity::collector;
use serde_json::json;

use crate::support::{PASSWORD, Server, assert_error, names};

#[tokio::test]
async fn two_creations_of_one_account_make_one() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let (here, there) = (server.admin(), other_node.admin());
    for round in 0..5 {
        let name = format!("acme{round}");
        let account = json!({ "name": name });
        let (a, b) = tokio::join!(here.post("/v2/accounts", account.clone()), there.post("/v2/accounts", account));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{a:?} {b:?}");
        let loser = if a.status == 409 { a } else { b };
        assert_error(&loser, 409, "Account already exists");
    }
    let list = here.get("/v2/accounts").await.expect(200);
    assert_eq!(names(&list, "name"), ["acme0", "acme1", "acme2", "acme3", "acme4", "admin"]);
}

#[tokio::test]
async fn two_creations_of_one_user_make_one() {
    let server = Server::start().await;
    let admin = server.admin();
    for account in ["acme", "other"] {
        server.account(account).await;
    }
    for round in 0..5 {
        let user = json!({ "username": format!("alice{round}"), "password": PASSWORD });
        let (a, b) = tokio::join!(
            admin.post("/v2/accounts/acme/users", user.clone()),
            admin.post("/v2/accounts/other/users", user)
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{a:?} {b:?}");
        let loser = if a.status == 400 { a } else { b };
        assert_error(&loser, 400, "User already exists");
    }
    assert_eq!(admin.get("/v2/accounts/users").await.expect(200)["total_rows"], 6);
}

#[tokio::test]
async fn two_deletions_of_one_account_are_one() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    let disable = || admin.put("/v2/accounts/acme/state", json!({ "state": "disabled" }));
    let (a, b) = tokio::join!(disable(), disable());
    assert_eq!((a.status, b.status), (200, 200));
    let (a, b) = tokio::join!(admin.delete("/v2/accounts/acme"), admin.delete("/v2/accounts/acme"));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 400], "{a:?} {b:?}");
}

#[tokio::test]
async fn two_deletions_of_one_user_are_one() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    let delete = || admin.delete("/v2/accounts/acme/users/alice");
    let (a, b) = tokio::join!(delete(), delete());
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404], "{a:?} {b:?}");
}

#[tokio::test]
async fn account_that_is_being_deleted_is_left_without_users() {
    let server = Server::start().await;
    let admin = server.admin();
    for round in 0..5 {
        let account = format!("acme{round}");
        server.account(&account).await;
        server.set_state(&account, "disabled").await;
        let path = format!("/v2/accounts/{account}");
        let users = format!("{path}/users");
        let user = json!({ "username": format!("alice{round}"), "password": PASSWORD });
        let collected = async {
            let deleted = admin.delete(&path).await;
            collector::remove_accounts(&server.app.db).await.unwrap();
            deleted
        };
        let (made, deleted) = tokio::join!(admin.post(&users, user), collected);
        assert!([200, 400, 404].contains(&made.status), "{made:?}");
        assert_eq!(deleted.status, 204, "{deleted:?}");
        // The collector passes over an account that a creation still holds: its next round takes it.
        collector::remove_accounts(&server.app.db).await.unwrap();
        assert_error(&admin.get(&path).await, 404, "Account not found");
    }
    assert_eq!(admin.get("/v2/accounts/users").await.expect(200)["total_rows"], 1);
}

/// The interleaving that the test above meets only by chance: the deletion commits while the creation waits for it.
#[tokio::test]
async fn user_is_not_made_in_an_account_whose_deletion_is_under_way() {
    let server = Server::start().await;
    server.account("acme").await;
    let mut deletion = server.app.db.begin().await.unwrap();
    let deleting = "update accounts set state = 'deleting' where name = 'acme'";
    sqlx::query(deleting).execute(&mut *deletion).await.unwrap();

    let admin = server.admin();
    let creation = tokio::spawn(async move {
        let user = json!({ "username": "alice", "password": PASSWORD });
        admin.post("/v2/accounts/acme/users", user).await
    });
    let waiting = "select exists (select from pg_locks join pg_stat_activity using (pid)
                   where datname = current_database() and not granted)";
    let mut db = server.app.db.connection().await.unwrap();
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut *db).await.unwrap() {
        assert!(!creation.is_finished(), "the creation did not wait for the deletion");
    }
    deletion.commit().await.unwrap();
    assert_error(&creation.await.unwrap(), 400, "Account acme is being deleted");
    let count = sqlx::query_scalar::<_, i64>("select count(*) from users where username = 'alice'");
    assert_eq!(count.fetch_one(&mut *db).await.unwrap(), 0);
}
