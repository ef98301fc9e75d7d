//! What was refused: counted, and never what was shown.

use std::{net::IpAddr, sync::Arc};

use kedge::{
    audit::{record::Actor, tally::Refused},
    authn::method::SignInMethod,
};
use serde_json::{Value, json};

use super::{count, records, write_tally};
use crate::support::{CapturedLog, PASSWORD, Server, send, send_until_served};

/// The records of what was refused.
async fn refused(server: &Server) -> Vec<Value> {
    write_tally(server).await;
    records(server).await.into_iter().filter(|record| record["level"] == "error").collect()
}

fn details(record: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| record["details"][name].clone()).collect()
}

/// Tests that count start at the beginning of no particular minute: these are counted by the sum of their rows.
fn sum(records: &[Value]) -> i64 {
    records.iter().map(|record| record["count"].as_i64().unwrap()).sum()
}

fn fixed() -> kedge::clock::Clock {
    kedge::clock::Clock::fixed(kedge::clock::Clock::System.now())
}

async fn at_one_moment() -> Server {
    Server::start_with(crate::support::Options { clock: Some(fixed()), ..Default::default() }).await
}

#[tokio::test]
async fn missing_permission_is_one_row_for_caller_operation_and_minute() {
    let server = at_one_moment().await;
    let (alice, bob) = (server.user("acme", "alice").await, server.user("acme", "bob").await);
    let asked = (0..300).map(|_| send_until_served(alice.request("GET", "/v2/accounts")));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| answer.status == 403));
    alice.post("/v2/accounts", json!({ "name": "mine" })).await.expect(403);
    bob.get("/v2/accounts").await.expect(403);
    let key = server.key_of(&bob, "ci").await;
    server.key(&key).get("/v2/accounts").await.expect(403);
    // Not before its minute is over.
    server.app.tally.write(&server.app, server.app.clock.now()).await.unwrap();
    assert_eq!(count(&server, "select count(*) from audit_events where level = 'error'").await, 0);

    let mut refused = refused(&server).await;
    refused.sort_by_key(|record| std::cmp::Reverse(record["count"].as_i64()));
    assert_eq!(refused.iter().map(|record| record["count"].clone()).collect::<Vec<_>>(), [300, 1, 1, 1]);
    let many = &refused[0];
    assert_eq!(many["type"], "system.security.permission_denied");
    assert_eq!(many["account"], "acme");
    let names = ["user", "user_account", "signed_in_by", "operation", "address", "outcome"];
    let expected = ["alice", "acme", "password", "list_accounts", "127.0.0.1", "refused"];
    assert_eq!(details(many, &names), expected.map(Value::from));
    assert!(answers.iter().any(|answer| many["request_id"] == answer.header("x-request-id")), "{many}");
    assert!(many["message"].as_str().unwrap().contains("action=listAccounts"), "{many}");
    let of_key: Vec<_> = refused.iter().filter(|record| record["details"]["signed_in_by"] == "api_key").collect();
    assert_eq!(of_key.len(), 1);
    assert_eq!(of_key[0]["details"]["key_hint"], key[6..10]);
}

