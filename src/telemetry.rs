//! Traces, for an OpenTelemetry collector: a span for each request, sent by OTLP over HTTP. Where no collector is
//! configured, no request meets anything of this module.
//!
//! A span says what the log says of a request: its method, its route as the document has it, the status and the id.
//! Nothing else is ever put into one, so no credential, path, query or body can get into it. That is why the spans are
//! made here and not by whatever `tracing` hears: that would send the events of every crate, too.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context as Poller, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, MatchedPath, Request},
    http::{HeaderMap, Method},
    response::Response,
    routing::Route,
};
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, TextMapPropagator},
    trace::{Span, SpanBuilder, SpanKind, Status, Tracer, TracerProvider},
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, Sampler, SdkTracer, SdkTracerProvider,
        ShouldSample, Span as Recorded,
    },
};
use tokio::runtime::Handle;
use tower::{Service, layer::layer_fn};

use crate::{config, http::request_id::X_REQUEST_ID, state::App, system::KEDGE_VERSION};

/// Spans that may wait for the collector. What comes beyond is dropped and counted in the log, so that neither a slow
/// collector nor a flood of requests takes more memory than these do.
const QUEUE: usize = 4096;
/// Spans in one message.
const BATCH: usize = 512;
/// How long the collector may take for a message.
const PATIENCE: Duration = Duration::from_secs(5);
/// The methods that a span names: any other is the client's own word.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// What sends the spans.
#[derive(Clone, Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the export to telemetry.otlp_endpoint: {0}")]
pub struct TelemetryError(Box<dyn std::error::Error + Send + Sync>);

impl Telemetry {
    /// `None` where no collector is configured. Must be called in the runtime that is to send.
    ///
    /// # Errors
    /// An HTTP client or an exporter that cannot be made; whether the collector answers is not asked.
    pub fn configured(settings: &config::Telemetry) -> Result<Option<Self>, TelemetryError> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        // What it is sent belongs to this collector, not to one that it names.
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| TelemetryError(error.into()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { client, runtime: Handle::current() })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| TelemetryError(error.into()))?;
        let batches =
            BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_max_export_batch_size(BATCH).build();
        let resource = Resource::builder()
            .with_service_name(settings.service_name.clone())
            .with_attribute(KeyValue::new("service.version", KEDGE_VERSION))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(Box::new(sampler(settings.sample_ratio)) as Box<dyn ShouldSample>)
            .with_resource(resource)
            .build();
        Ok(Some(Self { tracer: provider.tracer("kedge"), provider }))
    }

    /// The server with a span around each request.
    pub fn around(&self, router: Router, app: &App) -> Router {
        let (tracer, app) = (self.tracer.clone(), App::clone(app));
        router.layer(layer_fn(move |route: Route| Traced { tracer: tracer.clone(), app: App::clone(&app), route }))
    }

    /// Sends what waits, for some seconds at most.
    pub async fn finish(self) {
        let sent = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(PATIENCE)).await;
        if let Ok(Err(error)) = sent {
            tracing::warn!(error = &error as &dyn std::error::Error, "not every trace was sent");
        }
    }
}

/// The share decides, by the trace's id, whatever a caller asks for: that its trace is marked does not raise it. One
/// that says it is not traced is not. Who chooses ids, behind a proxy that passes them on, can choose ones that fall
/// into the share: against that there is the bounded queue.
fn sampler(ratio: f64) -> ParentBasedSampler {
    let share = Sampler::TraceIdRatioBased(ratio);
    Sampler::parent_based(share.clone()).with_remote_parent_sampled(share)
}

/// Sends from the server's runtime: the thread that collects the spans has none.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

impl HttpClient for Sender {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: axum::http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<axum::http::Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { client.send_bytes(request).await });
        Box::pin(async move { sent.await? })
    }
}

/// A route and the span around it.
#[derive(Clone)]
struct Traced {
    tracer: SdkTracer,
    app: App,
    route: Route,
}

impl Service<Request> for Traced {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, poller: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.route, poller)
    }

    fn call(&mut self, request: Request) -> Answering {
        let span = begin(&self.tracer, &self.app, &request);
        Answering { span, answer: Box::pin(self.route.call(request)) }
    }
}

/// Ends the span with the answer; dropped before it, as when the client hangs up, with none.
struct Answering {
    span: Recorded,
    answer: Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>,
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(poller));
        if let Ok(response) = &answer {
            end(&mut self.span, response);
        }
        Poll::Ready(answer)
    }
}

fn begin(tracer: &SdkTracer, app: &App, request: &Request) -> Recorded {
    let method = request.method();
    let method = if METHODS.contains(method) { method.as_str() } else { "_OTHER" };
    let mut attributes = vec![KeyValue::new("http.request.method", method.to_owned())];
    // The semantic conventions of HTTP: a span that knows no route is called by the method.
    let name = match request.extensions().get::<MatchedPath>() {
        Some(route) => {
            attributes.push(KeyValue::new("http.route", route.as_str().to_owned()));
            format!("{method} {}", route.as_str())
        }
        None => method.to_owned(),
    };
    let span = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes);
    tracer.build_with_context(span, &caller(app, request))
}

fn end(span: &mut Recorded, response: &Response) {
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())));
    if let Some(id) = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok()) {
        span.set_attribute(KeyValue::new("kedge.request_id", id.to_owned()));
    }
    // Of a server's span: the client's mistakes are no errors.
    if response.status().is_server_error() {
        span.set_status(Status::error(""));
    }
    span.end();
}

/// The span that the request belongs to: only a trusted proxy can name one. Anyone else could put what they do into the
/// traces of others.
fn caller(app: &App, request: &Request) -> Context {
    let nobody = Context::new();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let trusted = |peer| app.config.server.trusted_proxies.iter().any(|network| network.contains(&peer));
    if !peer.is_some_and(trusted) {
        return nobody;
    }
    TraceContextPropagator::new().extract_with_context(&nobody, &Traceparent(request.headers()))
}

/// The header `traceparent` and no other: `tracestate` would be sent on as it came.
struct Traceparent<'a>(&'a HeaderMap);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        // W3C Trace Context, 3.2: more than one is none.
        let mut lines = self.0.get_all(key).iter().filter(|_| key == "traceparent");
        lines.next().filter(|_| lines.next().is_none())?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
