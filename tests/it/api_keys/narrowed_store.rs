//! What no request can bring about on purpose: an account made anew between the read and the write of one change.

use kedge::identity::api_keys::store;
use serde_json::json;
use sqlx::Connection;

use crate::support::Server;

#[tokio::test]
async fn namesake_of_a_removed_account_is_not_written_into_a_key() {
    let server = Server::start().await;
    let admin = server.admin();
    for account in ["tea-party", "croquet"] {
        server.account(account).await;
    }
    let request = json!({ "name": "robot", "accounts": ["tea-party"] });
    admin.post("/v2/user/api-keys", request).await.expect(201);
    let mut db = sqlx::PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let owner = sqlx::query_scalar("select id from users where username = 'admin'").fetch_one(&mut db).await.unwrap();

    let mut key = store::find_key(&mut db, owner, "robot").await.unwrap().unwrap();
    key.accounts = Some(vec!["croquet".to_owned(), "tea-party".to_owned()]);
    store::update_key(&mut db, owner, &key).await.unwrap();

    let kept = store::find_key(&mut db, owner, "robot").await.unwrap().unwrap();
    assert_eq!(kept.accounts.unwrap(), ["tea-party"]);
}
