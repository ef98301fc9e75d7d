//! What exists from the first start on: the account and user `admin`, and the hidden account of Kedge itself.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    accounts::{Account, AccountState, AccountType, store as accounts},
    credentials::store as credentials,
    users::{
        UserType,
        rules::ADMIN,
        store::{self as users, NewUser},
    },
};
use crate::{
    audit::{self, record::SecurityEvent},
    authn::password::Hasher,
    clock::{Clock, Random},
    config::Config,
    db::{Db, WriteError},
    error::{Error, Result},
    names::NewPassword,
    secret::Secret,
    transaction,
};

/// Kedge's own account, which no list shows.
const SERVICE: &str = "anchore-system";
/// How many characters a password has that nobody chose: 142 bits.
const GENERATED_LENGTH: usize = 24;

/// Makes what must exist, if this is the first start. Answers the admin's password where Kedge chose it: it is to be
/// shown now or never.
///
/// # Errors
/// What the database says.
pub async fn first_start(
    db: &Db,
    config: &mut Config,
    hasher: &Hasher,
    clock: &Clock,
    random: &Random,
) -> Result<Option<Secret>> {
    let configured = config.default_admin_password.take();
    if accounts::find_by_name(&mut *db.connection().await?, ADMIN).await?.is_some() {
        if configured.is_some() {
            tracing::info!(
                "default_admin_password counted at the first start only; `kedge admin reset-password` sets another"
            );
        }
        return Ok(None);
    }
    let generated = if configured.is_none() { Some(random.alphanumeric(GENERATED_LENGTH)) } else { None };
    let password = configured.unwrap_or_else(|| Secret::new(generated.clone().unwrap_or_default()));
    let phc = hasher.hash(password).await?;
    let now = clock.now();
    let (ids, email) = ([random.uuid(), random.uuid(), random.uuid()], config.default_admin_email.as_str());
    let made = transaction!(db, |db| { insert(db, ids, email, &phc, now).await });
    Ok(if made? { generated.map(Secret::new) } else { None })
}

/// The secret of that name that all nodes share, made by the first that asks for it.
///
/// # Errors
/// What the database says.
pub async fn shared_secret(db: &Db, random: &Random, name: &str) -> Result<[u8; 32]> {
    let new = random.bytes::<32>();
    let mut db = db.connection().await?;
    sqlx::query!("insert into deployment_secrets (name, value) values ($1, $2) on conflict do nothing", name, &new)
        .execute(&mut *db)
        .await?;
    let value = sqlx::query_scalar!("select value from deployment_secrets where name = $1", name).fetch_one(&mut *db);
    let value = value.await?;
    db.commit().await?;
    value.try_into().map_err(|_| Error::internal("a secret of the deployment has a wrong length"))
}

/// When the first start was: the age of the admin account.
///
/// # Errors
/// What the database says, or that there was none.
pub async fn installed_at(db: &Db) -> Result<OffsetDateTime> {
    let admin = accounts::find_by_name(&mut *db.connection().await?, ADMIN).await?;
    admin.map(|admin| admin.created_at).ok_or(Error::NotFound { what: "Account admin" })
}

/// Inserts what must exist; answers false where another node was faster.
async fn insert(
    db: &mut PgConnection,
    [admin_id, service_id, user_id]: [Uuid; 3],
    email: &str,
    phc: &str,
    now: OffsetDateTime,
) -> Result<bool, WriteError> {
    sqlx::query!("lock table accounts in share row exclusive mode").execute(&mut *db).await?;
    if accounts::find_by_name(db, ADMIN).await?.is_some() {
        return Ok(false);
    }
    let admin = Account {
        id: admin_id,
        name: ADMIN.to_owned(),
        kind: AccountType::Admin,
        state: AccountState::Enabled,
        email: Some(email.to_owned()),
        created_at: now,
        last_updated: now,
    };
    let service =
        Account { id: service_id, name: SERVICE.to_owned(), kind: AccountType::Service, email: None, ..admin.clone() };
    accounts::insert_account(db, &admin).await?;
    accounts::insert_account(db, &service).await?;
    let kind = UserType::Native;
    let user = NewUser { id: user_id, account_id: admin_id, username: ADMIN, kind, by: None, created_at: now };
    users::insert_user(db, &user).await?;
    credentials::upsert_password(db, user_id, phc, now).await?;
    Ok(true)
}

/// Sets the password of a user of the account `admin`; answers the password where none is given. Nodes are not told;
/// the audit trail is, where one is kept.
///
/// # Errors
/// A user that is not there, or what the database says.
pub async fn reset_password(
    db: &Db,
    hasher: &Hasher,
    clock: &Clock,
    random: &Random,
    (username, given): (&str, Option<NewPassword>),
    has_trail: bool,
) -> Result<Option<Secret>> {
    let generated = if given.is_none() { Some(random.alphanumeric(GENERATED_LENGTH)) } else { None };
    let password = match given {
        Some(password) => password.into_secret(),
        None => Secret::new(generated.clone().unwrap_or_default()),
    };
    let phc = hasher.hash(password).await?;
    let now = clock.now();
    let mut record = SecurityEvent::PasswordReset.record(clock, random, username);
    record.account = Some(ADMIN.to_owned());
    let changed = transaction!(db, |db| {
        let account = accounts::find_by_name(db, ADMIN).await?.ok_or(Error::NotFound { what: "Account admin" })?;
        let user = users::lock_user(db, account.id, username).await?.ok_or(Error::NotFound { what: "User" })?;
        credentials::upsert_password(db, user.id, &phc, now).await?;
        if has_trail {
            audit::store::insert(db, &record).await?;
        }
        Ok(users::raise_auth_epoch(db, user.id, now).await?)
    });
    changed?;
    Ok(generated.map(Secret::new))
}
