//! No escalation: who may do what to whom, as tables written down by hand from the rules.
//!
//! A column is a caller, in the order of [`callers`]; `y` is done, `n` is the refusal of a missing permission.

use kedge::authz::action::Action;
use serde_json::json;

use super::world::{
    ELSEWHERE, HERE,
    Held::{self, ByGroup, Directly},
    caller, grant, plant, wonderland,
};
use crate::support::{ADMIN_PASSWORD, Answer, Client, PASSWORD, Server, assert_error};

const AUA: &str = "account-user-admin";

/// What a user of the account here holds; who may get into them (a password set or deleted, a key made); who may
/// delete them.
#[rustfmt::skip]
const USERS: &[(&str, &[Held], &str, &str)] = &[
    // what                                                                  enter       delete
    ("nothing",          &[],                                                "yyyyyyyy", "yyyyyyyy"),
    ("less",             &[Directly("read-only", HERE)],                     "yyyyyyyy", "yyyyyyyy"),
    ("more-in-images",   &[Directly("read-write", HERE)],                    "yyyyyyyy", "yyyyyyyy"),
    ("own-action",       &[Directly("raven", HERE)],                         "yyyyyyyy", "yyyyyyyy"),
    ("user-admin",       &[Directly(AUA, HERE)],                             "yyyynyyy", "yyyynyyy"),
    ("every-action",     &[Directly("every-action", HERE)],                  "yyyynyyy", "yyyynyyy"),
    ("star",             &[Directly("full-control", HERE)],                  "nnynnnny", "nnynnnny"),
    ("g-user-admin",     &[ByGroup(AUA, HERE)],                              "yyyynyyy", "yyyynyyy"),
    ("g-star",           &[ByGroup("full-control", HERE)],                   "nnynnnny", "nnynnnny"),
    ("less-elsewhere",   &[Directly("image-developer", ELSEWHERE)],          "yyyyyyyy", "yyyyyyyy"),
    ("same-elsewhere",   &[Directly("read-only", ELSEWHERE)],                "yyyyyyyy", "yyyyyyyy"),
    ("more-elsewhere",   &[Directly("read-write", ELSEWHERE)],               "nnnnnyny", "yyyyyyyy"),
    ("own-elsewhere",    &[Directly("raven", ELSEWHERE)],                    "nnnnnyny", "yyyyyyyy"),
    ("every-elsewhere",  &[Directly("every-action", ELSEWHERE)],             "nnnnnyny", "yyyyyyyy"),
    ("star-elsewhere",   &[Directly("full-control", ELSEWHERE)],             "nnnnnyny", "yyyyyyyy"),
    ("g-same-elsewhere", &[ByGroup("read-only", ELSEWHERE)],                 "yyyyyyyy", "yyyyyyyy"),
    ("g-more-elsewhere", &[ByGroup("read-write", ELSEWHERE)],                "nnnnnyny", "yyyyyyyy"),
    ("less-in-admin",    &[Directly("read-only", "admin")],                  "nnnnnnny", "yyyyyyyy"),
    ("star-and-more",    &[Directly("full-control", HERE), Directly("read-write", ELSEWHERE)],
                                                                             "nnnnnnny", "nnynnnny"),
];

/// A role; who may grant it and take it away here, elsewhere, and in the account `admin`.
#[rustfmt::skip]
const ROLES: &[(&str, &str, &str, &str)] = &[
    // role          here        elsewhere   admin
    ("read-only",    "yyyyyyyy", "nnnnnyny", "nnnnnnny"),
    ("read-write",   "yyyyyyyy", "nnnnnyny", "nnnnnnny"),
    ("raven",        "yyyyyyyy", "nnnnnyny", "nnnnnnny"),
    ("clerk",        "yyyyyyyy", "nnnnnyny", "nnnnnnny"),
    (AUA,            "yyyynyyy", "nnnnnyny", "nnnnnnny"),
    ("every-action", "yyyynyyy", "nnnnnyny", "nnnnnnny"),
    ("full-control", "nnynnnny", "nnnnnyny", "nnnnnnny"),
];

