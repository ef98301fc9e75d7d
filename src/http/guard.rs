//! The one middleware: who is calling, may they, and only then the handler.
//!
//! It looks every request up in the route table and refuses what is not in it, so an operation without declared
//! access cannot be reached, however it was mounted.

mod body;
mod target;

pub use target::{Asking, Target};

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use tracing::Instrument;

use super::{
    client_address::client_address,
    extract::admit,
    prefer,
    routes::{ErrorForm, RouteTable, Row},
};
use crate::{
    authn::{self, caller::Caller},
    authz::{
        access::{Access, ApiKeys, Domain, Permission},
        policy::{Denial, Where},
    },
    error::{Error, OAuthError, Result},
    identity::roles,
    metrics::Means,
    state::App,
};

const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// What the guard needs.
#[derive(Clone, Debug)]
pub struct Guard {
    pub app: App,
    pub routes: Arc<RouteTable>,
}

/// The middleware.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let row = match find(&guard.routes, &request) {
        Ok(row) => row,
        Err(error) => return error.into_response(),
    };
    let from_console = request.headers().get(X_REQUESTED_WITH).is_some_and(|value| value == "kedge-console");
    let (mut parts, body) = request.into_parts();
    let answer = async {
        match check(&guard.app, row, &mut parts).await {
            Ok(()) => run(&guard.app, row, next, Request::from_parts(parts, body)).await,
            Err(error) => refusal(row, error),
        }
    };
    let answered = guard.app.db.while_it_answers(answer).await;
    let mut response = answered.unwrap_or_else(|error| refusal(row, error));
    if row.errors == ErrorForm::OAuth {
        // RFC 6749, 5.1: nothing of it may be stored on its way.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    if from_console {
        // The console asks for credentials itself: with a challenge the browser would, too.
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
    response
}

/// The row of the request, or the 404 or 405 that comes before any question of who is calling.
fn find(routes: &RouteTable, request: &Request) -> Result<Row> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if let Some(row) = routes.row(path, request.method()) {
        return Ok(row);
    }
    let allow = routes.allow(path);
    if allow.is_empty() {
        let detail = format!("The requested URL was not found: {}", request.uri().path());
        return Err(Error::Transport { status: StatusCode::NOT_FOUND, detail });
    }
    Err(Error::MethodNotAllowed { allow })
}

/// An error in the form that the operation's clients read.
fn refusal(row: Row, error: Error) -> Response {
    match row.errors {
        ErrorForm::Api => error.into_response(),
        ErrorForm::OAuth => OAuthError::from(error).into_response(),
    }
}

/// Runs the handler within its time. A change runs in a task of its own: a client that hangs up, the end of the time, or
/// a database that does not answer must not cut it between its commit and what follows from it.
async fn run(app: &App, row: Row, next: Next, request: Request) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let answer = async {
        if !changes {
            return next.run(request).await;
        }
        let end = tokio::time::Instant::now() + row.time.0;
        let request = request.map(|body| body::in_time(body, end));
        let waits = prefer::is_wanted(request.headers());
        let app = App::clone(app);
        let change = async move {
            let mut response = next.run(request).await;
            if waits && response.status().is_success() {
                prefer::wait(&app, response.headers_mut()).await;
            }
            response
        };
        let task = tokio::spawn(change.in_current_span());
        task.await.unwrap_or_else(|error| refusal(row, Error::internal(error)))
    };
    let in_time = tokio::time::timeout(row.time.0, answer).await;
    in_time.unwrap_or_else(|_| refusal(row, Error::Unavailable("the operation took too long")))
}

/// Authentication, the state of the account, permission, then what of the body can be judged unread.
async fn check(app: &App, row: Row, parts: &mut Parts) -> Result<()> {
    if row.access != Access::Public {
        let address = client_address(app, parts);
        let caller = authn::authenticate(app, &parts.headers, address).await;
        app.metrics.signed_in(Means::of(&parts.headers), &caller);
        let caller = caller?;
        authorize(app, row.access, &caller, parts).await?;
        parts.extensions.insert(caller);
    }
    admit(row.body, &parts.headers)
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
    let (Access::SignedIn(keys) | Access::Permitted(_, keys)) = access else { return Ok(()) };
    if keys == ApiKeys::Refused && caller.is_api_key() {
        return Err(Denial::NotWithApiKey.into());
    }
    if let Access::Permitted(permission, _) = access {
        settle(app, permission, caller, &named, parts).await?;
    }
    Ok(())
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
                return Err(wrong("holds U+0000".to_owned()));
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
    let asking = Asking::new(action, caller.clone(), &parts.headers);
    let target = match permission.domain {
        Domain::System => return Ok(roles::permit(caller, action, Where::System)?),
        Domain::RequestAccount => {
            parts.extensions.insert(asking);
            return Ok(());
        }
        Domain::CallerAccount => asking.account(app, None).await?,
        Domain::CallerHome => asking.account(app, Some(&caller.account.name)).await?,
        Domain::PathAccount => {
            let account = named.account.as_deref().unwrap_or_default();
            let oneself = account == caller.account.name && named.user.as_ref() == Some(&caller.user.username);
            let action = permission.self_twin.filter(|_| oneself).unwrap_or(action);
            Asking { action, ..asking }.account(app, Some(account)).await?
        }
    };
    parts.extensions.insert(target);
    Ok(())
}
