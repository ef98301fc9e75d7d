//! The operations on the configurations of identity providers.

use std::collections::BTreeSet;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, header},
};
use uuid::Uuid;

use super::{
    Idp, MetadataSource,
    fetch::fetch,
    metadata::Metadata,
    rules, store,
    trail::Told,
    types::{
        DeleteIdpUserGroupQuery, RbacManagerIdpUserGroupPost, RbacManagerIdpUserGroups, RbacManagerSamlConfiguration,
        RbacManagerSamlConfigurationGet, UserGroupOfIdp,
    },
};
use crate::{
    audit,
    authn::{self, method::SignInMethod},
    db::WriteError,
    error::{Error, Result},
    http::{
        Json, NoContent,
        extract::{Path, repeated},
    },
    identity::{oauth::sender::Sender, roles::store as roles, user_groups},
    names::AnyName,
    state::App,
    system::configurations::in_force,
    transaction,
};

const NOT_FOUND: Error = Error::NotFound { what: "Identity provider" };
const GROUP_NOT_FOUND: &str = "User group";

/// The names of the identity providers
///
/// Those that are enabled; administrators see the others, too.
#[utoipa::path(get, path = "/v2/rbac-manager/saml/idps", tag = "RBAC", security((), ("basic" = []), ("bearer" = [])),
    responses((status = 200, body = Vec<String>)))]
pub async fn list_idps(State(app): State<App>, sender: Sender, headers: HeaderMap) -> Result<Json<Vec<String>>> {
    let mut enabled_only = true;
    if headers.contains_key(header::AUTHORIZATION) {
        let caller = authn::authenticate(&app, &headers, sender.address, sender.request_id.as_ref()).await;
        app.metrics.signed_in(SignInMethod::of(&headers), &caller);
        enabled_only = match caller {
            Ok(caller) => !caller.is_admin() || caller.is_api_key() || !caller.account.is_enabled(),
            Err(Error::Unauthenticated(_) | Error::TooManyAttempts { .. }) => true,
            Err(other) => return Err(other),
        };
    }
    Ok(Json(store::list_names(&mut *app.db.connection().await?, enabled_only).await?))
}

/// Adds an identity provider
#[utoipa::path(post, path = "/v2/rbac-manager/saml/idps", tag = "RBAC", request_body = RbacManagerSamlConfiguration,
    responses((status = 200, body = RbacManagerSamlConfiguration), (status = 409)))]
pub async fn add_idp(
    State(app): State<App>,
    Json(request): Json<RbacManagerSamlConfiguration>,
) -> Result<Json<RbacManagerSamlConfiguration>> {
    audit::about(&request.name);
    let idp = configured(&app, request).await?;
    transaction!(app.db, |db| { Ok(store::insert_idp(db, &idp).await?) })?;
    Ok(Json(shown(&app, idp).await?))
}

/// One identity provider
#[utoipa::path(get, path = "/v2/rbac-manager/saml/idps/{name}", tag = "RBAC", params(("name" = String, Path)),
    responses((status = 200, body = RbacManagerSamlConfigurationGet), (status = 404)))]
pub async fn get_idp(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<RbacManagerSamlConfigurationGet>> {
    let mut db = app.db.connection().await?;
    let idp = store::find_idp(&mut db, &name).await?.ok_or(NOT_FOUND)?;
    let groups = store::list_groups(&mut db, idp.id).await?;
    let user_groups = groups.into_iter().map(UserGroupOfIdp::from).collect();
    let settings = in_force(&mut db, &app.config).await?;
    let configuration = RbacManagerSamlConfiguration::new(idp, settings.sso_require_existing_users);
    Ok(Json(RbacManagerSamlConfigurationGet { configuration, user_groups }))
}

/// Replaces the configuration of an identity provider; its users stay
#[utoipa::path(put, path = "/v2/rbac-manager/saml/idps/{name}", tag = "RBAC",
    request_body = RbacManagerSamlConfiguration, params(("name" = String, Path)),
    responses((status = 200, body = RbacManagerSamlConfiguration), (status = 404)))]
