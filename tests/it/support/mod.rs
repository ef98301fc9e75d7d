//! What the tests stand on: one PostgreSQL for the run, a database and a server for each test, clients, and
//! directories for what runs outside of it.

mod client;
mod cluster;
pub mod forge;
pub mod idp;
mod place;
mod raw;
mod roles;
mod tokens;

pub use client::{Answer, Client, Login, send, send_until_served};
pub use cluster::{CapturedLog, DATABASE_PASSWORD, empty_database, new_database, prepare, url};
pub use place::Place;
pub use raw::{basic, raw};
pub use roles::{ROLES, lacking, members};
pub use tokens::{Tokens, claims_of};

use std::{sync::Arc, time::Duration};

use kedge::{
    authn::{
        password::{Cost, Hasher, Places},
        signing_keys::configured,
    },
    authz::roles::RoleTable,
    clock::{Clock, Random},
    config::Config,
    db::{Db, changes::Changes},
    http::listener::{self, Limits, Service, tls::Tls},
    startup::{self, Kept, Parts},
    state::App,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// The password of the user `admin` in every test.
pub const ADMIN_PASSWORD: &str = "looking-glass";
/// The password of every other user that a test makes with [`Server::user`].
pub const PASSWORD: &str = "through-the-glass";

/// Thousands of sign-ins would cost minutes otherwise. The program itself is tested with what it costs.
const CHEAP: Cost = Cost { memory_kib: 256, passes: 1 };

/// What the migrations bring a database to.
const SCHEMA_VERSION: i64 = 12;

/// A Kedge of one test.
pub struct Server {
    pub app: App,
    /// `http://127.0.0.1:<port>`
    pub url: String,
    pub tls: Option<Arc<Tls>>,
    /// Reads the log of changes.
    pub reader: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<bool>,
}

/// How long a server that is stopped waits for what is in flight.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a test's Kedge differs from the usual.
#[derive(Default)]
pub struct Options {
    /// Variables of the environment, as `kedge serve` would read them.
    pub environment: Vec<(&'static str, &'static str)>,
    pub clock: Option<Clock>,
    pub random: Option<Random>,
    /// What a password hash costs; [`CHEAP`] where a test does not care.
    pub cost: Option<Cost>,
}

impl Server {
    /// A Kedge on a database of its own, as after the first start.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Self {
        let database = cluster::new_database().await;
        Self::on(database, options).await
    }

    /// One more Kedge on the database of this one.
    pub async fn another_node(&self) -> Self {
        self.another_node_with(Options::default()).await
    }

    /// The same, configured otherwise.
    pub async fn another_node_with(&self, options: Options) -> Self {
        Self::on(self.app.db.options(), options).await
    }

    /// A Kedge on a database from [`new_database`].
    pub async fn on(database: sqlx::postgres::PgConnectOptions, options: Options) -> Self {
        // Tests guess wrong by the hundred, all from one address.
        let mut environment = [
            ("KEDGE_DATA_DIR", "/nowhere"),
            ("KEDGE_DATABASE__POOL_SIZE", "8"),
            ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "0"),
            ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        environment.retain(|(name, _)| !options.environment.iter().any(|(other, _)| other == name));
        environment.extend(options.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::load(None, &environment, false).unwrap();
        let random = Arc::new(options.random.unwrap_or(Random::System));
        let (changes, reader) = Changes::new(Random::System.uuid(), config.cache.lease);
        let db = Db::new(database.clone(), config.database.pool_size);
        let kept = Kept::load(&db, &random, SCHEMA_VERSION).await.unwrap();
        let cost = options.cost.unwrap_or(CHEAP);
        let parts = Parts {
            clock: options.clock.unwrap_or(Clock::System),
            hasher: Hasher::new(Arc::clone(&random), cost, Places::from(&config.limits)).unwrap(),
            random,
            db,
            changes,
            roles: RoleTable::load(config.roles.file.as_deref()).unwrap(),
            signing_key: configured(&config.keys).unwrap(),
            log_level: cluster::log().level,
        };
        let app = startup::state(config, parts, kept).await.unwrap();
        let reader = startup::tie(reader, &app);
        let reader = tokio::spawn(reader.run(database));
        // What the first read forgets would be forgotten at some moment of the test otherwise.
        while app.changes.renewed().await.is_err() {}
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let limits = Limits::from(&app.config.server);
        let service = Service { router: kedge::app(Arc::clone(&app)), metrics: Arc::clone(&app.metrics) };
        let tls = Tls::configured(&app.config.server).unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            // A server that nobody stops serves until its test ends.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::spawn(listener::serve(listener, tls.clone(), service, limits, stopped, PATIENCE));
        Self { app, url, tls, reader, stop: Some(stop), ended }
    }

    /// `127.0.0.1:<port>`
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Tells the server to stop, as SIGTERM does; the handle answers whether all that was in flight finished.
    pub fn stop(&mut self) -> &mut JoinHandle<bool> {
        self.stop.take().unwrap().send(()).unwrap();
        &mut self.ended
    }

    /// A client without credentials.
    pub fn nobody(&self) -> Client {
        Client::new(&self.url, Login::Nobody)
    }

    /// A client that signs in with this user and password.
    pub fn basic(&self, username: &str, password: &str) -> Client {
        Client::new(&self.url, Login::Basic(username.to_owned(), password.to_owned()))
    }

    /// A client that signs in with this value of an API key.
    pub fn key(&self, value: &str) -> Client {
        self.basic("_api_key", value)
    }

    /// A client that signs in with this access token.
    pub fn bearer(&self, token: &str) -> Client {
        Client::new(&self.url, Login::Bearer(token.to_owned()))
    }

    /// The user `admin`.
    pub fn admin(&self) -> Client {
        self.basic("admin", ADMIN_PASSWORD)
    }

    /// Makes an account.
    pub async fn account(&self, name: &str) {
        self.admin().post("/v2/accounts", json!({ "name": name })).await.expect(200);
    }

    /// Makes a user with the password [`PASSWORD`], the account too where it is missing; answers its client.
    pub async fn user(&self, account: &str, username: &str) -> Client {
        let admin = self.admin();
        if admin.get(&format!("/v2/accounts/{account}")).await.status == 404 {
            self.account(account).await;
        }
        let user = json!({ "username": username, "password": PASSWORD });
        admin.post(&format!("/v2/accounts/{account}/users"), user).await.expect(200);
        self.basic(username, PASSWORD)
    }

    /// Brings an account into the state `enabled` or `disabled`.
    pub async fn set_state(&self, account: &str, state: &str) {
        let path = format!("/v2/accounts/{account}/state");
        self.admin().put(&path, json!({ "state": state })).await.expect(200);
    }

    /// Disables an account and deletes it; its rows stay until the collector comes, which no test runs unasked.
    pub async fn delete_account(&self, account: &str) {
        self.set_state(account, "disabled").await;
        self.admin().delete(&format!("/v2/accounts/{account}")).await.expect(204);
    }

    /// Makes an API key for the user of `client`; answers its value.
    pub async fn key_of(&self, client: &Client, name: &str) -> String {
        let made = client.post("/v2/user/api-keys", json!({ "name": name })).await.expect(201);
        made["value"].as_str().unwrap().to_owned()
    }
}

/// Waits until a condition holds: a minute at most, which no machine is too slow for.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), holds).await.unwrap_or_else(|_| panic!("within a minute: {what}"));
}

