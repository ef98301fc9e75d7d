//! The queries that sign a caller in. Users of an account that is being deleted do not exist any more.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    authz::narrowing::Narrowing,
    error::Result,
    identity::{
        accounts::{Account, AccountState, AccountType},
        api_keys::store::narrowing,
    },
    state::App,
};

/// The account in a row of any of the queries here, each of which has a row type of its own.
macro_rules! account_of {
    ($row:ident) => {
        Account {
            id: $row.account_id,
            name: $row.name,
            kind: $row.kind,
            state: $row.state,
            email: $row.email,
            created_at: $row.created_at,
            last_updated: $row.last_updated,
        }
    };
}

/// A user, with what proves it.
pub struct FoundUser {
    pub id: Uuid,
    pub username: String,
    pub account: Account,
    pub phc: Option<String>,
    pub auth_epoch: i64,
}

/// The user of a session that goes on.
pub struct FoundSession {
    pub user_id: Uuid,
    pub username: String,
    pub auth_epoch: i64,
    pub account: Account,
}

/// A live key, with its user.
pub struct FoundKey {
    pub user_id: Uuid,
    pub username: String,
    pub account: Account,
    pub secret_hash: Vec<u8>,
    pub revoked_at: Option<OffsetDateTime>,
    pub expires_at: OffsetDateTime,
    pub narrowing: Narrowing,
}

pub async fn find_by_username(app: &App, username: &str) -> Result<Option<FoundUser>> {
    let row = sqlx::query!(
        r#"select u.id, u.username, u.auth_epoch, p.phc as "phc?", a.id as account_id, a.name, a.type as "kind: AccountType",
                  a.state as "state: AccountState", a.email,
                  a.created_at, a.last_updated
           from users u join accounts a on a.id = u.account_id left join passwords p on p.user_id = u.id
           where u.username = $1 and u.type = 'native' and a.state <> 'deleting'"#,
        username
    )
    .fetch_optional(&mut *app.db.read().await?)
    .await?;
    Ok(row.map(|row| {
        let account = account_of!(row);
        FoundUser { id: row.id, username: row.username, account, phc: row.phc, auth_epoch: row.auth_epoch }
    }))
}

pub async fn find_by_key_id(app: &App, key_id: &str) -> Result<Option<FoundKey>> {
    let row = sqlx::query!(
        r#"select k.secret_hash, k.revoked_at, k.expires_at, k.actions, k.cidrs,
                  case when k.accounts is not null
                       then array(select name::text from accounts where id = any (k.accounts)) end as accounts, u.id as user_id, u.username, a.id as account_id, a.name,
                  a.type as "kind: AccountType",
                  a.state as "state: AccountState", a.email, a.created_at, a.last_updated
           from api_keys k join users u on u.id = k.user_id join accounts a on a.id = u.account_id
           where k.id = $1 and k.deleted_at is null and u.type = 'native' and a.state <> 'deleting'"#,
        key_id
    )
    .fetch_optional(&mut *app.db.read().await?)
    .await?;
    row.map(|row| {
        let narrowing = narrowing(row.actions, row.accounts, row.cidrs)?;
        let account = account_of!(row);
        Ok(FoundKey {
            user_id: row.user_id,
            username: row.username,
            account,
            secret_hash: row.secret_hash,
            revoked_at: row.revoked_at,
            expires_at: row.expires_at,
            narrowing,
        })
    })
    .transpose()
}

/// The session, unless it was ended or its user's password changed since it began.
pub async fn find_by_session(app: &App, id: Uuid) -> Result<Option<FoundSession>> {
    let row = sqlx::query!(
        r#"select u.id, u.username, u.auth_epoch, a.id as account_id, a.name, a.type as "kind: AccountType",
                  a.state as "state: AccountState", a.email, a.created_at, a.last_updated
           from sessions s join users u on u.id = s.user_id and u.auth_epoch = s.auth_epoch
           join accounts a on a.id = u.account_id
           where s.id = $1 and a.state <> 'deleting'"#,
        id
    )
    .fetch_optional(&mut *app.db.read().await?)
    .await?;
    Ok(row.map(|row| {
        let account = account_of!(row);
        FoundSession { user_id: row.id, username: row.username, auth_epoch: row.auth_epoch, account }
    }))
}

/// Puts a stronger hash of the same password in the place of `old`, unless the password was changed meanwhile.
pub async fn replace_hash(app: &App, user_id: Uuid, old: &str, stronger: &str) -> Result<()> {
    sqlx::query!("update passwords set phc = $3 where user_id = $1 and phc = $2", user_id, old, stronger)
        .execute(&mut *app.db.read().await?)
        .await?;
    Ok(())
}
