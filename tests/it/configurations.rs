//! The configuration on the wire: what is shown, what can be changed, and that every node goes by it.

use serde_json::{Value, json};

use crate::support::{Client, Options, Server, assert_error, assert_problem};

const CONFIGURATIONS: &str = "/v2/system/configurations";
const AGE: &str = "user_authentication.max_api_key_age_days";
const MOST: &str = "user_authentication.max_api_keys_per_user";

async fn put(client: &Client, key: &str, value: Value) -> crate::support::Answer {
    client.put(&format!("{CONFIGURATIONS}/{key}"), json!({ "key": key, "value": value })).await
}

#[tokio::test]
async fn every_key_is_shown_and_no_secret_is() {
    let secret = "not-to-be-seen-by-anybody-0123456789";
    let environment = vec![("KEDGE_KEYS__SECRET", secret), ("KEDGE_CACHE__LEASE", "2")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let answer = server.admin().get(CONFIGURATIONS).await;
    assert!(!answer.text.contains(secret));
    let items = answer.expect(200)["items"].as_array().unwrap().clone();
    assert!(items.is_sorted_by_key(|item| item["key"].as_str().unwrap().to_owned()));
    let of = |key: &str| items.iter().find(|item| item["key"] == key).unwrap().clone();
    let sealed = of("keys.secret");
    assert_eq!((&sealed["value"], &sealed["is_secret"]), (&json!("[redacted]"), &json!(true)));
    let lease = of("cache.lease");
    assert_eq!(
        (&lease["value"], &lease["source"], &lease["is_editable"]),
        (&json!(2), &json!("config_file"), &json!(false))
    );
    let age = of(AGE);
    assert_eq!((&age["value"], &age["source"], &age["is_editable"]), (&json!(365), &json!("default"), &json!(true)));
    assert_eq!(age["config_schema"]["data_type"], "integer");
    assert_eq!((&age["config_schema"]["ge"], &age["config_schema"]["le"]), (&json!(1), &json!(36_500)));
    assert_eq!(age["description"], "Maximum lifetime of a new API key, in days.");
    let path = format!("{CONFIGURATIONS}/{AGE}");
    assert_eq!(server.admin().get(&path).await.expect(200), age);
    // What was read can be written back, whatever else stands in it.
    assert_eq!(server.admin().put(&path, age.clone()).await.expect(200)["value"], 365);
    server.admin().patch(CONFIGURATIONS, json!([age])).await.expect(200);
    let schema = server.admin().get(&format!("{CONFIGURATIONS}/schema")).await.expect(200);
    assert_eq!(schema["properties"].as_object().unwrap().len(), items.len());
    assert_eq!(schema["properties"][AGE]["maximum"], 36_500);
    assert_eq!(schema["properties"]["cache.lease"]["readOnly"], true);
}

#[tokio::test]
async fn change_counts_on_every_node_at_once_until_it_is_taken_back() {
    let server = Server::start().await;
    let other = server.another_node().await;
    let alice = server.user("wonderland", "alice").await;
    let changed = put(&server.admin(), AGE, json!(10)).await.expect(200);
    assert_eq!((&changed["value"], &changed["source"]), (&json!(10), &json!("api")));
    assert!(changed["uuid"].is_string() && changed["updated_at"].is_string());
    // Each node, the longest life that is asked for and the one that nobody asks for.
    let far = json!({ "name": "far", "expires_at": "2099-01-01T00:00:00Z" });
    for node in [&server, &other] {
        let on_node = node.basic("alice", crate::support::PASSWORD);
        assert_eq!(on_node.post("/v2/user/api-keys", far.clone()).await.status, 400);
    }
    alice.post("/v2/user/api-keys", json!({ "name": "one" })).await.expect(201);
    // As clients write it that know one type of numbers.
    assert_eq!(put(&other.admin(), MOST, json!(1.0)).await.expect(200)["value"], 1);
    assert!(alice.post("/v2/user/api-keys", json!({ "name": "two" })).await.status >= 400);
    assert_eq!(server.admin().delete(&format!("{CONFIGURATIONS}/{MOST}")).await.status, 204);
    alice.post("/v2/user/api-keys", json!({ "name": "two" })).await.expect(201);
    let shown = other.admin().get(&format!("{CONFIGURATIONS}/{MOST}")).await.expect(200);
    assert_eq!((&shown["value"], &shown["source"]), (&json!(100), &json!("default")));
    assert!(shown.get("uuid").is_none());
    // It is audited, and outlives the process.
    let events = server.admin().get("/v2/events?event_type=user.identity.put_configuration").await.expect(200);
    assert_eq!(events["item_count"], 2);
    let node = server.another_node().await;
    assert_eq!(node.admin().get(&format!("{CONFIGURATIONS}/{AGE}")).await.expect(200)["value"], 10);
}

#[tokio::test]
async fn what_the_operator_set_wins_and_cannot_be_changed() {
    let server = Server::start().await;
    put(&server.admin(), AGE, json!(10)).await.expect(200);
    let environment = vec![("KEDGE_USER_AUTHENTICATION__MAX_API_KEY_AGE_DAYS", "20")];
    let set = server.another_node_with(Options { environment, ..Options::default() }).await;
    let shown = set.admin().get(&format!("{CONFIGURATIONS}/{AGE}")).await.expect(200);
    assert_eq!(
        (&shown["value"], &shown["source"], &shown["is_editable"]),
        (&json!(20), &json!("config_file"), &json!(false))
    );
    let refused = put(&set.admin(), AGE, json!(30)).await;
    assert_error(
        &refused,
        409,
        "The key user_authentication.max_api_key_age_days cannot be changed: It is set in the configuration file or the \
         environment, which takes precedence",
    );
    assert_eq!(put(&set.admin(), "cache.lease", json!(3)).await.status, 409);
}

#[tokio::test]
async fn wrong_values_and_keys_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    for value in [json!(0), json!(36_501), json!(1.5), json!("10"), json!(true), json!(null), json!([10]), json!({})] {
        assert_problem(&put(&admin, AGE, value).await, 400, "must be a whole number from 1 to 36500");
    }
    let flag = "user_authentication.refuse_common_passwords";
    for value in [json!(0), json!("true"), json!(null)] {
        assert_problem(&put(&admin, flag, value).await, 400, "must be true or false");
    }
    assert_eq!(put(&admin, "no.such.key", json!(1)).await.status, 404);
    assert_eq!(admin.get(&format!("{CONFIGURATIONS}/no.such.key")).await.status, 404);
    assert_eq!(admin.delete(&format!("{CONFIGURATIONS}/no.such.key")).await.status, 404);
    let other = admin.put(&format!("{CONFIGURATIONS}/{AGE}"), json!({ "key": MOST, "value": 5 })).await;
    assert_problem(&other, 400, "must be the key in the path");
    assert_problem(&admin.put(&format!("{CONFIGURATIONS}/{AGE}"), json!({ "key": AGE })).await, 400, "value");
    // All or none.
    let both = json!([{ "key": AGE, "value": 10 }, { "key": MOST, "value": 0 }]);
    assert_eq!(admin.patch(CONFIGURATIONS, both).await.status, 400);
    let unknown = json!([{ "key": AGE, "value": 10 }, { "key": "no.such.key", "value": 0 }]);
    assert_problem(&admin.patch(CONFIGURATIONS, unknown).await, 400, "there is no key no.such.key");
    assert_eq!(admin.get(&format!("{CONFIGURATIONS}/{AGE}")).await.expect(200)["value"], 365);
    let both = json!([{ "key": AGE, "value": 10 }, { "key": MOST, "value": 5 }]);
    admin.patch(CONFIGURATIONS, both).await.expect(200);
    assert_eq!(admin.get(&format!("{CONFIGURATIONS}/{MOST}")).await.expect(200)["value"], 5);
}

