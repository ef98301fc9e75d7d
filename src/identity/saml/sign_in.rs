//! From an answer of an identity provider to a user who is signed in.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::{
    Idp,
    mapping::Person,
    protocol::{self, Expected, Refused, Said, ServiceProvider, Signed, facts::Claimed},
    provision, sign_in_store, store,
};
use crate::{
    audit::{self, record::Actor, tally},
    authn::method::SignInMethod,
    authz::policy::Denial,
    db::WriteError,
    error::{Error, Result},
    identity::sessions::issue::SignedIn,
    names::tried,
    secret::Secret,
    state::App,
    transaction,
};

/// How many answers are read or verified at once: each costs milliseconds of computing, and anybody can send one.
static PLACES: Semaphore = Semaphore::const_new(4);

/// What came of an answer.
#[derive(Debug)]
pub struct Done {
    pub user: SignedIn,
    /// When the user's session at the identity provider ends.
    pub session_until: Option<OffsetDateTime>,
    /// The request that was answered, if it was that of the browser that brings the answer.
    pub request: Option<String>,
}

/// Why there is no sign-in.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// The answer does not count. The reason is for the log.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Anything else, in words for who signs in.
    #[error(transparent)]
    Other(#[from] Error),
}

impl NotSignedIn {
    /// Tells the log and the audit trail why an answer does not count, and who sent it no more than the `refusal`.
    pub fn told<E: From<Error>>(self, app: &App, idp: Option<&str>, address: Option<IpAddr>, refusal: E) -> E {
        match self {
            Self::Refused(reason) => {
                tracing::info!(idp, %reason, "single sign-on refused");
                let actor = Actor { method: Some(SignInMethod::Saml), ..Actor::default() };
                tally::note(app, tally::Refused::sign_in(actor, address, &reason.to_string()));
                refusal
            }
            Self::Other(error) => error.into(),
        }
    }
}

/// Signs in by the response that a browser brings, or whoever else. `cookie` is the one that was set for a request.
///
/// # Errors
/// Why there is no sign-in.
#[expect(clippy::disallowed_methods, reason = "the response is read")]
pub async fn by_response(
    app: &App,
    idp: Idp,
    response: Secret,
    cookie: impl Fn(&str) -> Option<String>,
) -> Result<Done, NotSignedIn> {
    let read = apart(move || {
        let received = protocol::receive_response(response.reveal())?;
        let request = received.in_response_to()?;
        Ok((received, request))
    });
    let (received, request) = read.await?;
    let mut is_same_browser = false;
    match &request {
        Some(id) => {
            let browser = waiting(app, &idp, id).await?.browser;
            is_same_browser = browser.is_some();
            if browser.is_some_and(|browser| !is_cookie(cookie(id).as_deref(), &browser)) {
                return Err(Refused::because("another browser asked for it").into());
            }
        }
        None if idp.allow_unsolicited => {}
        None => return Err(Refused::because("nobody asked for it").into()),
    }
    let pair = app.sp_key.pair(app).await?;
    let said = verify(app, &idp, request.clone(), move |idp, expected, now| {
        let acs_url = expected.recipients.first().copied().unwrap_or_default();
        let own = ServiceProvider {
            entity_id: &idp.sp_entity_id,
            acs_url,
            key: &pair.private_key,
            certificate: &pair.certificate,
        };
        received.verify_response(&own, expected, now)
    });
    let said = said.await?;
    let user = settle(app, &idp, request.as_deref(), &said).await?;
    let request = request.filter(|_| is_same_browser);
    Ok(Done { user, session_until: said.when.session_until, request })
}

/// Signs in by an assertion that its holder presents (RFC 7522).
///
/// # Errors
/// Why there is no sign-in.
#[expect(clippy::disallowed_methods, reason = "the assertion is read")]
pub async fn by_assertion(app: &App, assertion: &Secret) -> Result<Done, NotSignedIn> {
    let assertion = Secret::new(assertion.reveal().to_owned());
    let read = apart(move || {
        let received = protocol::receive_assertion(assertion.reveal())?;
        let claimed = received.claimed()?;
        Ok((received, claimed))
    });
    let (received, claimed) = read.await?;
    let idp = claimed_idp(app, &claimed).await?;
    match &claimed.in_response_to {
        Some(id) => {
            // A browser's request is answered by that browser, at the other door.
            if waiting(app, &idp, id).await?.browser.is_some() {
                return Err(Refused::because("a browser asked for it").into());
            }
        }
        None if idp.allow_unsolicited || idp.allow_assertion_grant => {}
        None => return Err(Refused::because("nobody asked for it").into()),
    }
    let request = claimed.in_response_to;
    let verified = verify(app, &idp, request.clone(), move |_, expected, now| received.verify_assertion(expected, now));
    let said = verified.await?;
    let user = settle(app, &idp, request.as_deref(), &said).await?;
    Ok(Done { user, session_until: said.when.session_until, request: None })
}