#[tokio::test]
async fn failed_sign_ins_are_counted_without_what_was_shown() {
    let server = at_one_moment().await;
    server.user("acme", "alice").await;
    let wrong = "jabberwocky-and-bandersnatch";
    let token = "eyJhbGciOiJFZERTQSJ9.slithy-toves.gyre-and-gimble";
    let key = "kedge_borogoves_momeraths_outgrabe_brillig";
    for _ in 0..3 {
        server.basic("alice", wrong).get("/v2/user").await.expect(401);
    }
    server.ask_for_tokens("alice", wrong).await.expect(400);
    server.ask_for_tokens("stranger", wrong).await.expect(400);
    server.bearer(token).get("/v2/user").await.expect(401);
    server.key(key).get("/v2/user").await.expect(401);
    // Who shows nothing has not tried.
    server.nobody().get("/v2/user").await.expect(401);

    let refused = refused(&server).await;
    assert!(refused.iter().all(|record| record["type"] == "system.security.sign_in_failed"), "{refused:?}");
    assert_eq!(sum(&refused), 7, "{refused:?}");
    let of = |user: &str, means: &str| {
        let of = |record: &&Value| record["details"]["user"] == user && record["details"]["signed_in_by"] == means;
        refused.iter().filter(of).map(|record| record["count"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!((of("alice", "password"), of("stranger", "password")), (4, 1), "{refused:?}");
    assert!(refused.iter().all(|record| record["details"]["address"] == "127.0.0.1"), "{refused:?}");
    let (stored, log) = (json!(records(&server).await).to_string(), CapturedLog::text());
    for shown in [wrong, "slithy-toves", "borogoves"] {
        assert!(!stored.contains(shown), "{shown} is in {stored}");
        assert!(!log.contains(shown), "{shown} is in the log");
    }
}

#[tokio::test]
async fn doors_that_are_open_to_anybody_tell_of_what_they_refuse() {
    let server = at_one_moment().await;
    let idps = server.basic("alice", "wrong").get("/v2/rbac-manager/saml/idps").await;
    assert_eq!(idps.status, 200);
    assert_eq!(server.refresh("kedge_rt_made-up").await.status, 400);
    let page = server.nobody().request("POST", "/console/session/token").header("x-requested-with", "kedge-console");
    let page = page.header("cookie", "kedge-session=kedge_rt_made-up").json(&json!({}));
    assert_eq!(send(page).await.status, 401);
    let refused = refused(&server).await;
    let of = |means: &str| {
        refused
            .iter()
            .find(|record| record["details"]["signed_in_by"] == means)
            .unwrap_or_else(|| panic!("{refused:?}"))
    };
    assert_eq!(of("password")["request_id"], idps.header("x-request-id"));
    let names = ["user", "address"];
    assert_eq!(details(of("password"), &names), ["alice", "127.0.0.1"].map(Value::from));
    assert_eq!(details(of("refresh_token"), &names), [Value::Null, "127.0.0.1".into()]);
    let counts = ["password", "refresh_token"].map(|means| of(means)["count"].clone());
    assert_eq!((counts, refused.len()), ([json!(1), json!(2)], 2));
}

#[tokio::test]
async fn guess_at_a_name_is_told_to_the_account_of_that_name_and_of_no_other() {
    let server = at_one_moment().await;
    let longest = "a".repeat(128);
    for user in ["alice", &longest] {
        server.user("acme", user).await;
    }
    for guess in ["al\u{1}ice", "alice\n", &format!("{longest}a"), &longest] {
        server.basic(guess, "wrong").get("/v2/user").await.expect(401);
        server.ask_for_tokens(guess, "wrong").await.expect(400);
    }
    let mut told: Vec<_> = refused(&server)
        .await
        .iter()
        .map(|record| (record["details"]["user"].clone(), record["account"].clone(), record["count"].clone()))
        .collect();
    told.sort_by_key(|(user, ..)| user.as_str().map(str::len));
    let cut = format!("{}…", &longest[..64]);
    let expected = [("alice…", Value::Null, 4), (cut.as_str(), Value::Null, 2), (longest.as_str(), json!("acme"), 2)];
    assert_eq!(told, expected.map(|(user, account, count)| (json!(user), account, json!(count))));
}

#[tokio::test]
async fn key_that_is_used_after_it_was_revoked_is_told_with_its_user() {
    let server = at_one_moment().await;
    let alice = server.user("acme", "alice").await;
    let value = server.key_of(&alice, "ci").await;
    let key = server.key(&value);
    key.get("/v2/user").await.expect(200);
    alice.patch("/v2/user/api-keys/ci", json!({ "status": "revoked" })).await.expect(200);
    for _ in 0..2 {
        key.get("/v2/user").await.expect(401);
    }
    let refused = refused(&server).await;
    let [record] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(record["type"], "system.security.revoked_api_key_used");
    assert_eq!((&record["count"], &record["account"]), (&json!(2), &json!("acme")));
    let expected = ["alice", "acme", "api_key", &value[6..10], "127.0.0.1"].map(Value::from);
    assert_eq!(details(record, &["user", "user_account", "signed_in_by", "key_hint", "address"]), expected);
    assert!(!json!(records(&server).await).to_string().contains(&value));
    assert!(!CapturedLog::text().contains(&value));
}

#[tokio::test]
async fn flood_of_made_up_names_makes_few_rows_and_is_counted_whole() {
    let server = at_one_moment().await;
    let note = |user: String, address: IpAddr| {
        let actor = Actor { user: Some(user), method: Some(SignInMethod::Password), ..Actor::default() };
        server.app.tally.note(server.app.clock.now(), Refused::sign_in(actor, Some(address), "unknown"));
    };
    for number in 0..3_000 {
        note(format!("flood-{number}"), IpAddr::from([192, 0, 2, 1]));
    }
    let one_address = refused(&server).await;
    assert!(one_address.len() <= 51, "{} rows", one_address.len());
    assert_eq!(sum(&one_address), 3_000);
    let others: Vec<_> = one_address.iter().filter(|record| record["details"]["user"] == "others").collect();
    assert_eq!(others.len(), 1);
    assert_eq!(others[0]["details"]["address"], "192.0.2.1");
    assert!(others[0]["count"].as_i64().unwrap() >= 2_900);

    // From many addresses.
    for number in 0..3_000_u16 {
        let [high, low] = number.to_be_bytes();
        note(format!("flood-{number}"), IpAddr::from([198, 51, high, low]));
    }
    let all = refused(&server).await;
    assert!(all.len() - one_address.len() <= 1_001, "{} rows", all.len());
    assert_eq!(sum(&all), 6_000);
}

#[tokio::test]
async fn flood_over_http_makes_few_rows() {
    let server = Arc::new(at_one_moment().await);
    for _ in 0..15 {
        let names = (0..8).map(|_| format!("flood-{}", kedge::clock::Random::System.alphanumeric(12)));
        let asked = names.map(|name| {
            let server = Arc::clone(&server);
            async move {
                let request = server.basic(&name, PASSWORD).request("GET", "/v2/user");
                send_until_served(request).await.expect(401)
            }
        });
        futures_util::future::join_all(asked).await;
    }
    let refused = refused(&server).await;
    assert_eq!((refused.len(), sum(&refused)), (51, 120));
}

/// A stranger's requests that change nothing are no reason to write a row for each.
#[tokio::test]
async fn revocation_of_unknown_tokens_writes_nothing() {
    let server = at_one_moment().await;
    let before = records(&server).await.len();
    for number in 0..20 {
        let token = format!("kedge_rt_{number}");
        server.nobody().form("/v2/oauth/revoke", &[("token", &token)]).await.expect(200);
    }
    write_tally(&server).await;
    assert_eq!(records(&server).await.len(), before);
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let server = at_one_moment().await;
    server.basic("alice", "wrong-password").get("/v2/user").await.expect(401);
    let admin = server.admin();
    let same = json!({ "service_name": "api", "logging_level": "default" });
    admin.post("/v2/system/logging", same).await.expect(200);
    let database = server.app.db.options();
    super::execute(&database, "alter table audit_events rename to elsewhere").await.unwrap();
    let later = server.app.clock.now() + time::Duration::minutes(1);
    server.app.tally.write(&server.app, later).await.unwrap_err();
    super::execute(&database, "alter table elsewhere rename to audit_events").await.unwrap();
    for _ in 0..2 {
        write_tally(&server).await;
    }
    let mut types: Vec<_> = records(&server).await.iter().map(|record| record["type"].to_string()).collect();
    types.sort_unstable();
    assert_eq!(types, ["\"system.security.sign_in_failed\"", "\"user.identity.set_new_log_level\""]);
}

#[tokio::test]
async fn permission_that_the_operation_finds_missing_is_told_once_with_domain_and_action() {
    let server = at_one_moment().await;
    let alice = server.user("acme", "alice").await;
    server.user("victim", "bob").await;
    let member = json!({ "username": "alice", "domain_name": "victim" });
    for (method, path, body, operation, lacking) in [
        (
            "GET",
            "/v2/rbac-manager/roles/read-only/members?domain_name=victim",
            None,
            "list_role_members",
            "domain=victim action=listRoleMembers",
        ),
        ("GET", "/v2/rbac-manager/users/bob/roles", None, "list_user_roles", "domain=acme action=listRoleMembers"),
        ("GET", "/v2/auth/check?account=victim", None, "check_auth", "domain=victim action=getAccount"),
        (
            "POST",
            "/v2/auth/check?account=victim&action=getUser",
            None,
            "check_auth_by_post",
            "domain=victim action=getUser",
        ),
        (
            "POST",
            "/v2/rbac-manager/roles/read-only/members",
            Some(&member),
            "add_role_user",
            "domain=victim action=createRoleMember",
        ),
        ("GET", "/v2/accounts", None, "list_accounts", "domain=system action=listAccounts"),
    ] {
        let before = refused(&server).await.len();
        let request = alice.request(method, path);
        let answer = crate::support::send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        let new = refused(&server).await.split_off(before);
        let [record] = &new[..] else { panic!("{path}: {new:?}") };
        assert_eq!((&record["type"], &record["count"]), (&json!("system.security.permission_denied"), &json!(1)));
        assert_eq!(
            details(record, &["user", "user_account", "operation", "address"]),
            ["alice", "acme", operation, "127.0.0.1"].map(Value::from)
        );
        assert!(record["details"]["why"].as_str().unwrap().contains(lacking), "{record}");
        assert_eq!(record["request_id"], answer.header("x-request-id"));
    }
}

#[tokio::test]
async fn right_password_of_a_disabled_account_is_refused_on_record_at_every_door() {
    let server = at_one_moment().await;
    let alice = server.user("acme", "alice").await;
    server.set_state("acme", "disabled").await;
    let before = records(&server).await.len();
    let login = json!({ "username": "alice", "password": PASSWORD });
    let console = server.nobody().request("POST", "/console/session").header("x-requested-with", "kedge-console");
    alice.get("/v2/user").await.expect(403);
    server.ask_for_tokens("alice", PASSWORD).await.expect(403);
    crate::support::send(console.json(&login)).await.expect(403);
    let mut told: Vec<_> = refused(&server)
        .await
        .iter()
        .map(|record| {
            let details = details(record, &["operation", "user", "user_account", "signed_in_by"]);
            (record["type"].clone(), record["count"].clone(), details)
        })
        .collect();
    told.sort_unstable_by_key(|(.., details)| details[0].to_string());
    let expected = ["get_oauth_token", "get_user", "sign_in_to_console"].map(|operation| {
        let details = [operation, "alice", "acme", "password"].map(Value::from).to_vec();
        (json!("system.security.permission_denied"), json!(1), details)
    });
    assert_eq!(told, expected);
    assert_eq!(records(&server).await.len(), before + 3, "no sign-in counts as one");
}
