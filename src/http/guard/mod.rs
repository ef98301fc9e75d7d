//! The one middleware: who is calling, may they, and only then the handler.
//!
//! It looks every request up in the route table and refuses what is not in it, so an operation without declared
//! access cannot be reached, however it was mounted.

mod body;
mod target;
mod trail;

pub(super) use body::{Cut, bounded};
pub use target::{PendingPermission, Target, account_header};

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request},
    http::{Extensions, HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts},
    response::{IntoResponse, Response},
    routing::Route,
};
use futures_util::{FutureExt, future::Either};
use tokio::task::JoinHandle;
use tower::Service;
use tracing::Instrument;

use super::{
    client_address::client_address,
    extract::{self, admit},
    prefer,
    request_id::RequestId,
    routes::{ErrorForm, RouteTable, Row},
};
use crate::{
    authn::{self, caller::Caller, method::SignInMethod},
    authz::{
        access::{Access, ApiKeys, DomainSource, Permission},
        policy::{Denial, Domain},
    },
    error::{Error, OAuthError, Result},
    identity::roles,
    state::App,
};

const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
/// What is told where the time of an operation is over.
pub(super) const TOO_LONG: Error = Error::Unavailable("the operation took too long");

/// What stands before every route.
#[derive(Debug)]
pub struct Guard {
    pub app: App,
    pub routes: RouteTable,
}

impl Guard {
    /// The row of the operation that is asked for.
    #[must_use]
    pub fn find(&self, parts: &Parts) -> Option<&Row> {
        self.routes.row(matched_path(&parts.extensions), &parts.method)
    }

    /// The answer of `route`, which is that of the row's operation, or the refusal that comes before it. The request is
    /// left empty.
    pub async fn answer(
        &self,
        row: Option<&Row>,
        id: &HeaderValue,
        parts: &mut Parts,
        body: &mut Body,
        route: &Route,
    ) -> Response {
        let Some(row) = row else {
            return names_one_host(parts).err().unwrap_or_else(|| self.not_served(parts)).into_response();
        };
        let from_console = parts.headers.get(X_REQUESTED_WITH).is_some_and(|value| value == "kedge-console");
        let asked = Asked { guard: self, row, id, address: client_address(&self.app, parts) };
        let answer = async {
            // Not held while the handler runs: it would make the future of each request larger.
            if let Err(error) = check(&asked, parts).await {
                return trail::denied(&asked, parts.extensions.get(), refusal(row, error));
            }
            // The handler takes the request.
            let caller = parts.extensions.get::<Caller>().cloned();
            let answer = begin(&asked, route, parts, body).await;
            trail::denied(&asked, caller.as_ref(), answer)
        };
        let mut response = tokio::select! {
            biased;
            response = answer => response,
            // Boxed, and only where the answer has to be waited for: it would make the future of each request larger.
            error = async { Box::pin(asked.guard.patience(asked.row)).await } => refusal(asked.row, error),
        };
        if asked.row.never_stored {
            // RFC 6749, 5.1.
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        }
        if from_console {
            // The console asks for credentials itself: with a challenge the browser would, too.
            response.headers_mut().remove(header::WWW_AUTHENTICATE);
        }
        response
    }

    /// Waits until the answer is given up, and says why: its time is over, or the database is lost.
    async fn patience(&self, row: &Row) -> Error {
        tokio::select! {
            lost = self.app.db.lost() => lost,
            () = tokio::time::sleep(row.time.0) => TOO_LONG,
        }
    }

    /// 404 or 405.
    fn not_served(&self, parts: &Parts) -> Error {
        let allow = self.routes.allow(matched_path(&parts.extensions));
        if allow.is_empty() {
            let detail = format!("The requested URL was not found: {}", parts.uri.path());
            return Error::Transport { status: StatusCode::NOT_FOUND, detail };
        }
        Error::MethodNotAllowed { allow }
    }
}

