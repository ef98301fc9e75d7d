//! A change and its record.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{execute, records, write_tally};
use crate::support::{Answer, CapturedLog, Client, PASSWORD, Server, idp, send};

/// What a client of the API does not do by a plain call: sign-ins by SAML and to the console are held in `sign_ins`,
/// the configuration where it is changed.
const ELSEWHERE: [&str; 6] = [
    "saml_sso",
    "patch_configuration",
    "put_configuration",
    "delete_configuration",
    "sign_in_to_console",
    "sign_out_of_console",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Admin,
    AdminByToken,
    Alice,
    AliceByToken,
    /// Signs in by the request itself.
    Alices,
    Stranger,
}

/// A call, and what its record says.
struct Call {
    operation: &'static str,
    who: Who,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    /// Type, id, account; `-`: none.
    resource: [&'static str; 3],
    names: &'static [&'static str],
}

const fn call(
    operation: &'static str,
    who: Who,
    (method, path): (&'static str, &'static str),
    body: &'static str,
    resource: [&'static str; 3],
    names: &'static [&'static str],
) -> Call {
    Call { operation, who, method, path, body, resource, names }
}

const GROUP: &str = "/v2/system/user-groups/{group}";
const GROUP_ROLES: &str = "/v2/system/user-groups/{group}/roles";
const GROUP_USERS: &str = "/v2/system/user-groups/{group}/users";
const BOB_KEYS: &str = "/v2/accounts/acme/users/bob/api-keys";
const BOB_KEY: &str = "/v2/accounts/acme/users/bob/api-keys/ci";
const BOB_PASSWORD: &str = "/v2/accounts/acme/users/bob/credentials";
const MEMBERS: &str = "/v2/rbac-manager/roles/read-only/members";
const PARTY: &str = "/v2/accounts/tea-party";
const IDP: &str = "/v2/rbac-manager/saml/idps/wonderland";
const MAPPINGS: &str = "/v2/rbac-manager/saml/idps/wonderland/user-group-mappings";
const KEY: &str = "/v2/user/api-keys/ci";

