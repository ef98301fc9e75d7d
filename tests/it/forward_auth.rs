//! The check that proxies ask in front of other services. The proxies themselves are in `tests/proxies`.

use serde_json::json;

use crate::support::{Answer, Client, Options, Place, Server, assert_error, assert_problem, send};

const CHECK: &str = "/v2/auth/check";

/// A server with the action `x-deploy` and the role `deployer`, and a user who holds it in `tea party`.
async fn server() -> (Server, Client) {
    let place = Place::new();
    let file = place.top.join("roles.yaml");
    let roles =
        "actions: [x-deploy]\nroles:\n  - name: deployer\n    description: d\n    actions: [getImage, x-deploy]\n";
    std::fs::write(&file, roles).unwrap();
    let path: &'static str = file.to_str().unwrap().to_owned().leak();
    let environment = vec![("KEDGE_ROLES__FILE", path)];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let alice = server.user("wonderland", "alice@wonderland.test-1").await;
    server.account("tea party").await;
    for (role, account) in [("deployer", "tea party"), ("read-only", "tea party"), ("image-developer", "wonderland")] {
        let member = json!({ "username": "alice@wonderland.test-1", "domain_name": account });
        server.admin().post(&format!("/v2/rbac-manager/roles/{role}/members"), member).await.expect(200);
    }
    (server, alice)
}

#[track_caller]
fn assert_told(answer: &Answer, user: &str, account: &str, roles: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{answer:?}");
    let told = ["x-kedge-user", "x-kedge-account", "x-kedge-roles"].map(|name| answer.header(name));
    assert_eq!(told, [user, account, roles]);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn proxy_is_told_who_is_calling() {
    let (server, alice) = server().await;
    let user = "alice%40wonderland.test-1";
    assert_told(&alice.get(CHECK).await, user, "wonderland", "image-developer");
    let asked = format!("{CHECK}?account=tea%20party&action=x-deploy");
    for method in ["GET", "POST", "HEAD"] {
        assert_told(&send(alice.request(method, &asked)).await, user, "tea%20party", "deployer,read-only");
    }
    // A body is not read, whatever it is.
    let answer = send(alice.request("POST", &asked).body(vec![0; 2_000_000])).await;
    assert_told(&answer, user, "tea%20party", "deployer,read-only");
    let key = server.key(&server.key_of(&alice, "ci").await);
    assert_told(&key.get(&asked).await, user, "tea%20party", "deployer,read-only");
    let tokens = server.ask_for_tokens("alice@wonderland.test-1", crate::support::PASSWORD).await.expect(200);
    let bearer = server.bearer(tokens["access_token"].as_str().unwrap());
    assert_told(&bearer.get(&asked).await, user, "tea%20party", "deployer,read-only");
    // The header that moves other operations to an account does not move this one.
    assert_told(&alice.clone().acting_in("tea party").get(CHECK).await, user, "wonderland", "image-developer");
    assert_told(
        &server.admin().get(&format!("{CHECK}?account=tea%20party&action=x-deploy")).await,
        "admin",
        "tea%20party",
        "",
    );
}

#[tokio::test]
async fn what_is_not_permitted_is_refused() {
    let (server, alice) = server().await;
    for (query, domain, action) in [
        ("action=x-deploy", "wonderland", "x-deploy"),
        ("action=createUser", "wonderland", "createUser"),
        ("action=createUser&account=tea%20party", "tea party", "createUser"),
        ("action=createAccount", "system", "createAccount"),
        ("account=no-such-team", "no-such-team", "getAccount"),
        ("account=admin", "admin", "getAccount"),
        ("action=x-deploy&account=no-such-team", "no-such-team", "x-deploy"),
    ] {
        let answer = alice.get(&format!("{CHECK}?{query}")).await;
        let why = format!("Not authorized. Requires permissions: domain={domain} action={action} target=*");
        assert_error(&answer, 403, &why);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-kedge-user"), "");
    }
    alice.get(&format!("{CHECK}?action=getImage&account=tea%20party")).await.expect(200);
    for query in ["action=x-other", "action=fly", "action=", "account=", "action=a&action=b"] {
        assert_problem(&alice.get(&format!("{CHECK}?{query}")).await, 400, "'");
    }
    assert_error(&server.admin().get(&format!("{CHECK}?account=no-such-team")).await, 404, "Account not found");
}

#[tokio::test]
async fn stranger_is_challenged() {
    let (server, alice) = server().await;
    let key = server.key_of(&alice, "ci").await;
    server.key(&key).get(CHECK).await.expect(200);
    alice.patch("/v2/user/api-keys/ci", json!({ "status": "revoked" })).await.expect(200);
    for client in [server.nobody(), server.key(&key), server.basic("alice", "wrong-password")] {
        let answer = client.get(CHECK).await;
        assert_error(&answer, 401, "Unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Authentication required\"");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn narrowed_key_may_what_is_left_and_shows_no_roles() {
    let (server, alice) = server().await;
    let narrowed = json!({ "name": "ci", "actions": ["x-deploy"], "accounts": ["tea party"] });
    let made = alice.post("/v2/user/api-keys", narrowed).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    let user = "alice%40wonderland.test-1";
    assert_told(&key.get(&format!("{CHECK}?account=tea%20party&action=x-deploy")).await, user, "tea%20party", "");
    assert_told(&key.get(&format!("{CHECK}?account=tea%20party")).await, user, "tea%20party", "");
    for query in ["", "?action=getImage&account=tea%20party", "?action=getAccount", "?account=wonderland"] {
        assert_eq!(key.get(&format!("{CHECK}{query}")).await.status, 403, "{query}");
    }
}

#[tokio::test]
async fn disabled_accounts_are_refused() {
    let (server, alice) = server().await;
    server.set_state("tea party", "disabled").await;
    let asked = format!("{CHECK}?account=tea%20party&action=x-deploy");
    assert_error(&alice.get(&asked).await, 403, "Not authorized. Account tea party not enabled.");
    server.admin().get(&asked).await.expect(200);
    server.set_state("wonderland", "disabled").await;
    assert_error(&alice.get(CHECK).await, 403, "Not authorized. Account wonderland not enabled.");
}

#[tokio::test]
async fn roles_that_do_not_fit_are_left_out() {
    let place = Place::new();
    let file = place.top.join("roles.yaml");
    let names: Vec<_> = (100..160).map(|number| format!("{}{number}", "r".repeat(97))).collect();
    let role = |name: &String| format!("  - {{name: {name}, description: d, actions: [getImage]}}\n");
    std::fs::write(&file, format!("roles:\n{}", names.iter().map(role).collect::<Vec<_>>().concat())).unwrap();
    let path: &'static str = file.to_str().unwrap().to_owned().leak();
    let environment = vec![("KEDGE_ROLES__FILE", path)];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let alice = server.user("wonderland", "alice").await;
    for name in &names {
        let member = json!({ "username": "alice", "domain_name": "wonderland" });
        server.admin().post(&format!("/v2/rbac-manager/roles/{name}/members"), member).await.expect(200);
    }
    let answer = alice.get(CHECK).await;
    let roles = answer.header("x-kedge-roles");
    assert!(roles.len() <= 4096 && roles.len() > 3900, "{}", roles.len());
    assert!(roles.split(',').all(|name| names.iter().any(|known| known == name)), "{roles}");
}
