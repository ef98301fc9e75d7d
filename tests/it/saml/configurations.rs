//! The configurations of identity providers.

use serde_json::{Value, json};

use crate::support::{
    Server, assert_error, assert_problem,
    idp::{ACS, OTHER_KEY, SP, configuration, metadata, metadata_of},
};

const IDPS: &str = "/v2/rbac-manager/saml/idps";
const WONDERLAND: &str = "/v2/rbac-manager/saml/idps/wonderland";

#[tokio::test]
async fn configuration_is_added_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut added = admin.post(IDPS, configuration(&json!({}))).await.expect(200);
    let stamps = ["created_at", "last_updated"].map(|name| added.as_object_mut().unwrap().remove(name).unwrap());
    assert_eq!(stamps[0], stamps[1]);
    let expected = json!({
        "name": "wonderland",
        "enabled": true,
        "acs_url": ACS,
        "sp_entity_id": SP,
        "idp_metadata_xml": metadata(),
        "default_account": "wonderland",
        "require_existing_users": false,
        "require_signed_assertions": true,
        "require_signed_response": true,
        "allow_unsolicited": false,
        "allow_assertion_grant": false,
        "allow_account_creation": true,
    });
    assert_eq!(added, expected);
    let got = admin.get(WONDERLAND).await.expect(200);
    assert_eq!(got["user_groups"], json!([]));
    assert_eq!(got["acs_url"], ACS);
    let changes = json!({
        "enabled": false,
        "acs_https_port": 8443,
        "default_role": "read-only",
        "idp_groups_attribute": "groups",
        "idp_username_attribute": "uid",
        "allowed_accounts": ["wonder*"],
        "allowed_roles": ["read-*"],
        "created_at": "what is read only is ignored",
        "require_existing_users": true,
        "unknown": 1,
    });
    let after = admin.put(WONDERLAND, configuration(&changes)).await.expect(200);
    assert_eq!(after["allowed_accounts"], json!(["wonder*"]));
    assert_eq!(after["acs_https_port"], 8443);
    assert_eq!(after["require_existing_users"], true);
    assert_eq!(after["created_at"], stamps[0]);
    let got = admin.get(WONDERLAND).await.expect(200);
    assert_eq!((got["enabled"].as_bool(), got["default_role"].as_str()), (Some(false), Some("read-only")));
    assert_eq!(got["require_existing_users"], true);
    admin.delete(WONDERLAND).await.expect(204);
    assert_error(&admin.get(WONDERLAND).await, 404, "Identity provider not found");
    assert_error(&admin.delete(WONDERLAND).await, 404, "Identity provider not found");
    assert_error(&admin.put(WONDERLAND, configuration(&json!({}))).await, 404, "Identity provider not found");
}

