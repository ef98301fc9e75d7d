//! What a narrowed key may do: what its user may do at that moment, and no more than its lists say.

use std::{sync::Arc, time::Duration};

use kedge::http::listener::{self, Limits, Service};
use nix::errno::Errno;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{KEYS, key_path};
use crate::{
    authz::world::{ELSEWHERE, HERE, Held::Directly, caller, grant, wonderland},
    support::{Answer, Client, Login, Server, assert_error},
};

/// Alice, an account-user-admin here, who reads elsewhere.
async fn alice() -> (Server, Client) {
    let server = wonderland().await;
    let held = [Directly("account-user-admin", HERE), Directly("read-only", ELSEWHERE)];
    let alice = caller(&server, HERE, "alice", &held).await;
    (server, alice)
}

/// A key of this user with these lists.
async fn key(server: &Server, user: &Client, name: &str, lists: Value) -> Client {
    let mut request = lists;
    request["name"] = json!(name);
    let made = user.post(KEYS, request).await.expect(201);
    server.key(made["value"].as_str().unwrap())
}

#[track_caller]
fn refused(answer: &Answer, domain: &str, action: &str) {
    let refusal = format!("Not authorized. Requires permissions: domain={domain} action={action} target=*");
    assert_error(answer, 403, &refusal);
}

/// A path that asks for `listUsers` in the account.
fn users(account: &str) -> String {
    format!("/v2/accounts/{account}/users")
}

#[tokio::test]
async fn missing_action_is_refused_as_any_missing_permission() {
    let (server, alice) = alice().await;
    let key = key(&server, &alice, "robot", json!({ "actions": ["listUsers", "getRole"] })).await;
    key.get(&users(HERE)).await.expect(200);
    refused(&key.get(&format!("{}/alice", users(HERE))).await, HERE, "getUser");
    refused(&key.get("/v2/account").await, HERE, "getAccount");
    // The action alone is not the right to it.
    refused(&key.get(&users(ELSEWHERE)).await, ELSEWHERE, "listUsers");
    key.clone().acting_in(ELSEWHERE).get("/v2/rbac-manager/roles/read-only").await.expect(200);
    refused(&key.acting_in(ELSEWHERE).get("/v2/rbac-manager/roles").await, ELSEWHERE, "listRoles");
}

#[tokio::test]
async fn account_outside_the_list_is_refused_by_path_and_by_header() {
    let (server, alice) = alice().await;
    let here = key(&server, &alice, "here", json!({ "accounts": [HERE] })).await;
    let there = key(&server, &alice, "there", json!({ "accounts": [ELSEWHERE] })).await;
    here.get(&format!("/v2/accounts/{HERE}")).await.expect(200);
    here.get("/v2/account").await.expect(200);
    refused(&here.get(&format!("/v2/accounts/{ELSEWHERE}")).await, ELSEWHERE, "getAccount");
    refused(&here.acting_in(ELSEWHERE).get("/v2/account").await, ELSEWHERE, "getAccount");
    // At home, too, where the user needs no role.
    refused(&there.get("/v2/account").await, HERE, "getAccount");
    there.get(&format!("/v2/accounts/{ELSEWHERE}")).await.expect(200);
    refused(&there.get("/v2/rbac-manager/roles/read-only/members").await, HERE, "listRoleMembers");
    there.acting_in(ELSEWHERE).get("/v2/account").await.expect(200);
}

#[tokio::test]
async fn key_has_only_the_roles_that_its_user_has_at_the_moment() {
    let (server, alice) = alice().await;
    let key = key(&server, &alice, "robot", json!({ "actions": ["listUsers"], "accounts": [HERE] })).await;
    key.get(&users(HERE)).await.expect(200);
    let role = "/v2/rbac-manager/roles/account-user-admin/members";
    server.admin().delete(&format!("{role}?username=alice&domain_name={HERE}")).await.expect(204);
    refused(&key.get(&users(HERE)).await, HERE, "listUsers");
    grant(&server, "alice", Directly("full-control", HERE)).await;
    key.get(&users(HERE)).await.expect(200);
    refused(&key.get(&format!("{}/alice", users(HERE))).await, HERE, "getUser");
}

