//! The metadata of identity providers, by its URL.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kedge::{clock::Clock, identity::saml::refresh::refresh_due};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

use crate::support::{
    Options, Server, assert_problem,
    idp::{ENTITY, KEY, OTHER_KEY, Says, bring, configuration, metadata, metadata_of},
};

const IDPS: &str = "/v2/rbac-manager/saml/idps";

/// A web server that answers the same bytes each time.
struct Web {
    url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    held: Arc<Mutex<Option<Held>>>,
}

/// The answer that is held back: tells when it was asked for, and waits until it may go.
struct Held {
    asked: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
}

impl Web {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metadata", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(Vec::new()));
        let held = Arc::new(Mutex::new(None::<Held>));
        let web = Self { url, answer: Arc::clone(&answer), held: Arc::clone(&held) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (bytes, held) = (answer.lock().unwrap().clone(), held.lock().unwrap().take());
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    if let Some(Held { asked, go }) = held {
                        asked.send(()).unwrap();
                        go.await.unwrap();
                    }
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        web.serve(&metadata());
        web
    }

    fn serve(&self, body: &str) {
        self.answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes());
    }

    fn answer(&self, bytes: Vec<u8>) {
        *self.answer.lock().unwrap() = bytes;
    }

    /// Holds the next answer back, as it is when it is asked for; answers what tells that it was, and what lets it go.
    fn hold(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((asked, was_asked), (let_go, go)) = (oneshot::channel(), oneshot::channel());
        *self.held.lock().unwrap() = Some(Held { asked, go });
        (was_asked, let_go)
    }

    fn configuration(&self) -> Value {
        let changes = json!({ "idp_metadata_xml": null, "idp_metadata_url": self.url, "allow_unsolicited": true });
        configuration(&changes)
    }
}

#[tokio::test]
async fn metadata_is_fetched_when_it_is_saved() {
    let server = Server::start().await;
    server.own_key().await;
    let web = Web::start().await;
    let added = server.admin().post(IDPS, web.configuration()).await.expect(200);
    assert_eq!(added["idp_metadata_url"], web.url);
    assert!(added.get("idp_metadata_xml").is_none());
    Says::of("alice", None).to(&server).await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_had_or_read_is_told() {
    let server = Server::start().await;
    let admin = server.admin();
    let web = Web::start().await;
    for (answer, part) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(), "was answered with the status 404"),
        (
            format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", web.url),
            "was answered with the status 302",
        ),
        (format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_100_000)), "more than 1 MiB"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc".to_owned(), "is not usable metadata"),
        ("no http".to_owned(), "could not be fetched"),
        (String::new(), "could not be fetched"),
    ] {
        web.answer(answer.into_bytes());
        assert_problem(&admin.post(IDPS, web.configuration()).await, 400, part);
    }
    web.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe".to_vec());
    assert_problem(&admin.post(IDPS, web.configuration()).await, 400, "UTF-8");
    let mut configuration = web.configuration();
    for (url, part) in [
        ("http://127.0.0.1:1/", "could not be fetched"),
        ("http://idp.wonderland.test/", "must be an https URL"),
        ("https://10.0.0.1/", "outside the public internet"),
        ("https://169.254.169.254/latest/meta-data/", "outside the public internet"),
        ("file:///etc/passwd", "must be an https URL"),
    ] {
        configuration["idp_metadata_url"] = json!(url);
        assert_problem(&admin.post(IDPS, configuration.clone()).await, 400, part);
    }
}

