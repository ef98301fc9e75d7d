//! The SQL of accounts. Kedge's own service account does not exist for any of it.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Account, AccountState, AccountType};
use crate::http::paging::Page;

/// A query for the columns of an account and what the text adds.
macro_rules! accounts {
    ($rest:literal, $($argument:expr),*) => {
        sqlx::query_as!(
            Account,
            r#"select id, name, type as "kind: AccountType", state as "state: AccountState", email, created_at,
                      last_updated
               from accounts "# + $rest,
            $($argument),*
        )
    };
}

/// An insert of an account, and what happens where its name is taken.
macro_rules! insert {
    ($account:expr, $conflict:literal) => {
        sqlx::query!(
            "insert into accounts (id, name, type, state, email, created_at, last_updated)
             values ($1, $2, $3, $4, $5, $6, $7) "
                + $conflict,
            $account.id,
            $account.name,
            $account.kind as AccountType,
            $account.state as AccountState,
            $account.email,
            $account.created_at,
            $account.last_updated
        )
    };
}

pub async fn insert_account(db: &mut PgConnection, account: &Account) -> sqlx::Result<()> {
    insert!(account, "").execute(db).await?;
    Ok(())
}

/// Inserts the account unless its name is taken; answers whether it did.
pub async fn insert_account_unless_there(db: &mut PgConnection, account: &Account) -> sqlx::Result<bool> {
    Ok(insert!(account, "on conflict (name) do nothing").execute(db).await?.rows_affected() > 0)
}

pub async fn find_by_name(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Account>> {
    accounts!("where name = $1 and type <> 'service'", name).fetch_optional(db).await
}

/// The account, locked against any other change of it until the transaction ends.
pub async fn lock_by_name(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Account>> {
    accounts!("where name = $1 and type <> 'service' for update", name).fetch_optional(db).await
}

/// Keeps the account from changing its state until the transaction ends, while others may do the same beside it.
pub async fn hold_by_id(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Account>> {
    accounts!("where id = $1 for share", id).fetch_optional(db).await
}

/// Locks the account of that name for as long as the transaction lasts, so that it stays as it is.
pub async fn hold_by_name(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Account>> {
    accounts!("where name = $1 and type <> 'service' for share", name).fetch_optional(db).await
}

/// Those who live in the account.
pub async fn list_user_ids(db: &mut PgConnection, account_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("select id from users where account_id = $1", account_id).fetch_all(db).await
}

pub async fn list_accounts(
    db: &mut PgConnection,
    state: Option<AccountState>,
    page: &Page,
) -> sqlx::Result<Vec<Account>> {
    accounts!(
        "where type <> 'service' and ($1::text is null or state = $1)
         and ($2::text is null or strpos(lower(name), lower($2)) > 0)
         order by name limit $3 offset $4",
        state as Option<AccountState>,
        page.search,
        page.limit,
        page.offset
    )
    .fetch_all(db)
    .await
}

pub async fn count_accounts(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from accounts where type <> 'service'"#).fetch_one(db).await
}

pub async fn update_state(
    db: &mut PgConnection,
    id: Uuid,
    state: AccountState,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!("update accounts set state = $2, last_updated = $3 where id = $1", id, state as AccountState, now)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn update_email(
    db: &mut PgConnection,
    id: Uuid,
    email: Option<&str>,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!("update accounts set email = $2, last_updated = $3 where id = $1", id, email, now).execute(db).await?;
    Ok(())
}
