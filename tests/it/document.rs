//! `/v2/openapi.json`: what clients are told beside the operations.

use serde_json::{Value, json};

use crate::support::{Options, Server};

async fn document(server: &Server) -> Value {
    server.nobody().get("/v2/openapi.json").await.expect(200)
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    operations.collect()
}

fn parameter<'a>(operation: &'a Value, name: &str) -> Option<&'a Value> {
    operation["parameters"].as_array()?.iter().find(|parameter| parameter["name"] == name)
}

#[tokio::test]
async fn server_is_the_one_that_clients_reach() {
    let here = Server::start().await;
    let outside = ("KEDGE_SERVER__EXTERNAL_URL", "https://kedge.example.com");
    let there = here.another_node_with(Options { environment: vec![outside], ..Options::default() }).await;
    for (server, url) in [(&here, "/"), (&there, "https://kedge.example.com")] {
        for version in ["v1", "v2"] {
            let document = server.nobody().get(&format!("/{version}/openapi.json")).await.expect(200);
            assert_eq!(document["servers"], json!([{ "url": url }]), "{version}");
        }
        let yaml = server.nobody().get("/v2/openapi.yaml").await.text;
        assert!(yaml.contains(&format!("\nservers:\n- url: {url}\n")), "{url}");
    }
}

#[tokio::test]
async fn headers_of_answers_are_declared() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for (name, statuses) in [("WWW-Authenticate", vec!["401"]), ("Retry-After", vec!["429", "503"])] {
                let declared = !response["headers"][name].is_null();
                assert_eq!(declared, statuses.contains(&status.as_str()), "{method} {path} {status} {name}");
            }
            for header in response["headers"].as_object().into_iter().flat_map(|headers| headers.values()) {
                let Some(reference) = header["$ref"].as_str() else { continue };
                assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
            }
        }
    }
}

#[tokio::test]
async fn preference_is_declared_and_marked_where_it_is_obeyed() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mark = &document["components"]["headers"]["Preference-Applied"]["x-kedge-addition"];
    assert_eq!(*mark, true);
    let (_, table, _) = kedge::routes().finish();
    for (method, path, operation) in operations(&document) {
        let row = table.row(path, &method.to_uppercase().parse().unwrap()).unwrap();
        let marked = parameter(operation, "Prefer").map(|prefer| prefer["x-kedge-addition"] == true);
        assert_eq!(marked, row.recorded.then_some(true), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap().iter();
        for (status, response) in responses {
            let applied = !response["headers"]["Preference-Applied"].is_null();
            assert_eq!(applied, row.recorded && status.starts_with('2'), "{method} {path} {status}");
        }
    }
}

#[tokio::test]
async fn every_paged_list_of_identity_declares_it_as_an_addition() {
    let server = Server::start().await;
    let document = document(&server).await;
    for path in [
        "/v2/accounts",
        "/v2/accounts/users",
        "/v2/accounts/{account_name}/users",
        "/v2/accounts/{account_name}/users-with-roles",
        "/v2/accounts/{account_name}/users/{username}/api-keys",
        "/v2/user/api-keys",
        "/v2/system/user-groups",
        "/v2/system/user-groups/{group_uuid}/users",
        "/v2/rbac-manager/roles/{role_name}/members",
    ] {
        for name in ["search", "page", "limit"] {
            let parameter = parameter(&document["paths"][path]["get"], name).expect(path);
            assert_eq!(parameter["x-kedge-addition"], true, "{path} {name}");
        }
    }
}
