//! `/v1/openapi.json`: a document of its own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Server;

/// Every `$ref` in the document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase())));
    operations.collect()
}

#[tokio::test]
async fn document_is_open_to_strangers_and_is_the_committed_one() {
    let server = Server::start().await;
    let answer = server.nobody().get("/v1/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert!(answer.text == include_str!("../../../openapi/v1.json"), "run: kedge openapi --v1 > openapi/v1.json");
    // V1 never had it in another format.
    assert_eq!(server.admin().get("/v1/openapi.yaml").await.status, 404);
}

#[tokio::test]
async fn each_document_has_its_own_operations_and_no_other() {
    let server = Server::start().await;
    let nobody = server.nobody();
    let (v1, v2) = (nobody.get("/v1/openapi.json").await.expect(200), nobody.get("/v2/openapi.json").await.expect(200));
    let (_, table, _) = kedge::routes().finish();
    let rows = table.rows().into_iter().map(|(path, method, _)| (path.to_owned(), method.to_string()));
    // The console's doors are no operations of the API.
    let rows = rows.filter(|(path, _)| !path.starts_with("/console"));
    let (older, newer): (BTreeSet<_>, BTreeSet<_>) = rows.partition(|(path, _)| path.starts_with("/v1"));
    assert_eq!(operations(&v1), older);
    assert_eq!(operations(&v2), newer);
}

#[tokio::test]
async fn document_is_whole() {
    let server = Server::start().await;
    let document = server.nobody().get("/v1/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    for property in ["title", "version", "description"] {
        assert!(document["info"][property].is_string(), "{property}");
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("nothing is elsewhere");
        assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, method) in operations(&document) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert!(responses.values().all(|response| response["description"].is_string()), "{method} {path}");
        let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = declared.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
    }
    // What V2 has not is not what V1 had not.
    assert!(!document.to_string().contains("x-kedge-addition"));
}
