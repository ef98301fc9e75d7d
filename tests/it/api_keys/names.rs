//! The names of keys, in bodies and in paths.

use serde_json::json;

use super::{KEYS, NOON, alice_at, key_path};
use crate::support::{assert_error, assert_problem, names};

#[tokio::test]
async fn any_name_without_control_characters_and_slash_can_be_made_read_changed_and_deleted() {
    let (server, alice) = alice_at(NOON).await;
    let (longest, widest) = ("x".repeat(128), "🐇".repeat(128));
    for name in [
        "x",
        "...",
        ".hidden",
        "-",
        "_",
        "@",
        "a b",
        "a@b",
        "a+b",
        "a%b",
        "a%20b",
        "%2F",
        "%252F",
        "a?b=c#d",
        "a;b,c",
        "a\\b",
        "\"quoted\"",
        "' or 1=1 --",
        " spaced ",
        "grüße",
        "茶会",
        "e\u{301}",
        "\u{200b}",
        "null",
        "api-keys",
        &longest,
        &widest,
    ] {
        let value = server.key_of(&alice, name).await;
        assert_eq!(server.key(&value).get("/v2/user").await.status, 200);
        assert_eq!(alice.get(&key_path(name)).await.expect(200)["name"], *name);
        let revoked = alice.patch(&key_path(name), json!({ "status": "revoked" })).await.expect(200);
        assert_eq!(revoked["name"], *name);
        alice.delete(&key_path(name)).await.expect(204);
        assert_error(&alice.get(&key_path(name)).await, 404, "API key not found");
    }
}

#[tokio::test]
async fn other_names_are_refused_at_creation_and_at_renaming() {
    let (server, alice) = alice_at(NOON).await;
    server.key_of(&alice, "hatter").await;
    let (long, wide) = ("x".repeat(129), "🐇".repeat(129));
    for name in [
        "", ".", "..", "/", "a/b", "/a", "\0", "a\0", "a\tb", "a\nb", "\u{1b}", "\u{7f}", "\u{85}", "\u{9f}", &long,
        &wide,
    ] {
        let made = alice.post(KEYS, json!({ "name": name })).await;
        assert_problem(&made, 400, "'name' must have 1 to 128 characters");
        let renamed = alice.patch(&key_path("hatter"), json!({ "name": name })).await;
        assert_problem(&renamed, 400, "'name' must have 1 to 128 characters");
    }
    assert_eq!(names(&alice.get(KEYS).await.expect(200)["items"], "name"), ["hatter"]);
}

#[tokio::test]
async fn names_differ_by_case_and_by_every_code_point() {
    let (server, alice) = alice_at(NOON).await;
    // Composed and decomposed, straight and dotless: names are compared, never folded.
    for name in ["hatter", "Hatter", "hatter ", "\u{e9}", "e\u{301}", "i", "\u{131}"] {
        server.key_of(&alice, name).await;
    }
    assert_error(&alice.get(&key_path("HATTER")).await, 404, "API key not found");
}

#[tokio::test]
async fn path_is_decoded_exactly_once() {
    let (server, alice) = alice_at(NOON).await;
    server.key_of(&alice, "a b+c").await;
    for path in ["/v2/user/api-keys/a%20b+c", "/v2/user/api-keys/a%20b%2Bc", "/v2/user/api-keys/%61%20%62+%63"] {
        assert_eq!(alice.get(path).await.expect(200)["name"], "a b+c");
    }
    for path in ["/v2/user/api-keys/a+b+c", "/v2/user/api-keys/a%2520b+c", "/v2/user/api-keys/a%20b%20c"] {
        assert_error(&alice.get(path).await, 404, "API key not found");
    }
    assert_error(&alice.get("/v2/user/api-keys/a%2Fb").await, 404, "API key not found");
}

#[tokio::test]
async fn path_that_holds_no_text_is_refused() {
    let (_server, alice) = alice_at(NOON).await;
    assert_problem(&alice.get("/v2/user/api-keys/a%00b").await, 400, "path");
    assert_problem(&alice.get("/v2/user/api-keys/a%FFb").await, 400, "path");
    assert_problem(&alice.get("/v2/user/api-keys/").await, 404, "The requested URL was not found");
}
