//! The operations of a sign-in, open to everyone: the way out to the identity provider, the way back in, and what its
//! administrator needs to know of us.

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;

use super::{
    Idp, pages,
    protocol::{ServiceProvider, library::Destination},
    sign_in::{self, Done, cookie_hash},
    sign_in_store::{self, NewRequest},
    store,
    types::{LoginQuery, RbacManagerTokenResponse, SamlResponseForm},
};
use crate::{
    authn::{attempts::network, method::SignInMethod},
    authz::policy::Denial,
    console::cookie,
    error::{Error, OAuthError, Result},
    http::{
        Json,
        extract::{Path, Query},
        form::ApiForm,
    },
    identity::{
        oauth::{grant::ANONYMOUS, sender::Sender},
        sessions::issue::{self, Client, Life},
    },
    secret::Secret,
    state::App,
    transaction,
};

/// For how long a request waits for its answer.
const WAITS: time::Duration = time::Duration::minutes(10);
/// How many requests from one network may wait at once: a flood would fill the database.
const MOST_WAITING: i64 = 1_000;

const NOT_FOUND: Error = Error::NotFound { what: "Identity provider" };

/// Kedge's metadata, for the administrator of the identity provider
#[utoipa::path(get, path = "/v2/rbac-manager/saml/metadata/{idp_name}", tag = "RBAC",
    extensions(("x-kedge-addition" = json!(true))), params(("idp_name" = String, Path)),
    responses((status = 200, body = String, content_type = "application/samlmetadata+xml"), (status = 404)))]
pub async fn saml_metadata(State(app): State<App>, Path(name): Path<String>) -> Result<Response> {
    let idp = find(&app, &name).await?;
    let pair = app.sp_key.pair(&app).await?;
    let acs = idp.acs();
    let xml = service_provider(&idp, &acs, &pair).metadata(idp.require_signed_assertions);
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}

/// Begins a sign-in at the identity provider
///
/// Redirects a browser there; other clients get the URL as `token`. The response must arrive within ten minutes.
#[utoipa::path(get, path = "/v2/rbac-manager/saml/login/{idp_name}", tag = "RBAC",
    params(("idp_name" = String, Path), LoginQuery),
    responses((status = 200, body = RbacManagerTokenResponse),
              (status = 303, description = "To the identity provider, for a browser"), (status = 404), (status = 429)))]
pub async fn saml_login(
    State(app): State<App>,
    sender: Sender,
    browser: Browser,
    Path(name): Path<String>,
    Query(query): Query<LoginQuery>,
) -> Result<Response> {
    readable(begin(&app, &sender, &browser, &name, &query).await, browser.wants_html)
}

async fn begin(app: &App, sender: &Sender, browser: &Browser, name: &str, query: &LoginQuery) -> Result<Response> {
    let idp = find(app, name).await?;
    let relay_state = query.relay_state.as_deref().filter(|path| is_console_path(path));
    let pair = app.sp_key.pair(app).await?;
    let acs = idp.acs();
    let to = Destination {
        entity_id: &idp.metadata.entity_id,
        sso_url: &idp.metadata.sso_url,
        wants_signed: idp.metadata.wants_signed_requests,
    };
    let request = service_provider(&idp, &acs, &pair).request(&to, relay_state).map_err(Error::internal)?;
    let cookie = browser.wants_html.then(|| app.random.alphanumeric(43));
    let hash = cookie.as_deref().map(cookie_hash);
    let now = app.clock.now();
    let network = sender.address.map(network).unwrap_or_default();
    let new = NewRequest {
        id: &request.id,
        idp_id: idp.id,
        browser: hash.as_ref(),
        network: &network,
        expires_at: now + WAITS,
    };
    if !transaction!(app.db, |db| { Ok(sign_in_store::insert_request(db, &new, now, MOST_WAITING).await?) })? {
        return Err(Error::TooManyAttempts { retry_after: WAITS.whole_seconds().unsigned_abs() });
    }
    let Some(cookie) = cookie else {
        return Ok(not_stored(Json::<_, 200>(RbacManagerTokenResponse { token: request.url })));
    };
    let mut response = not_stored(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(&request.url).map_err(Error::internal)?);
    let (name, attributes) = cookie_of(app, &request.id);
    let cookie = format!("{name}={cookie}; Max-Age={}; {attributes}", WAITS.whole_seconds());
    headers.insert(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(Error::internal)?);
    Ok(response)
}

/// Receives the identity provider's response
///
/// Returns an access token. A browser that came from the console returns to it signed in, or is shown a page with the
/// reason why not.
#[utoipa::path(post, path = "/v2/rbac-manager/saml/sso/{idp_name}", tag = "RBAC",
    request_body(content = SamlResponseForm, content_type = "application/x-www-form-urlencoded"),
    params(("idp_name" = String, Path)),
    responses((status = 200, body = RbacManagerTokenResponse), (status = 403), (status = 404)))]
pub async fn saml_sso(
    State(app): State<App>,
    sender: Sender,
    browser: Browser,
    Path(name): Path<String>,
    ApiForm(form): ApiForm<SamlResponseForm>,
) -> Result<Response> {
    let to_console = form.relay_state.filter(|path| browser.wants_html && is_console_path(path));
    let by_person = to_console.is_some();
    readable(finish(&app, sender, &browser, &name, form.response, to_console).await, by_person)
}

