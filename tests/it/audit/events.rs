//! Who sees which events: `/v2/events` and `/v2/event-types`.

use serde_json::{Value, json};

use super::{count, execute, write_tally};
use crate::support::{Answer, PASSWORD, Server, assert_error, assert_problem, lacking, send};

/// Accounts with two records each besides their making: `acme`, where `alice` sees events and `bob` does not, and
/// `tea-party`.
async fn world() -> Server {
    let server = Server::start().await;
    for (account, user) in [("acme", "alice"), ("acme", "bob"), ("tea-party", "hatter")] {
        server.user(account, user).await;
    }
    server.grant("alice", "read-only", "acme").await;
    server.grant("hatter", "full-control", "tea-party").await;
    server
}

#[track_caller]
fn results(answer: Answer) -> Vec<Value> {
    let list = answer.expect(200);
    let results = list["results"].as_array().unwrap().clone();
    assert_eq!(list["item_count"], results.len(), "{list}");
    results
}

fn accounts(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> =
        events.iter().filter_map(|event| event["event"]["resource"]["account_name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test]
async fn event_has_the_form_that_clients_read() {
    let server = world().await;
    let answer = server.admin().delete("/v2/accounts/acme/users/bob").await;
    let id = answer.header("x-request-id").to_owned();
    let list = server.admin().get("/v2/events?limit=1").await.expect(200);
    assert_eq!((&list["page"], &list["next_page"], &list["item_count"]), (&json!(1), &json!(true), &json!(1)));
    let found = &list["results"][0];
    let event = &found["event"];
    let host = event["source"]["host_id"].as_str().unwrap();
    assert!(!host.is_empty());
    assert_eq!(
        event["source"],
        json!({ "service_name": "identity", "host_id": host, "base_url": "http://localhost:8228", "request_id": id })
    );
    assert_eq!(event["resource"], json!({ "account_name": "acme", "id": "bob", "type": "user" }));
    assert_eq!(
        ["type", "category", "level"].map(|name| event[name].clone()),
        ["user.identity.delete_user", "user", "info"].map(Value::from)
    );
    assert_eq!((&event["details"]["user"], &event["details"]["count"]), (&json!("admin"), &json!(1)));
    assert_eq!(event["timestamp"], found["created_at"]);
    let one = server.admin().get(&format!("/v2/events/{}", found["event_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one, *found);
}

#[tokio::test]
async fn everyone_sees_the_account_where_they_may_and_administrators_all() {
    let server = world().await;
    let admin = server.admin();
    server.group("gardeners").await;
    let all = results(admin.get("/v2/events").await);
    assert_eq!(accounts(&all), ["acme", "admin", "tea-party"]);
    let total = usize::try_from(count(&server, "select count(*) from audit_events").await).unwrap();
    assert_eq!(all.len(), total);
    let of_acme = results(admin.clone().acting_in("acme").get("/v2/events").await);
    assert_eq!(accounts(&of_acme), ["acme"]);
    assert_eq!(of_acme.len(), 4, "it was made, and two users, one got a role: {of_acme:?}");

    let alice = server.basic("alice", crate::support::PASSWORD);
    let key = server.key(&server.key_of(&alice, "ci").await);
    let token = server.signed_in("alice").await;
    let id_of = |events: &[Value]| events[0]["event_id"].as_str().unwrap().to_owned();
    let party = results(admin.clone().acting_in("tea-party").get("/v2/events").await);
    for client in [&alice, &key, &token] {
        let seen = results(client.get("/v2/events").await);
        assert_eq!(accounts(&seen), ["acme"]);
        assert_eq!(seen.len(), 6, "the account, two users, a role, a key and a sign-in: {seen:?}");
        client.get(&format!("/v2/events/{}", id_of(&seen))).await.expect(200);
        client.get("/v2/event-types").await.expect(200);
        // Another account's, and the system's.
        let elsewhere = client.clone().acting_in("tea-party").get("/v2/events").await;
        assert_error(&elsewhere, 403, &lacking("tea-party", "listEvents"));
        for other in [
            id_of(&party),
            id_of(&all.iter().filter(|e| accounts(&[(*e).clone()]) == ["admin"]).cloned().collect::<Vec<_>>()),
        ] {
            assert_error(&client.get(&format!("/v2/events/{other}")).await, 404, "Event not found");
        }
    }
    assert_error(
        &admin.clone().acting_in("acme").get(&format!("/v2/events/{}", id_of(&party))).await,
        404,
        "Event not found",
    );
    admin.get(&format!("/v2/events/{}", id_of(&party))).await.expect(200);

    let bob = server.basic("bob", crate::support::PASSWORD);
    for (path, action) in [("/v2/events", "listEvents"), ("/v2/event-types", "listEvents")] {
        assert_error(&bob.get(path).await, 403, &lacking("acme", action));
    }
    assert_error(&bob.get(&format!("/v2/events/{}", id_of(&party))).await, 403, &lacking("acme", "getEvent"));
    assert_error(&server.nobody().get("/v2/events").await, 401, "Unauthorized");
    // Another account, where one has a role.
    server.grant("bob", "read-only", "tea-party").await;
    let seen = results(bob.acting_in("tea-party").get("/v2/events").await);
    assert_eq!(accounts(&seen), ["tea-party"]);
}

#[tokio::test]
async fn users_of_an_account_see_nothing_of_one_that_had_its_name_before() {
    let server = world().await;
    server.delete_account("acme").await;
    let before = results(server.admin().acting_in("acme").get("/v2/events").await);
    kedge::identity::collector::remove_accounts(&server.app.db).await.unwrap();
    server.user("acme", "carol").await;
    server.grant("carol", "read-only", "acme").await;
    let carol = server.basic("carol", crate::support::PASSWORD);
    for path in ["/v2/events", "/v2/events?since=2000-01-01T00:00:00Z"] {
        let types: Vec<_> = results(carol.get(path).await).iter().map(|event| event["event"]["type"].clone()).collect();
        let made = ["add_account_role_member", "create_user", "create_account"];
        assert_eq!(types.len(), made.len(), "{path}: {types:?}");
        assert_eq!(types[1..], made[1..].iter().map(|name| format!("user.identity.{name}")).collect::<Vec<_>>());
    }
    let hatter = server.basic("hatter", crate::support::PASSWORD);
    server.grant("hatter", "read-only", "acme").await;
    let of_now = results(hatter.acting_in("acme").get("/v2/events").await);
    for event in &before {
        let path = format!("/v2/events/{}", event["event_id"].as_str().unwrap());
        assert_error(&carol.get(&path).await, 404, "Event not found");
        assert!(!of_now.contains(event), "{event}");
        // Administrators see what was.
        server.admin().get(&path).await.expect(200);
    }
    let all = results(server.admin().acting_in("acme").get("/v2/events").await);
    assert!(before.iter().all(|event| all.contains(event)));
}

#[tokio::test]
async fn key_of_an_administrator_that_is_kept_to_accounts_sees_no_others() {
    let server = world().await;
    let key = async |accounts: Value| {
        let name = format!("key-{}", accounts.to_string().len());
        let made = server.admin().post("/v2/user/api-keys", json!({ "name": name, "accounts": accounts })).await;
        server.key(made.expect(201)["value"].as_str().unwrap())
    };
    let (kept, free) = (key(json!(["admin", "acme"])).await, key(Value::Null).await);
    let all = results(free.get("/v2/events").await);
    assert_eq!(accounts(&all), ["acme", "admin", "tea-party"]);
    assert_eq!(accounts(&results(kept.get("/v2/events").await)), ["admin"]);
    assert_eq!(accounts(&results(kept.clone().acting_in("acme").get("/v2/events").await)), ["acme"]);
    let of = |name: &str| {
        let event = all.iter().find(|event| event["event"]["resource"]["account_name"] == name).unwrap();
        format!("/v2/events/{}", event["event_id"].as_str().unwrap())
    };
    assert_error(&kept.get(&of("tea-party")).await, 404, "Event not found");
    kept.get(&of("admin")).await.expect(200);
    free.get(&of("tea-party")).await.expect(200);
}

#[tokio::test]
async fn unknown_and_malformed_ids_are_not_found() {
    let server = world().await;
    for id in ["00000000-0000-4000-8000-000000000000", "1", "x", "%00x", "a%2Fb", "*", "%F0%9F%90%87"] {
        let answer = server.admin().get(&format!("/v2/events/{id}")).await;
        assert!(answer.status == 404 || (id == "%00x" && answer.status == 400), "{id}: {answer:?}");
    }
}

#[tokio::test]
async fn list_is_narrowed_by_each_filter() {
    let server = world().await;
    let admin = server.admin();
    server.basic("hatter", "wrong-password").get("/v2/user").await.expect(401);
    super::write_tally(&server).await;
    let all = results(admin.get("/v2/events").await);
    let number = async |query: &str| results(admin.get(&format!("/v2/events?{query}")).await).len();
    let types = |part: &str| all.iter().filter(|event| event["event"]["type"].as_str().unwrap().contains(part)).count();
    for (query, expected) in [
        ("event_type=user.identity.create_user", 3),
        ("event_type=user.identity.create*", types("create")),
        ("event_type=*create_account", 2),
        ("event_type=*", all.len()),
        ("event_type=system.*", 1),
        // Neither a dot nor an underscore stands for something else.
        ("event_type=user_identity_create.user", 0),
        ("event_type=user.identity.create", 0),
        ("level=error", 1),
        ("level=ERROR", 1),
        ("level=Info", all.len() - 1),
        ("resource_type=user", 3),
        ("resource_type=user&resource_id=alice", 1),
        ("resource_id=tea-party", 1),
        ("resource_id=nobody", 0),
        ("source_service_name=identity", all.len()),
        ("source_service_name=catalog", 0),
        ("source_host_id=elsewhere", 0),
        ("since=2999-01-01T00:00:00Z", 0),
        ("since=2999-01-01T00:00:00", 0),
        ("since=2999-01-01T00:00:00.5", 0),
        ("since=2999-01-01", 0),
        ("before=2999-01-01T00:00:00Z", all.len()),
        ("before=2000-01-01T00:00:00Z", 0),
        ("since=2000-01-01T00:00:00%2B02:00&level=error&event_type=*sign_in*", 1),
    ] {
        assert_eq!(number(query).await, expected, "{query}");
    }
    // What is at that moment is in what is since then, and not in what is before.
    let moments = "select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
                   from audit_events order by created_at desc offset 1 limit 1";
    let mut connection = super::connect(&server.app.db.options()).await;
    let moment: String = sqlx::query_scalar(moments).fetch_one(&mut connection).await.unwrap();
    let (since, before) = (number(&format!("since={moment}")).await, number(&format!("before={moment}")).await);
    assert_eq!((since, before), (2, all.len() - 2), "{moment}");
    let empty = admin.get("/v2/events?resource_id=nobody").await.expect(200);
    assert_eq!(empty, json!({ "results": [], "next_page": false, "item_count": 0, "page": 1 }));
}

#[tokio::test]
async fn pages_hold_each_event_once_the_newest_first() {
    let server = world().await;
    // Made in one moment: still each is on one page.
    let many = "insert into audit_events (event_id, created_at, type, level, message, account, count, details)
                select gen_random_uuid(), now(), 'user.identity.test', 'info', '', 'acme', 1, '{}' from generate_series(1, 25)";
    execute(&server.app.db.options(), many).await.unwrap();
    let admin = server.admin();
    let all = results(admin.get("/v2/events").await);
    let times: Vec<_> = all.iter().map(|event| event["created_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let mut paged = Vec::new();
    for page in 1.. {
        let list = admin.get(&format!("/v2/events?limit=7&page={page}")).await.expect(200);
        assert_eq!(list["page"], page);
        let found = list["results"].as_array().unwrap().clone();
        paged.extend(found.iter().cloned());
        assert_eq!(list["next_page"], paged.len() < all.len());
        if list["next_page"] == false {
            break;
        }
        assert_eq!(found.len(), 7);
    }
    assert_eq!(paged, all);
    // A page that is full to the brim is the last one.
    let whole = admin.get(&format!("/v2/events?limit={}", all.len())).await.expect(200);
    assert_eq!((&whole["next_page"], &whole["item_count"]), (&json!(false), &json!(all.len())));
    let after = admin.get("/v2/events?page=1000").await.expect(200);
    assert_eq!(after, json!({ "results": [], "next_page": false, "item_count": 0, "page": 1000 }));
}

#[tokio::test]
async fn wrong_parameters_are_told() {
    let server = world().await;
    for (query, field) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1.5", "limit"),
        ("level=warning", "level"),
        ("level=", "level"),
        ("event_type=", "event_type"),
        ("event_type=User.*", "event_type"),
        ("event_type=%25", "event_type"),
        ("event_type=a%5Cb", "event_type"),
        ("since=yesterday", "since"),
        ("since=2026-02-30T00:00:00Z", "since"),
        ("before=2026-13-01", "before"),
        ("before=9999-12-31T23:59:59-01:00", "before"),
        ("before=1", "before"),
        ("since=-009999-01-01", "since"),
        ("before=-009999-01-01T00:00:00", "before"),
        ("resource_id=%00", "resource_id"),
        ("page=1&page=2", "page"),
    ] {
        assert_problem(&server.admin().get(&format!("/v2/events?{query}")).await, 400, field);
    }
}

#[tokio::test]
async fn nobody_deletes_events() {
    let server = world().await;
    let event = results(server.admin().get("/v2/events?limit=1").await);
    let path = format!("/v2/events/{}", event[0]["event_id"].as_str().unwrap());
    for path in ["/v2/events", &path] {
        assert_eq!(server.admin().delete(path).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn events_are_found_by_who_did_it_and_with_which_key() {
    let server = world().await;
    let alice = server.basic("alice", crate::support::PASSWORD);
    let value = server.key_of(&alice, "ci").await;
    let hint = value.strip_prefix("kedge_").unwrap().chars().take(4).collect::<String>();
    server.key(&value).delete("/v2/accounts/acme/users/bob").await.expect(403);
    write_tally(&server).await;
    let kinds = async |query: &str| {
        let found = results(server.admin().get(&format!("/v2/events?{query}")).await);
        let kind = |event: &Value| event["event"]["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        found.iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("user=alice").await, ["permission_denied", "create_api_key"]);
    assert_eq!(kinds(&format!("user=alice&key_hint={hint}")).await, ["permission_denied"]);
    assert_eq!(kinds("user=alice&resource_type=api_key&resource_id=ci").await, ["create_api_key"]);
    for nobody in ["user=Alice", "user=ali", "user=%25", "user=alice&key_hint=%20", "user=admin&key_hint=abcd"] {
        assert_eq!(kinds(nobody).await, [""; 0], "{nobody}");
    }
    assert_eq!(results(server.admin().acting_in("tea-party").get("/v2/events?user=alice").await), Vec::<Value>::new());
    assert_eq!(server.admin().get("/v2/events?user=%00").await.status, 400);
}

#[tokio::test]
async fn keys_of_one_name_are_told_apart_by_their_user() {
    let server = world().await;
    let alice = server.basic("alice", crate::support::PASSWORD);
    server.user("acme", "carol").await;
    let of = |username: &str| format!("/v2/accounts/acme/users/{username}/api-keys");
    alice.post("/v2/user/api-keys", json!({ "name": "ci" })).await.expect(201);
    server.admin().post(&of("carol"), json!({ "name": "ci" })).await.expect(201);
    server.admin().patch(&format!("{}/ci", of("alice")), json!({ "status": "revoked" })).await.expect(200);
    let found = async |username: &str| {
        let query = format!("resource_type=api_key&resource_id=ci&resource_user={username}");
        let found = results(server.admin().get(&format!("/v2/events?{query}")).await);
        assert!(found.iter().all(|event| event["event"]["details"]["resource_user"] == username), "{found:?}");
        found.len()
    };
    assert_eq!([found("alice").await, found("carol").await, found("bob").await], [2, 1, 0]);
}

#[tokio::test]
async fn sign_ins_of_the_console_are_sessions_like_those_of_the_api() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.tokens("alice").await;
    let page =
        |method: &str| server.nobody().request(method, "/console/session").header("x-requested-with", "kedge-console");
    let begun = send(page("POST").json(&json!({ "username": "alice", "password": PASSWORD }))).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let cookie = begun.header("set-cookie").split(';').next().unwrap();
    assert_eq!(send(page("DELETE").header("cookie", cookie)).await.status, 204);
    let found = results(server.admin().get("/v2/events?resource_type=session").await);
    let found: Vec<_> = found.iter().map(|event| event["event"]["type"].as_str().unwrap()).collect();
    assert_eq!(
        found,
        ["sign_out_of_console", "sign_in_to_console", "get_oauth_token"].map(|name| format!("user.identity.{name}"))
    );
    let types = server.admin().get("/v2/event-types").await.expect(200);
    let types = types[0]["subcategories"][0]["events"].as_array().unwrap();
    for name in ["sign_in_to_console", "sign_out_of_console"] {
        let listed = types.iter().find(|event| event["name"] == name).unwrap();
        assert_eq!(listed["resource_type"], "session", "{listed}");
    }
}
