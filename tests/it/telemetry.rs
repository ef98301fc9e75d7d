//! Traces, as a collector gets them: what a span says, what it never says, and who can name its parent.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    commands::Setup,
    support::{ADMIN_PASSWORD, Client, Login, send},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Something that takes what a server exports.
struct Collector {
    url: String,
    /// Path, media type and body of each message.
    messages: Arc<Mutex<Vec<(String, String, Bytes)>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service = service_fn(move |request| keep(Arc::clone(&kept), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, messages }
    }

    /// What came so far, decoded.
    fn exports(&self) -> Vec<ExportTraceServiceRequest> {
        let messages = self.messages.lock().unwrap();
        messages.iter().map(|(_, _, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap()).collect()
    }

    /// The spans of the calls that a test makes: the operations of this route.
    fn spans(&self, name: &str) -> Vec<Span> {
        let scopes = self.exports().into_iter().flat_map(|export| export.resource_spans);
        let spans = scopes.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        spans.filter(|span| span.name == name).collect()
    }
}

async fn keep(
    kept: Arc<Mutex<Vec<(String, String, Bytes)>>>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let media_type = request.headers()["content-type"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    kept.lock().unwrap().push((path, media_type, body));
    Ok(Response::new(Full::default()))
}

async fn traced(collector: &Collector) -> Setup {
    Setup::external().await.with("KEDGE_TELEMETRY__OTLP_ENDPOINT", &collector.url)
}

fn value(attributes: &[KeyValue], name: &str) -> Option<Value> {
    attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    match value(attributes, name) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test]
async fn request_is_a_span_with_method_route_status_and_id() {
    let collector = Collector::start().await;
    let server = traced(&collector).await.with("OTEL_SERVICE_NAME", "looking-glass").serve().await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    let answer = send(admin.request("GET", "/v2/accounts/admin").header("x-request-id", "tea-time-1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    admin.get("/v2/accounts/nobody").await.expect(404);
    Client::new(&server.url, Login::Nobody).get("/no/such/path").await.expect(404);
    send(admin.request("BREW", "/v2/user")).await.expect(405);
    assert_eq!(server.stop().await.code, Some(0));

    let messages = collector.messages.lock().unwrap().clone();
    assert!(!messages.is_empty(), "what waits is sent before the end");
    for (path, media_type, _) in &messages {
        assert_eq!((path.as_str(), media_type.as_str()), ("/v1/traces", "application/x-protobuf"));
    }
    let resource = collector.exports()[0].resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(text(&resource, "service.name"), "looking-glass");
    assert_eq!(text(&resource, "service.version"), env!("CARGO_PKG_VERSION"));

    let spans = collector.spans("GET /v2/accounts/{account_name}");
    let [found, missing] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(found.kind(), SpanKind::Server);
    assert!(found.parent_span_id.is_empty() && found.trace_id.len() == 16 && found.trace_id != missing.trace_id);
    assert!(found.end_time_unix_nano > found.start_time_unix_nano);
    assert_eq!(text(&found.attributes, "http.request.method"), "GET");
    assert_eq!(text(&found.attributes, "http.route"), "/v2/accounts/{account_name}");
    assert_eq!(text(&found.attributes, "kedge.request_id"), "tea-time-1");
    assert_eq!(value(&found.attributes, "http.response.status_code"), Some(Value::IntValue(200)));
    assert_eq!(value(&missing.attributes, "http.response.status_code"), Some(Value::IntValue(404)));
    let code = |span: &Span| span.status.as_ref().map_or(0, |status| status.code);
    assert_eq!([code(found), code(missing)], [StatusCode::Unset as i32; 2], "a client's mistake is no error");
    // What the client makes up is in no name.
    assert_eq!(collector.spans("GET").len(), 1);
    assert_eq!(collector.spans("_OTHER /v2/user").len(), 1);
}

#[tokio::test]
async fn no_secret_no_path_no_query_and_no_body_is_ever_sent() {
    let collector = Collector::start().await;
    let server = traced(&collector).await.with("KEDGE_LOG", "trace").serve().await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    admin.post("/v2/accounts", json!({ "name": "tea-party" })).await.expect(200);
    let alice = json!({ "username": "alice-liddell", "password": "drink-me-please" });
    admin.post("/v2/accounts/tea-party/users", alice).await.expect(200);
    let alice = server.client("alice-liddell", "drink-me-please");
    let key = alice.post("/v2/user/api-keys", json!({ "name": "golden-key" })).await.expect(201);
    let key = key["value"].as_str().unwrap().to_owned();
    server.client("_api_key", &key).get("/v2/user?purpose=white-roses").await.expect(200);
    let form = [("grant_type", "password"), ("username", "alice-liddell"), ("password", "drink-me-please")];
    let tokens = Client::new(&server.url, Login::Nobody).form("/v2/oauth/token", &form).await.expect(200);
    let [access, refresh] = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap().to_owned());
    let bearer = Client::new(&server.url, Login::Bearer(access.clone()));
    let odd = bearer.request("GET", "/v2/user").header("user-agent", "caterpillar/1").header("cookie", "hookah=yes");
    send(odd.header("traceparent", format!("00-{TRACE}-{PARENT}-01")).header("tracestate", "queen=hearts"))
        .await
        .expect(200);
    server.client("admin", "wrong-password-42").get("/v2/user").await.expect(401);
    Client::new(&server.url, Login::Nobody).get("/mock-turtle/soup").await.expect(404);
    assert_eq!(server.stop().await.code, Some(0));

    assert_eq!(collector.spans("GET /v2/user").len(), 3);
    let messages = collector.messages.lock().unwrap();
    let sent: Vec<u8> = messages.iter().flat_map(|(_, _, body)| body.to_vec()).collect();
    let sent = String::from_utf8_lossy(&sent);
    for secret in [
        key.as_str(),
        &access,
        &refresh,
        ADMIN_PASSWORD,
        "drink-me-please",
        "wrong-password-42",
        "kedge_",
        "eyJ",
        "Basic",
        "alice-liddell",
        "tea-party",
        "golden-key",
        "white-roses",
        "caterpillar",
        "hookah",
        "hearts",
        "mock-turtle",
        "127.0.0.1",
    ] {
        assert!(!sent.contains(secret), "{secret}: {sent}");
    }
    drop(messages);
    let known = ["http.request.method", "http.route", "http.response.status_code", "kedge.request_id"];
    for export in collector.exports() {
        for span in export.resource_spans.into_iter().flat_map(|all| all.scope_spans).flat_map(|all| all.spans) {
            assert!(span.events.is_empty() && span.links.is_empty() && span.trace_state.is_empty(), "{span:?}");
            assert!(span.attributes.iter().all(|attribute| known.contains(&attribute.key.as_str())), "{span:?}");
        }
    }
}

/// The spans of `GET /health` called with a `traceparent` of these flags.
async fn called_with(setup: Setup, collector: &Collector, flags: &str) -> Vec<Span> {
    let server = setup.serve().await;
    let nobody = Client::new(&server.url, Login::Nobody);
    let header = format!("00-{TRACE}-{PARENT}-{flags}");
    send(nobody.request("GET", "/health").header("traceparent", header)).await.expect(200);
    assert_eq!(server.stop().await.code, Some(0));
    collector.spans("GET /health")
}

#[tokio::test]
async fn only_a_trusted_proxy_names_the_parent() {
    let collector = Collector::start().await;
    let spans = called_with(traced(&collector).await, &collector, "01").await;
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_ne!(hex(&span.trace_id), TRACE);
    assert!(span.parent_span_id.is_empty());

    let collector = Collector::start().await;
    let behind_proxy = traced(&collector).await.with("KEDGE_SERVER__TRUSTED_PROXIES", "127.0.0.0/8");
    let spans = called_with(behind_proxy, &collector, "01").await;
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!([hex(&span.trace_id), hex(&span.parent_span_id)], [TRACE, PARENT]);
}

#[tokio::test]
async fn wish_for_a_trace_does_not_raise_the_share_and_a_wish_for_none_is_heard() {
    for (ratio, flags) in [("0", "01"), ("1", "00")] {
        let collector = Collector::start().await;
        // The name that every traced program knows works, too.
        let setup = Setup::external()
            .await
            .with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
            .with("KEDGE_SERVER__TRUSTED_PROXIES", "127.0.0.1")
            .with("KEDGE_TELEMETRY__SAMPLE_RATIO", ratio);
        assert_eq!(called_with(setup, &collector, flags).await, [], "{ratio} {flags}");
    }
}

#[tokio::test]
async fn collector_that_is_silent_or_away_holds_nothing_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), away] {
        let setup = Setup::external().await.with("KEDGE_TELEMETRY__OTLP_ENDPOINT", &format!("http://{address}"));
        let server = setup.serve().await;
        let nobody = Client::new(&server.url, Login::Nobody);
        // More than one message holds.
        for _ in 0..600 {
            nobody.get("/health").await.expect(200);
        }
        let told = Instant::now();
        assert_eq!(server.stop().await.code, Some(0));
        assert!(told.elapsed() < Duration::from_secs(20), "{:?}", told.elapsed());
    }
}