/// In an order in which each can be made.
#[rustfmt::skip]
const CALLS: &[Call] = &[
    call("create_account", Who::Admin, ("POST", "/v2/accounts"), r#"{"name":"tea-party"}"#,
         ["account", "tea-party", "tea-party"], &["tea-party"]),
    call("update_account", Who::AdminByToken, ("PUT", PARTY), r#"{"email":"tea@wonderland.test"}"#,
         ["account", "tea-party", "tea-party"], &[]),
    call("update_account_state", Who::Admin, ("PUT", "/v2/accounts/tea-party/state"), r#"{"state":"disabled"}"#,
         ["account", "tea-party", "tea-party"], &[]),
    call("delete_account", Who::Admin, ("DELETE", PARTY), "", ["account", "tea-party", "tea-party"], &[]),
    call("create_user", Who::AdminByToken, ("POST", "/v2/accounts/acme/users"),
         r#"{"username":"bob","password":"off-with-their-heads"}"#, ["user", "bob", "acme"], &["bob"]),
    call("create_user_credential", Who::Admin, ("POST", BOB_PASSWORD),
         r#"{"type":"password","value":"painting-the-roses"}"#, ["credential", "bob", "acme"], &[]),
    call("create_user_api_key", Who::Admin, ("POST", BOB_KEYS), r#"{"name":"ci"}"#, ["api_key", "ci", "acme"], &["ci"]),
    call("patch_user_api_key", Who::Admin, ("PATCH", BOB_KEY), r#"{"status":"revoked"}"#,
         ["api_key", "ci", "acme"], &[]),
    call("delete_user_api_key", Who::Admin, ("DELETE", BOB_KEY), "", ["api_key", "ci", "acme"], &[]),
    call("add_role_user", Who::Admin, ("POST", MEMBERS), r#"{"username":"bob","domain_name":"acme"}"#,
         ["role_member", "bob", "acme"], &["bob", "read-only"]),
    call("delete_role_user", Who::Admin, ("DELETE", "/v2/rbac-manager/roles/read-only/members?username=bob&domain_name=acme"),
         "", ["role_member", "bob", "acme"], &["bob", "read-only"]),
    call("delete_user_credential", Who::AdminByToken, ("DELETE", "/v2/accounts/acme/users/bob/credentials?credential_type=password"), "", ["credential", "bob", "acme"], &[]),
    call("create_user_group", Who::Admin, ("POST", "/v2/system/user-groups"), r#"{"name":"hatters"}"#,
         ["user_group", "{group}", "admin"], &["{group}", "hatters"]),
    call("update_user_group", Who::Admin, ("PATCH", GROUP), r#"{"description":"mad"}"#,
         ["user_group", "{group}", "admin"], &[]),
    call("add_user_group_roles", Who::Admin, ("POST", GROUP_ROLES),
         r#"{"domain_name":"acme","roles":[{"role":"read-only"}]}"#, ["user_group", "{group}", "acme"], &["hatters", "acme", "read-only"]),
    call("add_user_group_users", Who::Admin, ("POST", GROUP_USERS), r#"{"usernames":[{"username":"bob"}]}"#,
         ["user_group", "{group}", "acme"], &["hatters", "bob"]),
    call("add_idp", Who::Admin, ("POST", "/v2/rbac-manager/saml/idps"), "{idp}",
         ["identity_provider", "wonderland", "admin"], &["wonderland"]),
    call("update_idp", Who::Admin, ("PUT", IDP), "{idp}", ["identity_provider", "wonderland", "admin"], &[]),
    call("add_idp_user_groups", Who::Admin, ("POST", MAPPINGS), r#"{"user_group_uuids":["{group}"]}"#,
         ["identity_provider", "wonderland", "admin"], &["{group}"]),
    call("delete_idp_user_group", Who::Admin, ("DELETE", "/v2/rbac-manager/saml/idps/wonderland/user-group-mappings?user_group={group}"),
         "", ["identity_provider", "wonderland", "admin"], &["{group}"]),
    call("delete_idp", Who::Admin, ("DELETE", IDP), "", ["identity_provider", "wonderland", "admin"], &[]),
    call("delete_user_group_users", Who::Admin, ("DELETE", "/v2/system/user-groups/{group}/users?username=bob"), "",
         ["user_group", "{group}", "acme"], &["hatters", "bob"]),
    call("delete_user_group_role", Who::Admin, ("DELETE", "/v2/system/user-groups/{group}/roles?all_roles_for_account=acme"), "",
         ["user_group", "{group}", "acme"], &["hatters", "acme", "read-only"]),
    call("delete_user_group", Who::Admin, ("DELETE", GROUP), "", ["user_group", "{group}", "admin"], &[]),
    call("delete_user", Who::Admin, ("DELETE", "/v2/accounts/acme/users/bob"), "", ["user", "bob", "acme"], &[]),
    call("create_api_key", Who::Alice, ("POST", "/v2/user/api-keys"), r#"{"name":"ci"}"#, ["api_key", "ci", "acme"], &["ci"]),
    call("patch_api_key", Who::AliceByToken, ("PATCH", KEY), r#"{"status":"revoked"}"#, ["api_key", "ci", "acme"], &[]),
    call("delete_api_key", Who::AliceByToken, ("DELETE", KEY), "", ["api_key", "ci", "acme"], &[]),
    call("set_new_log_level", Who::AdminByToken, ("POST", "/v2/system/logging"),
         r#"{"service_name":"api","logging_level":"default"}"#, ["logging", "-", "admin"], &[]),
    call("get_oauth_token", Who::Alices, ("POST", "/v2/oauth/token"),
         r#"{"username":"alice","password":"through-the-glass"}"#, ["session", "alice", "acme"], &["alice"]),
    call("revoke_oauth_token", Who::Stranger, ("POST", "/v2/oauth/revoke"), r#"{"token":"{refresh}"}"#,
         ["session", "{ended}", "acme"], &["{ended}"]),
    call("delete_session", Who::Alice, ("DELETE", "/v2/user/sessions/{session}"), "",
         ["session", "{session}", "acme"], &[]),
    call("add_credential", Who::Alice, ("POST", "/v2/user/credentials"),
         r#"{"type":"password","value":"painting-the-roses"}"#, ["credential", "-", "acme"], &[]),
];

/// Who calls, and what stands for the ids that calls made.
struct World {
    server: Server,
    admin_token: String,
    alice_token: String,
    refresh: String,
    /// The session of that token.
    ended: String,
    session: String,
    group: String,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        server.user("acme", "alice").await;
        let tokens = server.tokens("alice").await;
        let sid = |access: &str| crate::support::claims_of(access)["sid"].as_str().unwrap().to_owned();
        let (ended, session) = (sid(&tokens.access), sid(&server.tokens("alice").await.access));
        let admin = server.ask_for_tokens("admin", crate::support::ADMIN_PASSWORD).await.expect(200);
        let admin_token = admin["access_token"].as_str().unwrap().to_owned();
        let alice_token = server.tokens("alice").await.access;
        let (refresh, group) = (tokens.refresh, String::new());
        Self { server, admin_token, alice_token, refresh, ended, session, group }
    }

    fn client(&self, who: Who) -> Client {
        match who {
            Who::Admin => self.server.admin(),
            Who::AdminByToken => self.server.bearer(&self.admin_token),
            Who::Alice => self.server.basic("alice", PASSWORD),
            Who::AliceByToken => self.server.bearer(&self.alice_token),
            Who::Alices | Who::Stranger => self.server.nobody(),
        }
    }

    fn filled(&self, text: &str) -> String {
        let idp = idp::configuration(&json!({})).to_string();
        text.replace("{group}", &self.group)
            .replace("{session}", &self.session)
            .replace("{ended}", &self.ended)
            .replace("{refresh}", &self.refresh)
            .replace("{idp}", &idp)
    }

    async fn make(&mut self, call: &Call) -> Answer {
        let request = self.client(call.who).request(call.method, &self.filled(call.path));
        let body: Value = serde_json::from_str(&self.filled(call.body)).unwrap_or_default();
        let request = match &body {
            Value::Null => request,
            body if call.path.contains("/oauth/") => request.form(body),
            body => request.json(body),
        };
        let answer = send(request).await;
        if call.operation == "create_user_group" {
            answer.body["group_uuid"].as_str().unwrap().clone_into(&mut self.group);
        }
        answer
    }
}

/// User, account, means and hint, as a record has them.
fn actor(who: Who) -> [Value; 4] {
    let (admin, alice) = (Value::from("admin"), Value::from("alice"));
    let (acme, none) = (Value::from("acme"), Value::Null);
    match who {
        Who::Admin => [admin.clone(), admin, "password".into(), none],
        Who::AdminByToken => [admin.clone(), admin, "token".into(), none],
        Who::Alice | Who::Alices => [alice, acme, "password".into(), none],
        Who::AliceByToken => [alice, acme, "token".into(), none],
        Who::Stranger => [alice, acme, "refresh_token".into(), none],
    }
}

fn given(text: &str) -> Value {
    if text == "-" { Value::Null } else { text.into() }
}

#[tokio::test]
async fn each_change_has_one_record_that_says_who_what_on_what_and_from_where() {
    let mut world = World::new().await;
    write_tally(&world.server).await;
    for call in CALLS {
        let (before, logged) = (records(&world.server).await.len(), CapturedLog::length());
        let answer = world.make(call).await;
        assert!((200..300).contains(&answer.status), "{}: {answer:?}", call.operation);
        // What changes no row of the database comes with what is counted.
        write_tally(&world.server).await;
        let new = records(&world.server).await.split_off(before);
        let [record] = &new[..] else { panic!("{}: {new:?}", call.operation) };
        let details = &record["details"];
        assert_eq!(record["type"], format!("user.identity.{}", call.operation), "{record}");
        assert_eq!((&record["level"], &record["count"]), (&json!("info"), &json!(1)), "{record}");
        assert_eq!(record["request_id"], answer.header("x-request-id"), "{record}");
        let resource = [&record["resource_type"], &record["resource_id"], &record["account"]].map(Clone::clone);
        assert_eq!(resource, call.resource.map(|text| given(&world.filled(text))), "{record}");
        let who = ["user", "user_account", "signed_in_by", "key_hint"].map(|name| details[name].clone());
        assert_eq!(who, actor(call.who), "{record}");
        let names: Vec<_> = call.names.iter().map(|name| world.filled(name)).collect();
        assert_eq!(details["names"], if names.is_empty() { Value::Null } else { json!(names) }, "{record}");
        let path = world.filled(call.path);
        let path = path.split('?').next().unwrap();
        assert_eq!(
            ["operation", "method", "path", "address", "outcome"].map(|name| details[name].clone()),
            [call.operation, call.method, path, "127.0.0.1", "success"].map(Value::from),
            "{record}"
        );
        let message = record["message"].as_str().unwrap();
        assert!(message.contains(call.operation), "{message}");
        let lines = CapturedLog::since(logged);
        assert_eq!(lines.matches(record["event_id"].as_str().unwrap()).count(), 1, "one line of the log");
    }
    let all = json!(records(&world.server).await).to_string();
    for secret in [PASSWORD, "off-with-their-heads", "painting-the-roses", &world.refresh] {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}

#[tokio::test]
async fn every_operation_that_changes_something_is_called_and_has_its_type() {
    let (_, table, _) = kedge::routes().finish();
    let rows = table.rows().into_iter().filter(|(_, _, row)| row.recorded);
    let recorded: BTreeSet<_> = rows.map(|(_, _, row)| table.operation(&row).to_owned()).collect();
    let called: BTreeSet<_> = CALLS.iter().map(|call| call.operation.to_owned()).collect();
    let known: BTreeSet<_> = called.iter().cloned().chain(ELSEWHERE.map(str::to_owned)).collect();
    assert!(recorded.is_subset(&known), "called by no test: {:?}", recorded.difference(&known));
    assert!(called.is_subset(&recorded), "not recorded: {:?}", called.difference(&recorded));

    let server = Server::start().await;
    let types = server.admin().get("/v2/event-types").await.expect(200);
    let events = |category: usize| types[category]["subcategories"][0]["events"].as_array().unwrap();
    let listed: BTreeSet<_> = events(0).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, recorded.iter().map(|operation| format!("user.identity.{operation}")).collect());
    let others: Vec<_> = events(1).iter().map(|event| event["type"].as_str().unwrap()).collect();
    let other = |name: &str| format!("system.security.{name}");
    let expected = [
        "sign_in_failed",
        "permission_denied",
        "revoked_api_key_used",
        "refresh_token_reused",
        "password_reset",
        "signing_key_rotated",
        "idp_certificates_replaced",
    ];
    assert_eq!(others, expected.map(other));
    let of =
        |operation: &str| events(0).iter().find(|event| event["name"] == operation).unwrap()["resource_type"].clone();
    for call in CALLS {
        assert_eq!(of(call.operation), given(call.resource[0]), "{}", call.operation);
    }
}

#[tokio::test]
async fn older_paths_have_the_same_records() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.post("/v1/accounts", json!({ "name": "acme" })).await.expect(200);
    let alice = json!({ "username": "alice", "password": PASSWORD });
    admin.post("/v1/accounts/acme/users", alice).await.expect(200);
    admin.delete("/v1/accounts/acme/users/alice").await.expect(204);
    let types: Vec<_> = records(&server).await.iter().map(|record| record["type"].clone()).collect();
    assert_eq!(types, ["create_account", "create_user", "delete_user"].map(|name| format!("user.identity.{name}")));
}

#[tokio::test]
async fn change_that_fails_has_no_record() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let admin = server.admin();
    write_tally(&server).await;
    let before = records(&server).await.len();
    for (status, answer) in [
        (400, admin.post("/v2/accounts", json!({ "name": "" })).await),
        (400, admin.post("/v2/accounts", json!({ "nome": "x" })).await),
        (400, admin.delete("/v2/accounts/acme").await),
        (404, admin.delete("/v2/accounts/acme/users/nobody").await),
        (404, admin.put("/v2/accounts/nowhere/state", json!({ "state": "disabled" })).await),
        (404, admin.delete("/v2/user/api-keys/none").await),
        (404, admin.delete("/v2/accounts/acme/users/alice/api-keys/none").await),
        (404, admin.delete("/v2/user/sessions/00000000-0000-4000-8000-000000000000").await),
        (404, admin.delete("/v2/system/user-groups/00000000-0000-4000-8000-000000000000").await),
        (404, admin.delete("/v2/rbac-manager/roles/read-only/members?username=alice&domain_name=acme").await),
        (404, admin.delete("/v2/rbac-manager/saml/idps/none").await),
        (415, send(admin.request("POST", "/v2/accounts").body("name")).await),
        (405, admin.put("/v2/accounts", json!({})).await),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let again = admin.post("/v2/accounts", json!({ "name": "acme" })).await;
    assert!([400, 409].contains(&again.status), "{again:?}");
    write_tally(&server).await;
    assert_eq!(records(&server).await.split_off(before), [Value::Null; 0]);
}

#[tokio::test]
async fn change_that_was_made_before_has_a_record_again() {
    let server = Server::start().await;
    server.account("acme").await;
    let before = records(&server).await.len();
    for _ in 0..2 {
        server.set_state("acme", "disabled").await;
    }
    assert_eq!(records(&server).await.len(), before + 2);
}

#[tokio::test]
async fn reading_and_asking_have_no_record() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    let before = records(&server).await.len();
    let admin = server.admin();
    for path in ["/v2/accounts", "/v2/user", "/v2/events", "/v2/event-types", "/v2/system/user-groups"] {
        admin.get(path).await.expect(200);
    }
    admin.form("/v2/oauth/introspect", &[("token", &tokens.access)]).await.expect(200);
    send(admin.request("POST", "/v2/auth/check")).await.expect(200);
    server.refresh(&tokens.refresh).await.expect(200);
    write_tally(&server).await;
    assert_eq!(records(&server).await.len(), before);
}

#[tokio::test]
async fn change_whose_record_cannot_be_written_is_not_made() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let admin = server.admin();
    let database = server.app.db.options();
    let failing = "alter table audit_events add constraint nothing check (type like 'system.%') not valid";
    for (break_it, mend_it) in [
        (failing, "alter table audit_events drop constraint nothing"),
        ("alter table audit_events rename to elsewhere", "alter table elsewhere rename to audit_events"),
    ] {
        execute(&database, break_it).await.unwrap();
        for answer in [
            admin.post("/v2/accounts", json!({ "name": "tea-party" })).await,
            admin.put("/v2/accounts/acme/state", json!({ "state": "disabled" })).await,
            alice.post("/v2/user/api-keys", json!({ "name": "ci" })).await,
            admin.delete("/v2/accounts/acme/users/alice").await,
            server.ask_for_tokens("alice", PASSWORD).await,
        ] {
            assert!(answer.status >= 500, "{answer:?}");
        }
        execute(&database, mend_it).await.unwrap();
        admin.get("/v2/accounts/tea-party").await.expect(404);
        assert_eq!(admin.get("/v2/accounts/acme").await.expect(200)["state"], "enabled");
        alice.get("/v2/user/api-keys/ci").await.expect(404);
        assert_eq!(super::count(&server, "select count(*) from sessions").await, 0);
    }
    let before = records(&server).await.len();
    admin.post("/v2/accounts", json!({ "name": "tea-party" })).await.expect(200);
    assert_eq!(records(&server).await.len(), before + 1);
}

#[tokio::test]
async fn nothing_is_written_where_no_trail_is_kept() {
    let environment = vec![("KEDGE_AUDIT__ENABLED", "false")];
    let server = Server::start_with(crate::support::Options { environment, ..Default::default() }).await;
    let alice = server.user("acme", "alice").await;
    server.tokens("alice").await;
    alice.get("/v2/accounts").await.expect(403);
    server.basic("alice", "wrong-password").get("/v2/user").await.expect(401);
    write_tally(&server).await;
    assert_eq!(records(&server).await, [Value::Null; 0]);
}