#[tokio::test]
async fn only_administrators_may_and_no_key_may_change() {
    let server = Server::start().await;
    let alice = server.user("wonderland", "alice").await;
    let member = json!({ "username": "alice", "domain_name": "wonderland" });
    server.admin().post("/v2/rbac-manager/roles/full-control/members", member).await.expect(200);
    assert_eq!(alice.get(CONFIGURATIONS).await.status, 403);
    assert_eq!(put(&alice, AGE, json!(10)).await.status, 403);
    assert_eq!(server.nobody().get(CONFIGURATIONS).await.status, 401);
    let key = server.key(&server.key_of(&server.admin(), "ci").await);
    key.get(CONFIGURATIONS).await.expect(200);
    assert_eq!(put(&key, AGE, json!(10)).await.status, 403);
}

#[tokio::test]
async fn passwords_and_sessions_go_by_it() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("wonderland").await;
    let common = |name: &str| json!({ "username": name, "password": "password1" });
    assert_eq!(admin.post("/v2/accounts/wonderland/users", common("a-1")).await.status, 400);
    put(&admin, "user_authentication.refuse_common_passwords", json!(false)).await.expect(200);
    admin.post("/v2/accounts/wonderland/users", common("a-1")).await.expect(200);
    put(&admin, "user_authentication.oauth.max_sessions_per_user", json!(1)).await.expect(200);
    let first = server.ask_for_tokens("a-1", "password1").await.expect(200);
    let second = server.ask_for_tokens("a-1", "password1").await.expect(200);
    let asks = |tokens: &Value| server.bearer(tokens["access_token"].as_str().unwrap());
    assert_eq!(asks(&first).get("/v2/user").await.status, 401);
    asks(&second).get("/v2/user").await.expect(200);
}
