//! What a change of properties tells: which, and what they are now.

use serde_json::{Value, json};

use super::{records, write_tally};
use crate::support::{Client, Server, idp};

const KEY: &str = "/v2/user/api-keys/ci";
const IDP: &str = "/v2/rbac-manager/saml/idps/wonderland";

/// What the last record says that changed.
async fn changes(server: &Server) -> Value {
    write_tally(server).await;
    records(server).await.last().unwrap()["details"]["changes"].clone()
}

async fn patched(server: &Server, client: &Client, path: &str, body: Value) -> Value {
    client.patch(path, body).await.expect(200);
    changes(server).await
}

#[tokio::test]
async fn each_property_of_a_key_that_changed_is_told() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let value = server.key_of(&alice, "ci").await;
    for (body, expected) in [
        (json!({ "description": "mad" }), json!({ "description": "mad" })),
        (json!({ "description": "mad" }), Value::Null),
        (json!({ "description": "é".repeat(500) }), json!({ "description": format!("{}…", "é".repeat(200)) })),
        (json!({ "cidrs": ["10.1.2.3"] }), json!({ "cidrs": ["10.1.2.3/32"] })),
        (json!({ "status": "revoked", "description": "x" }), json!({ "status": "revoked", "description": "x" })),
    ] {
        assert_eq!(patched(&server, &alice, KEY, body.clone()).await, expected, "{body}");
    }
    assert!(!json!(records(&server).await).to_string().contains(&value));
}

#[tokio::test]
async fn renamed_key_is_found_by_both_its_names() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.key_of(&alice, "ci").await;
    let admin = server.admin();
    let of_user = "/v2/accounts/acme/users/alice/api-keys/ci";
    assert_eq!(patched(&server, &admin, of_user, json!({ "name": "cd" })).await, json!({ "name": "cd" }));
    alice.patch("/v2/user/api-keys/cd", json!({ "status": "revoked" })).await.expect(200);
    let history = async |name: &str| {
        let query = format!("/v2/events?resource_type=api_key&resource_id={name}");
        let found = admin.clone().acting_in("acme").get(&query).await.expect(200);
        let told = |event: &Value| {
            let kind = event["event"]["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            (kind, event["event"]["details"]["names"].clone(), event["event"]["details"]["changes"].clone())
        };
        found["results"].as_array().unwrap().iter().map(told).collect::<Vec<_>>()
    };
    let renamed = "patch_user_api_key".to_owned();
    assert_eq!(
        history("ci").await,
        [
            (renamed.clone(), Value::Null, json!({ "name": "cd" })),
            ("create_api_key".to_owned(), json!(["ci"]), Value::Null)
        ]
    );
    assert_eq!(
        history("cd").await,
        [
            ("patch_api_key".to_owned(), Value::Null, json!({ "status": "revoked" })),
            (renamed, json!(["ci"]), json!({ "name": "cd" })),
        ]
    );
}

#[tokio::test]
async fn settings_of_an_identity_provider_that_changed_are_told() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let put = async |change: Value| {
        server.admin().put(IDP, idp::configuration(&change)).await.expect(200);
        changes(&server).await
    };
    assert_eq!(put(json!({})).await, Value::Null);
    let less = json!({ "require_signed_assertions": false, "allowed_roles": ["read-*"] });
    assert_eq!(put(less.clone()).await, less);
    let back = json!({ "require_signed_assertions": true, "allowed_roles": null });
    assert_eq!(put(json!({})).await, back);
    let metadata = idp::metadata_of(idp::ENTITY, &[&idp::KEY, &idp::OTHER_KEY]);
    let told = put(json!({ "idp_metadata_xml": metadata })).await;
    let names: Vec<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["certificates", "idp_metadata_xml"]);
    let prints = told["certificates"].as_array().unwrap();
    assert!(prints.len() == 2 && prints.iter().all(|print| print.as_str().unwrap().len() == 64), "{prints:?}");
    let text = told["idp_metadata_xml"].as_str().unwrap();
    assert!(text.chars().count() == 201 && metadata.starts_with(text.trim_end_matches('…')), "{text}");
}

#[tokio::test]
async fn other_settings_that_changed_are_told() {
    let server = Server::start().await;
    server.account("acme").await;
    let admin = server.admin();
    let group = server.group("hatters").await;
    assert_eq!(
        patched(&server, &admin, &group, json!({ "description": "mad" })).await,
        json!({ "description": "mad" })
    );
    for (path, body, expected) in [
        ("/v2/accounts/acme", json!({ "email": "a@acme.test" }), json!({ "email": "a@acme.test" })),
        ("/v2/accounts/acme", json!({ "email": null }), json!({ "email": null })),
        ("/v2/accounts/acme/state", json!({ "state": "enabled" }), Value::Null),
        ("/v2/accounts/acme/state", json!({ "state": "disabled" }), json!({ "state": "disabled" })),
        ("/v2/accounts/acme/state", json!({ "state": "disabled" }), Value::Null),
    ] {
        admin.put(path, body).await.expect(200);
        assert_eq!(changes(&server).await, expected, "{path}");
    }
    let level = json!({ "service_name": "api", "logging_level": "default" });
    admin.post("/v2/system/logging", level.clone()).await.expect(200);
    assert_eq!(changes(&server).await, level);
    let key = "user_authentication.max_api_key_age_days";
    let path = format!("/v2/system/configurations/{key}");
    admin.put(&path, json!({ "key": key, "value": 30 })).await.expect(200);
    assert_eq!(changes(&server).await, json!({ (key): 30 }));
}