#[tokio::test]
async fn name_is_taken_once_and_stays() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let again = server.admin().post(IDPS, configuration(&json!({}))).await;
    assert_error(&again, 409, "Identity provider already exists");
    let renamed = server.admin().put(WONDERLAND, configuration(&json!({ "name": "other" }))).await;
    assert_problem(&renamed, 400, "'name'");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_name() {
    let server = Server::start().await;
    let admin = server.admin();
    let long = "x".repeat(1025);
    let foreign = metadata().replace("IDPSSODescriptor", "SPSSODescriptor");
    for (changes, part) in [
        (json!({ "name": "with space" }), "'name'"),
        (json!({ "name": "" }), "'name'"),
        (json!({ "name": "n".repeat(129) }), "'name'"),
        (json!({ "acs_url": "/relative" }), "'acs_url'"),
        (json!({ "acs_url": "javascript:alert(1)" }), "'acs_url'"),
        (json!({ "acs_url": "" }), "'acs_url'"),
        (json!({ "acs_https_port": 0 }), "'acs_https_port'"),
        (json!({ "acs_https_port": 65536 }), "'acs_https_port'"),
        (json!({ "sp_entity_id": long }), "'sp_entity_id'"),
        (json!({ "sp_entity_id": "a\u{7}b" }), "'sp_entity_id'"),
        (json!({ "sp_entity_id": Value::Null }), "'sp_entity_id'"),
        (json!({ "enabled": "yes" }), "'enabled'"),
        (json!({ "default_account": "admin" }), "'default_account' is reserved"),
        (json!({ "default_account": "system" }), "'default_account' is reserved"),
        (json!({ "default_account": "users" }), "'default_account' is reserved"),
        (json!({ "default_account": "anchore-system" }), "'default_account' is reserved"),
        (json!({ "default_account": "a" }), "'default_account'"),
        (json!({ "default_account": "bad/name" }), "'default_account'"),
        (json!({ "default_account": "oz", "allowed_accounts": ["wonder*"] }), "'default_account'"),
        (json!({ "default_role": "no-such-role" }), "'default_role'"),
        (json!({ "default_role": "full-control", "allowed_roles": ["read-*"] }), "'default_role'"),
        (json!({ "allowed_roles": [""] }), "'allowed_roles'"),
        (json!({ "allowed_accounts": vec!["x"; 101] }), "'allowed_accounts'"),
        (json!({ "idp_metadata_xml": "no xml" }), "'idp_metadata_xml' is not usable metadata"),
        (json!({ "idp_metadata_xml": "<EntityDescriptor/>" }), "has no EntityDescriptor of SAML 2.0"),
        (json!({ "idp_metadata_xml": foreign }), "has no IDPSSODescriptor"),
        (json!({ "idp_metadata_xml": metadata().replace("signing", "encryption") }), "no X509Certificate"),
        (
            json!({ "idp_metadata_xml": metadata().replace("X509Certificate>MI", "X509Certificate>!!") }),
            "cannot be read",
        ),
        (
            json!({ "idp_metadata_xml": metadata().replace("X509Certificate>MI", &format!("X509Certificate>M{}", "é".repeat(99))) }),
            "cannot be read",
        ),
        (json!({ "idp_metadata_xml": metadata().replace("HTTP-Redirect", "HTTP-POST") }), "HTTP-Redirect"),
        (
            json!({ "idp_metadata_xml": metadata().replace("https://idp.wonderland.test/sso", "javascript:x") }),
            "Location",
        ),
        (json!({ "idp_metadata_xml": metadata().replace(" entityID", " x") }), "entityID"),
        (
            json!({ "idp_metadata_xml": metadata().replace(" entityID", " validUntil=\"2020-01-01T00:00:00Z\" entityID") }),
            "has expired",
        ),
        (json!({ "idp_metadata_xml": metadata().replace(" entityID", " validUntil=\"soon\" entityID") }), "validUntil"),
        (json!({ "idp_metadata_xml": format!("<!DOCTYPE x>{}", metadata()) }), "'idp_metadata_xml'"),
        (
            json!({ "idp_metadata_xml": format!("<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}</EntitiesDescriptor>", metadata()) }),
            "several entities",
        ),
    ] {
        assert_problem(&admin.post(IDPS, configuration(&changes)).await, 400, part);
    }
    for (changes, why) in [
        (json!({ "idp_metadata_xml": null }), "exactly one of idp_metadata_url and idp_metadata_xml must be given"),
        (json!({ "idp_metadata_xml": "" }), "exactly one of idp_metadata_url and idp_metadata_xml must be given"),
        (
            json!({ "idp_metadata_url": "https://idp.test/" }),
            "exactly one of idp_metadata_url and idp_metadata_xml must be given",
        ),
        (
            json!({ "default_role": "read-only", "idp_role_attribute": "role" }),
            "default_role and idp_role_attribute exclude each other",
        ),
        (json!({ "default_account": null }), "at least one of default_account and idp_account_attribute must be given"),
    ] {
        let refused = admin.post(IDPS, configuration(&changes)).await;
        assert_error(&refused, 400, &format!("Invalid identity provider configuration: {why}"));
    }
    assert_eq!(admin.get(IDPS).await.expect(200), json!([]));
}

#[tokio::test]
async fn metadata_may_be_commented_and_begin_with_a_byte_order_mark() {
    let server = Server::start().await;
    let xml = format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- ours -->\n{}\n", metadata());
    server.idp(json!({ "idp_metadata_xml": xml })).await;
}

#[tokio::test]
async fn strangers_see_enabled_names_and_admins_all() {
    let server = Server::start().await;
    server.idp(json!({ "name": "b-enabled" })).await;
    server.idp(json!({ "name": "c-disabled", "enabled": false })).await;
    server.idp(json!({ "name": "a-enabled" })).await;
    let alice = server.user("wonderland", "alice").await;
    let key = server.key_of(&server.admin(), "ci").await;
    let enabled = json!(["a-enabled", "b-enabled"]);
    for client in [server.nobody(), alice, server.key(&key)] {
        assert_eq!(client.get(IDPS).await.expect(200), enabled);
    }
    assert_eq!(server.admin().get(IDPS).await.expect(200), json!(["a-enabled", "b-enabled", "c-disabled"]));
    assert_eq!(server.basic("admin", "wrong-password").get(IDPS).await.expect(200), enabled);
}

