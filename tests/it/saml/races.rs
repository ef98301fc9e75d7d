//! Answers that come at the same time.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use kedge::{
    identity::saml::{
        sign_in::{NotSignedIn, by_response},
        store,
    },
    secret::Secret,
};
use serde_json::json;

use crate::support::{
    Server, assert_error,
    idp::{ENTITY, KEY, OTHER_KEY, Says, bring, configuration, metadata_of},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uses_of_one_answer_exactly_one_signs_in() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let other = server.another_node().await;
    let says = Says::of("alice", Some(&server.asked().await));
    let xml = says.xml();
    let nodes = [&server, &other].into_iter().cycle().take(12);
    let answers = join_all(nodes.map(|node| {
        let client = node.nobody();
        let xml = &xml;
        async move { bring(&client, xml).await.status }
    }))
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 403).count(), 11, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_that_is_deleted_during_its_first_sign_in_is_not_made_anew() {
    let server = Server::start().await;
    server.idp(json!({ "require_existing_users": true, "allow_unsolicited": true })).await;
    server.account("wonderland").await;
    let users = "/v2/accounts/wonderland/users";
    let alice = json!({ "username": "alice", "user_type": "saml", "idp_name": "wonderland" });
    server.admin().post(users, alice).await.expect(200);
    let mut deleting = server.app.db.begin().await.unwrap();
    sqlx::query("delete from users where username = 'alice'").execute(&mut *deleting).await.unwrap();
    let commit = async {
        let waits = "select exists (select from pg_locks
                                    where not granted and pg_backend_pid() = any (pg_blocking_pids(pid)))";
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut *deleting).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        deleting.commit().await.unwrap();
    };
    let says = Says::of("alice", None);
    let (answer, ()) = tokio::join!(says.to(&server), commit);
    assert_error(&answer, 403, "Not authorized. The user was deleted in the meantime: try again.");
    assert_eq!(server.admin().get(users).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_sign_ins_at_once_make_one_user_and_one_account() {
    let server = Server::start().await;
    let changes = json!({ "allow_unsolicited": true, "default_role": "read-only" });
    server.idp(changes).await;
    let answers = join_all((0..8).map(|_| Says::of("alice", None)).map(|says| {
        let server = &server;
        async move { says.to(server).await }
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let users = server.admin().get("/v2/accounts/wonderland/users").await.expect(200);
    assert_eq!(crate::support::names(&users, "username"), ["alice"]);
    assert_eq!(users[0]["unified_roles"].as_array().unwrap().len(), 1);
}

/// An administrator acts on a leaked certificate, or tightens the rules, while an answer is being verified by what was
/// in force before.
#[tokio::test]
async fn answer_counts_no_more_where_its_provider_was_saved_since_it_was_read() {
    let server = Server::start().await;
    let path = "/v2/rbac-manager/saml/idps/wonderland";
    let both = json!({ "allow_unsolicited": true, "idp_metadata_xml": metadata_of(ENTITY, &[&KEY, &OTHER_KEY]) });
    server.idp(both.clone()).await;
    let alone = json!({ "allow_unsolicited": true });
    let role = json!({ "allow_unsolicited": true, "idp_role_attribute": "role" });
    for change in [json!({}), role, alone] {
        server.admin().put(path, configuration(&both)).await.expect(200);
        let read = async || {
            let idp = store::find_idp(&mut server.app.db.connection().await.unwrap(), "wonderland").await;
            idp.unwrap().unwrap()
        };
        let before = read().await;
        server.admin().put(path, configuration(&change)).await.expect(200);
        let answer = async |idp| {
            let response = Secret::new(STANDARD.encode(Says::of("alice", None).xml_signed_by(&OTHER_KEY)));
            by_response(&server.app, idp, response, |_| None).await
        };
        let answered = answer(before).await;
        let Err(NotSignedIn::Refused(why)) = answered else { panic!("{change}: {answered:?}") };
        assert_eq!(why.to_string(), "the identity provider was changed meanwhile", "{change}");
        server.admin().put(path, configuration(&both)).await.expect(200);
        answer(read().await).await.unwrap();
    }
}
