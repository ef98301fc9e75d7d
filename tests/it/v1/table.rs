//! The rows of V1: which there are, and that each is the row of V2.

use std::collections::BTreeSet;

use kedge::{
    authz::access::Access,
    http::{
        openapi,
        routes::{Body, Routes, Row, TimeLimit},
    },
};
use utoipa_axum::routes;

/// What the predecessor served of it, each with the operation of V2 that it is; HEAD goes with GET.
const OPERATIONS: [(&str, &str, &str); 24] = [
    ("DELETE", "/v1/accounts/{account_name}", "/v2/accounts/{account_name}"),
    ("DELETE", "/v1/accounts/{account_name}/users/{username}", "/v2/accounts/{account_name}/users/{username}"),
    (
        "DELETE",
        "/v1/accounts/{account_name}/users/{username}/credentials",
        "/v2/accounts/{account_name}/users/{username}/credentials",
    ),
    ("GET", "/v1", "/v2"),
    ("GET", "/v1/", "/v2/"),
    ("GET", "/v1/account", "/v2/account"),
    ("GET", "/v1/accounts", "/v2/accounts"),
    ("GET", "/v1/accounts/{account_name}", "/v2/accounts/{account_name}"),
    ("GET", "/v1/accounts/{account_name}/users", "/v2/accounts/{account_name}/users"),
    ("GET", "/v1/accounts/{account_name}/users/{username}", "/v2/accounts/{account_name}/users/{username}"),
    (
        "GET",
        "/v1/accounts/{account_name}/users/{username}/credentials",
        "/v2/accounts/{account_name}/users/{username}/credentials",
    ),
    ("GET", "/v1/openapi.json", "/v2/openapi.json"),
    ("GET", "/v1/status", "/v2/status"),
    ("GET", "/v1/system", "/v2/system"),
    ("GET", "/v1/system/error_codes", "/v2/system/error-codes"),
    ("GET", "/v1/user", "/v2/user"),
    ("GET", "/v1/user/credentials", "/v2/user/credentials"),
    ("GET", "/v1/version", "/v2/version"),
    ("POST", "/v1/accounts", "/v2/accounts"),
    ("POST", "/v1/accounts/{account_name}/users", "/v2/accounts/{account_name}/users"),
    (
        "POST",
        "/v1/accounts/{account_name}/users/{username}/credentials",
        "/v2/accounts/{account_name}/users/{username}/credentials",
    ),
    ("POST", "/v1/oauth/token", "/v2/oauth/token"),
    ("POST", "/v1/user/credentials", "/v2/user/credentials"),
    ("PUT", "/v1/accounts/{account_name}/state", "/v2/accounts/{account_name}/state"),
];

#[test]
fn operations_of_v1_are_exactly_these() {
    let (_, table, _) = kedge::routes().finish();
    let rows = table.rows();
    let served = rows.iter().filter(|(path, _, _)| path.starts_with("/v1"));
    let served: BTreeSet<_> = served.map(|(path, method, _)| (method.as_str(), *path)).collect();
    assert_eq!(served, OPERATIONS.map(|(method, path, _)| (method, path)).into());
}

/// As it is printed, without its number: access, body, time and whatever a row will hold one day.
fn shown(row: Row) -> String {
    format!("{:?}", Row { number: 0, ..row })
}

#[test]
fn every_row_of_v1_is_the_row_of_its_operation_in_v2() {
    let (_, table, _) = kedge::routes().finish();
    let rows = table.rows();
    let row = |method: &str, path: &str| {
        let found = rows.iter().find(|(served, by, _)| *served == path && by.as_str() == method);
        shown(found.unwrap_or_else(|| panic!("{method} {path} is not served")).2)
    };
    for (method, v1, v2) in OPERATIONS {
        assert_eq!(row(method, v1), row(method, v2), "{method} {v1}");
    }
}

#[utoipa::path(get, path = "/v1/rabbit-hole", responses((status = 200)))]
async fn orphan() {}

#[utoipa::path(get, path = "/v2/rabbit-hole", responses((status = 200)))]
async fn rabbit_hole() {}

#[utoipa::path(post, path = "/v2/rabbit-hole", responses((status = 200)))]
async fn fall() {}

#[test]
fn what_v2_does_not_serve_v1_does_not() {
    let (_, table, documents) = Routes::new(openapi::frames())
        .on(Access::public(), Body::Json, TimeLimit::SHORT, routes!(fall))
        .on_v1(routes!(orphan))
        .on_v1(routes!(rabbit_hole))
        .finish();
    let served: Vec<_> = table.rows().into_iter().map(|(path, method, _)| format!("{method} {path}")).collect();
    assert_eq!(served, ["POST /v2/rabbit-hole"]);
    assert!(documents.v1.paths.paths.is_empty());
}

#[test]
fn operation_is_mounted_in_v1_as_it_is_in_v2() {
    let (_, table, documents) = Routes::new(openapi::frames())
        .on(Access::signed_in().not_with_api_key(), Body::Json, TimeLimit::LONG, routes!(fall))
        .on_v1(routes!(fall))
        .finish();
    let rows = table.rows();
    let [(v1, by, older), (v2, _, newer)] = rows[..] else { panic!("{rows:?}") };
    assert_eq!((v1, by.as_str(), v2), ("/v1/rabbit-hole", "POST", "/v2/rabbit-hole"));
    assert_eq!(shown(older), shown(newer));
    assert_eq!(documents.v1.paths.paths.keys().collect::<Vec<_>>(), ["/v1/rabbit-hole"]);
    assert_eq!(documents.v2.paths.paths.keys().collect::<Vec<_>>(), ["/v2/rabbit-hole"]);
}