#[tokio::test]
async fn metadata_is_refreshed_and_certificates_roll_over() {
    let now = Clock::System.now();
    let server = Server::start_with(Options { clock: Some(Clock::fixed(now)), ..Options::default() }).await;
    server.own_key().await;
    let web = Web::start().await;
    server.admin().post(IDPS, web.configuration()).await.expect(200);
    let says = || Says { now: server.app.clock.now(), ..Says::of("alice", None) };
    let by = |key| {
        let xml = says().xml_signed_by(key);
        let client = server.nobody();
        async move { bring(&client, &xml).await.status }
    };
    let refresh = async |server: &Server| {
        server.app.clock.set(server.app.clock.now() + Duration::from_hours(1));
        refresh_due(&server.app).await.unwrap();
    };
    assert_eq!([by(&KEY).await, by(&OTHER_KEY).await], [200, 403]);
    // Not before it is due.
    web.serve(&metadata_of(ENTITY, &[&KEY, &OTHER_KEY]));
    refresh_due(&server.app).await.unwrap();
    assert_eq!(by(&OTHER_KEY).await, 403);
    refresh(&server).await;
    assert_eq!([by(&KEY).await, by(&OTHER_KEY).await], [200, 200]);
    web.serve(&metadata_of(ENTITY, &[&OTHER_KEY]));
    refresh(&server).await;
    assert_eq!([by(&KEY).await, by(&OTHER_KEY).await], [403, 200]);
    // What cannot be had or read, is another's or has run out leaves the last good copy.
    let expired = metadata().replace(" entityID", " validUntil=\"2020-01-01T00:00:00Z\" entityID");
    for body in ["", "<html/>", &metadata_of("https://idp.oz.test/", &[&KEY]), &expired] {
        web.serve(body);
        refresh(&server).await;
        assert_eq!([by(&KEY).await, by(&OTHER_KEY).await], [403, 200], "{body}");
    }
    let replaced = "select resource_id from audit_events where type = 'system.security.idp_certificates_replaced'";
    let replaced =
        sqlx::query_scalar::<_, String>(replaced).fetch_all(&mut *server.app.db.connection().await.unwrap()).await;
    assert_eq!(replaced.unwrap(), ["wonderland"; 2], "a record each time that there were others");
    web.answer(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec());
    refresh(&server).await;
    assert_eq!([by(&KEY).await, by(&OTHER_KEY).await], [403, 200]);
}

#[tokio::test]
async fn configuration_that_is_saved_during_a_refresh_stays() {
    let now = Clock::System.now();
    let server = Server::start_with(Options { clock: Some(Clock::fixed(now)), ..Options::default() }).await;
    server.own_key().await;
    let web = Web::start().await;
    web.serve(&metadata_of(ENTITY, &[&KEY, &OTHER_KEY]));
    server.admin().post(IDPS, web.configuration()).await.expect(200);
    server.app.clock.set(now + Duration::from_hours(1));
    let (was_asked, let_go) = web.hold();
    let save = async {
        was_asked.await.unwrap();
        // The other key was lost, and is taken out of the metadata.
        web.serve(&metadata());
        server.admin().put(&format!("{IDPS}/wonderland"), web.configuration()).await.expect(200);
        let_go.send(()).unwrap();
    };
    let (refreshed, ()) = tokio::join!(refresh_due(&server.app), save);
    refreshed.unwrap();
    let says = || Says { now: server.app.clock.now(), ..Says::of("alice", None) };
    bring(&server.nobody(), &says().xml_signed_by(&OTHER_KEY)).await.expect(403);
    bring(&server.nobody(), &says().xml()).await.expect(200);
}

#[tokio::test]
async fn metadata_that_runs_out_and_is_not_renewed_counts_no_more() {
    let now = Clock::System.now();
    let server = Server::start_with(Options { clock: Some(Clock::fixed(now)), ..Options::default() }).await;
    let until = crate::support::idp::moment(now + Duration::from_hours(1));
    let xml = metadata().replace(" entityID", &format!(" validUntil=\"{until}\" entityID"));
    server.idp(json!({ "idp_metadata_xml": xml, "allow_unsolicited": true })).await;
    let says = || Says { now: server.app.clock.now(), ..Says::of("alice", None) };
    says().to(&server).await.expect(200);
    server.app.clock.set(now + Duration::from_secs(3601));
    says().to(&server).await.expect(403);
}

#[tokio::test]
async fn what_is_fetched_anew_by_a_save_is_on_record() {
    let server = Server::start().await;
    let web = Web::start().await;
    let admin = server.admin();
    admin.post(IDPS, web.configuration()).await.expect(200);
    let path = format!("{IDPS}/wonderland");
    let changes = async || {
        admin.put(&path, web.configuration()).await.expect(200);
        let events = admin.get("/v2/events?event_type=user.identity.update_idp&limit=1").await.expect(200);
        events["results"][0]["event"]["details"]["changes"].clone()
    };
    assert_eq!(changes().await, Value::Null);
    web.serve(&metadata_of(ENTITY, &[&OTHER_KEY]));
    let told = changes().await;
    // What `openssl x509 -outform DER | sha256sum` says of it.
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, OTHER_KEY.base64()).unwrap();
    let print = kedge::audit::seal::hex(&<sha2::Sha256 as sha2::Digest>::digest(der));
    assert_eq!(told, json!({ "certificates": [print] }));
    let elsewhere = metadata_of("https://idp.oz.test/", &[&OTHER_KEY]).replace("/sso?tenant=1", "/sso?tenant=2");
    web.serve(&elsewhere);
    let sso_url = "https://idp.wonderland.test/sso?tenant=2";
    assert_eq!(changes().await, json!({ "entity_id": "https://idp.oz.test/", "sso_url": sso_url }));
}
