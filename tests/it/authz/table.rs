//! The route table, printed: a change of access is a diff of the snapshot.

use std::fmt::Write;

use kedge::{
    authz::{
        access::{Access, ApiKeys, DomainSource},
        action::Action,
        policy::WITHOUT_ROLE,
        rights::Powers,
        roles::RoleTable,
    },
    http::openapi,
};

/// Exactly these answer without credentials (behaviour of strangers); one more is a decision, not an accident.
const PUBLIC: [&str; 29] = [
    "DELETE /console/session",
    "GET /.well-known/jwks.json",
    "GET /.well-known/oauth-authorization-server",
    "GET /console",
    "GET /console/",
    "GET /console/assets/{version}/{*file}",
    "GET /console/{*page}",
    "GET /health",
    "GET /ready",
    "GET /v1",
    "GET /v1/",
    "GET /v1/openapi.json",
    "GET /v1/version",
    "GET /v2",
    "GET /v2/",
    "GET /v2/health",
    "GET /v2/openapi.json",
    "GET /v2/openapi.yaml",
    "GET /v2/rbac-manager/saml/idps",
    "GET /v2/rbac-manager/saml/login/{idp_name}",
    "GET /v2/rbac-manager/saml/metadata/{idp_name}",
    "GET /v2/version",
    "GET /version",
    "POST /console/session",
    "POST /console/session/token",
    "POST /v1/oauth/token",
    "POST /v2/oauth/revoke",
    "POST /v2/oauth/token",
    "POST /v2/rbac-manager/saml/sso/{idp_name}",
];

#[test]
fn every_route_has_the_access_that_a_reviewer_agreed_to() {
    let (_, table, _) = kedge::routes().finish();
    let mut text = String::new();
    for (path, method, row) in table.rows() {
        let access = described(row.access);
        writeln!(text, "{method:6} {path}\n       {access}; body {:?}, {:?}", row.body, row.time.0).unwrap();
    }
    insta::assert_snapshot!(text);
}

fn described(access: Access) -> String {
    let with = |keys| if keys == ApiKeys::Allowed { "" } else { ", never with an API key" };
    match access {
        Access::Public => "anyone".to_owned(),
        Access::SignedIn(keys) => format!("signed in{}", with(keys)),
        Access::Admins(keys) => format!("admins{}", with(keys)),
        Access::Permitted(permission, keys) => {
            let domain = match permission.domain {
                DomainSource::PathAccount => "in the path's account",
                DomainSource::CallerAccount => "in the caller's or the header's account",
                DomainSource::RequestAccount => "in the account that the request names",
                DomainSource::CallerHome => "in the caller's account",
                DomainSource::System => "in the system",
            };
            let twin = permission.self_twin.map(|twin| format!(", {twin} on oneself")).unwrap_or_default();
            format!("{} {domain}{twin}{}", permission.action, with(keys))
        }
    }
}

/// What a role grants by `*`, and where the check for proxies asks for an action, goes by the action alone.
#[test]
fn actions_of_the_system_are_those_that_are_asked_for_there() {
    let (_, table, _) = kedge::routes().finish();
    for (path, method, row) in table.rows() {
        if let Access::Permitted(permission, _) = row.access {
            let asked_there = permission.domain == DomainSource::System;
            assert_eq!(asked_there, permission.action.is_systems(), "{method} {path}: {}", permission.action);
        }
    }
}

#[test]
fn public_routes_are_exactly_these() {
    let (_, table, _) = kedge::routes().finish();
    let rows = table.rows();
    let public = rows.iter().filter(|(_, _, row)| row.access == Access::Public);
    let mut public: Vec<_> = public.map(|(path, method, _)| format!("{method} {path}")).collect();
    public.sort();
    assert_eq!(public, PUBLIC);
}

#[test]
fn every_role_grants_the_actions_that_a_reviewer_agreed_to() {
    let table = RoleTable::load(None).unwrap();
    let mut text = String::new();
    for role in table.roles() {
        let powers = Powers::of(role);
        let granted: Vec<_> =
            Action::ALL.iter().filter(|action| powers.has(**action)).map(|action| action.name()).collect();
        writeln!(text, "{} ({})\n  {}", role.name, granted.len(), granted.join("\n  ")).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_needs_no_role_is_granted_by_every_role_too() {
    let table = RoleTable::load(None).unwrap();
    for role in table.roles() {
        for action in WITHOUT_ROLE {
            assert!(Powers::of(role).has(action), "{} lacks {action}", role.name);
        }
    }
}

#[test]
fn document_names_the_access_of_every_operation() {
    let read = |document: &[u8]| serde_json::from_slice::<serde_json::Value>(document).unwrap();
    let document = openapi::Document::of(openapi::OWN_SERVER).unwrap();
    let (v2, v1) = (read(&document.json), read(&document.v1_json));
    let (_, table, _) = kedge::routes().finish();
    for (path, method, row) in table.rows() {
        if path.starts_with("/console") {
            assert!(v2["paths"][path].is_null(), "{path} is no operation of the API");
            continue;
        }
        let document = if path.starts_with("/v1") { &v1 } else { &v2 };
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        assert_eq!(operation["x-anchore-authz-action"], row.access.action_name(), "{method} {path}");
        let security = operation["security"].as_array().unwrap();
        // The one that may be called either way.
        let is_optional = path == "/v2/rbac-manager/saml/idps" && method == "GET";
        assert_eq!(security.first() == Some(&serde_json::json!({})), is_optional, "{method} {path}");
        assert_eq!(security.is_empty(), row.access == Access::Public && !is_optional, "{method} {path}");
        for status in ["401", "403"] {
            // What operations without a caller answer themselves.
            let own =
                matches!((path, status), ("/v2/oauth/revoke", "401") | ("/v1/oauth/token" | "/v2/oauth/token", "403"))
                    || (path == "/v2/rbac-manager/saml/sso/{idp_name}" && status == "403");
            let public = row.access == Access::Public && !own;
            assert_eq!(operation["responses"][status].is_null(), public, "{method} {path}");
        }
    }
}
