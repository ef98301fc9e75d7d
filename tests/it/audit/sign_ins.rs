//! Sign-ins and sign-outs, and what a sign-in makes on its way.

use serde_json::{Value, json};

use super::{records, write_tally};
use crate::support::{Answer, PASSWORD, Server, claims_of, idp::Says, send};

const IDP: &str = "/v2/rbac-manager/saml/idps/wonderland";

/// Type, resource and account of a record, and what it names.
fn told(record: &Value) -> String {
    let kind = record["type"].as_str().unwrap().rsplit('.').next().unwrap();
    let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let names: Vec<_> = record["details"]["names"].as_array().into_iter().flatten().map(Value::to_string).collect();
    let names = names.join(" ").replace('"', "");
    format!("{kind}: {} {} in {}, {names}", text("resource_type"), text("resource_id"), text("account"))
}

async fn told_since(server: &Server, before: usize) -> Vec<String> {
    write_tally(server).await;
    records(server).await[before..].iter().map(told).collect()
}

fn says(attributes: &[(&str, &str)]) -> Says {
    attributes.iter().fold(Says::of("carol", None), |says, (name, value)| says.with(name, value))
}

/// A server whose provider speaks unasked, makes accounts and names accounts, roles and groups; answers the ids of the
/// groups `hatters`, which has a role in `acme`, and `gardeners`, which has none.
async fn world() -> (Server, String, String) {
    let server = Server::start().await;
    server.account("acme").await;
    let changes = json!({
        "default_account": null,
        "allow_unsolicited": true,
        "allow_assertion_grant": true,
        "idp_account_attribute": "team",
        "idp_role_attribute": "role",
    });
    server.idp(changes).await;
    let (hatters, gardeners) = (server.group("hatters").await, server.group("gardeners").await);
    server.give_group(&hatters, "read-only", "acme").await;
    let ids = [&hatters, &gardeners].map(|path| path.rsplit('/').next().unwrap().to_owned());
    let groups = json!({ "user_group_uuids": ids });
    server.admin().post(&format!("{IDP}/user-group-mappings"), groups).await.expect(200);
    let [hatters, gardeners] = ids;
    (server, hatters, gardeners)
}

#[tokio::test]
async fn single_sign_on_tells_what_it_made_and_changed() {
    let (server, hatters, gardeners) = world().await;
    let before = records(&server).await.len();
    let first = says(&[("team", "tea-party"), ("role", "full-control"), ("memberOf", "hatters")]);
    let answer = first.to(&server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        told_since(&server, before).await,
        [
            "saml_sso: identity_provider wonderland in tea-party, carol wonderland".to_owned(),
            "create_account: account tea-party in tea-party, tea-party wonderland".to_owned(),
            "create_user: user carol in tea-party, carol wonderland".to_owned(),
            "add_role_user: role_member carol in tea-party, carol full-control wonderland".to_owned(),
            format!("add_user_group_users: user_group {hatters} in acme, hatters carol wonderland"),
            format!("add_user_group_users: user_group {hatters} in tea-party, hatters carol wonderland"),
        ]
    );
    for record in &records(&server).await[before..] {
        let details = &record["details"];
        assert_eq!(
            ["user", "user_account", "signed_in_by", "operation", "outcome"].map(|name| details[name].clone()),
            ["carol", "tea-party", "saml", "saml_sso", "success"].map(Value::from),
            "{record}"
        );
        assert_eq!(record["request_id"], answer.header("x-request-id"), "{record}");
    }
    // By the filters of an auditor.
    for query in [
        "resource_type=user&resource_id=carol",
        "resource_type=account&resource_id=tea-party",
        "resource_type=role_member&resource_id=carol",
        "event_type=user.identity.create_user&user=carol",
    ] {
        assert_eq!(server.admin().get(&format!("/v2/events?{query}")).await.expect(200)["item_count"], 1, "{query}");
    }

    // The second time, the groups alone are another.
    let before = records(&server).await.len();
    let second = says(&[("team", "tea-party"), ("role", "read-write"), ("memberOf", "gardeners")]);
    second.to(&server).await.expect(200);
    assert_eq!(
        told_since(&server, before).await,
        [
            "saml_sso: identity_provider wonderland in tea-party, carol wonderland".to_owned(),
            format!("delete_user_group_users: user_group {hatters} in acme, hatters carol wonderland"),
            format!("delete_user_group_users: user_group {hatters} in tea-party, hatters carol wonderland"),
            format!("add_user_group_users: user_group {gardeners} in tea-party, gardeners carol wonderland"),
        ]
    );
    // The third time, nothing is. An assertion that is exchanged tells its provider, too.
    let before = records(&server).await.len();
    let third = says(&[("team", "tea-party"), ("role", "read-write"), ("memberOf", "gardeners")]);
    exchange(&server, &third).await.expect(200);
    assert_eq!(told_since(&server, before).await, ["get_oauth_token: session carol in tea-party, carol wonderland"]);
}