/// Refuses what RFC 9112, 3.2, does: HTTP/1.1 without `Host`, and two of them in any version.
fn names_one_host(parts: &Parts) -> Result<()> {
    let host = extract::single(&parts.headers, &header::HOST)?;
    if host.is_none() && parts.version == Version::HTTP_11 {
        return Err(Error::malformed("host", "is missing"));
    }
    Ok(())
}

fn matched_path(extensions: &Extensions) -> &str {
    extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

/// The request, whole again.
fn taken(parts: &mut Parts, body: &mut Body) -> Request {
    let (nothing, empty) = Request::new(Body::empty()).into_parts();
    Request::from_parts(std::mem::replace(parts, nothing), std::mem::replace(body, empty))
}

/// An error in the form that the operation's clients read.
fn refusal(row: &Row, error: Error) -> Response {
    match row.errors {
        ErrorForm::Api => error.into_response(),
        ErrorForm::OAuth => OAuthError::from(error).into_response(),
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    guard: &'a Guard,
    row: &'a Row,
    /// The request's id.
    id: &'a HeaderValue,
    /// Where the request comes from.
    address: Option<IpAddr>,
}

impl<'a> Asked<'a> {
    const fn app(&self) -> &'a App {
        &self.guard.app
    }

    fn operation(&self) -> &'a str {
        self.guard.routes.operation(self.row)
    }

    fn id(&self) -> &'a str {
        self.id.to_str().unwrap_or_default()
    }
}

/// Begins to run the handler. What only reads is run by whoever waits for the answer.
fn begin<'a>(
    asked: &'a Asked<'a>,
    route: &Route,
    parts: &'a mut Parts,
    body: &'a mut Body,
) -> impl Future<Output = Response> + use<'a> {
    let mut route = route.clone();
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Either::Left(route.call(taken(parts, body)).map(handled));
    }
    // Boxed: it would make the future of each request larger.
    Either::Right(Box::pin(async move {
        if let Err(error) = whole(asked, parts, body).await {
            return refusal(asked.row, error);
        }
        let changed = change(asked, route, taken(parts, body)).await;
        changed.unwrap_or_else(|error| refusal(asked.row, Error::internal(error)))
    }))
}

/// Runs what changes something, in a task of its own: a client that hangs up, the end of the time, or a database that
/// does not answer must not cut it between its commit and what follows from it.
fn change(asked: &Asked<'_>, mut route: Route, request: Request) -> JoinHandle<Response> {
    let end = tokio::time::Instant::now() + asked.row.time.0;
    let limit = asked.row.body.limit().unwrap_or_default();
    let request = request.map(|body| bounded(body, limit, end));
    let waits = asked.row.recorded && prefer::is_wanted(request.headers());
    let app = App::clone(asked.app());
    let (parts, body) = request.into_parts();
    let recording = trail::recording(asked, &parts);
    let request = Request::from_parts(parts, body);
    let change = async move {
        let answer = route.call(request);
        let answer = match &recording {
            Some(recording) => Arc::clone(recording).during(answer).await,
            None => answer.await,
        };
        let mut response = handled(answer);
        if let Some(recording) = recording {
            recording.finish(&mut response);
        }
        if waits && response.status().is_success() {
            prefer::wait(&app, response.headers_mut()).await;
        }
        response
    };
    tokio::spawn(change.in_current_span())
}