#[tokio::test]
async fn only_admins_configure_and_never_with_a_key() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let alice = server.user("wonderland", "alice").await;
    let role = json!({ "username": "alice", "domain_name": "wonderland" });
    server.admin().post("/v2/rbac-manager/roles/full-control/members", role).await.expect(200);
    let key = server.key_of(&server.admin(), "ci").await;
    let mappings = format!("{WONDERLAND}/user-group-mappings");
    for (client, message) in [
        (alice, "Not authorized. Requires permissions: domain=system action=* target=*"),
        (server.key(&key), "Not authorized. Operation not allowed with an API key"),
    ] {
        assert_error(&client.get(WONDERLAND).await, 403, message);
        assert_error(&client.post(IDPS, configuration(&json!({ "name": "x" }))).await, 403, message);
        assert_error(&client.put(WONDERLAND, configuration(&json!({}))).await, 403, message);
        assert_error(&client.delete(WONDERLAND).await, 403, message);
        assert_error(&client.get(&mappings).await, 403, message);
        assert_error(&client.post(&mappings, json!({ "user_group_uuids": [] })).await, 403, message);
        assert_error(&client.delete(&format!("{mappings}?user_group=x")).await, 403, message);
    }
    server.nobody().get(WONDERLAND).await.expect(401);
}

#[tokio::test]
async fn deleting_one_deletes_its_users_and_what_they_hold() {
    let environment = vec![("KEDGE_USER_AUTHENTICATION__ALLOW_API_KEYS_FOR_SAML_USERS", "true")];
    let server = Server::start_with(crate::support::Options { environment, ..Default::default() }).await;
    server.idp(json!({})).await;
    let alice = server.sso("alice").await;
    let key = server.key(&server.key_of(&alice, "ci").await);
    server.user("wonderland", "hatter").await;
    key.get("/v2/user").await.expect(200);
    server.admin().delete(WONDERLAND).await.expect(204);
    alice.get("/v2/user").await.expect(401);
    key.get("/v2/user").await.expect(401);
    let left = server.admin().get("/v2/accounts/wonderland/users").await.expect(200);
    assert_eq!(crate::support::names(&left, "username"), ["hatter"]);
    // One of the same name is another: nobody lives on in it.
    server.idp(json!({})).await;
    let users = server.admin().get("/v2/accounts/wonderland/users").await.expect(200);
    assert_eq!(users.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn groups_are_mapped_and_unmapped() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let admin = server.admin();
    let mappings = format!("{WONDERLAND}/user-group-mappings");
    let mut ids = Vec::new();
    for name in ["walrus", "carpenter"] {
        let made = admin.post("/v2/system/user-groups", json!({ "name": name })).await.expect(201);
        ids.push(made["group_uuid"].as_str().unwrap().to_owned());
    }
    let mapped = admin.post(&mappings, json!({ "user_group_uuids": ids })).await.expect(200);
    assert_eq!(crate::support::names(&mapped, "user_group_name"), ["carpenter", "walrus"]);
    assert_eq!(mapped[1]["user_group_uuid"], ids[0]);
    assert!(mapped[0]["mapped_on"].is_string());
    // Again is the same.
    let again = admin.post(&mappings, json!({ "user_group_uuids": [ids[0]] })).await.expect(200);
    assert_eq!(again, mapped);
    let got = admin.get(WONDERLAND).await.expect(200);
    assert_eq!(crate::support::names(&got["user_groups"], "user_group"), ["carpenter", "walrus"]);
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (body, status, part) in
        [(json!({ "user_group_uuids": [] }), 400, "user_group_uuids"), (json!({}), 400, "user_group_uuids")]
    {
        assert_problem(&admin.post(&mappings, body).await, status, part);
    }
    for id in [unknown, "no-uuid"] {
        let missing = admin.post(&mappings, json!({ "user_group_uuids": [ids[0], id] })).await;
        assert_error(&missing, 404, &format!("User group not found. Name={id}"));
        let missing = admin.delete(&format!("{mappings}?user_group={}&user_group={id}", ids[0])).await;
        assert_error(&missing, 404, &format!("User group not found. Name={id}"));
    }
    // Nothing of a refused request was applied.
    assert_eq!(admin.get(&mappings).await.expect(200), mapped);
    assert_problem(&admin.delete(&mappings).await, 400, "user_group");
    admin.delete(&format!("{mappings}?user_group={}", ids[0])).await.expect(204);
    let left = admin.get(&mappings).await.expect(200);
    assert_eq!(crate::support::names(&left, "user_group_name"), ["carpenter"]);
    // A group that is deleted is mapped no more.
    admin.delete(&format!("/v2/system/user-groups/{}", ids[1])).await.expect(204);
    assert_eq!(admin.get(&mappings).await.expect(200), json!([]));
    assert_error(&admin.get(&mappings.replace("wonderland", "oz")).await, 404, "Identity provider not found");
}

#[tokio::test]
async fn another_entity_takes_its_users_along() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    server.sso("alice").await;
    let moved = metadata_of("https://idp.oz.test/", &[&OTHER_KEY]);
    let changes = configuration(&json!({ "idp_metadata_xml": moved }));
    server.admin().put(WONDERLAND, changes).await.expect(200);
    let alice = server.admin().get("/v2/accounts/wonderland/users/alice").await.expect(200);
    assert_eq!(alice["source"], "https://idp.oz.test/");
    assert_eq!(alice["idp_name"], "wonderland");
}