async fn exchange(server: &Server, says: &Says) -> Answer {
    let assertion =
        crate::support::forge::encode(crate::support::idp::signed(&says.assertion(), &crate::support::idp::KEY));
    let grant = "urn:ietf:params:oauth:grant-type:saml2-bearer";
    server.nobody().form("/v2/oauth/token", &[("grant_type", grant), ("assertion", &assertion)]).await
}

#[tokio::test]
async fn answer_that_is_brought_again_is_a_sign_in_that_failed_and_no_other() {
    let (server, ..) = world().await;
    let says = says(&[("team", "tea-party"), ("role", "full-control")]);
    says.to(&server).await.expect(200);
    let before = records(&server).await.len();
    says.to(&server).await.expect(403);
    write_tally(&server).await;
    let all = records(&server).await;
    let types: Vec<_> = all[before..].iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["system.security.sign_in_failed"], "{all:?}");
}

#[tokio::test]
async fn what_a_refused_sign_in_would_have_made_has_no_record() {
    let (server, ..) = world().await;
    server.set_state("acme", "disabled").await;
    let before = records(&server).await.len();
    let says = says(&[("team", "acme"), ("role", "full-control")]);
    says.to(&server).await.expect(403);
    write_tally(&server).await;
    let all = records(&server).await;
    assert!(all[before..].iter().all(|record| record["level"] == "error"), "{all:?}");
}

#[tokio::test]
async fn sign_in_to_the_console_and_sign_out_of_it_tell_whose_session_it_is() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let before = records(&server).await.len();
    let page =
        |method: &str| server.nobody().request(method, "/console/session").header("x-requested-with", "kedge-console");
    let login = json!({ "username": "alice", "password": PASSWORD });
    let begun = send(page("POST").json(&login)).await;
    let cookie = begun.header("set-cookie").split(';').next().unwrap().to_owned();
    let session = claims_of(begun.body["access_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        // The second time there is no session to end.
        send(page("DELETE").header("cookie", &cookie)).await.expect(204);
    }
    assert_eq!(
        told_since(&server, before).await,
        [
            "sign_in_to_console: session alice in acme, alice".to_owned(),
            format!("sign_out_of_console: session {session} in acme, {session}"),
        ]
    );
    let out = &records(&server).await[before + 1]["details"];
    assert_eq!(
        ["user", "user_account", "signed_in_by", "address", "outcome"].map(|name| out[name].clone()),
        ["alice", "acme", "refresh_token", "127.0.0.1", "success"].map(Value::from)
    );
}

#[tokio::test]
async fn single_sign_on_is_of_the_account_where_the_user_lives_whatever_the_provider_says() {
    let (server, ..) = world().await;
    let carol = json!({ "username": "carol", "user_type": "saml", "idp_name": "wonderland" });
    server.admin().post("/v2/accounts/acme/users", carol).await.expect(200);
    let before = records(&server).await.len();
    let answer = says(&[("team", "tea-party"), ("role", "read-only")]).to(&server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        told_since(&server, before).await[0],
        "saml_sso: identity_provider wonderland in acme, carol wonderland"
    );
    assert_eq!(records(&server).await[before]["details"]["user_account"], "acme");
}

