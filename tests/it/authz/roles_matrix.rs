//! Every route against every built-in role: held directly and through a group, at home, in another account by path
//! and by header, in an account where it is not held, and with a key of the same user.
//!
//! The expectation is computed here, from `config/roles.yaml` as it is written, what the table declares, what every
//! user may do without a role, and the rule that a role is handed out only by who holds its identity actions.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use kedge::{
    authz::access::{Access, ApiKeys, DomainSource, Permission},
    http::routes::Row,
};
use serde_json::json;

use crate::support::{Answer, Client, Server, send};

const HOME: &str = "wonderland";
/// Where every user holds the same role as at home.
const AWAY: &str = "looking-glass";
/// Where nobody holds anything.
const FOREIGN: &str = "red-queen-team";
/// The role that members are added to and taken from, without success: the user does not exist.
const HANDED_OUT: &str = "read-only";
const NOBODY: &str = "nobody-here";

/// A user with one role.
struct Holder {
    role: String,
    username: String,
    password: Client,
    key: Client,
}

/// Where and how a holder calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Context {
    Own,
    /// In one's own account, about oneself.
    Oneself,
    OtherByPath,
    OtherByHeader,
    Foreign,
    Key,
}

/// Role -> the names of its actions, `*` among them, as the file says.
type Roles = BTreeMap<String, BTreeSet<String>>;

#[derive(serde::Deserialize)]
struct File {
    roles: Vec<Entry>,
    system_only: BTreeSet<String>,
}

#[derive(serde::Deserialize)]
struct Entry {
    name: String,
    actions: BTreeSet<String>,
}

/// The identity actions, as the rules name them: users, credentials, other people's keys, roles and role members.
fn is_identity(action: &str) -> bool {
    let about = ["User", "ApiKey", "Role"].iter().any(|noun| action.contains(noun));
    about && !action.starts_with("self") && !action.contains("UserGroup") && action != "listAllUsers"
}

struct Law {
    roles: Roles,
    system_only: BTreeSet<String>,
}

impl Law {
    fn written() -> Self {
        let file: File = yaml_serde::from_str(include_str!("../../../config/roles.yaml")).unwrap();
        let roles = file.roles.into_iter().map(|role| (role.name, role.actions)).collect();
        Self { roles, system_only: file.system_only }
    }

    fn grants(&self, role: &str, action: &str) -> bool {
        let actions = &self.roles[role];
        actions.contains(action) || (actions.contains("*") && !self.system_only.contains(action))
    }