/// Asserts that an answer is an application error with this message (shape 1).
#[track_caller]
pub fn assert_error(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let body = &answer.body;
    assert_eq!(body["message"], message, "{answer:?}");
    assert_eq!(body["code"], status);
    assert_eq!(body["httpcode"], status);
    assert_eq!(body["detail"], json!({}));
    assert!(body["error_type"].is_string());
}

/// Asserts that an answer is a problem whose detail holds `part` (shape 2).
#[track_caller]
pub fn assert_problem(answer: &Answer, status: u16, part: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let body = &answer.body;
    assert_eq!(body["type"], "about:blank");
    assert_eq!(body["status"], status);
    assert!(body["title"].is_string());
    let detail = body["detail"].as_str().expect("the detail of a problem is a string");
    assert!(detail.contains(part), "{detail:?} lacks {part:?}");
}

/// The value of a sample in the text of the metrics.
#[track_caller]
pub fn sample(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

/// The sample that counts sign-ins by this method with this outcome.
pub fn sign_ins(method: &str, outcome: &str) -> String {
    format!("kedge_authentications_total{{method=\"{method}\",outcome=\"{outcome}\"}}")
}

/// A name as a segment of a path.
pub fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The names in a list of objects.
pub fn names(list: &Value, property: &str) -> Vec<String> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item[property].as_str().expect("a name").to_owned()).collect()
}