/// Type and count of each record since, with who it was, where they live, how they sign in and by which operation.
async fn refused_since(server: &Server, before: usize) -> Vec<String> {
    write_tally(server).await;
    let told = |record: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let kind = text(&record["type"]).rsplit('.').next().unwrap().to_owned();
        let names = ["user", "user_account", "signed_in_by", "operation"];
        let [user, account, method, operation] = names.map(|name| text(&record["details"][name]));
        format!("{}x {kind}: {user} of {account} by {method}, {operation}", record["count"])
    };
    records(server).await[before..].iter().map(told).collect()
}

#[tokio::test]
async fn single_sign_on_of_a_disabled_account_changes_nothing_and_is_told_as_refused() {
    let (server, hatters, _) = world().await;
    let first = says(&[("team", "tea-party"), ("role", "read-only"), ("memberOf", "hatters")]);
    first.to(&server).await.expect(200);
    server.set_state("tea-party", "disabled").await;
    let second = says(&[("team", "tea-party"), ("role", "read-only"), ("memberOf", "gardeners")]);
    let before = records(&server).await.len();
    let answer = second.to(&server).await;
    crate::support::assert_error(&answer, 403, "Not authorized. Account tea-party not enabled.");
    assert_eq!(refused_since(&server, before).await, ["1x permission_denied: carol of tea-party by saml, saml_sso"]);
    let before = records(&server).await.len();
    exchange(&server, &second).await.expect(403);
    assert_eq!(
        refused_since(&server, before).await,
        ["1x permission_denied: carol of tea-party by saml, get_oauth_token"]
    );
    let members = server.admin().get(&format!("/v2/system/user-groups/{hatters}/users")).await.expect(200);
    assert_eq!(members["items"][0]["username"], "carol", "{members}");
    // The assertion was not taken either.
    server.set_state("tea-party", "enabled").await;
    second.to(&server).await.expect(200);
}

#[tokio::test]
async fn answer_that_means_nobody_here_is_a_sign_in_that_failed() {
    let (server, ..) = world().await;
    let named = |name: &str| Says::of(name, None).with("team", "tea-party").with("role", "read-only");
    for (says, who) in [
        (named("admin"), "admin of admin"),
        (named("system"), "system of -"),
        (named(&"a".repeat(200)), &format!("{}… of -", "a".repeat(64))),
        (says(&[("team", "admin"), ("role", "read-only")]), "carol of -"),
        (says(&[("team", "tea-party"), ("role", "no-such-role")]), "carol of -"),
        (says(&[("team", "tea-party")]), "carol of -"),
    ] {
        for by_exchange in [false, true] {
            let before = records(&server).await.len();
            let answer = if by_exchange { exchange(&server, &says).await } else { says.to(&server).await };
            assert_eq!(answer.status, 403, "{answer:?}");
            assert_eq!(
                refused_since(&server, before).await,
                [format!("1x sign_in_failed: {who} by saml, -")],
                "{answer:?}"
            );
            assert_eq!(records(&server).await[before]["request_id"], answer.header("x-request-id"));
        }
    }
}

#[tokio::test]
async fn first_single_sign_on_does_not_tell_of_a_role_that_was_there() {
    let (server, ..) = world().await;
    let carol = json!({ "username": "carol", "user_type": "saml", "idp_name": "wonderland" });
    server.admin().post("/v2/accounts/acme/users", carol).await.expect(200);
    let held = json!({ "username": "carol", "domain_name": "acme" });
    server.admin().post("/v2/rbac-manager/roles/read-only/members", held).await.expect(200);
    let before = records(&server).await.len();
    says(&[("team", "acme"), ("role", "read-only"), ("role", "full-control")]).to(&server).await.expect(200);
    assert_eq!(
        told_since(&server, before).await,
        [
            "saml_sso: identity_provider wonderland in acme, carol wonderland",
            "add_role_user: role_member carol in acme, carol full-control wonderland",
        ]
    );
}