/// Who calls, in the order of the columns.
async fn callers(server: &Server) -> Vec<(&'static str, Client)> {
    let sees = Directly("read-only", ELSEWHERE);
    let all: [(&str, &str, &[Held]); 7] = [
        ("direct", HERE, &[Directly(AUA, HERE), sees]),
        ("by-group", HERE, &[ByGroup(AUA, HERE), ByGroup("read-only", ELSEWHERE)]),
        ("full-control", HERE, &[Directly("full-control", HERE), sees]),
        ("lister", HERE, &[Directly("every-action", HERE), sees]),
        ("the-clerk", HERE, &[Directly("clerk", HERE), sees]),
        ("strong-elsewhere", HERE, &[Directly(AUA, HERE), Directly("full-control", ELSEWHERE)]),
        ("outsider", ELSEWHERE, &[Directly(AUA, HERE), sees]),
    ];
    let mut callers = Vec::new();
    for (name, home, held) in all {
        callers.push((name, caller(server, home, name, held).await));
    }
    callers.push(("admin", server.admin()));
    callers
}

/// Asserts that one cell of a table is as it was written down.
#[track_caller]
fn judge(what: &str, allowed: char, answer: &Answer, domain: &str, action: &str) {
    if allowed == 'y' {
        assert!((200..300).contains(&answer.status), "{what}: {answer:?}");
    } else {
        let refusal = format!("Not authorized. Requires permissions: domain={domain} action={action} target=*");
        assert_eq!((answer.status, &answer.body["message"]), (403, &json!(refusal)), "{what}: {answer:?}");
    }
}

async fn set_password(client: &Client, account: &str, username: &str) -> Answer {
    let path = format!("/v2/accounts/{account}/users/{username}/credentials");
    client.post(&path, json!({ "type": "password", "value": PASSWORD })).await
}

async fn delete_password(client: &Client, account: &str, username: &str) -> Answer {
    client.delete(&format!("/v2/accounts/{account}/users/{username}/credentials?credential_type=password")).await
}

async fn make_key(client: &Client, account: &str, username: &str, name: &str) -> Answer {
    client.post(&format!("/v2/accounts/{account}/users/{username}/api-keys"), json!({ "name": name })).await
}

async fn grant_role(client: &Client, role: &str, username: &str, domain: &str, spelling: &str) -> Answer {
    let path = format!("/v2/rbac-manager/roles/{role}/members");
    client.post(&path, json!({ "username": username, spelling: domain })).await
}

async fn take_role(client: &Client, role: &str, username: &str, domain: &str, spelling: &str) -> Answer {
    client.delete(&format!("/v2/rbac-manager/roles/{role}/members?username={username}&{spelling}={domain}")).await
}

#[tokio::test]
async fn nobody_gets_into_a_user_who_holds_what_they_do_not() {
    let server = wonderland().await;
    let callers = callers(&server).await;
    for (user, held, enter, _) in USERS {
        plant(&server, HERE, user, held).await;
        for ((name, client), allowed) in callers.iter().zip(enter.chars()) {
            let cell = |operation| format!("{name} {operation} {user}");
            judge(&cell("makes a key of"), allowed, &make_key(client, HERE, user, name).await, HERE, "createApiKey");
            judge(&cell("sets the password of"), allowed, &set_password(client, HERE, user).await, HERE, "updateUser");
            let deleted = delete_password(client, HERE, user).await;
            judge(&cell("deletes the password of"), allowed, &deleted, HERE, "updateUser");
        }
    }
}

#[tokio::test]
async fn user_is_deleted_only_by_who_holds_as_much_in_their_home() {
    let server = wonderland().await;
    let callers = callers(&server).await;
    for (user, held, _, delete) in USERS {
        for (n, ((name, client), allowed)) in callers.iter().zip(delete.chars()).enumerate() {
            let username = format!("{user}-{n}");
            plant(&server, HERE, &username, held).await;
            let answer = client.delete(&format!("/v2/accounts/{HERE}/users/{username}")).await;
            judge(&format!("{name} deletes {user}"), allowed, &answer, HERE, "deleteUser");
        }
    }
}

