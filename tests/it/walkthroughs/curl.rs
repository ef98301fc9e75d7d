//! The published calls by the program they are published for.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

/// Runs curl with these arguments; answers what it prints.
async fn curl(arguments: &[&str]) -> String {
    // `-q`: whatever stands in the file of whoever runs the tests; `--noproxy`: nor may the environment lead away.
    let mut command = Command::new("curl");
    let output =
        command.args(["-q", "-sS", "--noproxy", "*"]).args(arguments).output().await.expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Splits what `--write-out` appended from the body: (body, status).
fn with_status(printed: &str) -> (Value, &str) {
    let (body, status) = printed.rsplit_once('\n').unwrap();
    (serde_json::from_str(body).unwrap(), status)
}

const STATUS: [&str; 2] = ["-w", "\n%{http_code}"];

#[tokio::test]
async fn key_is_made_used_and_revoked_by_curl() {
    let server = Server::start().await;
    server.user("mad-hatter-team", "alice").await;
    let keys = format!("{}/v2/accounts/mad-hatter-team/users/alice/api-keys", server.url);
    let login = format!("alice:{PASSWORD}");
    let json_body = ["-H", "Content-Type: application/json", "-d"];
    let request = r#"{"name":"cheshire-cat","description":"Pipeline automation key"}"#;

    let create = [&["-X", "POST", "-u", &login], json_body.as_slice(), &[request, &keys], &STATUS].concat();
    let printed = curl(&create).await;
    let (made, status) = with_status(&printed);
    assert_eq!(status, "201", "{made}");

    let (user, as_key) = (format!("{}/v2/user", server.url), format!("_api_key:{}", made["value"].as_str().unwrap()));
    let use_key = [&["-u", &as_key, &user], STATUS.as_slice()].concat();
    let printed = curl(&use_key).await;
    let (caller, status) = with_status(&printed);
    assert_eq!((status, &caller["username"]), ("200", &json!("alice")));

    let again = [&["-X", "POST", "-u", &as_key], json_body.as_slice(), &[request, &keys], &STATUS].concat();
    assert_eq!(with_status(&curl(&again).await).1, "403");

    let key = format!("{keys}/cheshire-cat");
    let revoke = [&["-X", "PATCH", "-u", &login], json_body.as_slice(), &[r#"{"status":"revoked"}"#, &key], &STATUS];
    let printed = curl(&revoke.concat()).await;
    let (revoked, status) = with_status(&printed);
    assert_eq!((status, &revoked["status"]), ("200", &json!("revoked")));
    assert_eq!(with_status(&curl(&use_key).await).1, "401");
}

#[tokio::test]
async fn account_and_specification_are_fetched_by_curl() {
    let server = Server::start().await;
    server.user("mad-hatter-team", "alice").await;
    let (login, account) = (format!("alice:{PASSWORD}"), format!("{}/v2/account", server.url));
    let printed = curl(&[&["-u", &login, &account], STATUS.as_slice()].concat()).await;
    let (account, status) = with_status(&printed);
    assert_eq!((status, &account["name"]), ("200", &json!("mad-hatter-team")));

    let document = format!("{}/v2/openapi.json", server.url);
    let printed = curl(&[&[document.as_str()], STATUS.as_slice()].concat()).await;
    let (document, status) = with_status(&printed);
    assert_eq!(status, "200");
    assert!(document["paths"]["/v2/account"].is_object());
}

#[tokio::test]
async fn accounts_are_listed_by_curl_as_the_predecessors_page_says() {
    let server = Server::start().await;
    let (login, accounts) = (format!("admin:{ADMIN_PASSWORD}"), format!("{}/v1/accounts", server.url));
    let printed = curl(&[&["-u", &login, &accounts], STATUS.as_slice()].concat()).await;
    let (accounts, status) = with_status(&printed);
    assert_eq!((status, &accounts[0]["name"], &accounts[1]), ("200", &json!("admin"), &Value::Null));
}

#[tokio::test]
async fn client_that_waits_for_the_challenge_gets_it_and_signs_in() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let value = server.key_of(&alice, "cheshire-cat").await;
    let url = format!("{}/v2/account", server.url);
    for login in [format!("alice:{PASSWORD}"), format!("_api_key:{value}")] {
        // A Content-Type on a GET: what such a client sends must not matter.
        let printed = curl(&["--anyauth", "-u", &login, "-D", "-", "-H", "Content-Type: application/json", &url]).await;
        let statuses: Vec<&str> = printed.lines().filter(|line| line.starts_with("HTTP/")).map(str::trim_end).collect();
        assert_eq!(statuses, ["HTTP/1.1 401 Unauthorized", "HTTP/1.1 200 OK"], "{printed}");
        let printed = printed.to_ascii_lowercase();
        assert_eq!(printed.matches("www-authenticate: basic realm=\"authentication required\"\r\n").count(), 1);
        assert!(printed.contains(r#""name":"mad-hatter-team""#), "{printed}");
    }
    let printed =
        curl(&["--anyauth", "-u", "alice:wrong password", "-o", "/dev/null", "-w", "%{http_code}", &url]).await;
    assert_eq!(printed, "401");
}
