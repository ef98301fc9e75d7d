//! The SQL of role grants. A grant in an account that is being deleted does not exist any more.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::GrantType;
use crate::{
    http::paging::Page,
    identity::accounts::{AccountState, AccountType},
};

/// A role held in an account, however it came.
pub struct Grant {
    pub role: String,
    pub account: String,
}

pub async fn find_grants(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Grant>> {
    sqlx::query_as!(
        Grant,
        r#"select m.role as "role!", a.name as "account!" from role_members m join accounts a on a.id = m.account_id
           where m.user_id = $1 and a.state <> 'deleting'
           union
           select r.role, a.name from user_group_members gm join user_group_roles r using (group_id)
           join accounts a on a.id = r.account_id where gm.user_id = $1 and a.state <> 'deleting'"#,
        user_id
    )
    .fetch_all(db)
    .await
}

/// A role that a user has, and why.
#[derive(Clone, Debug)]
pub struct UnifiedRole {
    pub user_id: Uuid,
    pub role: String,
    pub account: String,
    /// The user who granted it, or the name of the group that it comes through.
    pub granter: String,
    pub grant_type: GrantType,
    pub granted_at: OffsetDateTime,
}

impl UnifiedRole {
    /// Its place in a list.
    #[must_use]
    pub fn place(&self) -> (&str, &str, GrantType, &str) {
        (&self.account, &self.role, self.grant_type, &self.granter)
    }
}

/// Every role of these users with where and why; in one account only, if one is given.
pub async fn list_unified_roles(
    db: &mut PgConnection,
    user_ids: &[Uuid],
    account_id: Option<Uuid>,
) -> sqlx::Result<Vec<UnifiedRole>> {
    sqlx::query_as!(
        UnifiedRole,
        r#"select m.user_id as "user_id!", m.role as "role!", a.name as "account!", m.granter as "granter!",
                  'direct' as "grant_type!: GrantType", m.created_at as "granted_at!"
           from role_members m join accounts a on a.id = m.account_id
           where m.user_id = any ($1) and a.state <> 'deleting' and ($2::uuid is null or a.id = $2)
           union all
           select gm.user_id, r.role, a.name, g.name,
                  case when gm.by_sso then 'sso_group_membership' else 'group_membership' end,
                  greatest(gm.added_at, r.created_at)
           from user_group_members gm join user_groups g on g.id = gm.group_id
           join user_group_roles r on r.group_id = g.id join accounts a on a.id = r.account_id
           where gm.user_id = any ($1) and a.state <> 'deleting' and ($2::uuid is null or a.id = $2)
           order by 3, 2, 5, 4"#,
        user_ids,
        account_id
    )
    .fetch_all(db)
    .await
}

/// A role grant to be inserted.
pub struct NewMember<'a> {
    pub id: Uuid,
    pub user_id: Uuid,
    pub account_id: Uuid,
    pub role: &'a str,
    pub granter: &'a str,
    pub created_at: OffsetDateTime,
}

/// A role grant that was asked for.
pub struct Granted {
    pub created_at: OffsetDateTime,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Inserts the grant unless it is there.
pub async fn insert_member(db: &mut PgConnection, member: &NewMember<'_>) -> sqlx::Result<Granted> {
    let held = sqlx::query!(
        "insert into role_members (id, user_id, account_id, role, granter, created_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id, account_id, role) do update set role = excluded.role returning id, created_at",
        member.id,
        member.user_id,
        member.account_id,
        member.role,
        member.granter,
        member.created_at
    );
    let held = held.fetch_one(db).await?;
    Ok(Granted { created_at: held.created_at, is_new: held.id == member.id })
}

/// Deletes the grant; answers whether it was there.
pub async fn delete_member(db: &mut PgConnection, user_id: Uuid, account_id: Uuid, role: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from role_members m using accounts a
         where m.user_id = $1 and m.account_id = $2 and m.role = $3 and a.id = m.account_id and a.state <> 'deleting'",
        user_id,
        account_id,
        role
    );
    Ok(done.execute(db).await?.rows_affected() > 0)
}

/// Who holds a role in an account directly.
pub struct Member {
    pub username: String,
    pub created_at: OffsetDateTime,
}

pub async fn list_members(
    db: &mut PgConnection,
    account_id: Uuid,
    role: &str,
    page: &Page,
) -> sqlx::Result<Vec<Member>> {
    sqlx::query_as!(
        Member,
        "select u.username, m.created_at
         from role_members m join users u on u.id = m.user_id join accounts home on home.id = u.account_id
         join accounts a on a.id = m.account_id
         where m.account_id = $1 and m.role = $2 and a.state <> 'deleting' and home.state <> 'deleting'
           and ($3::text is null or strpos(lower(u.username), lower($3)) > 0)
         order by u.username limit $4 offset $5",
        account_id,
        role,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

/// A user, found by its name alone, with the account it lives in.
pub struct Grantee {
    pub id: Uuid,
    pub home: String,
    pub home_kind: AccountType,
}

/// The user of that name in any account, locked until the transaction ends.
pub async fn lock_grantee(db: &mut PgConnection, username: &str) -> sqlx::Result<Option<Grantee>> {
    sqlx::query_as!(
        Grantee,
        r#"select u.id, a.name as home, a.type as "home_kind: AccountType"
           from users u join accounts a on a.id = u.account_id
           where u.username = $1 and a.state <> 'deleting' for update of u"#,
        username
    )
    .fetch_optional(db)
    .await
}

pub async fn find_grantee(db: &mut PgConnection, username: &str) -> sqlx::Result<Option<Grantee>> {
    sqlx::query_as!(
        Grantee,
        r#"select u.id, a.name as home, a.type as "home_kind: AccountType"
           from users u join accounts a on a.id = u.account_id
           where u.username = $1 and a.state <> 'deleting'"#,
        username
    )
    .fetch_optional(db)
    .await
}

/// The accounts in which any of these users lives or holds a role.
pub async fn list_accounts_of_users(db: &mut PgConnection, user_ids: &[Uuid]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select name from accounts where state <> 'deleting' and id in (
             select account_id from users where id = any ($1)
             union select account_id from role_members where user_id = any ($1)
             union select r.account_id from user_group_members gm join user_group_roles r using (group_id)
                   where gm.user_id = any ($1))
         order by name",
        user_ids
    )
    .fetch_all(db)
    .await
}

/// A role held in an account, with the account.
pub struct AccountRole {
    pub role: String,
    pub name: String,
    pub kind: AccountType,
    pub state: AccountState,
    pub email: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_updated: OffsetDateTime,
    pub id: Uuid,
}

/// Each role that a user holds in each account, once, however often it came.
pub async fn list_account_roles(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<AccountRole>> {
    sqlx::query_as!(
        AccountRole,
        r#"select g.role as "role!", a.id, a.name, a.type as "kind: AccountType", a.state as "state: AccountState",
                  a.email, a.created_at, a.last_updated
           from (
               select role, account_id from role_members where user_id = $1
               union
               select r.role, r.account_id from user_group_members gm join user_group_roles r using (group_id)
               where gm.user_id = $1
           ) as g join accounts a on a.id = g.account_id
           where a.state <> 'deleting' order by a.name, g.role"#,
        user_id
    )
    .fetch_all(db)
    .await
}
