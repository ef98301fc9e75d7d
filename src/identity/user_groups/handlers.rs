//! The operations on user groups. Each request is applied whole or not at all.

use axum::extract::{RawQuery, State};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    UserGroup as StoredGroup,
    store::{self, GroupFilter},
    trail,
    types::{
        DeleteGroupRolesQuery, DeleteGroupUsersQuery, ListUserGroupsQuery, UserGroup, UserGroupPatch, UserGroupPost,
        UserGroupRolePost, UserGroupRoles, UserGroupUsers, UserGroupUsersPost,
    },
};
use crate::{
    audit,
    authn::caller::Caller,
    db::WriteError,
    error::{Error, Result},
    http::{
        Created, Json, NoContent,
        extract::{Path, Query, listed, repeated},
        paging::{Page, Paging},
    },
    identity::{
        accounts::{rules as account_rules, store as accounts},
        roles::types::required_domain,
    },
    names::AnyName,
    state::App,
    transaction,
};

const NOT_FOUND: Error = Error::NotFound { what: "User group" };

/// The groups that the caller is in
#[utoipa::path(get, path = "/v2/my-user-groups", tag = "Identity", responses((status = 200, body = Vec<UserGroup>)))]
pub async fn list_my_user_groups(State(app): State<App>, caller: Caller) -> Result<Json<Vec<UserGroup>>> {
    let filter = GroupFilter { user: Some(&caller.user.username), ..GroupFilter::default() };
    Ok(Json(list(&mut *app.db.connection().await?, filter, &Page::default()).await?))
}

/// All groups
#[utoipa::path(get, path = "/v2/system/user-groups", tag = "User Management", params(ListUserGroupsQuery, Paging),
    responses((status = 200, body = Vec<UserGroup>)))]
pub async fn list_user_groups(
    State(app): State<App>,
    Query(query): Query<ListUserGroupsQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<UserGroup>>> {
    let filter = GroupFilter {
        user: query.contains_user.as_ref().map(AnyName::as_str),
        name: query.user_group_name.as_ref().map(AnyName::as_str),
        account: query.contains_account.as_ref().map(AnyName::as_str),
    };
    let page = paging.page()?;
    Ok(Json(list(&mut *app.db.connection().await?, filter, &page).await?))
}

/// Creates a group
#[utoipa::path(post, path = "/v2/system/user-groups", tag = "User Management", request_body = UserGroupPost,
    responses((status = 201, body = UserGroup), (status = 409)))]
pub async fn create_user_group(
    State(app): State<App>,
    Json(request): Json<UserGroupPost>,
) -> Result<Created<UserGroup>> {
    let now = app.clock.now();
    let group = StoredGroup {
        id: app.random.uuid(),
        name: request.name.as_str().to_owned(),
        description: request.description.map(|text| text.as_str().to_owned()),
        created_at: now,
        last_updated: now,
    };
    // By its id, as all that follows is told.
    audit::about(&group.id.to_string());
    audit::about(&group.name);
    transaction!(app.db, |db| { Ok(store::insert_group(db, &group).await?) })?;
    Ok(Json(UserGroup::new(group, Vec::new())))
}

/// One group
#[utoipa::path(get, path = "/v2/system/user-groups/{group_uuid}", tag = "User Management",
    params(("group_uuid" = String, Path)),
    responses((status = 200, body = UserGroup), (status = 404)))]
pub async fn get_user_group(State(app): State<App>, Path(id): Path<String>) -> Result<Json<UserGroup>> {
    let mut db = app.db.connection().await?;
    let group = store::find_group(&mut db, parse(&id)?).await?.ok_or(NOT_FOUND)?;
    let roles = store::list_group_roles(&mut db, &[group.id]).await?;
    Ok(Json(UserGroup::new(group, roles)))
}

/// Changes the description of a group
#[utoipa::path(patch, path = "/v2/system/user-groups/{group_uuid}", tag = "User Management",
    request_body = UserGroupPatch, params(("group_uuid" = String, Path)),
    responses((status = 200, body = UserGroup), (status = 404)))]
pub async fn update_user_group(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<UserGroupPatch>,
) -> Result<Json<UserGroup>> {
    let (id, now) = (parse(&id)?, app.clock.now());
    let changed = transaction!(app.db, |db| {
        store::lock_group(db, id).await?.ok_or(NOT_FOUND)?;
        let before = whole(db, id).await?;
        store::update_group(db, id, request.description.as_str(), now).await?;
        let after = whole(db, id).await?;
        audit::changed(&before, &after);
        Ok(after)
    });
    Ok(Json(changed?))
}