    /// Rule 1, for [`HANDED_OUT`], which has no `*`.
    fn may_hand_out(&self, role: &str) -> bool {
        self.roles[HANDED_OUT].iter().filter(|action| is_identity(action)).all(|action| self.grants(role, action))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_reaches_what_it_grants_and_nothing_else() {
    let server = Server::start().await;
    let law = Law::written();
    let holders = holders(&server, &law).await;
    let (_, table, _) = kedge::routes().finish();
    let mut cells = Vec::new();
    for (path, method, row) in table.rows() {
        if row.access == Access::Public {
            continue;
        }
        for holder in &holders {
            for context in contexts(path, row) {
                cells.push((path, method.as_str(), row, holder, context));
            }
        }
    }
    assert!(cells.len() >= 3_000, "only {} cells", cells.len());
    let law = &law;
    let asked = futures_util::stream::iter(cells).map(async |(path, method, row, holder, context)| {
        let answer = ask(method, path, row, holder, context).await;
        let expected = expected(law, path, row, holder, context);
        let cell = format!("{method} {path}, {} as {}, {context:?}", holder.role, holder.username);
        assert!(agrees(expected.as_deref(), &answer), "{cell}: expected {expected:?}, got {answer:?}");
    });
    asked.buffer_unordered(4).collect::<()>().await;
}

/// The contexts that say something new about a route.
fn contexts(path: &str, row: Row) -> Vec<Context> {
    let mut contexts = vec![Context::Own, Context::Key];
    let Access::Permitted(permission, _) = row.access else { return contexts };
    match permission.domain {
        DomainSource::PathAccount => contexts.extend([Context::OtherByPath, Context::Foreign]),
        DomainSource::RequestAccount => {
            contexts.extend([Context::OtherByPath, Context::OtherByHeader, Context::Foreign]);
        }
        DomainSource::CallerAccount => contexts.extend([Context::OtherByHeader, Context::Foreign]),
        DomainSource::CallerHome | DomainSource::System => {}
    }
    if path.contains("{username}") && permission.self_twin.is_some() {
        contexts.push(Context::Oneself);
    }
    contexts
}

async fn holders(server: &Server, law: &Law) -> Vec<Holder> {
    let admin = server.admin();
    for account in [HOME, AWAY, FOREIGN] {
        server.account(account).await;
    }
    let mut holders = Vec::new();
    for role in law.roles.keys() {
        for way in ["direct", "group"] {
            let username = format!("{role}-{way}");
            let password = server.user(HOME, &username).await;
            if way == "direct" {
                let members = format!("/v2/rbac-manager/roles/{role}/members");
                for account in [HOME, AWAY] {
                    let member = json!({ "username": username, "domain_name": account });
                    admin.post(&members, member).await.expect(200);
                }
            } else {
                let group = admin.post("/v2/system/user-groups", json!({ "name": role })).await.expect(201);
                let group = format!("/v2/system/user-groups/{}", group["group_uuid"].as_str().unwrap());
                for account in [HOME, AWAY] {
                    let roles = json!({ "domain_name": account, "roles": [{ "role": role }] });
                    admin.post(&format!("{group}/roles"), roles).await.expect(201);
                }
                let users = json!({ "usernames": [{ "username": username }] });
                admin.post(&format!("{group}/users"), users).await.expect(201);
            }
            let key = server.key(&server.key_of(&password, "matrix").await);
            holders.push(Holder { role: role.clone(), username, password, key });
        }
    }
    holders
}

/// Asks so that nothing can change: what takes a body gets none (415) or one about a user who does not exist.
async fn ask(method: &str, path: &str, row: Row, holder: &Holder, context: Context) -> Answer {
    let account = domain_of(context);
    let username = if context == Context::Oneself { holder.username.as_str() } else { NOBODY };
    let url = path
        .replace("{account_name}", account)
        .replace("{username}", username)
        .replace("{key_name}", "no-such-key")
        .replace("{role_name}", HANDED_OUT)
        .replace("{group_uuid}", "no-such-group");
    // Where a key will do, what another account answers is asked with it: it costs no hash, and the rest differs not.
    let elsewhere = !matches!(context, Context::Own | Context::Oneself);
    let key_will_do = matches!(row.access, Access::SignedIn(ApiKeys::Allowed) | Access::Permitted(_, ApiKeys::Allowed));
    let by_key = context == Context::Key || (elsewhere && key_will_do);
    let client = if by_key { &holder.key } else { &holder.password };
    let by_request =
        matches!(row.access, Access::Permitted(Permission { domain: DomainSource::RequestAccount, .. }, _));
    let named = by_request && context != Context::OtherByHeader;
    let client = match (context, named) {
        (Context::OtherByHeader, _) => client.clone().acting_in(AWAY),
        (Context::Foreign, false) => client.clone().acting_in(FOREIGN),
        _ => client.clone(),
    };
    let request = match method {
        "POST" if by_request => {
            client.request(method, &url).json(&json!({ "username": NOBODY, "for_account": account }))
        }
        _ if by_request && (named || method == "DELETE") => {
            client.request(method, &format!("{url}?domain_name={account}&username={NOBODY}"))
        }
        _ => client.request(method, &url),
    };
    send(request).await
}

const fn domain_of(context: Context) -> &'static str {
    match context {
        Context::Own | Context::Oneself | Context::Key => HOME,
        Context::OtherByPath | Context::OtherByHeader => AWAY,
        Context::Foreign => FOREIGN,
    }
}

/// The message of the refusal, or `None` where the handler should be reached.
fn expected(law: &Law, path: &str, row: Row, holder: &Holder, context: Context) -> Option<String> {
    let (permission, keys) = match row.access {
        Access::Public => return None,
        Access::SignedIn(keys) => (None, keys),
        Access::Admins(ApiKeys::Refused) if context == Context::Key => (None, ApiKeys::Refused),
        // None of the holders of roles is an admin.
        Access::Admins(_) => {
            return Some("Not authorized. Requires permissions: domain=system action=* target=*".to_owned());
        }
        Access::Permitted(permission, keys) => (Some(permission), keys),
    };
    if context == Context::Key && keys == ApiKeys::Refused {
        return Some("Not authorized. Operation not allowed with an API key".to_owned());
    }
    let lacks = |domain: &str, action: &str| {
        Some(format!("Not authorized. Requires permissions: domain={domain} action={action} target=*"))
    };
    let Some(permission) = permission else {
        // Other people's roles are shown to who may list role members somewhere.
        let others = path == "/v2/rbac-manager/users/{username}/roles" && !law.grants(&holder.role, "listRoleMembers");
        return if others { lacks(HOME, "listRoleMembers") } else { None };
    };
    let domain = match permission.domain {
        DomainSource::System => "system",
        DomainSource::CallerHome => HOME,
        _ => domain_of(context),
    };
    let oneself = context == Context::Oneself;
    let action = permission.self_twin.filter(|_| oneself).unwrap_or(permission.action).name();
    let needs_none = domain == HOME && (action == "getAccount" || action.starts_with("self"));
    let held = matches!(domain, HOME | AWAY) && law.grants(&holder.role, action);
    let hands_out = matches!(action, "createRoleMember" | "deleteRoleMember");
    if needs_none || (held && (!hands_out || law.may_hand_out(&holder.role))) {
        return None;
    }
    lacks(domain, action)
}

fn agrees(expected: Option<&str>, answer: &Answer) -> bool {
    match expected {
        Some(message) => answer.status == 403 && answer.message() == message,
        None => !matches!(answer.status, 401 | 403 | 405 | 500..),
    }
}
