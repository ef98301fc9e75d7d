//! Clients that change things without a pause until nobody answers, and remember what they were told.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kedge::clock::Random;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Postgres;
use crate::support::{Client, Login, PASSWORD};

const CLIENTS: usize = 4;
const USERS: &str = "/v2/accounts/acme/users";

/// How a thing can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Present,
    Revoked,
}

/// What a client knows of a thing: as it was told, or either of two where the last answer never came.
#[derive(Clone, Debug)]
struct Known {
    told: State,
    perhaps: Option<State>,
    /// Of a key whose making was answered.
    value: Option<String>,
}

/// One client's things: a user's name, or its and its key's, by the path.
#[derive(Debug, Default)]
struct Book {
    number: usize,
    made: usize,
    users: BTreeMap<String, Known>,
    keys: BTreeMap<(String, String), Known>,
    acknowledged: usize,
    in_doubt: usize,
    /// How many records of the audit trail there must be of each change.
    recorded: BTreeMap<String, i64>,
    /// The change whose answer never came.
    pending: Option<Pending>,
}

/// A change that may have been made.
#[derive(Debug)]
struct Pending {
    change: String,
    user: String,
    key: Option<String>,
    wanted: State,
}

pub struct Clients {
    token: String,
    books: Vec<Book>,
}

/// Clients at work.
pub struct Running {
    token: String,
    books: JoinSet<Book>,
}

impl Running {
    /// Waits until every client has noticed that nobody answers.
    pub async fn ended(self) -> Clients {
        Clients { token: self.token, books: self.books.join_all().await }
    }
}

impl Clients {
    pub fn new(token: &str) -> Self {
        let books = (0..CLIENTS).map(|number| Book { number, ..Book::default() }).collect();
        Self { token: token.to_owned(), books }
    }

    /// Makes the first users, whose passwords take their time; what counts as work begins behind them.
    pub async fn prepare(&mut self, url: &str) {
        let client = Client::new(url, Login::Bearer(self.token.clone()));
        for book in &mut self.books {
            while live(&book.users).len() < 2 {
                assert!(book.change(&client).await, "nothing fails yet");
            }
            book.acknowledged = 0;
        }
    }

    pub fn run(self, url: &str) -> Running {
        let mut books = JoinSet::new();
        for mut book in self.books {
            let client = Client::new(url, Login::Bearer(self.token.clone()));
            books.spawn(async move {
                let started = Instant::now();
                while book.change(&client).await {
                    assert!(started.elapsed() < Duration::from_mins(1), "nothing ever failed");
                }
                book
            });
        }
        Running { token: self.token, books }
    }

    /// Compares what is there with what the clients were told, and takes it for what they know from now on.
    pub async fn verify(&mut self, url: &str, postgres: &Postgres) {
        for query in [
            "select count(*) from users u left join passwords p on p.user_id = u.id where p.user_id is null and u.type = 'native'",
            "select count(*) from api_keys where octet_length(secret_hash) <> 32 or expires_at is null",
        ] {
            assert_eq!(postgres.count(query).await, 0, "half-done: {query}");
        }
        let admin = Client::new(url, Login::Bearer(self.token.clone()));
        for book in &mut self.books {
            book.verify(&admin, url).await;
        }
        self.verify_audit(postgres).await;
    }

    /// That each change that was made has its record, and none that was not.
    async fn verify_audit(&self, postgres: &Postgres) {
        let written =
            "select concat_ws(' ', details->>'method', details->>'path', resource_id), count(*) from audit_events
                       where account = 'acme' and type like 'user.identity.%' and resource_type in ('user', 'api_key')
                       group by 1";
        let written: Vec<(String, i64)> =
            sqlx::query_as(written).fetch_all(&mut postgres.connect().await).await.unwrap();
        let written: BTreeMap<String, i64> = written.into_iter().collect();
        let made: BTreeMap<String, i64> = self.books.iter().flat_map(|book| book.recorded.clone()).collect();
        let differs = |change: &&String| written.get(*change) != made.get(*change);
        let differing: Vec<_> = written.keys().chain(made.keys()).filter(differs).collect();
        assert!(differing.is_empty(), "as many records as changes, but for {differing:?}");
    }

    pub fn told(&self) -> String {
        let acknowledged: usize = self.books.iter().map(|book| book.acknowledged).sum();
        let in_doubt: usize = self.books.iter().map(|book| book.in_doubt).sum();
        format!("{acknowledged} changes acknowledged, {in_doubt} in doubt")
    }

    /// That the clients changed enough for a crash to meet them at it.
    pub fn assert_worked(&self, rounds: u32) {
        let acknowledged: usize = self.books.iter().map(|book| book.acknowledged).sum();
        assert!(acknowledged >= rounds as usize, "{}", self.told());
    }
}

fn pick<T>(from: &[T]) -> Option<&T> {
    let number = u32::from_be_bytes(Random::System.bytes()) as usize;
    (!from.is_empty()).then(|| &from[number % from.len()])
}

impl Known {
    /// What an answer says of a change towards `wanted`; `None` where none came, or a 503.
    fn learn(&mut self, wanted: State, status: Option<u16>) -> bool {
        match status {
            Some(200..300) => self.told = wanted,
            None | Some(503) => self.perhaps = Some(wanted),
            Some(other) => panic!("{other} to a change of {self:?}"),
        }
        self.perhaps.is_none()
    }