/// Deletes a group; its members lose the roles it gave them
#[utoipa::path(delete, path = "/v2/system/user-groups/{group_uuid}", tag = "User Management",
    params(("group_uuid" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete_user_group(State(app): State<App>, Path(id): Path<String>) -> Result<NoContent> {
    let id = parse(&id)?;
    transaction!(app.db, |db| {
        let group = store::lock_group(db, id).await?.ok_or(NOT_FOUND)?;
        audit::concerns_each(trail::of_deletion(db, &group).await?);
        store::delete_group(db, id).await?;
        Ok(NoContent)
    })
}

/// The roles of a group, by account
#[utoipa::path(get, path = "/v2/system/user-groups/{group_uuid}/roles", tag = "User Management",
    params(("group_uuid" = String, Path)),
    responses((status = 200, body = UserGroupRoles), (status = 404)))]
pub async fn list_user_group_roles(State(app): State<App>, Path(id): Path<String>) -> Result<Json<UserGroupRoles>> {
    let mut db = app.db.connection().await?;
    let group = store::find_group(&mut db, parse(&id)?).await?.ok_or(NOT_FOUND)?;
    Ok(Json(store::list_group_roles(&mut db, &[group.id]).await?.into()))
}

/// Grants a group roles in an account
#[utoipa::path(post, path = "/v2/system/user-groups/{group_uuid}/roles", tag = "User Management",
    request_body = UserGroupRolePost, params(("group_uuid" = String, Path)),
    responses((status = 201, body = UserGroupRoles), (status = 404)))]
pub async fn add_user_group_roles(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<UserGroupRolePost>,
) -> Result<Created<UserGroupRoles>> {
    let (id, now) = (parse(&id)?, app.clock.now());
    let account = required_domain(request.domain_name.as_ref(), request.for_account.as_ref())?;
    not_empty("roles", request.roles.len())?;
    for asked in &request.roles {
        let name = asked.role.as_str();
        app.roles.named(name).ok_or_else(|| Error::NotFoundNamed { what: "Role", name: name.to_owned() })?;
    }
    let given = transaction!(app.db, |db| {
        let account = accounts::lock_by_name(db, account).await?.ok_or(Error::NotFound { what: "Account" })?;
        account_rules::is_not_deleting(&account)?;
        store::lock_members(db, id).await?;
        let group = store::lock_group(db, id).await?.ok_or(NOT_FOUND)?;
        let roles = request.roles.iter().map(|asked| asked.role.as_str().to_owned());
        let names = [group.name, account.name.clone()].into_iter().chain(roles).collect();
        audit::concerns_each([(account.name, names)]);
        for asked in &request.roles {
            let ids = (app.random.uuid(), id);
            store::insert_group_role(db, ids, account.id, asked.role.as_str(), now).await?;
        }
        store::touch_group(db, id, now).await?;
        Ok(store::list_group_roles(db, &[id]).await?)
    });
    Ok(Json(given?.into()))
}

/// Removes roles from a group: single grants, or all in an account
#[utoipa::path(delete, path = "/v2/system/user-groups/{group_uuid}/roles", tag = "User Management",
    params(("group_uuid" = String, Path), DeleteGroupRolesQuery),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete_user_group_role(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<NoContent> {
    let (id, now) = (parse(&id)?, app.clock.now());
    let memberships = repeated(query.as_deref(), "membership_id")?;
    let accounts = listed(query.as_deref(), "all_roles_for_account")?;
    not_empty("membership_id", memberships.len() + accounts.len())?;
    transaction!(app.db, |db| {
        let group = store::lock_group(db, id).await?.ok_or(NOT_FOUND)?;
        let mut taken = Vec::new();
        for membership in &memberships {
            let missing = || Error::NotFoundNamed { what: "Membership", name: membership.as_str().to_owned() };
            let role = Uuid::parse_str(membership.as_str()).map_err(|_| missing())?;
            taken.push(store::delete_group_role(db, id, role).await?.ok_or_else(missing)?);
        }
        for account in &accounts {
            let of_account = store::delete_group_roles_in(db, id, account.as_str()).await?;
            if of_account.is_empty() {
                let name = account.as_str().to_owned();
                return Err(Error::NotFoundNamed { what: "Role in account", name }.into());
            }
            taken.extend(of_account);
        }
        audit::concerns_each(trail::of_roles(&group, taken));
        Ok(store::touch_group(db, id, now).await?)
    })?;
    Ok(NoContent)
}

/// The members of a group
#[utoipa::path(get, path = "/v2/system/user-groups/{group_uuid}/users", tag = "User Management",
    params(("group_uuid" = String, Path), Paging),
    responses((status = 200, body = UserGroupUsers), (status = 404)))]