fn handled(answer: std::result::Result<Response, Infallible>) -> Response {
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn signed_in(asked: &Asked<'_>, parts: &Parts) -> Result<Caller> {
    let caller = authenticate(asked, parts).await;
    asked.app().metrics.signed_in(SignInMethod::of(&parts.headers), &caller);
    caller
}

async fn authenticate(asked: &Asked<'_>, parts: &Parts) -> Result<Caller> {
    authn::authenticate(asked.app(), &parts.headers, asked.address, Some(asked.id)).await
}

/// The host, authentication, the state of the account, permission, then what of the body can be judged unread.
async fn check(asked: &Asked<'_>, parts: &mut Parts) -> Result<()> {
    names_one_host(parts)?;
    if asked.row.access != Access::Public {
        let caller = signed_in(asked, parts).await?;
        parts.extensions.insert(caller.clone());
        authorize(asked.app(), asked.row.access, &caller, parts).await?;
    } else if parts.uri.path().contains("%00") {
        return Err(Error::malformed("path", "contains U+0000"));
    } else {
        parts.extensions.insert(RequestId(asked.id.clone()));
    }
    admit(asked.row.body, &parts.headers)
}

/// Waits for the body of a caller, and asks again: whoever keeps a body back must not carry rights that are taken away
/// meanwhile over into the handler.
async fn whole(asked: &Asked<'_>, parts: &mut Parts, body: &mut Body) -> Result<()> {
    let Some(limit) = asked.row.body.limit().filter(|_| asked.row.access != Access::Public) else { return Ok(()) };
    let end = tokio::time::Instant::now() + asked.row.time.0;
    *body = Body::from(extract::read(bounded(std::mem::replace(body, Body::empty()), limit, end)).await?);
    let caller = authenticate(asked, parts).await?;
    parts.extensions.insert(caller.clone());
    authorize(asked.app(), asked.row.access, &caller, parts).await
}

/// Whether the caller may: the state of the account, then the permission. Hands the account that the operation is about
/// over to the handler, or the question where the handler reads which it is.
///
/// # Errors
/// 403, 404 for those who may know, or what keeps the database from being asked.
pub async fn authorize(app: &App, access: Access, caller: &Caller, parts: &mut Parts) -> Result<()> {
    if !caller.account.is_enabled() {
        return Err(Denial::AccountNotEnabled { account: caller.account.name.clone() }.into());
    }
    let named = NamedByPath::of(parts).await?;
    let (Access::SignedIn(keys) | Access::Admins(keys) | Access::Permitted(_, keys)) = access else { return Ok(()) };
    if keys == ApiKeys::Refused && caller.is_api_key() {
        return Err(Denial::NotWithApiKey.into());
    }
    match access {
        Access::Permitted(permission, _) => settle(app, permission, caller, &named, parts).await,
        Access::Admins(_) if !caller.is_admin() => Err(Denial::NotAdmin.into()),
        _ => Ok(()),
    }
}

/// What the path names.
#[derive(Default)]
struct NamedByPath {
    account: Option<String>,
    user: Option<String>,
}

impl NamedByPath {
    async fn of(parts: &mut Parts) -> Result<Self> {
        let wrong = |why: String| Error::malformed("path", why);
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|error| wrong(error.body_text()))?;
        let mut named = Self::default();
        for (param, value) in &params {
            if value.contains('\0') {
                return Err(wrong("contains U+0000".to_owned()));
            }
            match param {
                "account_name" => named.account = Some(value.to_owned()),
                "username" => named.user = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(named)
    }
}

/// Asks for the permission where the request names its domain already, and hands the account over to the handler;
/// otherwise hands over the question.
async fn settle(
    app: &App,
    permission: Permission,
    caller: &Caller,
    named: &NamedByPath,
    parts: &mut Parts,
) -> Result<()> {
    let action = permission.action;
    let asked = |action, header| PendingPermission { action, caller: caller.clone(), header };
    let (question, account) = match permission.domain {
        DomainSource::System => return Ok(roles::permit(caller, action, Domain::System)?),
        DomainSource::RequestAccount => {
            parts.extensions.insert(asked(action, account_header(&parts.headers)?));
            return Ok(());
        }
        DomainSource::CallerAccount => (asked(action, account_header(&parts.headers)?), None),
        DomainSource::CallerHome => (asked(action, None), Some(caller.account.name.as_str())),
        DomainSource::PathAccount => {
            let account = named.account.as_deref().unwrap_or_default();
            let oneself = account == caller.account.name && named.user.as_ref() == Some(&caller.user.username);
            let action = permission.self_twin.filter(|_| oneself).unwrap_or(action);
            (asked(action, None), Some(account))
        }
    };
    let target = question.account(app, account).await?;
    parts.extensions.insert(target);
    Ok(())
}
