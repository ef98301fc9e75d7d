//! The operations on roles and their members.

use axum::extract::State;

use super::{
    rights, rules,
    store::{self, NewMember},
    types::{
        DeleteRoleMemberQuery, DomainQuery, ListUserRolesQuery, NewRoleMember, RbacManagerAccountRole, RbacManagerRole,
        RbacManagerRoleMember, RbacManagerRoleMembership, RbacManagerRoleSummary, domain, required_domain,
    },
};
use crate::{
    audit,
    authn::caller::Caller,
    authz::{
        action::Action,
        policy::{self, Domain},
    },
    db::WriteError,
    error::{Error, Result},
    http::{
        Json, NoContent,
        extract::{Path, Query},
        guard::{PendingPermission, Target},
        paging::Paging,
    },
    identity::{
        accounts::{AccountType, rules as account_rules, store as accounts},
        users::handlers::NOT_FOUND as USER_NOT_FOUND,
    },
    state::App,
    transaction,
};

const ROLE_NOT_FOUND: Error = Error::NotFound { what: "Role" };

/// The roles of the deployment
#[utoipa::path(get, path = "/v2/rbac-manager/roles", tag = "RBAC",
    responses((status = 200, body = Vec<RbacManagerRoleSummary>)))]
pub async fn list_roles(State(app): State<App>) -> Json<Vec<RbacManagerRoleSummary>> {
    let mut roles: Vec<_> = app.roles.roles().iter().collect();
    roles.sort_by_key(|role| &role.name);
    Json(roles.into_iter().map(|role| RbacManagerRoleSummary::new(role, app.installed_at)).collect())
}

/// One role, with what it grants
#[utoipa::path(get, path = "/v2/rbac-manager/roles/{role_name}", tag = "RBAC",
    params(("role_name" = String, Path)),
    responses((status = 200, body = RbacManagerRole), (status = 404)))]
pub async fn get_role(State(app): State<App>, Path(name): Path<String>) -> Result<Json<RbacManagerRole>> {
    let role = app.roles.named(&name).ok_or(ROLE_NOT_FOUND)?;
    Ok(Json(RbacManagerRole::new(role, app.installed_at)))
}

/// The users who hold a role in an account directly
#[utoipa::path(get, path = "/v2/rbac-manager/roles/{role_name}/members", tag = "RBAC",
    params(("role_name" = String, Path), DomainQuery, Paging),
    responses((status = 200, body = Vec<RbacManagerRoleMember>), (status = 404)))]
pub async fn list_role_members(
    State(app): State<App>,
    pending: PendingPermission,
    Path(name): Path<String>,
    Query(query): Query<DomainQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<RbacManagerRoleMember>>> {
    let page = paging.page()?;
    let named = domain(query.domain_name.as_ref(), query.for_account.as_ref())?;
    let Target(account) = pending.account(&app, named).await?;
    let role = app.roles.named(&name).ok_or(ROLE_NOT_FOUND)?;
    let members = store::list_members(&mut *app.db.connection().await?, account.id, &role.name, &page).await?;
    let member = |member: store::Member| RbacManagerRoleMember::new(&member.username, &account.name, member.created_at);
    Ok(Json(members.into_iter().map(member).collect()))
}

/// Grants a user a role in an account
///
/// The user may live in another account. If already granted, the existing grant is returned.
#[utoipa::path(post, path = "/v2/rbac-manager/roles/{role_name}/members", tag = "RBAC", request_body = NewRoleMember,
    params(("role_name" = String, Path)),
    responses((status = 200, body = RbacManagerRoleMember), (status = 404)))]
pub async fn add_role_user(
    State(app): State<App>,
    pending: PendingPermission,
    Path(name): Path<String>,
    Json(request): Json<NewRoleMember>,
) -> Result<Json<RbacManagerRoleMember>> {
    let named = required_domain(request.domain_name.as_ref(), request.for_account.as_ref())?;
    let Target(account) = pending.account(&app, Some(named)).await?;
    let role = app.roles.named(&name).ok_or(ROLE_NOT_FOUND)?;
    let (caller, username) = (&pending.caller, request.username.as_str());
    audit::about(username);
    audit::about(&role.name);
    audit::concerns(&account.name);
    let (now, id) = (app.clock.now(), app.random.uuid());
    let created_at = transaction!(app.db, |db| {
        let held = accounts::hold_by_id(db, account.id).await?.ok_or(Error::NotFound { what: "Account" })?;
        account_rules::is_not_deleting(&held)?;
        rules::may_hand_out(db, &app.roles, caller, (&account, role), pending.action).await?;
        let grantee = store::lock_grantee(db, username).await?.ok_or(USER_NOT_FOUND)?;
        if grantee.home_kind == AccountType::Admin {
            return above_roles(&pending, &account.name).map(|()| now);
        }
        let member = NewMember {
            id,
            user_id: grantee.id,
            account_id: account.id,
            role: &role.name,
            granter: &caller.user.username,
            created_at: now,
        };
        Ok(store::insert_member(db, &member).await?.created_at)
    })?;
    Ok(Json(RbacManagerRoleMember::new(username, &account.name, created_at)))
}

