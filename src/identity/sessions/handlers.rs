//! The operations on one's own sessions.

use axum::extract::State;
use uuid::Uuid;

use super::{
    store,
    types::{Session, SessionList},
};
use crate::{
    authn::caller::Caller,
    error::{Error, Result},
    http::{Json, NoContent, extract::Path},
    state::App,
    transaction,
};

/// Lists the caller's active sessions
#[utoipa::path(get, path = "/v2/user/sessions", tag = "Identity", extensions(("x-kedge-addition" = json!(true))),
    responses((status = 200, body = SessionList)))]
pub async fn list_sessions(State(app): State<App>, caller: Caller) -> Result<Json<SessionList>> {
    let sessions = store::list_sessions(&mut *app.db.connection().await?, caller.user.id, app.clock.now()).await?;
    let items = sessions.into_iter().map(|session| Session::new(session, caller.session())).collect();
    Ok(Json(SessionList { items }))
}

/// Ends one of the caller's sessions
///
/// Its tokens are refused from the moment of the answer.
#[utoipa::path(delete, path = "/v2/user/sessions/{session_id}", tag = "Identity",
    extensions(("x-kedge-addition" = json!(true))), params(("session_id" = Uuid, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete_session(
    State(app): State<App>,
    caller: Caller,
    Path(session_id): Path<String>,
) -> Result<NoContent> {
    const NOT_FOUND: Error = Error::NotFound { what: "Session" };
    let id = Uuid::try_parse(&session_id).map_err(|_| NOT_FOUND)?;
    transaction!(app.db, |db| {
        if store::delete_session(db, caller.user.id, id).await? { Ok(NoContent) } else { Err(NOT_FOUND.into()) }
    })
}