pub async fn update_idp(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(request): Json<RbacManagerSamlConfiguration>,
) -> Result<Json<RbacManagerSamlConfiguration>> {
    // Before anything is fetched for it.
    store::find_idp(&mut *app.db.connection().await?, &name).await?.ok_or(NOT_FOUND)?;
    if request.name != name {
        return Err(Error::malformed("name", "must be the name in the path: a provider cannot be renamed"));
    }
    let new = configured(&app, request).await?;
    let changed = transaction!(app.db, |db| {
        let old = store::lock_idp(db, &name).await?.ok_or(NOT_FOUND)?;
        let mut idp = Idp { id: old.id, created_at: old.created_at, ..new.clone() };
        if in_force(db, &app.config).await?.sso_require_existing_users {
            // What was read says that it is required, though by the deployment: sent back, it asks for nothing else.
            idp.require_existing_users &= old.require_existing_users;
        }
        store::update_idp(db, &idp).await?;
        store::update_source(db, &idp).await?;
        audit::changed(&Told::from(&old), &Told::from(&idp));
        Ok(idp)
    });
    Ok(Json(shown(&app, changed?).await?))
}

/// Deletes an identity provider and its users
#[utoipa::path(delete, path = "/v2/rbac-manager/saml/idps/{name}", tag = "RBAC", params(("name" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete_idp(State(app): State<App>, Path(name): Path<String>) -> Result<NoContent> {
    transaction!(app.db, |db| {
        let idp = store::lock_idp(db, &name).await?.ok_or(NOT_FOUND)?;
        let users = store::list_users(db, idp.id).await?;
        audit::concerns_also(roles::list_accounts_of_users(db, &users).await?);
        Ok(store::delete_idp(db, idp.id).await?)
    })?;
    Ok(NoContent)
}

/// The groups that are mapped to an identity provider
#[utoipa::path(get, path = "/v2/rbac-manager/saml/idps/{name}/user-group-mappings", tag = "RBAC",
    params(("name" = String, Path)),
    responses((status = 200, body = RbacManagerIdpUserGroups), (status = 404)))]
pub async fn get_idp_user_groups(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<RbacManagerIdpUserGroups>> {
    let mut db = app.db.connection().await?;
    let idp = store::find_idp(&mut db, &name).await?.ok_or(NOT_FOUND)?;
    Ok(Json(store::list_groups(&mut db, idp.id).await?.into()))
}

/// Maps groups to an identity provider
///
/// Users whom the provider names as members of a group become members at their next sign-in.
#[utoipa::path(post, path = "/v2/rbac-manager/saml/idps/{name}/user-group-mappings", tag = "RBAC",
    request_body = RbacManagerIdpUserGroupPost, params(("name" = String, Path)),
    responses((status = 200, body = RbacManagerIdpUserGroups), (status = 404)))]
pub async fn add_idp_user_groups(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(request): Json<RbacManagerIdpUserGroupPost>,
) -> Result<Json<RbacManagerIdpUserGroups>> {
    let now = app.clock.now();
    let groups = parsed(&request.user_group_uuids, "user_group_uuids")?;
    let mapped = transaction!(app.db, |db| {
        let idp = store::lock_idp(db, &name).await?.ok_or(NOT_FOUND)?;
        for (id, text) in &groups {
            is_there(store::insert_group(db, idp.id, *id, now).await?, text)?;
        }
        Ok(store::list_groups(db, idp.id).await?)
    });
    Ok(Json(mapped?.into()))
}

