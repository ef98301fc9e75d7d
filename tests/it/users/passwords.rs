//! What a password may be, on each of the three ways to set one.

use serde_json::{Value, json};

use crate::support::{Answer, Options, PASSWORD, Server, assert_error, assert_problem};

/// Asks for `password` on all three ways: of a new user, of another user, of oneself.
async fn set_everywhere(server: &Server, username: &str, password: &Value) -> [Answer; 3] {
    let admin = server.admin();
    let credential = json!({ "type": "password", "value": password });
    let of_another = admin.post("/v2/accounts/acme/users/alice/credentials", credential.clone()).await;
    admin
        .post("/v2/accounts/acme/users/bob/credentials", json!({ "type": "password", "value": PASSWORD }))
        .await
        .expect(200);
    [
        admin.post("/v2/accounts/acme/users", json!({ "username": username, "password": password })).await,
        of_another,
        server.basic("bob", PASSWORD).post("/v2/user/credentials", credential).await,
    ]
}

async fn server(options: Options) -> Server {
    let server = Server::start_with(options).await;
    server.user("acme", "alice").await;
    server.user("acme", "bob").await;
    server
}

#[tokio::test]
async fn length_is_counted_in_characters() {
    let server = server(Options::default()).await;
    // One of them is a letter of two bytes, one of four, one a letter with a combining accent (two characters).
    let accepted = ["äöüäöü", "🐇🐇🐇🐇🐇🐇", "e\u{301}e\u{301}e\u{301}", "p w:d%", &"ß".repeat(128), &"x".repeat(128)];
    for (number, password) in accepted.into_iter().enumerate() {
        let username = format!("user{number}");
        for answer in set_everywhere(&server, &username, &json!(password)).await {
            answer.expect(200);
        }
        for username in [username.as_str(), "alice", "bob"] {
            server.basic(username, password).get("/v2/user").await.expect(200);
        }
    }
}

#[tokio::test]
async fn impossible_password_is_refused_and_the_old_one_stays() {
    let server = server(Options::default()).await;
    let refused =
        ["", "x", "12345", "äöüäö", "🐇🐇🐇🐇🐇", &"x".repeat(129), &"ß".repeat(129), "through\0the", "through\nthe"];
    for password in refused {
        let [of_new, of_another, of_oneself] = set_everywhere(&server, "carol", &json!(password)).await;
        assert_problem(&of_new, 400, "'password' must have 6 to 128 characters");
        for answer in [of_another, of_oneself] {
            assert_problem(&answer, 400, "'value' must have 6 to 128 characters");
        }
    }
    assert_error(&server.admin().get("/v2/accounts/acme/users/carol").await, 404, "User not found");
    for username in ["alice", "bob"] {
        server.basic(username, PASSWORD).get("/v2/user").await.expect(200);
    }
}

#[tokio::test]
async fn common_password_is_refused() {
    let server = server(Options::default()).await;
    for password in ["12345678", "qwerty", "ILoveYou"] {
        for answer in set_everywhere(&server, "carol", &json!(password)).await {
            assert_error(&answer, 400, "This password is too common; choose another");
            assert!(!answer.text.contains(password), "{answer:?}");
        }
    }
    assert_error(&server.admin().get("/v2/accounts/acme/users/carol").await, 404, "User not found");
}

#[tokio::test]
async fn common_password_is_taken_where_the_deployment_allows_it() {
    let environment = vec![("KEDGE_USER_AUTHENTICATION__REFUSE_COMMON_PASSWORDS", "false")];
    let server = server(Options { environment, ..Options::default() }).await;
    for answer in set_everywhere(&server, "carol", &json!("password")).await {
        answer.expect(200);
    }
}

#[tokio::test]
async fn refused_password_stands_in_no_answer() {
    let server = server(Options::default()).await;
    for password in [json!("curious\ncuriouser"), json!(["curious\ncuriouser"]), json!({ "curious": 1 })] {
        for answer in set_everywhere(&server, "carol", &password).await {
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(!answer.text.contains("curious"), "{answer:?}");
        }
    }
}