    fn is(&mut self, found: State, what: &str) {
        let allowed = self.told == found || self.perhaps == Some(found);
        assert!(allowed, "{what} is {found:?}, known as {self:?}");
        (self.told, self.perhaps) = (found, None);
    }
}

impl Book {
    /// One change of one thing; answers whether it was answered.
    async fn change(&mut self, client: &Client) -> bool {
        let users: Vec<String> = live(&self.users);
        let keys: Vec<(String, String)> = live(&self.keys);
        let dice = u8::from_be_bytes(Random::System.bytes()) % 10;
        self.made += 1;
        let named = format!("{}-{}", self.number, self.made);
        let (method, path, body, wanted, user, key) = match (dice, pick(&users), pick(&keys)) {
            (0, ..) | (_, None, _) => {
                let body = Some(json!({ "username": named, "password": PASSWORD }));
                ("POST", USERS.to_owned(), body, State::Present, named, None)
            }
            (1, Some(user), _) => ("DELETE", format!("{USERS}/{user}"), None, State::Absent, user.clone(), None),
            (2..7, Some(user), _) | (_, Some(user), None) => {
                let body = Some(json!({ "name": named }));
                ("POST", format!("{USERS}/{user}/api-keys"), body, State::Present, user.clone(), Some(named))
            }
            (7..9, _, Some((user, key))) => {
                let body = Some(json!({ "status": "revoked" }));
                let path = format!("{USERS}/{user}/api-keys/{key}");
                ("PATCH", path, body, State::Revoked, user.clone(), Some(key.clone()))
            }
            (_, _, Some((user, key))) => {
                let path = format!("{USERS}/{user}/api-keys/{key}");
                ("DELETE", path, None, State::Absent, user.clone(), Some(key.clone()))
            }
        };
        let change = format!("{method} {path} {}", key.as_ref().unwrap_or(&user));
        let request = client.request(method, &path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let pending = Pending { change: change.clone(), user: user.clone(), key: key.clone(), wanted };
        let (status, body) = answer(request).await;
        let new = || Known { told: State::Absent, perhaps: None, value: None };
        let answered = match key {
            None => self.users.entry(user.clone()).or_insert_with(new).learn(wanted, status),
            Some(key) => {
                let known = self.keys.entry((user.clone(), key)).or_insert_with(new);
                if let Some(value) = body["value"].as_str() {
                    known.value = Some(value.to_owned());
                }
                known.learn(wanted, status)
            }
        };
        if answered {
            self.acknowledged += 1;
            *self.recorded.entry(change).or_default() += 1;
        } else {
            self.in_doubt += 1;
            self.pending = Some(pending);
        }
        // Its keys go with a user.
        if wanted == State::Absent
            && !self.users.get(&user).is_some_and(|known| known.told == State::Present && known.perhaps.is_none())
        {
            for (_, known) in self.keys.iter_mut().filter(|((of, _), _)| *of == user) {
                known.learn(State::Absent, status);
            }
        }
        answered
    }

    async fn verify(&mut self, admin: &Client, url: &str) {
        for (user, known) in &mut self.users {
            let found = match admin.get(&format!("{USERS}/{user}")).await.status {
                200 => State::Present,
                404 => State::Absent,
                other => panic!("{other} for {user}"),
            };
            let was_in_doubt = known.perhaps.is_some();
            known.is(found, user);
            // A password costs a hash: those that nothing happened to are left out.
            if was_in_doubt {
                let expected = if found == State::Present { 200 } else { 401 };
                let login = Login::Basic(user.clone(), PASSWORD.to_owned());
                assert_eq!(Client::new(url, login).get("/v2/user").await.status, expected, "{user}");
            }
        }
        for ((user, key), known) in &mut self.keys {
            let found = admin.get(&format!("{USERS}/{user}/api-keys/{key}")).await;
            let found = match (found.status, found.body["status"].as_str()) {
                (200, Some("active")) => State::Present,
                (200, Some("revoked")) => State::Revoked,
                (404, _) => State::Absent,
                other => panic!("{other:?} for {key}"),
            };
            known.is(found, key);
            if let Some(value) = &known.value {
                let login = Login::Basic("_api_key".to_owned(), value.clone());
                let expected = if found == State::Present { 200 } else { 401 };
                assert_eq!(Client::new(url, login).get("/v2/user").await.status, expected, "{key} of {user}");
            }
        }
        if let Some(Pending { change, user, key, wanted }) = self.pending.take() {
            let known = match key {
                None => self.users.get(&user),
                Some(key) => self.keys.get(&(user, key)),
            };
            if known.is_some_and(|known| known.told == wanted) {
                *self.recorded.entry(change).or_default() += 1;
            }
        }
        // What is gone stays gone; it need not be asked for again and again.
        self.users.retain(|_, known| known.told != State::Absent);
        self.keys.retain(|_, known| known.told != State::Absent);
    }
}

fn live<K: Clone>(things: &BTreeMap<K, Known>) -> Vec<K> {
    let live = things.iter().filter(|(_, known)| known.told == State::Present && known.perhaps.is_none());
    live.map(|(name, _)| name.clone()).collect()
}

/// The answer, if one came whole.
async fn answer(request: reqwest::RequestBuilder) -> (Option<u16>, Value) {
    let Ok(response) = request.timeout(Duration::from_secs(20)).send().await else { return (None, Value::Null) };
    let status = response.status().as_u16();
    match response.text().await {
        Ok(text) => (Some(status), serde_json::from_str(&text).unwrap_or_default()),
        Err(_) => (None, Value::Null),
    }
}