/// Users of the account `admin` are above roles: an admin who grants them one changes nothing, nobody else may try.
fn above_roles(pending: &PendingPermission, account: &str) -> Result<(), WriteError> {
    if pending.caller.is_admin() {
        return Ok(());
    }
    Err(Domain::Account(account).denies(pending.action).into())
}

/// Removes a role in an account from a user
#[utoipa::path(delete, path = "/v2/rbac-manager/roles/{role_name}/members", tag = "RBAC",
    params(("role_name" = String, Path), DeleteRoleMemberQuery),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete_role_user(
    State(app): State<App>,
    pending: PendingPermission,
    Path(name): Path<String>,
    Query(query): Query<DeleteRoleMemberQuery>,
) -> Result<NoContent> {
    let named = required_domain(query.domain_name.as_ref(), query.for_account.as_ref())?;
    let Target(account) = pending.account(&app, Some(named)).await?;
    let username = query.username.ok_or_else(|| Error::malformed("username", "is required"))?;
    let role = app.roles.named(&name).ok_or(ROLE_NOT_FOUND)?;
    audit::about(username.as_str());
    audit::about(&role.name);
    audit::concerns(&account.name);
    transaction!(app.db, |db| {
        rules::may_hand_out(db, &app.roles, &pending.caller, (&account, role), pending.action).await?;
        let grantee = store::lock_grantee(db, username.as_str()).await?.ok_or(USER_NOT_FOUND)?;
        if !store::delete_member(db, grantee.id, account.id, &role.name).await? {
            return Err(Error::NotFound { what: "Role member" }.into());
        }
        Ok(())
    })?;
    Ok(NoContent)
}

/// The roles of the caller, by account
#[utoipa::path(get, path = "/v2/rbac-manager/my-roles", tag = "RBAC",
    responses((status = 200, body = Vec<RbacManagerAccountRole>)))]
pub async fn my_roles(State(app): State<App>, caller: Caller) -> Result<Json<Vec<RbacManagerAccountRole>>> {
    let held = store::list_account_roles(&mut *app.db.connection().await?, caller.user.id).await?;
    let known = held.into_iter().filter_map(|held| {
        let role = app.roles.named(&held.role)?;
        Some(RbacManagerAccountRole::new(role, held, app.installed_at))
    });
    Ok(Json(known.collect()))
}

/// The roles of a user
///
/// Admins see the roles of every user, others their own, and those in accounts where they may list role members.
#[utoipa::path(get, path = "/v2/rbac-manager/users/{username}/roles", tag = "RBAC",
    params(("username" = String, Path), ListUserRolesQuery),
    responses((status = 200, body = Vec<RbacManagerRoleMembership>), (status = 404)))]
pub async fn list_user_roles(
    State(app): State<App>,
    caller: Caller,
    Path(username): Path<String>,
    Query(query): Query<ListUserRolesQuery>,
) -> Result<Json<Vec<RbacManagerRoleMembership>>> {
    let wanted = domain(query.domain_name.as_ref(), query.for_account.as_ref())?;
    let mut db = app.db.connection().await?;
    let (action, oneself) = (Action::ListRoleMembers, username == caller.user.username);
    if !(oneself || policy::is_permitted_somewhere(&caller.rights, caller.narrowing(), action)) {
        return Err(Domain::Account(&caller.account.name).denies(action).into());
    }
    let visible = |account: &str| oneself || rights::permit(&caller, action, Domain::Account(account)).is_ok();
    let user = store::find_grantee(&mut db, &username).await?.ok_or(USER_NOT_FOUND)?;
    let held = store::list_unified_roles(&mut db, &[user.id], None).await?;
    let seen: Vec<_> = held.into_iter().filter(|held| visible(&held.account)).collect();
    if seen.is_empty() && !visible(&user.home) {
        // Whether there is such a user elsewhere is not theirs to know.
        return Err(USER_NOT_FOUND);
    }
    let asked = |held: &store::UnifiedRole| {
        wanted.is_none_or(|account| account == held.account)
            && query.role.as_ref().is_none_or(|role| role.as_str() == held.role)
    };
    Ok(Json(seen.into_iter().filter(asked).map(RbacManagerRoleMembership::from).collect()))
}