/// The one enabled provider that an assertion says it is of.
async fn claimed_idp(app: &App, claimed: &Claimed) -> Result<Idp, NotSignedIn> {
    let mut db = app.db.connection().await?;
    let found = store::list_enabled(&mut db, &claimed.issuer, &claimed.audiences).await;
    let mut found = found.map_err(Error::from)?;
    if found.len() > 1 {
        // Several configurations of one provider: the recipient tells which is meant.
        found.retain(|idp| claimed.recipients.contains(&idp.acs()));
    }
    let [idp] = <[Idp; 1]>::try_from(found)
        .map_err(|_| Refused::because("issued by no identity provider that is known, or for another audience"))?;
    Ok(idp)
}

async fn waiting(app: &App, idp: &Idp, id: &str) -> Result<sign_in_store::Waiting, NotSignedIn> {
    let found = sign_in_store::find_request(&mut *app.db.connection().await?, idp.id, id, app.clock.now()).await;
    found.map_err(Error::from)?.ok_or_else(|| Refused::because("answers no request that waits").into())
}

/// What the cookie of a browser that asks is remembered by.
#[must_use]
pub fn cookie_hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

fn is_cookie(brought: Option<&str>, expected: &[u8]) -> bool {
    brought.is_some_and(|brought| cookie_hash(brought).ct_eq(expected).into())
}

/// Runs the verification, if the provider can vouch for anyone.
async fn verify(
    app: &App,
    idp: &Idp,
    request: Option<String>,
    work: impl FnOnce(&Idp, &Expected<'_>, OffsetDateTime) -> protocol::Result<Said> + Send + 'static,
) -> Result<Said, NotSignedIn> {
    let now = app.clock.now();
    if !idp.metadata.counts(now) {
        return Err(Refused::because("the metadata of the identity provider has run out").into());
    }
    let (idp, token_endpoint) = (idp.clone(), format!("{}/v2/oauth/token", app.config.server.external_url()));
    let logged = app.config.user_authentication.log_saml_assertions;
    let verified = apart(move || {
        let acs = idp.acs();
        let expected = Expected {
            issuer: &idp.metadata.entity_id,
            certificates: &idp.metadata.certificates,
            audience: &idp.sp_entity_id,
            recipients: &[&acs, &token_endpoint],
            in_response_to: request.as_deref(),
            signed: Signed { response: idp.require_signed_response, assertion: idp.require_signed_assertions },
        };
        let said = work(&idp, &expected, now)?;
        if logged {
            tracing::info!(idp = idp.name, assertion = said.without_signature_values(), "assertion accepted");
        }
        Ok(said)
    });
    verified.await
}

/// Runs what a stranger's document costs where it keeps nobody waiting who sends none.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> protocol::Result<T> + Send + 'static,
) -> Result<T, NotSignedIn> {
    let place = PLACES.acquire().await.map_err(Error::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    Ok(done.await.map_err(Error::internal)??)
}

/// What the transaction made of an answer.
enum Settled {
    SignedIn(SignedIn),
    /// It commits nevertheless: what was taken stays so.
    Refused(&'static str),
}

/// Takes the request and the assertion, so that neither counts again, and the user with them.
async fn settle(app: &App, idp: &Idp, request: Option<&str>, said: &Said) -> Result<SignedIn, NotSignedIn> {
    // Before it is asked whether they are let in: who is refused has a record, too.
    provision::tell_who(idp.mapping.username(said).ok().map(tried), idp, None);
    let person = idp.mapping.person(said, &app.roles).map_err(|why| {
        tracing::info!(idp = idp.name, %why, "single sign-on refused");
        Error::from(Denial::SignIn(why.to_string()))
    })?;
    let settled = transaction!(app.db, |db| {
        let settled = take(db, app, idp, request, said, &person).await?;
        if matches!(settled, Settled::Refused(_)) {
            audit::nothing_happened();
        }
        Ok(settled)
    })?;
    match settled {
        Settled::SignedIn(user) => Ok(user),
        Settled::Refused(why) => Err(Refused::because(why).into()),
    }
}

async fn take(
    db: &mut PgConnection,
    app: &App,
    idp: &Idp,
    request: Option<&str>,
    said: &Said,
    person: &Person,
) -> Result<Settled, WriteError> {
    // In no account yet: where the user lives is not the provider's to say.
    provision::tell_who(Some(person.username.clone()), idp, None);
    // Read again, since what the answer was verified by may count no more: an administrator has disabled or deleted the
    // provider, or has saved it with other rules or another entity, or metadata came with other certificates.
    let held = store::hold_idp(db, idp.id).await?.filter(|held| {
        held.enabled
            && held.last_updated == idp.last_updated
            && held.metadata.entity_id == idp.metadata.entity_id
            && held.metadata.certificates == idp.metadata.certificates
    });
    let Some(held) = held else { return Ok(Settled::Refused("the identity provider was changed meanwhile")) };
    if let Some(request) = request
        && !sign_in_store::delete_request(db, request).await?
    {
        return Ok(Settled::Refused("the request was answered before"));
    }
    let hash = Sha256::digest(format!("{}\n{}", idp.metadata.entity_id, said.assertion_id)).into();
    if !sign_in_store::insert_assertion(db, &hash, said.when.forgotten_after).await? {
        return Ok(Settled::Refused("the assertion was taken before"));
    }
    Ok(Settled::SignedIn(provision::provision(db, app, &held, person, app.clock.now()).await?))
}