/// Unmaps groups, and ends the memberships that came from the mapping
#[utoipa::path(delete, path = "/v2/rbac-manager/saml/idps/{name}/user-group-mappings", tag = "RBAC",
    params(("name" = String, Path), DeleteIdpUserGroupQuery),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete_idp_user_group(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<NoContent> {
    let groups = repeated(query.as_deref(), "user_group")?;
    let groups = parsed(&groups, "user_group")?;
    transaction!(app.db, |db| {
        let idp = store::lock_idp(db, &name).await?.ok_or(NOT_FOUND)?;
        let mut concerned = BTreeSet::new();
        for (id, text) in &groups {
            let left = store::delete_group(db, idp.id, *id).await?;
            is_there(left.is_some(), text)?;
            if let (Some(left), Some(group)) = (left, user_groups::store::find_group(db, *id).await?) {
                concerned.extend(user_groups::trail::of_members(db, &group, &left).await?.into_keys());
            }
        }
        audit::concerns_also(concerned);
        Ok(())
    })?;
    Ok(NoContent)
}

/// The ids in a request, with their texts, sorted: two requests lock the groups in the same order.
fn parsed<'a>(groups: &'a [AnyName], field: &str) -> Result<Vec<(Uuid, &'a str)>> {
    for group in groups {
        audit::about(group.as_str());
    }
    if groups.is_empty() {
        return Err(Error::malformed(field, "must name at least one"));
    }
    let parse = |text: &'a AnyName| {
        let missing = || Error::NotFoundNamed { what: GROUP_NOT_FOUND, name: text.as_str().to_owned() };
        Ok((Uuid::parse_str(text.as_str()).map_err(|_| missing())?, text.as_str()))
    };
    let mut parsed = groups.iter().map(parse).collect::<Result<Vec<_>>>()?;
    parsed.sort_unstable();
    Ok(parsed)
}

fn is_there(found: bool, text: &str) -> Result<(), WriteError> {
    if found { Ok(()) } else { Err(Error::NotFoundNamed { what: GROUP_NOT_FOUND, name: text.to_owned() }.into()) }
}

async fn shown(app: &App, idp: Idp) -> Result<RbacManagerSamlConfiguration> {
    let settings = in_force(&mut *app.db.connection().await?, &app.config).await?;
    Ok(RbacManagerSamlConfiguration::new(idp, settings.sso_require_existing_users))
}

/// The provider that the request describes, its metadata read.
async fn configured(app: &App, request: RbacManagerSamlConfiguration) -> Result<Idp> {
    let (metadata_source, mapping) = rules::checked(&request, &app.roles)?;
    let (field, xml) = match &metadata_source {
        MetadataSource::Xml(xml) => ("idp_metadata_xml", xml.clone()),
        MetadataSource::Url(url) => {
            let field = "idp_metadata_url";
            let fetched = fetch(&app.config.saml, url).await;
            (field, fetched.map_err(|why| Error::malformed(field, why.to_string()))?)
        }
    };
    // A large one takes a while, which nobody else should wait for.
    let read = tokio::task::spawn_blocking(move || Metadata::read(&xml)).await.map_err(Error::internal)?;
    let metadata = read.map_err(|why| Error::malformed(field, format!("is not usable metadata: {why}")))?;
    let now = app.clock.now();
    if !metadata.counts(now) {
        return Err(Error::malformed(field, "has expired (validUntil)"));
    }
    let is_fetched = matches!(metadata_source, MetadataSource::Url(_));
    Ok(Idp {
        id: app.random.uuid(),
        name: request.name,
        enabled: request.enabled,
        sp_entity_id: request.sp_entity_id,
        acs_url: request.acs_url,
        acs_https_port: request.acs_https_port,
        mapping,
        metadata_source,
        metadata,
        refresh_at: is_fetched.then(|| now + app.config.saml.metadata_refresh),
        require_existing_users: request.require_existing_users,
        require_signed_assertions: request.require_signed_assertions,
        require_signed_response: request.require_signed_response,
        allow_unsolicited: request.allow_unsolicited,
        allow_assertion_grant: request.allow_assertion_grant,
        created_at: now,
        last_updated: now,
    })
}
