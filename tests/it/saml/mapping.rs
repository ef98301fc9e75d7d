//! Whom an answer means: users, accounts, roles and groups.

use serde_json::{Value, json};

use crate::support::{Answer, Options, Server, assert_error, idp::Says};

const WONDERLAND: &str = "/v2/rbac-manager/saml/idps/wonderland";

/// A server whose provider speaks unasked.
async fn server(changes: Value) -> Server {
    let server = Server::start().await;
    configure(&server, changes, true).await;
    server
}

async fn configure(server: &Server, mut changes: Value, new: bool) {
    changes["allow_unsolicited"] = json!(true);
    if new {
        return server.idp(changes).await;
    }
    server.admin().put(WONDERLAND, crate::support::idp::configuration(&changes)).await.expect(200);
}

fn says(name: &str, attributes: &[(&str, &str)]) -> Says {
    attributes.iter().fold(Says::of(name, None), |says, (name, value)| says.with(name, value))
}

async fn user(server: &Server, answer: Answer) -> Value {
    let token = answer.expect(200)["token"].as_str().unwrap().to_owned();
    server.bearer(&token).get("/v2/user").await.expect(200)
}

/// Role and account of each grant, sorted.
fn grants(user: &Value) -> Vec<String> {
    let roles = user["unified_roles"].as_array().unwrap();
    roles.iter().map(|role| format!("{} in {}", role["role_name"], role["domain_name"]).replace('"', "")).collect()
}

#[track_caller]
fn assert_refused(answer: &Answer, why: &str) {
    assert_error(answer, 403, &format!("Not authorized. {why}"));
}

#[tokio::test]
async fn user_is_the_name_id_or_the_attribute() {
    let server = server(json!({ "idp_username_attribute": "uid" })).await;
    let made = user(&server, says("opaque/name=", &[("uid", "alice")]).to(&server).await).await;
    assert_eq!(made["username"], "alice");
    let missing = "The identity provider did not send the attribute uid.";
    for attributes in [&[][..], &[("uid", "")], &[("UID", "alice")]] {
        assert_refused(&says("alice", attributes).to(&server).await, missing);
    }
    for name in ["admin", "system", "anchore-system", "_api_key", "a", "al/ice", " alice", "alice ", "Alicé"] {
        let why = format!("The identity provider names the user {name}, which is not allowed.");
        assert_refused(&says("alice", &[("uid", name)]).to(&server).await, &why);
    }
    // A colon is possible for users who never sign in by Basic.
    let made = user(&server, says("x", &[("uid", "urn:alice")]).to(&server).await).await;
    assert_eq!(made["username"], "urn:alice");
}

#[tokio::test]
async fn account_is_the_default_or_the_attributes() {
    let server = server(json!({ "default_account": null, "idp_account_attribute": "team" })).await;
    let made = user(&server, says("alice", &[("team", "tea-party")]).to(&server).await).await;
    assert_eq!(made["account_name"], "tea-party");
    assert_eq!(server.admin().get("/v2/accounts/tea-party").await.expect(200)["type"], "user");
    let missing = "The identity provider did not send the attribute team.";
    for attributes in [&[][..], &[("team", "")], &[("team", ""), ("team", "tea-party")]] {
        assert_refused(&says("hatter", attributes).to(&server).await, missing);
    }
    let several = &[("team", "tea-party"), ("team", "croquet")];
    let why = "The identity provider names several accounts, but none of them is configured as the home of new users.";
    assert_refused(&says("hatter", several).to(&server).await, why);
    // Nobody was made meanwhile, nor an account.
    server.admin().get("/v2/accounts/croquet").await.expect(404);
    server.admin().get("/v2/accounts/tea-party/users/hatter").await.expect(404);
}

#[tokio::test]
async fn several_accounts_get_the_roles_and_the_default_is_the_home() {
    let server = server(json!({ "idp_account_attribute": "team", "idp_role_attribute": "role" })).await;
    let attributes = &[("team", "tea-party"), ("team", "croquet"), ("role", "read-only"), ("role", "image-developer")];
    let made = user(&server, says("alice", attributes).to(&server).await).await;
    assert_eq!(made["account_name"], "wonderland");
    let expected = [
        "image-developer in croquet",
        "read-only in croquet",
        "image-developer in tea-party",
        "read-only in tea-party",
    ];
    assert_eq!(grants(&made), expected);
    // The attribute must be there, even with a default.
    let missing = "The identity provider did not send the attribute team.";
    assert_refused(&says("alice", &[("role", "read-only")]).to(&server).await, missing);
    // One account is the home.
    let made = user(&server, says("hatter", &[("team", "croquet"), ("role", "read-only")]).to(&server).await).await;
    assert_eq!((made["account_name"].as_str(), grants(&made)), (Some("croquet"), vec!["read-only in croquet".into()]));
}