async fn finish(
    app: &App,
    sender: Sender,
    browser: &Browser,
    name: &str,
    response: Option<Secret>,
    to_console: Option<String>,
) -> Result<Response> {
    let idp = find(app, name).await?;
    let response = response.ok_or_else(|| Error::malformed("SAMLResponse", "is required"))?;
    let answered = answer(app, sender, browser, idp, response, to_console);
    answered.inspect(|answered| app.metrics.signed_in(Some(SignInMethod::Saml), answered)).await
}

async fn answer(
    app: &App,
    sender: Sender,
    browser: &Browser,
    idp: Idp,
    response: Secret,
    to_console: Option<String>,
) -> Result<Response> {
    let name = idp.name.clone();
    let cookie = |id: &str| browser.cookie(&cookie_of(app, id).0);
    let done = sign_in::by_response(app, idp, response, cookie)
        .await
        .map_err(|why| why.told(app, Some(&name), sender.address, Error::from(Denial::NotAccepted)))?;
    let to_console = to_console.filter(|_| done.request.is_some());
    let client = Client { id: ANONYMOUS.to_owned(), user_agent: sender.user_agent };
    let Done { user, session_until, request, .. } = done;
    let life = if to_console.is_some() {
        Life::of_console(app, app.clock.now(), session_until)
    } else {
        Life::of_client(&app.config.user_authentication.oauth, false, session_until)
    };
    let issued = issue::begin(app, user, client, life).await.map_err(|why| match why {
        OAuthError::Other(error) => error,
        why => Denial::SignIn(why.to_string()).into(),
    })?;
    let mut response = match (to_console, issued.refresh_token) {
        (Some(path), Some(session)) => pages::landing(app, &path, &session)?,
        _ => not_stored(Json::<_, 200>(RbacManagerTokenResponse { token: shown(&issued.access_token) })),
    };
    if let Some(id) = request {
        // Used, as the request is.
        let (name, attributes) = cookie_of(app, &id);
        let gone = HeaderValue::from_str(&format!("{name}=; Max-Age=0; {attributes}")).map_err(Error::internal)?;
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

/// The answer, a refusal as a page where it is a person who reads it.
fn readable(answer: Result<Response>, by_person: bool) -> Result<Response> {
    match answer {
        Err(error) if by_person => Ok(pages::refusal(error)),
        answer => answer,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one answer of a sign-in that shows its token")]
fn shown(token: &Secret) -> String {
    token.reveal().to_owned()
}

async fn find(app: &App, name: &str) -> Result<Idp> {
    let idp = store::find_idp(&mut *app.db.connection().await?, name).await?;
    idp.filter(|idp| idp.enabled).ok_or(NOT_FOUND)
}

fn service_provider<'a>(idp: &'a Idp, acs: &'a str, pair: &'a super::sp_key::Pair) -> ServiceProvider<'a> {
    ServiceProvider {
        entity_id: &idp.sp_entity_id,
        acs_url: acs,
        key: &pair.private_key,
        certificate: &pair.certificate,
    }
}

fn not_stored(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page of the console on this server, and nothing that a browser could take for another one.
fn is_console_path(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~?=&%".contains(c);
    // SAML bindings, 3.4.3: at most 80 bytes.
    path.len() <= 80
        && path.strip_prefix("/console").is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && path.chars().all(plain)
        && !path.contains("//")
        && !path.contains("..")
}

/// The cookie that binds a request to a browser: its name, so that two sign-ins can go on at once, and its attributes.
/// It must come back with a POST from another site, which `SameSite=None` is for; a browser takes that with `Secure`
/// only.
fn cookie_of(app: &App, request: &str) -> (String, &'static str) {
    let id: String = request.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    if app.config.server.external_url().starts_with("https://") {
        (format!("__Host-kedge-sso-{id}"), "Path=/; HttpOnly; Secure; SameSite=None")
    } else {
        (format!("kedge-sso-{id}"), "Path=/; HttpOnly")
    }
}

/// What tells a browser from other clients, and what it brings.
#[derive(Debug)]
pub struct Browser {
    wants_html: bool,
    headers: HeaderMap,
}

impl Browser {
    fn cookie(&self, name: &str) -> Option<String> {
        cookie::find(&self.headers, name)
    }
}

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let accepts = parts.headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let wants_html = accepts
            .flat_map(|line| line.split(','))
            .any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html"));
        Ok(Self { wants_html, headers: parts.headers.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::is_console_path;

    #[test]
    fn only_pages_of_the_console_are_gone_to() {
        for path in ["/console", "/console/", "/console/keys?show=all&x=1", "/console?x"] {
            assert!(is_console_path(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/v2/user",
            "//console",
            "/console//evil.test",
            "/consolex",
            "/console@evil.test",
            "/console\\evil",
            "/console/../v2",
            "https://evil.test/console",
            "javascript:alert(1)",
            "/console/\"><script>",
            "/console/\r\nx: y",
            &format!("/console/{}", "a".repeat(72)),
        ] {
            assert!(!is_console_path(path), "{path:?}");
        }
    }
}
