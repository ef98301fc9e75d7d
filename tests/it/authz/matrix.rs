//! Every route of the table against every kind of caller.
//!
//! The expectation is computed here from what the table declares and from the rules as they are written down, not by
//! the code that decides.

use kedge::{
    authz::{
        access::{Access, ApiKeys, DomainSource, Permission},
        action::Action,
    },
    http::routes::Row,
};

use crate::support::{ADMIN_PASSWORD, Answer, Client, PASSWORD, Server, Tokens};

/// The account, the user and the key that paths name.
const ACCOUNT: &str = "mad-hatter-team";
const USER: &str = "alice";
const ASLEEP: &str = "a user of a disabled account";

/// Who calls.
struct Caller {
    what: &'static str,
    client: Client,
    is: Is,
    with_key: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Is {
    /// Without a valid credential.
    Stranger,
    /// The user whom paths name.
    Alice,
    /// A user of the same account.
    Colleague,
    /// A user of another account.
    Outsider,
    /// A user of an account that is disabled.
    Disabled,
    Admin,
}

impl Is {
    const fn home(self) -> &'static str {
        match self {
            Self::Alice | Self::Colleague => ACCOUNT,
            Self::Outsider => "red-queen-team",
            Self::Disabled => "sleeping-team",
            Self::Admin | Self::Stranger => "admin",
        }
    }
}

#[tokio::test]
async fn every_caller_gets_what_the_table_declares() {
    let server = Server::start().await;
    let callers = callers(&server).await;
    let (_, table, _) = kedge::routes().finish();
    let mut cells = 0;
    for (path, method, row) in table.rows() {
        for caller in &callers {
            for (account, username) in [(ACCOUNT, USER), ("no-such-team", USER), (caller.is.home(), "nobody")] {
                let url = path.replace("{account_name}", account).replace("{username}", username);
                if caller.is == Is::Admin && method == "DELETE" && url.ends_with("/users/alice") {
                    continue; // It would be done, and the plain user gone.
                }
                // The key and the body that could change something are not there: only the guard's word counts.
                let url = url.replace("{key_name}", "no-such-key");
                let answer = ask(&caller.client, method.as_str(), &url).await;
                let expected = expected(caller, (method.as_str(), path, row), account, username);
                let cell = format!("{method} {url} by {}", caller.what);
                assert!(agrees(&expected, &answer), "{cell}: expected {expected:?}, got {answer:?}");
                cells += 1;
                if !path.contains("{account_name}") {
                    break;
                }
            }
        }
    }
    assert!(cells >= 1150, "only {cells} cells");
}

async fn callers(server: &Server) -> Vec<Caller> {
    let (admin, alice) = (server.admin(), server.user(ACCOUNT, USER).await);
    let colleague = server.user(ACCOUNT, "hatter").await;
    let outsider = server.user("red-queen-team", "red-queen").await;
    let asleep = server.user("sleeping-team", "dormouse").await;
    let admins_key = server.key(&server.key_of(&admin, "matrix").await);
    let alices_key = server.key(&server.key_of(&alice, "matrix").await);
    let sleepers_key = server.key(&server.key_of(&asleep, "matrix").await);
    let (alices_token, sleepers_token) = (server.signed_in(USER).await, server.signed_in("dormouse").await);
    let admins = Tokens::from(server.ask_for_tokens("admin", ADMIN_PASSWORD).await.expect(200));
    let admins_token = server.bearer(&admins.access);
    let state = serde_json::json!({ "state": "disabled" });
    admin.put("/v2/accounts/sleeping-team/state", state).await.expect(200);
    let row = |what, client, is, with_key| Caller { what, client, is, with_key };
    vec![
        row("nobody", server.nobody(), Is::Stranger, false),
        row("a wrong password", server.basic(USER, "looking-class"), Is::Stranger, false),
        row("an unknown user", server.basic("jabberwock", PASSWORD), Is::Stranger, false),
        row("a plain user", alice, Is::Alice, false),
        row("the key of a plain user", alices_key, Is::Alice, true),
        row("a colleague", colleague, Is::Colleague, false),
        row("a user of another account", outsider, Is::Outsider, false),
        row(ASLEEP, asleep, Is::Disabled, false),
        row("the key of a user of a disabled account", sleepers_key, Is::Disabled, true),
        row("the token of a plain user", alices_token, Is::Alice, false),
        row("the token of a user of a disabled account", sleepers_token, Is::Disabled, false),
        row("the token of the admin", admins_token, Is::Admin, false),
        row("a token of nobody", server.bearer("a.b.c"), Is::Stranger, false),
        row("the admin", admin, Is::Admin, false),
        row("the key of the admin", admins_key, Is::Admin, true),
    ]
}