#[tokio::test]
async fn roles_are_applied_at_the_first_sign_in_only() {
    let server = server(json!({ "idp_role_attribute": "role" })).await;
    let first = user(&server, says("alice", &[("role", "read-only")]).to(&server).await).await;
    assert_eq!(grants(&first), ["read-only in wonderland"]);
    let second = user(&server, says("alice", &[("role", "full-control")]).to(&server).await).await;
    assert_eq!(grants(&second), ["read-only in wonderland"]);
    // But the attribute must be there each time, and possible.
    let missing = "The identity provider did not send the attribute role.";
    assert_refused(&says("alice", &[]).to(&server).await, missing);
    let unknown = "The identity provider names the role no-such, which does not exist.";
    assert_refused(&says("alice", &[("role", "no-such")]).to(&server).await, unknown);
    // What was taken away by hand stays away.
    let members = "/v2/rbac-manager/roles/read-only/members?username=alice&domain_name=wonderland";
    server.admin().delete(members).await.expect(204);
    let third = user(&server, says("alice", &[("role", "read-only")]).to(&server).await).await;
    assert_eq!(grants(&third), Vec::<String>::new());
}

#[tokio::test]
async fn reserved_and_disallowed_accounts_and_roles_are_refused() {
    let changes = json!({
        "idp_account_attribute": "team", "idp_role_attribute": "role", "default_account": null,
        "allowed_accounts": ["tea-*", "croquet"], "allowed_roles": ["read-*"],
    });
    let server = server(changes.clone()).await;
    for account in ["admin", "system", "anchore-system", "oz", "tea", "croquet2", "a/b"] {
        let answer = says("alice", &[("team", account), ("role", "read-only")]).to(&server).await;
        assert_refused(&answer, &format!("The identity provider names the account {account}, which is not allowed."));
    }
    let answer = says("alice", &[("team", "croquet"), ("role", "full-control")]).to(&server).await;
    assert_refused(&answer, "The identity provider names the role full-control, which is not allowed.");
    let made = user(&server, says("alice", &[("team", "tea-party"), ("role", "read-write")]).to(&server).await).await;
    assert_eq!(grants(&made), ["read-write in tea-party"]);
    // Reserved ones stay reserved where nothing is said.
    let open = json!({ "idp_account_attribute": "team", "idp_role_attribute": "role", "default_account": null });
    configure(&server, open, false).await;
    for account in ["admin", "users"] {
        let answer = says("alice", &[("team", account), ("role", "full-control")]).to(&server).await;
        assert_refused(&answer, &format!("The identity provider names the account {account}, which is not allowed."));
    }
    user(&server, says("hatter", &[("team", "oz-2"), ("role", "full-control")]).to(&server).await).await;
}