#[tokio::test]
async fn role_is_granted_and_taken_only_by_who_holds_its_identity_actions_there() {
    let server = wonderland().await;
    let callers = callers(&server).await;
    plant(&server, HERE, "dormouse", &[]).await;
    for (role, here, elsewhere, admin) in ROLES {
        for (domain, columns) in [(HERE, here), (ELSEWHERE, elsewhere), ("admin", admin)] {
            for (n, ((name, client), allowed)) in callers.iter().zip(columns.chars()).enumerate() {
                let cell = |what| format!("{name} {what} {role} in {domain}");
                // Both spellings meet each row and each column.
                let spellings = ["domain_name", "for_account"];
                let (one, other) = (spellings[n % 2], spellings[(n + 1) % 2]);
                let granted = grant_role(client, role, "dormouse", domain, one).await;
                judge(&cell("grants"), allowed, &granted, domain, "createRoleMember");
                grant(&server, "dormouse", Directly(role, domain)).await;
                let taken = take_role(client, role, "dormouse", domain, other).await;
                judge(&cell("takes"), allowed, &taken, domain, "deleteRoleMember");
            }
        }
    }
}

#[tokio::test]
async fn users_of_the_account_admin_are_touched_by_admins_only() {
    let server = wonderland().await;
    let mut callers = callers(&server).await;
    // A role in the account `admin` makes nobody an admin, whatever it is.
    let held = [Directly("full-control", "admin"), Directly("full-control", HERE)];
    callers.push(("courtier", caller(&server, HERE, "courtier", &held).await));
    for (n, (name, client)) in callers.iter().enumerate() {
        let allowed = if *name == "admin" { 'y' } else { 'n' };
        let cell = |what| format!("{name} {what}");
        let user = format!("king-{n}");
        let new = json!({ "username": user, "password": PASSWORD });
        let made = client.post("/v2/accounts/admin/users", new).await;
        judge(&cell("creates a user in admin"), allowed, &made, "admin", "createUser");
        if made.status != 200 {
            plant(&server, "admin", &user, &[]).await;
        }
        let key = make_key(client, "admin", &user, "key").await;
        judge(&cell("makes a key"), allowed, &key, "admin", "createApiKey");
        judge(&cell("sets a password"), allowed, &set_password(client, "admin", &user).await, "admin", "updateUser");
        let deleted = delete_password(client, "admin", &user).await;
        judge(&cell("deletes a password"), allowed, &deleted, "admin", "updateUser");
        for domain in [HERE, "admin"] {
            let granted = grant_role(client, "read-only", &user, domain, "domain_name").await;
            judge(&cell("grants"), allowed, &granted, domain, "createRoleMember");
        }
        let deleted = client.delete(&format!("/v2/accounts/admin/users/{user}")).await;
        judge(&cell("deletes"), allowed, &deleted, "admin", "deleteUser");
    }
    server.basic("admin", ADMIN_PASSWORD).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn oneself_one_may_always_enter() {
    let server = wonderland().await;
    let strong = [Directly("full-control", ELSEWHERE), ByGroup("full-control", HERE)];
    for (username, held) in [("alice", &[][..]), ("hatter", &strong)] {
        let user = caller(&server, HERE, username, held).await;
        let own = json!({ "type": "password", "value": PASSWORD });
        user.post("/v2/user/credentials", own).await.expect(200);
        user.post("/v2/user/api-keys", json!({ "name": "own" })).await.expect(201);
        make_key(&user, HERE, username, "by-path").await.expect(201);
    }
    let weak = caller(&server, HERE, "march", &[Directly(AUA, HERE), Directly("read-write", ELSEWHERE)]).await;
    set_password(&weak, HERE, "march").await.expect(200);
}

#[tokio::test]
async fn keys_are_listed_revoked_and_deleted_by_who_holds_the_action() {
    let server = wonderland().await;
    let manager = caller(&server, ELSEWHERE, "manager", &[Directly(AUA, HERE)]).await;
    plant(&server, HERE, "duchess", &[Directly("full-control", HERE), Directly("read-write", ELSEWHERE)]).await;
    for name in ["one", "two"] {
        make_key(&server.admin(), HERE, "duchess", name).await.expect(201);
    }
    let keys = format!("/v2/accounts/{HERE}/users/duchess/api-keys");
    assert_eq!(manager.get(&keys).await.expect(200)["items"].as_array().unwrap().len(), 2);
    manager.get(&format!("{keys}/one")).await.expect(200);
    let revoked = manager.patch(&format!("{keys}/one"), json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(revoked["status"], "revoked");
    manager.delete(&format!("{keys}/two")).await.expect(204);
    let refused = make_key(&manager, HERE, "duchess", "three").await;
    judge("the manager makes a key", 'n', &refused, HERE, "createApiKey");
}

#[tokio::test]
async fn account_of_the_header_neither_gives_nor_takes() {
    let server = wonderland().await;
    let manager = caller(&server, HERE, "manager", &[Directly(AUA, HERE)]).await;
    plant(&server, HERE, "alice", &[]).await;
    plant(&server, ELSEWHERE, "knave", &[]).await;
    // Paths and bodies that name an account are about that one, whatever the header says.
    for header in [HERE, ELSEWHERE, "admin", "no-such-team"] {
        let client = manager.clone().acting_in(header);
        set_password(&client, HERE, "alice").await.expect(200);
        judge(header, 'n', &set_password(&client, ELSEWHERE, "knave").await, ELSEWHERE, "updateUser");
        grant_role(&client, "read-only", "alice", HERE, "for_account").await.expect(200);
        let foreign = grant_role(&client, "read-only", "alice", ELSEWHERE, "for_account").await;
        judge(header, 'n', &foreign, ELSEWHERE, "createRoleMember");
    }
    // What names none follows the header.
    let moved = manager.clone().acting_in(ELSEWHERE).get("/v2/rbac-manager/roles/read-only/members").await;
    judge("lists members", 'n', &moved, ELSEWHERE, "listRoleMembers");
    manager.clone().acting_in(HERE).get("/v2/rbac-manager/roles/read-only/members").await.expect(200);
}

#[tokio::test]
async fn domain_has_two_spellings_that_must_agree() {
    let server = wonderland().await;
    let manager = caller(&server, HERE, "manager", &[Directly(AUA, HERE)]).await;
    plant(&server, HERE, "alice", &[]).await;
    let members = "/v2/rbac-manager/roles/read-only/members";
    let both = json!({ "username": "alice", "domain_name": HERE, "for_account": HERE });
    let granted = manager.post(members, both).await.expect(200);
    assert_eq!((&granted["domain_name"], &granted["for_account"]), (&json!(HERE), &json!(HERE)));
    let differing = json!({ "username": "alice", "domain_name": HERE, "for_account": ELSEWHERE });
    assert_eq!(manager.post(members, differing).await.status, 400);
    let query = format!("username=alice&domain_name={HERE}&for_account={ELSEWHERE}");
    assert_eq!(manager.delete(&format!("{members}?{query}")).await.status, 400);
    let both = format!("{members}?username=alice&domain_name={HERE}&for_account={HERE}");
    manager.delete(&both).await.expect(204);
    assert_error(&manager.delete(&both).await, 404, "Role member not found");
}

#[tokio::test]
async fn unknown_account_is_refused_like_a_foreign_one() {
    let server = wonderland().await;
    let manager = caller(&server, HERE, "manager", &[Directly(AUA, HERE)]).await;
    plant(&server, HERE, "alice", &[]).await;
    for domain in [ELSEWHERE, "no-such-team", "system"] {
        let granted = grant_role(&manager, "read-only", "alice", domain, "domain_name").await;
        judge(domain, 'n', &granted, domain, Action::CreateRoleMember.name());
        judge(domain, 'n', &set_password(&manager, domain, "alice").await, domain, "updateUser");
    }
    assert_eq!(grant_role(&server.admin(), "read-only", "alice", "system", "domain_name").await.status, 404);
}