/// What the guard should say.
#[derive(Debug, PartialEq)]
enum Expected {
    Unauthorized,
    Forbidden(String),
    /// Past the guard: whatever the handler says, it is none of these.
    Served,
    /// Past the policy, but the account does not exist.
    NoAccount,
}

fn expected(caller: &Caller, (method, path, row): (&str, &str, Row), account: &str, username: &str) -> Expected {
    let (permission, keys) = match row.access {
        // The operation itself tells a right password in a disabled account, as it reads the header.
        Access::Public if path.ends_with("/oauth/token") && caller.what == ASLEEP => {
            return Expected::Forbidden("Not authorized. Account sleeping-team not enabled.".to_owned());
        }
        // Not a question of who calls, but of where from; its siblings ask first for the body that is not there.
        Access::Public if method == "DELETE" && path == "/console/session" => {
            return Expected::Forbidden("Not authorized. Only for pages of the console".to_owned());
        }
        Access::Public => return Expected::Served,
        _ if caller.is == Is::Stranger => return Expected::Unauthorized,
        _ if caller.is == Is::Disabled => {
            return Expected::Forbidden("Not authorized. Account sleeping-team not enabled.".to_owned());
        }
        Access::Admins(_) if caller.is != Is::Admin && !caller.with_key => {
            let message = "Not authorized. Requires permissions: domain=system action=* target=*";
            return Expected::Forbidden(message.to_owned());
        }
        Access::SignedIn(keys) | Access::Admins(keys) => (None, keys),
        Access::Permitted(permission, keys) => (Some(permission), keys),
    };
    if caller.with_key && keys == ApiKeys::Refused {
        return Expected::Forbidden("Not authorized. Operation not allowed with an API key".to_owned());
    }
    match permission {
        // Other people's roles are shown to who may list role members somewhere, as the handler finds out.
        None if path == "/v2/rbac-manager/users/{username}/roles" && !matches!(caller.is, Is::Alice | Is::Admin) => {
            let home = caller.is.home();
            Expected::Forbidden(format!(
                "Not authorized. Requires permissions: domain={home} action=listRoleMembers target=*"
            ))
        }
        None => Expected::Served,
        // A change that names no account answers 400: there is nothing to ask permission for.
        Some(permission) if permission.domain == DomainSource::RequestAccount && method != "GET" => Expected::Served,
        Some(permission) => decided(caller.is, permission, account, username),
    }
}

/// Without roles: the admin may do everything, everyone else what needs none, at home and about oneself.
fn decided(who: Is, permission: Permission, account: &str, username: &str) -> Expected {
    let domain = match permission.domain {
        DomainSource::PathAccount => account,
        DomainSource::CallerAccount | DomainSource::CallerHome | DomainSource::RequestAccount => who.home(),
        DomainSource::System => "system",
    };
    let oneself =
        who == Is::Alice && account == ACCOUNT && username == USER && permission.domain == DomainSource::PathAccount;
    let action = if oneself { permission.self_twin.unwrap_or(permission.action) } else { permission.action };
    let needs_no_role = action == Action::GetAccount || action.name().starts_with("self");
    if who == Is::Admin {
        let missing = permission.domain == DomainSource::PathAccount && account == "no-such-team";
        return if missing { Expected::NoAccount } else { Expected::Served };
    }
    if domain == who.home() && needs_no_role {
        return Expected::Served;
    }
    Expected::Forbidden(format!("Not authorized. Requires permissions: domain={domain} action={action} target=*"))
}

fn agrees(expected: &Expected, answer: &Answer) -> bool {
    match expected {
        Expected::Unauthorized => answer.status == 401 && answer.message() == "Unauthorized",
        Expected::Forbidden(message) => answer.status == 403 && answer.message() == message,
        Expected::NoAccount => answer.status == 404 && answer.message() == "Account not found",
        Expected::Served => !matches!(answer.status, 401 | 403 | 405 | 500..),
    }
}

/// Without a body: what takes one answers 415 once the guard lets it pass, and nothing is changed.
async fn ask(client: &Client, method: &str, url: &str) -> Answer {
    crate::support::send(client.request(method, url)).await
}