#[tokio::test]
async fn accounts_that_take_nobody_are_told() {
    let server = server(json!({ "idp_account_attribute": "team", "allow_account_creation": false })).await;
    let say = |name, team| says(name, &[("team", team)]);
    assert_refused(&say("alice", "oz-1").to(&server).await, "There is no account oz-1.");
    server.account("oz-1").await;
    user(&server, say("alice", "oz-1").to(&server).await).await;
    server.set_state("oz-1", "disabled").await;
    for name in ["alice", "hatter"] {
        assert_refused(&say(name, "oz-1").to(&server).await, "Account oz-1 not enabled.");
    }
    server.admin().delete("/v2/accounts/oz-1").await.expect(204);
    for name in ["alice", "hatter"] {
        let answer = say(name, "oz-1").to(&server).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
}

#[tokio::test]
async fn name_of_another_user_is_refused() {
    let server = server(json!({})).await;
    server.user("wonderland", "alice").await;
    let taken = "The name belongs to another user.";
    assert_refused(&says("alice", &[]).to(&server).await, taken);
    // The native user goes on as before, and signs in by its password alone.
    server.basic("alice", crate::support::PASSWORD).get("/v2/user").await.expect(200);
    let other = crate::support::idp::configuration(&json!({ "name": "oz", "allow_unsolicited": true }));
    server.admin().post("/v2/rbac-manager/saml/idps", other).await.expect(200);
    let user = json!({ "username": "hatter", "user_type": "saml", "idp_name": "oz" });
    server.admin().post("/v2/accounts/wonderland/users", user).await.expect(200);
    assert_refused(&says("hatter", &[]).to(&server).await, taken);
}

#[tokio::test]
async fn saml_user_is_made_by_hand() {
    let server = server(json!({ "default_role": "read-only" })).await;
    let users = "/v2/accounts/wonderland/users";
    server.account("wonderland").await;
    let admin = server.admin();
    let made = json!({ "username": "alice", "user_type": "saml", "idp_name": "wonderland" });
    let user = admin.post(users, made).await.expect(200);
    assert_eq!((user["type"].as_str(), user["idp_name"].as_str()), (Some("saml"), Some("wonderland")));
    assert_eq!(user["source"], "https://idp.wonderland.test/metadata");
    let unknown = json!({ "username": "hatter", "user_type": "saml", "idp_name": "oz" });
    let why = "Invalid user request: Unknown identity provider oz";
    assert_error(&admin.post(users, unknown).await, 400, why);
    for (body, part) in [
        (json!({ "username": "hatter", "user_type": "saml" }), "idp_name"),
        (
            json!({ "username": "hatter", "user_type": "saml", "idp_name": "wonderland", "password": "through-the-glass" }),
            "password",
        ),
    ] {
        crate::support::assert_problem(&admin.post(users, body).await, 400, part);
    }
    // It has no password, and can be given none.
    let credentials = format!("{users}/alice/credentials");
    assert_eq!(admin.get(&credentials).await.expect(200), json!([]));
    let password = json!({ "type": "password", "value": "through-the-glass" });
    assert_error(&admin.post(&credentials, password).await, 400, "A saml user cannot have a password");
    server.basic("alice", "through-the-glass").get("/v2/user").await.expect(401);
    // Its first sign-in gives it the role, in the account that it was made in or not.
    let signed_in = self::user(&server, says("alice", &[]).to(&server).await).await;
    assert_eq!(grants(&signed_in), ["read-only in wonderland"]);
}

#[tokio::test]
async fn only_users_that_are_there_sign_in_where_that_is_configured() {
    let environment = vec![("KEDGE_USER_AUTHENTICATION__SSO_REQUIRE_EXISTING_USERS", "true")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    configure(&server, json!({}), true).await;
    assert_eq!(server.admin().get(WONDERLAND).await.expect(200)["require_existing_users"], true);
    assert_refused(&says("alice", &[]).to(&server).await, "The user must be created before they can sign in.");
    server.admin().get("/v2/accounts/wonderland").await.expect(404);
    server.account("wonderland").await;
    let made = json!({ "username": "alice", "user_type": "saml", "idp_name": "wonderland" });
    server.admin().post("/v2/accounts/wonderland/users", made).await.expect(200);
    user(&server, says("alice", &[]).to(&server).await).await;
}

/// Else what an administrator never asked for would outlast the deployment's setting.
#[tokio::test]
async fn what_the_deployment_requires_is_not_the_providers_when_it_is_read_and_sent_back() {
    let server = server(json!({})).await;
    let admin = server.admin();
    let require = async |all: bool| {
        let key = "user_authentication.sso_require_existing_users";
        let path = format!("/v2/system/configurations/{key}");
        admin.put(&path, json!({ "key": key, "value": all })).await.expect(200);
    };
    let required = async || admin.get(WONDERLAND).await.expect(200)["require_existing_users"].clone();
    let send_back = async || {
        let read = admin.get(WONDERLAND).await.expect(200);
        assert_eq!(admin.put(WONDERLAND, read).await.expect(200)["require_existing_users"], true);
    };
    require(true).await;
    assert_eq!(required().await, true);
    send_back().await;
    require(false).await;
    assert_eq!(required().await, false);
    // What is the provider's own stays so, until it is taken away.
    configure(&server, json!({ "require_existing_users": true }), false).await;
    require(true).await;
    send_back().await;
    require(false).await;
    assert_eq!(required().await, true);
    require(true).await;
    configure(&server, json!({ "require_existing_users": false }), false).await;
    require(false).await;
    assert_eq!(required().await, false);
}

#[tokio::test]
async fn provider_can_require_users_that_are_there() {
    let server = server(json!({ "require_existing_users": true })).await;
    server.idp(json!({ "name": "oz", "sp_entity_id": "https://kedge.oz.test/saml" })).await;
    let required = async |name: &str| {
        let path = format!("/v2/rbac-manager/saml/idps/{name}");
        server.admin().get(&path).await.expect(200)["require_existing_users"].clone()
    };
    assert_eq!([required("wonderland").await, required("oz").await], [json!(true), json!(false)]);
    assert_refused(&says("alice", &[]).to(&server).await, "The user must be created before they can sign in.");
    configure(&server, json!({}), false).await;
    user(&server, says("alice", &[]).to(&server).await).await;
    // Those that are there sign in still.
    configure(&server, json!({ "require_existing_users": true }), false).await;
    user(&server, says("alice", &[]).to(&server).await).await;
    assert_refused(&says("hatter", &[]).to(&server).await, "The user must be created before they can sign in.");
}

#[tokio::test]
async fn groups_are_matched_at_every_sign_in() {
    let server = server(json!({})).await;
    let admin = server.admin();
    let mut ids = Vec::new();
    for (name, role) in [("walrus", "read-only"), ("carpenter", "image-developer"), ("oyster", "full-control")] {
        let made = admin.post("/v2/system/user-groups", json!({ "name": name })).await.expect(201);
        let id = made["group_uuid"].as_str().unwrap().to_owned();
        let roles = json!({ "domain_name": "wonderland", "roles": [{ "role": role }] });
        if ids.is_empty() {
            server.account("wonderland").await;
        }
        admin.post(&format!("/v2/system/user-groups/{id}/roles"), roles).await.expect(201);
        ids.push(id);
    }
    let mappings = format!("{WONDERLAND}/user-group-mappings");
    // The oyster is not mapped: what the provider says of it means nothing.
    admin.post(&mappings, json!({ "user_group_uuids": [ids[0], ids[1]] })).await.expect(200);
    let say = |groups: &[&str]| {
        let attributes: Vec<_> = groups.iter().map(|group| ("memberOf", *group)).collect();
        says("alice", &attributes)
    };
    let first = user(&server, say(&["walrus", "oyster", "unknown"]).to(&server).await).await;
    assert_eq!(grants(&first), ["read-only in wonderland"]);
    assert_eq!(first["unified_roles"][0]["grant_type"], "sso_group_membership");
    assert_eq!(first["unified_roles"][0]["granter"], "walrus");
    // What no longer matches ends, at once and for sessions that go on.
    let token = say(&["walrus"]).to(&server).await.expect(200)["token"].as_str().unwrap().to_owned();
    let earlier = server.bearer(&token);
    assert_eq!(grants(&earlier.get("/v2/user").await.expect(200)), ["read-only in wonderland"]);
    let second = user(&server, say(&["carpenter"]).to(&server).await).await;
    assert_eq!(grants(&second), ["image-developer in wonderland"]);
    assert_eq!(grants(&earlier.get("/v2/user").await.expect(200)), ["image-developer in wonderland"]);
    // What an admin did by hand stays, also where the provider had done it before.
    for id in [&ids[1], &ids[2]] {
        let users = json!({ "usernames": [{ "username": "alice" }] });
        admin.post(&format!("/v2/system/user-groups/{id}/users"), users).await.expect(201);
    }
    let third = user(&server, say(&[]).to(&server).await).await;
    assert_eq!(grants(&third), ["full-control in wonderland", "image-developer in wonderland"]);
    let kinds = third["unified_roles"].as_array().unwrap().iter().map(|role| role["grant_type"].as_str().unwrap());
    assert!(kinds.clone().all(|kind| kind == "group_membership"), "{:?}", kinds.collect::<Vec<_>>());
    // Of a mapping that ends, the memberships that came by it end too.
    user(&server, say(&["walrus"]).to(&server).await).await;
    admin.delete(&format!("{mappings}?user_group={}", ids[0])).await.expect(204);
    let left = admin.get("/v2/accounts/wonderland/users/alice").await.expect(200);
    assert_eq!(grants(&left), ["full-control in wonderland", "image-developer in wonderland"]);
}

#[tokio::test]
async fn groups_are_named_by_the_attribute_that_is_configured() {
    let server = server(json!({ "idp_groups_attribute": "groups" })).await;
    let admin = server.admin();
    let made = admin.post("/v2/system/user-groups", json!({ "name": "walrus" })).await.expect(201);
    let id = made["group_uuid"].as_str().unwrap();
    admin.post(&format!("{WONDERLAND}/user-group-mappings"), json!({ "user_group_uuids": [id] })).await.expect(200);
    user(&server, says("alice", &[("memberOf", "walrus")]).to(&server).await).await;
    let members = format!("/v2/system/user-groups/{id}/users");
    assert_eq!(admin.get(&members).await.expect(200)["items"], json!([]));
    user(&server, says("alice", &[("groups", "walrus")]).to(&server).await).await;
    assert_eq!(admin.get(&members).await.expect(200)["items"][0]["username"], "alice");
}
