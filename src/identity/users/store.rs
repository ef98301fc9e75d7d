//! The SQL of users. The users of an account that is being deleted do not exist any more.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{User, UserType};
use crate::{http::paging::Page, identity::saml::Idp};

/// A user to be inserted.
pub struct NewUser<'a> {
    pub id: Uuid,
    pub account_id: Uuid,
    pub username: &'a str,
    pub kind: UserType,
    /// The identity provider that vouches for it; `None`: Kedge does.
    pub by: Option<Vouched<'a>>,
    pub created_at: OffsetDateTime,
}

/// Who vouches for a user.
#[derive(Clone, Copy)]
pub struct Vouched<'a> {
    pub idp_id: Uuid,
    pub idp_name: &'a str,
    /// The provider's entity id.
    pub source: &'a str,
}

impl<'a> From<&'a Idp> for Vouched<'a> {
    fn from(idp: &'a Idp) -> Self {
        Self { idp_id: idp.id, idp_name: &idp.name, source: &idp.metadata.entity_id }
    }
}

pub async fn insert_user(db: &mut PgConnection, user: &NewUser<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into users (id, account_id, username, type, created_at, last_updated, idp_id, idp_name, source)
         values ($1, $2, $3, $4, $5, $5, $6, $7, $8)",
        user.id,
        user.account_id,
        user.username,
        user.kind as UserType,
        user.created_at,
        user.by.map(|by| by.idp_id),
        user.by.map(|by| by.idp_name),
        user.by.map(|by| by.source)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A query for the columns of a user and what the text adds.
macro_rules! users {
    ($rest:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            User,
            r#"select u.id, u.username, a.name as account_name, u.type as "kind: UserType", u.source, u.idp_name,
                      u.created_at, u.last_updated, p.created_at as "password_last_updated?"
               from users u join accounts a on a.id = u.account_id left join passwords p on p.user_id = u.id "# + $rest
            $(, $argument)*
        )
    };
}

pub async fn find_user(db: &mut PgConnection, account_id: Uuid, username: &str) -> sqlx::Result<Option<User>> {
    users!("where u.account_id = $1 and u.username = $2 and a.state <> 'deleting'", account_id, username)
        .fetch_optional(db)
        .await
}

/// Where a user lives.
pub struct Home {
    pub username: String,
    pub account: String,
}

/// Where the users of these names live, those that there are.
pub async fn list_homes(db: &mut PgConnection, usernames: &[String]) -> sqlx::Result<Vec<Home>> {
    sqlx::query_as!(
        Home,
        "select u.username, a.name as account from users u join accounts a on a.id = u.account_id
         where u.username = any ($1) and a.state <> 'deleting' order by u.username",
        usernames
    )
    .fetch_all(db)
    .await
}

/// The user, locked against any other change of it, its password and its keys until the transaction ends.
pub async fn lock_user(db: &mut PgConnection, account_id: Uuid, username: &str) -> sqlx::Result<Option<User>> {
    users!(
        "where u.account_id = $1 and u.username = $2 and a.state <> 'deleting'
         for update of u",
        account_id,
        username
    )
    .fetch_optional(db)
    .await
}

pub async fn list_users(db: &mut PgConnection, account_id: Uuid, page: &Page) -> sqlx::Result<Vec<User>> {
    users!(
        "where u.account_id = $1 and a.state <> 'deleting'
         and ($2::text is null or strpos(lower(u.username), lower($2)) > 0)
         order by u.username limit $3 offset $4",
        account_id,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

/// Who lives in the account or holds a role there, directly or through a group.
pub async fn list_users_and_members(db: &mut PgConnection, account_id: Uuid, page: &Page) -> sqlx::Result<Vec<User>> {
    users!(
        "where a.state <> 'deleting' and exists (select from accounts where id = $1 and state <> 'deleting')
         and u.id in (
           select id from users where account_id = $1
           union select user_id from role_members where account_id = $1
           union select gm.user_id from user_group_members gm join user_group_roles r using (group_id)
                 where r.account_id = $1)
         and ($2::text is null or strpos(lower(u.username), lower($2)) > 0)
         order by u.username limit $3 offset $4",
        account_id,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

/// How many of them there are, on whatever page.
pub async fn count_users_and_members(
    db: &mut PgConnection,
    account_id: Uuid,
    search: Option<&str>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from users u join accounts a on a.id = u.account_id
           where a.state <> 'deleting' and exists (select from accounts where id = $1 and state <> 'deleting')
           and u.id in (
             select id from users where account_id = $1
             union select user_id from role_members where account_id = $1
             union select gm.user_id from user_group_members gm join user_group_roles r using (group_id)
                   where r.account_id = $1)
           and ($2::text is null or strpos(lower(u.username), lower($2)) > 0)"#,
        account_id,
        search
    )
    .fetch_one(db)
    .await
}

pub async fn list_all_users(db: &mut PgConnection, page: &Page) -> sqlx::Result<Vec<User>> {
    users!(
        "where a.state <> 'deleting' and a.type <> 'service'
         and ($1::text is null or strpos(lower(u.username), lower($1)) > 0)
         order by u.username limit $2 offset $3",
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

/// How many users there are with this in their names, on whatever page.
pub async fn count_users(db: &mut PgConnection, search: Option<&str>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from users u join accounts a on a.id = u.account_id
           where a.state <> 'deleting' and a.type <> 'service'
           and ($1::text is null or strpos(lower(u.username), lower($1)) > 0)"#,
        search
    )
    .fetch_one(db)
    .await
}

/// Ends everything that was issued to a user whose row is locked: its tokens carry the epoch before.
pub async fn raise_auth_epoch(db: &mut PgConnection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!("update users set auth_epoch = auth_epoch + 1, last_updated = $2 where id = $1", id, now)
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes the user with its password and its keys (`on delete cascade`).
pub async fn delete_user(db: &mut PgConnection, account_id: Uuid, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from users where account_id = $1 and id = $2", account_id, id).execute(db).await?;
    Ok(())
}
