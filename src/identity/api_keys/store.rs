//! The SQL of API keys. A deleted key is in no answer; its row waits for the collector.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ApiKey, types::KeyStatus};
use crate::{
    authz::narrowing::Narrowing,
    error::{Error, Result},
    http::paging::Page,
};

pub async fn insert_key(db: &mut PgConnection, user_id: Uuid, key: &ApiKey, secret_hash: &[u8]) -> sqlx::Result<()> {
    // Each field by its name: one that is added later is in the answer, and is to be kept as well.
    let ApiKey {
        id,
        name,
        description,
        created_at,
        updated_at: _,
        expires_at,
        revoked_at: _,
        last_used_at: _,
        actions,
        accounts,
        cidrs,
    } = key;
    sqlx::query!(
        "insert into api_keys (id, user_id, name, description, secret_hash, created_at, updated_at, expires_at,
                               actions, accounts, cidrs)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8::text[],
                 case when $9::text[] is not null then array(select id from accounts where name = any ($9)) end,
                 $10::text[])",
        id,
        user_id,
        name,
        description.as_deref(),
        secret_hash,
        created_at,
        expires_at,
        actions.as_deref(),
        accounts.as_deref(),
        cidrs.as_deref()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many keys count against the user's limit. Exact only while the user's row is locked.
pub async fn count_keys(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_keys where user_id = $1 and deleted_at is null"#,
        user_id
    )
    .fetch_one(db)
    .await
}

/// The keys of a user with that status at `now`, or all. They are found by their hints, too, as lists show them.
pub async fn list_keys(
    db: &mut PgConnection,
    user_id: Uuid,
    status: Option<KeyStatus>,
    page: &Page,
    now: OffsetDateTime,
) -> sqlx::Result<Vec<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"select id, name, description, created_at, updated_at, expires_at, revoked_at, last_used_at, actions,
                  case when accounts is not null then array(
                      select a.name::text from accounts a where a.id = any (accounts) order by a.name) end as accounts,
                  cidrs
           from api_keys
           where user_id = $1 and deleted_at is null
             and ($2::text is null or $2 = case when revoked_at is not null then 'revoked'
                                                when expires_at <= $3 then 'expired' else 'active' end)
             and ($4::text is null or strpos(lower(name), lower($4)) > 0 or strpos(lower(description), lower($4)) > 0
                  or strpos(lower('kedge_' || left(id, 4)), lower($4)) > 0)
           order by created_at desc, id limit $5 offset $6"#,
        user_id,
        status.map(KeyStatus::name),
        now,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

pub async fn find_key(db: &mut PgConnection, user_id: Uuid, name: &str) -> sqlx::Result<Option<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"select id, name, description, created_at, updated_at, expires_at, revoked_at, last_used_at, actions,
                  case when accounts is not null then array(
                      select a.name::text from accounts a where a.id = any (accounts) order by a.name) end as accounts,
                  cidrs
           from api_keys where user_id = $1 and name = $2 and deleted_at is null"#,
        user_id,
        name
    )
    .fetch_optional(db)
    .await
}

/// Writes what a change has left. Accounts only become fewer: one made anew under the name of an old one is not meant.
pub async fn update_key(db: &mut PgConnection, user_id: Uuid, key: &ApiKey) -> sqlx::Result<()> {
    let ApiKey {
        id,
        name,
        description,
        created_at: _,
        updated_at,
        expires_at,
        revoked_at,
        last_used_at: _,
        actions,
        accounts,
        cidrs,
    } = key;
    sqlx::query!(
        "update api_keys set name = $3, description = $4, updated_at = $5, expires_at = $6, revoked_at = $7,
                actions = $8::text[],
                accounts = case when $9::text[] is not null
                                then array(select a.id from accounts a where a.name = any ($9) and
                                           (api_keys.accounts is null or a.id = any (api_keys.accounts))) end,
                cidrs = $10::text[]
         where user_id = $1 and id = $2",
        user_id,
        id,
        name,
        description.as_deref(),
        updated_at,
        expires_at,
        revoked_at.as_ref(),
        actions.as_deref(),
        accounts.as_deref(),
        cidrs.as_deref()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the key out of every answer; answers whether there was one.
pub async fn delete_key(db: &mut PgConnection, user_id: Uuid, name: &str, now: OffsetDateTime) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update api_keys set deleted_at = $3 where user_id = $1 and name = $2 and deleted_at is null",
        user_id,
        name,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// What the columns of a key say about its narrowing.
///
/// # Errors
/// A network that was not written by Kedge.
pub fn narrowing(
    actions: Option<Vec<String>>,
    accounts: Option<Vec<String>>,
    cidrs: Option<Vec<String>>,
) -> Result<Narrowing> {
    let network = |text: String| text.parse().map_err(Error::internal);
    Ok(Narrowing {
        actions: actions.map(BTreeSet::from_iter),
        accounts: accounts.map(BTreeSet::from_iter),
        cidrs: cidrs.map(|cidrs| cidrs.into_iter().map(network).collect()).transpose()?,
    })
}
