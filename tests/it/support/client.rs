//! A client that signs in the same way each time.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// Someone who calls.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    login: Login,
    account: Option<String>,
}

/// How a client signs in.
#[derive(Clone)]
pub enum Login {
    Nobody,
    Basic(String, String),
    Bearer(String),
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// `Null` where the body is empty or not JSON.
    pub body: Value,
}

impl Answer {
    /// The body, if the status is this one; the test has failed otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// What an error says, in the form of the API or of OAuth2; empty where it says nothing.
    pub fn message(&self) -> &str {
        let said = self.body["message"].as_str().or_else(|| self.body["error_description"].as_str());
        said.unwrap_or_default()
    }

    /// A header's value, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub fn new(url: &str, login: Login) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, url: url.to_owned(), login, account: None }
    }

    /// The same client with `x-anchore-account` set.
    pub fn acting_in(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// A request to be adorned and sent with [`send`].
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        request = match &self.login {
            Login::Nobody => request,
            Login::Basic(username, password) => request.basic_auth(username, Some(password)),
            Login::Bearer(token) => request.bearer_auth(token),
        };
        if let Some(account) = &self.account {
            request = request.header("x-anchore-account", account);
        }
        request
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request("DELETE", path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request("POST", path).json(&body)).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        send(self.request("POST", path).form(fields)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request("PUT", path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(self.request("PATCH", path).json(&body)).await
    }
}

/// Sends a request and reads its answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

/// Sends a request again as long as it is told to come again: of a hundred at once a machine that is busy may not get
/// to some in time.
pub async fn send_until_served(request: RequestBuilder) -> Answer {
    for _ in 0..100 {
        let answer = send(request.try_clone().unwrap()).await;
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    send(request).await
}