#[tokio::test]
async fn empty_list_allows_nothing_that_it_is_about() {
    let (server, alice) = alice().await;
    for lists in [json!({ "actions": [] }), json!({ "accounts": [] })] {
        let key = key(&server, &alice, &lists.to_string().replace('/', ""), lists).await;
        for path in ["/v2/account", &users(HERE), &format!("/v2/accounts/{ELSEWHERE}")] {
            assert_eq!(key.get(path).await.status, 403, "{path}");
        }
        // What asks for no action asks for the network alone.
        for path in
            ["/v2/user", "/v2/user/credentials", "/v2/rbac-manager/my-roles", "/v2/my-user-groups", "/v2/status"]
        {
            key.get(path).await.expect(200);
        }
    }
    let nowhere = key(&server, &alice, "nowhere", json!({ "cidrs": [] })).await;
    assert_error(&nowhere.get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn key_of_an_admin_is_narrowed_like_any() {
    let (server, _) = alice().await;
    let admin = server.admin();
    let lister = key(&server, &admin, "lister", json!({ "actions": ["listAccounts", "getAccount"] })).await;
    lister.get("/v2/accounts").await.expect(200);
    lister.get(&format!("/v2/accounts/{HERE}")).await.expect(200);
    assert_error(&lister.get("/v2/accounts/no-such-team").await, 404, "Account not found");
    refused(&lister.get("/v2/accounts/users").await, "system", "listAllUsers");
    refused(&lister.get(&users(HERE)).await, HERE, "listUsers");
    // The system is in no list of accounts.
    let here = key(&server, &admin, "here", json!({ "accounts": [HERE, "admin"] })).await;
    here.get(&users(HERE)).await.expect(200);
    refused(&here.get("/v2/accounts").await, "system", "listAccounts");
    refused(&here.get("/v2/system/user-groups").await, "system", "listUserGroups");
    refused(&here.get(&users("no-such-team")).await, "no-such-team", "listUsers");
    refused(&here.clone().acting_in(ELSEWHERE).get("/v2/account").await, ELSEWHERE, "getAccount");
    here.acting_in(HERE).get("/v2/account").await.expect(200);
}

#[tokio::test]
async fn roles_of_others_are_shown_only_where_the_key_may_list_members() {
    let (server, alice) = alice().await;
    for user in [&alice, &server.admin()] {
        let blind = key(&server, user, "blind", json!({ "actions": ["getAccount"] })).await;
        for username in ["hatter", "nobody"] {
            let path = format!("/v2/rbac-manager/users/{username}/roles");
            assert_eq!(blind.get(&path).await.status, 403, "{username}");
        }
    }
    let held = [Directly("read-only", HERE), Directly("read-only", ELSEWHERE)];
    caller(&server, HERE, "hatter", &held).await;
    let here = key(&server, &server.admin(), "here", json!({ "accounts": [HERE] })).await;
    let seen = here.get("/v2/rbac-manager/users/hatter/roles").await.expect(200);
    assert_eq!(crate::support::names(&seen, "domain_name"), [HERE]);
}

#[tokio::test]
async fn request_from_outside_the_networks_gets_the_one_401() {
    let (server, alice) = alice().await;
    let inside = key(&server, &alice, "inside", json!({ "cidrs": ["10.0.0.0/8", "127.0.0.0/30"] })).await;
    inside.get("/v2/user").await.expect(200);
    let outside = key(&server, &alice, "outside", json!({ "cidrs": ["10.0.0.0/8", "127.0.0.2", "::/0"] })).await;
    let (far, unknown) = (outside.get("/v2/user").await, server.key("kedge_none").get("/v2/user").await);
    assert_error(&far, 401, "Unauthorized");
    assert_eq!(far.text, unknown.text);
    let headers = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        // These differ from any answer to the next.
        for name in ["x-request-id", "date"] {
            headers.remove(name);
        }
        headers
    };
    assert_eq!(headers(&far), headers(&unknown));
    // Not used, then: nothing is remembered of it.
    assert!(alice.get(&key_path("outside")).await.expect(200).get("last_used_at").is_none());
}

#[tokio::test]
async fn ipv4_client_of_a_dual_stack_listener_is_in_its_ipv4_network() {
    let without_ipv6 = [Errno::EAFNOSUPPORT, Errno::EADDRNOTAVAIL].map(|errno| Some(errno as i32));
    let listener = match TcpListener::bind("[::]:0").await {
        Err(error) if without_ipv6.contains(&error.raw_os_error()) => {
            println!("left out: this machine has no IPv6: {error}");
            return;
        }
        bound => bound.unwrap(),
    };
    let (server, alice) = alice().await;
    let inside = json!({ "name": "inside", "cidrs": ["127.0.0.1"] });
    let value = alice.post(KEYS, inside).await.expect(201)["value"].as_str().unwrap().to_owned();
    let outside = json!({ "name": "outside", "cidrs": ["10.0.0.0/8", "::1"] });
    let other = alice.post(KEYS, outside).await.expect(201)["value"].as_str().unwrap().to_owned();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let limits = Limits::from(&server.app.config.server);
    let service = Service { router: kedge::app(Arc::clone(&server.app)), metrics: Arc::clone(&server.app.metrics) };
    tokio::spawn(listener::serve(listener, None, service, limits, std::future::pending(), Duration::ZERO));
    let by = |value: String| Client::new(&url, Login::Basic("_api_key".to_owned(), value));
    by(value).get("/v2/user").await.expect(200);
    assert_error(&by(other).get("/v2/user").await, 401, "Unauthorized");
}

/// Lists drawn from what alice holds; each may be absent.
fn narrowings() -> impl Strategy<Value = Value> {
    let actions = prop::sample::subsequence(vec!["getAccount", "getRole", "listRoles", "listUsers", "getUser"], 0..=5);
    let accounts = prop::sample::subsequence(vec![HERE, ELSEWHERE], 0..=2);
    let cidrs = prop::sample::subsequence(vec!["127.0.0.0/8", "10.0.0.0/8", "::/0"], 0..=3);
    let (actions, accounts, cidrs) = (prop::option::of(actions), prop::option::of(accounts), prop::option::of(cidrs));
    (actions, accounts, cidrs)
        .prop_map(|(actions, accounts, cidrs)| json!({ "actions": actions, "accounts": accounts, "cidrs": cidrs }))
}

#[tokio::test]
async fn narrowed_key_never_succeeds_where_the_whole_key_would_not() {
    let (server, alice) = alice().await;
    let whole = key(&server, &alice, "whole", json!({})).await;
    let mut requests = vec![("/v2/user".to_owned(), None), ("/v2/accounts".to_owned(), None)];
    for account in [HERE, ELSEWHERE, "admin", "no-such-team"] {
        for path in ["/v2/account", "/v2/rbac-manager/roles", "/v2/rbac-manager/roles/read-only/members"] {
            requests.push((path.to_owned(), Some(account)));
        }
        requests.extend([(users(account), None), (format!("{}/alice", users(account)), None)]);
    }
    let ask = async |client: &Client, (path, account): &(String, Option<&str>)| match account {
        Some(account) => client.clone().acting_in(account).get(path).await.status,
        None => client.get(path).await.status,
    };
    let mut allowed = Vec::new();
    for request in &requests {
        allowed.push(ask(&whole, request).await == 200);
    }
    let (mut runner, mut kept) = (TestRunner::deterministic(), [0; 2]);
    for n in 0..40 {
        let lists = narrowings().new_tree(&mut runner).unwrap().current();
        let narrow = key(&server, &alice, &format!("narrow-{n}"), lists.clone()).await;
        for (request, allowed) in requests.iter().zip(&allowed) {
            let status = ask(&narrow, request).await;
            assert!(*allowed || status != 200, "{request:?} with {lists}");
            assert!([200, 401, 403].contains(&status), "{request:?} with {lists}: {status}");
            kept[usize::from(*allowed && status != 200)] += 1;
        }
    }
    assert!(kept.iter().all(|count| *count > 50), "the narrowings say too little: {kept:?}");
}
