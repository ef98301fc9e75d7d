//! The SQL of user groups.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::UserGroup;
use crate::http::paging::Page;

pub async fn insert_group(db: &mut PgConnection, group: &UserGroup) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into user_groups (id, name, description, created_at, last_updated) values ($1, $2, $3, $4, $5)",
        group.id,
        group.name,
        group.description,
        group.created_at,
        group.last_updated
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find_group(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<UserGroup>> {
    sqlx::query_as!(
        UserGroup,
        "select id, name, description, created_at, last_updated from user_groups where id = $1",
        id
    )
    .fetch_optional(db)
    .await
}

/// The group, locked against any other change of it, its members and its roles until the transaction ends.
pub async fn lock_group(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<UserGroup>> {
    sqlx::query_as!(
        UserGroup,
        "select id, name, description, created_at, last_updated from user_groups where id = $1 for update",
        id
    )
    .fetch_optional(db)
    .await
}

/// Locks the users of the group until the transaction ends: what the group gets, they get.
pub async fn lock_members(db: &mut PgConnection, group_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "select id from users where id in (select user_id from user_group_members where group_id = $1)
         order by id for update",
        group_id
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// What a list of groups is narrowed to.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupFilter<'a> {
    pub user: Option<&'a str>,
    pub name: Option<&'a str>,
    pub account: Option<&'a str>,
}

pub async fn list_groups(db: &mut PgConnection, filter: GroupFilter<'_>, page: &Page) -> sqlx::Result<Vec<UserGroup>> {
    sqlx::query_as!(
        UserGroup,
        "select id, name, description, created_at, last_updated from user_groups g
         where ($1::text is null or exists (
                   select from user_group_members m join users u on u.id = m.user_id join accounts a on a.id = u.account_id
                   where m.group_id = g.id and u.username = $1 and a.state <> 'deleting'))
           and ($2::text is null or g.name = $2)
           and ($3::text is null or exists (
                   select from user_group_roles r join accounts a on a.id = r.account_id
                   where r.group_id = g.id and a.name = $3 and a.state <> 'deleting'))
           and ($4::text is null or strpos(lower(g.name), lower($4)) > 0 or strpos(lower(g.description), lower($4)) > 0)
         order by g.name limit $5 offset $6",
        filter.user,
        filter.name,
        filter.account,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

pub async fn update_group(db: &mut PgConnection, id: Uuid, description: &str, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!("update user_groups set description = $2, last_updated = $3 where id = $1", id, description, now)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn touch_group(db: &mut PgConnection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!("update user_groups set last_updated = $2 where id = $1", id, now).execute(db).await?;
    Ok(())
}

/// Deletes the group with its members and its roles (`on delete cascade`); answers whether there was one.
pub async fn delete_group(db: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    Ok(sqlx::query!("delete from user_groups where id = $1", id).execute(db).await?.rows_affected() > 0)
}

/// A role that a group has in an account.
pub struct GroupRole {
    pub group_id: Uuid,
    pub id: Uuid,
    pub account: String,
    pub role: String,
    pub created_at: OffsetDateTime,
}

/// The roles of these groups, sorted by account and name.
pub async fn list_group_roles(db: &mut PgConnection, group_ids: &[Uuid]) -> sqlx::Result<Vec<GroupRole>> {
    sqlx::query_as!(
        GroupRole,
        "select r.group_id, r.id, a.name as account, r.role, r.created_at
         from user_group_roles r join accounts a on a.id = r.account_id
         where r.group_id = any ($1) and a.state <> 'deleting' order by a.name, r.role",
        group_ids
    )
    .fetch_all(db)
    .await
}

/// Gives the group a role in an account, unless it has it.
pub async fn insert_group_role(
    db: &mut PgConnection,
    (id, group_id): (Uuid, Uuid),
    account_id: Uuid,
    role: &str,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into user_group_roles (id, group_id, account_id, role, created_at) values ($1, $2, $3, $4, $5)
         on conflict (group_id, account_id, role) do nothing",
        id,
        group_id,
        account_id,
        role,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes one role from the group; answers which, if it had it.
pub async fn delete_group_role(db: &mut PgConnection, group_id: Uuid, id: Uuid) -> sqlx::Result<Option<GroupRole>> {
    sqlx::query_as!(
        GroupRole,
        "delete from user_group_roles r using accounts a
         where r.group_id = $1 and r.id = $2 and a.id = r.account_id and a.state <> 'deleting'
         returning r.group_id, r.id, a.name as account, r.role, r.created_at",
        group_id,
        id
    )
    .fetch_optional(db)
    .await
}

/// Takes every role in an account from the group; answers those that it had.
pub async fn delete_group_roles_in(
    db: &mut PgConnection,
    group_id: Uuid,
    account: &str,
) -> sqlx::Result<Vec<GroupRole>> {
    sqlx::query_as!(
        GroupRole,
        "delete from user_group_roles r using accounts a
         where r.group_id = $1 and a.id = r.account_id and a.name = $2 and a.state <> 'deleting'
         returning r.group_id, r.id, a.name as account, r.role, r.created_at",
        group_id,
        account
    )
    .fetch_all(db)
    .await
}

/// The accounts in which the group has roles or members live.
pub async fn list_accounts_of_group(db: &mut PgConnection, group_id: Uuid) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select name from accounts where state <> 'deleting' and id in (
             select account_id from user_group_roles where group_id = $1
             union select u.account_id from user_group_members m join users u on u.id = m.user_id where m.group_id = $1)
         order by name",
        group_id
    )
    .fetch_all(db)
    .await
}

/// A member of a group.
pub struct GroupUser {
    pub username: String,
    pub added_at: OffsetDateTime,
}

pub async fn list_group_users(db: &mut PgConnection, group_id: Uuid, page: &Page) -> sqlx::Result<Vec<GroupUser>> {
    sqlx::query_as!(
        GroupUser,
        "select u.username, m.added_at
         from user_group_members m join users u on u.id = m.user_id join accounts a on a.id = u.account_id
         where m.group_id = $1 and a.state <> 'deleting'
           and ($2::text is null or strpos(lower(u.username), lower($2)) > 0)
         order by u.username limit $3 offset $4",
        group_id,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

/// Puts the user into the group, for good where an identity provider did so before; answers `None` where there is no
/// such user.
pub async fn insert_group_user(
    db: &mut PgConnection,
    group_id: Uuid,
    username: &str,
    now: OffsetDateTime,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "insert into user_group_members (group_id, user_id, added_at)
         select $1, u.id, $3 from users u join accounts a on a.id = u.account_id
         where u.username = $2 and a.state <> 'deleting' for update of u
         on conflict (group_id, user_id) do update set by_sso = false
         returning user_id",
        group_id,
        username,
        now
    )
    .fetch_optional(db)
    .await
}

/// Takes the user out of the group; answers whether it was in it.
pub async fn delete_group_user(db: &mut PgConnection, group_id: Uuid, username: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from user_group_members m using users u, accounts a
         where m.group_id = $1 and u.id = m.user_id and u.username = $2
           and a.id = u.account_id and a.state <> 'deleting'",
        group_id,
        username
    );
    Ok(done.execute(db).await?.rows_affected() > 0)
}