pub async fn list_user_group_users(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<UserGroupUsers>> {
    let page = paging.page()?;
    let mut db = app.db.connection().await?;
    let group = store::find_group(&mut db, parse(&id)?).await?.ok_or(NOT_FOUND)?;
    Ok(Json(store::list_group_users(&mut db, group.id, &page).await?.into()))
}

/// Adds users to a group
#[utoipa::path(post, path = "/v2/system/user-groups/{group_uuid}/users", tag = "User Management",
    request_body = UserGroupUsersPost, params(("group_uuid" = String, Path)),
    responses((status = 201, body = UserGroupUsers), (status = 404)))]
pub async fn add_user_group_users(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<UserGroupUsersPost>,
) -> Result<Created<UserGroupUsers>> {
    let (id, now) = (parse(&id)?, app.clock.now());
    not_empty("usernames", request.usernames.len())?;
    // Sorted, so that two requests lock the users in the same order.
    let mut names: Vec<_> = request.usernames.iter().map(|user| user.username.as_str().to_owned()).collect();
    names.sort_unstable();
    let members = transaction!(app.db, |db| {
        let group = store::find_group(db, id).await?.ok_or(NOT_FOUND)?;
        for name in &names {
            let added = store::insert_group_user(db, id, name, now).await?;
            added.ok_or_else(|| Error::NotFoundNamed { what: "User", name: name.clone() })?;
        }
        audit::concerns_each(trail::of_members(db, &group, &names).await?);
        store::touch_group(db, id, now).await?;
        Ok(store::list_group_users(db, id, &Page::default()).await?)
    });
    Ok(Json(members?.into()))
}

/// Removes users from a group
#[utoipa::path(delete, path = "/v2/system/user-groups/{group_uuid}/users", tag = "User Management",
    params(("group_uuid" = String, Path), DeleteGroupUsersQuery),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete_user_group_users(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<NoContent> {
    let (id, now) = (parse(&id)?, app.clock.now());
    let names = repeated(query.as_deref(), "username")?;
    not_empty("username", names.len())?;
    let names: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
    transaction!(app.db, |db| {
        let group = store::lock_group(db, id).await?.ok_or(NOT_FOUND)?;
        for name in &names {
            if !store::delete_group_user(db, id, name).await? {
                return Err(Error::NotFoundNamed { what: "Member", name: name.clone() }.into());
            }
        }
        audit::concerns_each(trail::of_members(db, &group, &names).await?);
        Ok(store::touch_group(db, id, now).await?)
    })?;
    Ok(NoContent)
}

/// A group's id. What is none names no group.
fn parse(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| NOT_FOUND)
}

fn not_empty(field: &str, count: usize) -> Result<()> {
    if count == 0 { Err(Error::malformed(field, "must name at least one")) } else { Ok(()) }
}

async fn whole(db: &mut PgConnection, id: Uuid) -> Result<UserGroup, WriteError> {
    let group = store::find_group(db, id).await?.ok_or(NOT_FOUND)?;
    let roles = store::list_group_roles(db, &[id]).await?;
    Ok(UserGroup::new(group, roles))
}

async fn list(db: &mut PgConnection, filter: GroupFilter<'_>, page: &Page) -> Result<Vec<UserGroup>> {
    let groups = store::list_groups(db, filter, page).await?;
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
    let mut roles: std::collections::HashMap<Uuid, Vec<store::GroupRole>> = std::collections::HashMap::new();
    for role in store::list_group_roles(db, &ids).await? {
        roles.entry(role.group_id).or_default().push(role);
    }
    let group = |group: StoredGroup| {
        let roles = roles.remove(&group.id).unwrap_or_default();
        UserGroup::new(group, roles)
    };
    Ok(groups.into_iter().map(group).collect())
}
