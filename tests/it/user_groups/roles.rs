//! The roles of a group.

use kedge::clock::Clock;
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use crate::support::{Options, Server, assert_error, assert_problem, names};

const NOON: time::OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);

/// A Kedge with the accounts acme and court and a group; answers the path of its roles.
async fn roles_of_a_group() -> (Server, String) {
    let server = Server::start_with(Options { clock: Some(Clock::fixed(NOON)), ..Options::default() }).await;
    for account in ["acme", "court"] {
        server.account(account).await;
    }
    let group = server.group("tea-drinkers").await;
    (server, format!("{group}/roles"))
}

/// The `membership_id` of a role in the first or second account of a list.
fn membership(list: &Value, account: usize, role: usize) -> String {
    list["items"][account]["roles"][role]["membership_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn roles_are_given_account_by_account_and_listed_sorted() {
    let (server, roles) = roles_of_a_group().await;
    let admin = server.admin();
    assert_eq!(admin.get(&roles).await.expect(200), json!({ "items": [] }));
    let to_court = json!({ "for_account": "court", "roles": [{ "role": "read-write" }, { "role": "read-only" }] });
    admin.post(&roles, to_court).await.expect(201);
    let both = json!({ "for_account": "acme", "domain_name": "acme", "roles": [{ "role": "read-only" }] });
    let given = admin.post(&roles, both).await.expect(201);
    let role = |name: &str, account, index| {
        let id = membership(&given, account, index);
        json!({ "role": name, "created_at": "2026-11-22T12:00:00Z", "membership_id": id })
    };
    let expected = json!({ "items": [
        { "domain_name": "acme", "for_account": "acme", "roles": [role("read-only", 0, 0)] },
        { "domain_name": "court", "for_account": "court", "roles": [role("read-only", 1, 0), role("read-write", 1, 1)] },
    ] });
    assert_eq!(given, expected);
    assert_eq!(admin.get(&roles).await.expect(200), expected);
    let group = admin.get(roles.trim_end_matches("/roles")).await.expect(200);
    assert_eq!(group["account_roles"], expected);
}

#[tokio::test]
async fn role_that_the_group_has_is_kept_as_it_is() {
    let (server, roles) = roles_of_a_group().await;
    let twice = json!({ "domain_name": "acme", "roles": [{ "role": "read-only" }, { "role": "read-only" }] });
    let first = server.admin().post(&roles, twice.clone()).await.expect(201);
    assert_eq!(names(&first["items"][0]["roles"], "role"), ["read-only"]);
    server.app.clock.set(NOON + Duration::hours(1));
    assert_eq!(server.admin().post(&roles, twice).await.expect(201), first);
}

#[tokio::test]
async fn nothing_is_given_where_any_of_it_is_wrong() {
    let (server, roles) = roles_of_a_group().await;
    let admin = server.admin();
    server.account("gone").await;
    server.delete_account("gone").await;
    let read_only = json!([{ "role": "read-only" }]);
    let unknown = json!({ "domain_name": "acme", "roles": [{ "role": "read-only" }, { "role": "queen" }] });
    assert_error(&admin.post(&roles, unknown).await, 404, "Role not found. Name=queen");
    for account in ["zzz", "system", "anchore-system"] {
        let unknown = json!({ "domain_name": account, "roles": read_only });
        assert_error(&admin.post(&roles, unknown).await, 404, "Account not found");
    }
    let gone = admin.post(&roles, json!({ "domain_name": "gone", "roles": read_only })).await;
    assert_error(&gone, 400, "Account gone is being deleted");
    for (wrong, field) in [
        (json!({ "roles": read_only }), "'domain_name'"),
        (json!({ "domain_name": "acme", "for_account": "court", "roles": read_only }), "'for_account'"),
        (json!({ "domain_name": "acme" }), "roles"),
        (json!({ "domain_name": "acme", "roles": [] }), "'roles'"),
        (json!({ "domain_name": "acme", "roles": [{}] }), "role"),
        (json!({ "domain_name": "acme", "roles": [{ "role": null }] }), "role"),
    ] {
        assert_problem(&admin.post(&roles, wrong).await, 400, field);
    }
    assert_eq!(admin.get(&roles).await.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn roles_are_taken_by_grant_and_by_account() {
    let (server, roles) = roles_of_a_group().await;
    let admin = server.admin();
    let many = json!([{ "role": "read-only" }, { "role": "read-write" }, { "role": "report-admin" }]);
    for account in ["acme", "court"] {
        admin.post(&roles, json!({ "domain_name": account, "roles": many })).await.expect(201);
    }
    let list = admin.get(&roles).await.expect(200);
    let (first, second) = (membership(&list, 0, 0), membership(&list, 0, 2));
    let taken = admin.delete(&format!("{roles}?membership_id={first}&membership_id={second}")).await;
    assert_eq!((taken.status, taken.text.as_str()), (204, ""));
    let left = admin.get(&roles).await.expect(200);
    assert_eq!(names(&left["items"][0]["roles"], "role"), ["read-write"]);
    assert_eq!(left["items"][1], list["items"][1]);
    let both = format!("{roles}?all_roles_for_account=acme&all_roles_for_account=court");
    admin.delete(&format!("{roles}?all_roles_for_account=acme,court")).await.expect(204);
    assert_eq!(admin.get(&roles).await.expect(200), json!({ "items": [] }));
    assert_error(&admin.delete(&both).await, 404, "Role in account not found. Name=acme");
}

#[tokio::test]
async fn nothing_is_taken_where_any_of_it_is_not_there() {
    let (server, roles) = roles_of_a_group().await;
    let admin = server.admin();
    let other = server.group("card-players").await;
    server.give_group(roles.trim_end_matches("/roles"), "read-only", "acme").await;
    server.give_group(&other, "read-only", "court").await;
    let list = admin.get(&roles).await.expect(200);
    let (own, foreign) = (membership(&list, 0, 0), membership(&admin.get(&format!("{other}/roles")).await.body, 0, 0));
    for id in [&foreign, "00000000-0000-4000-8000-000000000000", "nothing"] {
        let answer = admin.delete(&format!("{roles}?membership_id={own}&membership_id={id}")).await;
        assert_error(&answer, 404, &format!("Membership not found. Name={id}"));
    }
    for account in ["court", "zzz", "system"] {
        let answer = admin.delete(&format!("{roles}?membership_id={own}&all_roles_for_account={account}")).await;
        assert_error(&answer, 404, &format!("Role in account not found. Name={account}"));
    }
    for query in ["", "?membership_id=", "?all_roles_for_account=", "?membership=x"] {
        let answer = admin.delete(&format!("{roles}{query}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"), "{query}");
    }
    assert_eq!(admin.get(&roles).await.expect(200), list);
    assert_eq!(admin.get(&format!("{other}/roles")).await.expect(200)["items"][0]["domain_name"], "court");
}

#[tokio::test]
async fn roles_in_a_deleted_account_leave_the_group() {
    let (server, roles) = roles_of_a_group().await;
    let admin = server.admin();
    let group = roles.trim_end_matches("/roles");
    for account in ["acme", "court"] {
        server.give_group(group, "read-only", account).await;
    }
    let id = membership(&admin.get(&roles).await.expect(200), 1, 0);
    server.delete_account("court").await;
    let left = admin.get(&roles).await.expect(200);
    assert_eq!(names(&left["items"], "domain_name"), ["acme"]);
    assert_eq!(admin.get(group).await.expect(200)["account_roles"], left);
    let by_account = admin.delete(&format!("{roles}?all_roles_for_account=court")).await;
    assert_error(&by_account, 404, "Role in account not found. Name=court");
    let by_grant = admin.delete(&format!("{roles}?membership_id={id}")).await;
    assert_error(&by_grant, 404, &format!("Membership not found. Name={id}"));
}
