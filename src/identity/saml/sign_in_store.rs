//! The SQL of sign-ins by an identity provider: requests that wait for an answer, assertions that were taken, and whom
//! they are of.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::identity::{accounts::AccountState, user_groups::UserGroup};

/// A request that waits for its answer.
pub struct Waiting {
    /// What the browser's cookie must hash to; `None`: it was no browser that asked.
    pub browser: Option<Vec<u8>>,
}

/// A request that goes out.
pub struct NewRequest<'a> {
    pub id: &'a str,
    pub idp_id: Uuid,
    pub browser: Option<&'a [u8; 32]>,
    /// From where it was asked for.
    pub network: &'a [u8],
    pub expires_at: OffsetDateTime,
}

/// Remembers a request; answers false where `most` from the same network wait already.
pub async fn insert_request(
    db: &mut PgConnection,
    request: &NewRequest<'_>,
    now: OffsetDateTime,
    most: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into saml_requests (id, idp_id, browser, network, expires_at)
         select $1, $2, $3, $4, $5
         where (select count(*) from saml_requests where network = $4 and expires_at > $6) < $7",
        request.id,
        request.idp_id,
        request.browser.map(<[u8; 32]>::as_slice),
        request.network,
        request.expires_at,
        now,
        most
    );
    Ok(done.execute(db).await?.rows_affected() > 0)
}

pub async fn find_request(
    db: &mut PgConnection,
    idp_id: Uuid,
    id: &str,
    now: OffsetDateTime,
) -> sqlx::Result<Option<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "select browser from saml_requests where idp_id = $1 and id = $2 and expires_at > $3",
        idp_id,
        id,
        now
    )
    .fetch_optional(db)
    .await
}

/// Takes a request: it waits for no other answer. Answers false where it was taken.
pub async fn delete_request(db: &mut PgConnection, id: &str) -> sqlx::Result<bool> {
    Ok(sqlx::query!("delete from saml_requests where id = $1", id).execute(db).await?.rows_affected() > 0)
}

/// Notes that an assertion was taken; answers false where it was before.
pub async fn insert_assertion(db: &mut PgConnection, hash: &[u8; 32], until: OffsetDateTime) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into saml_assertions (hash, expires_at) values ($1, $2) on conflict do nothing",
        hash,
        until
    );
    Ok(done.execute(db).await?.rows_affected() > 0)
}

/// Removes up to `most` requests and assertions each that have run out; answers how many went.
pub async fn delete_expired(db: &mut PgConnection, now: OffsetDateTime, most: i64) -> sqlx::Result<u64> {
    let requests = sqlx::query!(
        "delete from saml_requests where id in
         (select id from saml_requests where expires_at <= $1 order by expires_at limit $2 for update skip locked)",
        now,
        most
    );
    let requests = requests.execute(&mut *db).await?.rows_affected();
    let assertions = sqlx::query!(
        "delete from saml_assertions where hash in
         (select hash from saml_assertions where expires_at <= $1 order by expires_at limit $2 for update skip locked)",
        now,
        most
    );
    Ok(requests + assertions.execute(db).await?.rows_affected())
}

/// A user of the name, as far as a sign-in decides by it.
pub struct Known {
    pub id: Uuid,
    pub idp_id: Option<Uuid>,
    pub auth_epoch: i64,
    pub first_sign_in: Option<OffsetDateTime>,
    /// The name of the account that it lives in.
    pub account: String,
    pub account_state: AccountState,
}

/// A query for the user of that name and what the text adds.
macro_rules! known {
    ($username:expr, $rest:literal) => {
        sqlx::query_as!(
            Known,
            r#"select u.id, u.idp_id, u.auth_epoch, u.first_sign_in, a.name as account,
                      a.state as "account_state: AccountState"
               from users u join accounts a on a.id = u.account_id where u.username = $1 "#
                + $rest,
            $username
        )
    };
}

/// Locked until the transaction ends.
pub async fn lock_known(db: &mut PgConnection, username: &str) -> sqlx::Result<Option<Known>> {
    known!(username, "for update of u").fetch_optional(db).await
}

pub async fn find_known(db: &mut PgConnection, username: &str) -> sqlx::Result<Option<Known>> {
    known!(username, "").fetch_optional(db).await
}

pub async fn note_first_sign_in(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!("update users set first_sign_in = $2 where id = $1", user_id, now).execute(db).await?;
    Ok(())
}

/// The groups that a sign-in took the user out of, and put it into.
pub struct ChangedGroups {
    pub left: Vec<UserGroup>,
    pub joined: Vec<UserGroup>,
}

/// Puts the user into the groups of these names that are mapped to its provider, and takes it out of those that the
/// provider put it into and that are not among them. What was granted by hand stays as it is.
pub async fn update_groups(
    db: &mut PgConnection,
    user_id: Uuid,
    idp_id: Uuid,
    names: &[String],
    now: OffsetDateTime,
) -> sqlx::Result<ChangedGroups> {
    let left = sqlx::query_as!(
        UserGroup,
        "delete from user_group_members m using user_groups o
         where m.user_id = $1 and m.by_sso and o.id = m.group_id and not exists (
             select from idp_user_groups i join user_groups g on g.id = i.group_id
             where i.idp_id = $2 and i.group_id = m.group_id and g.name = any ($3))
         returning o.id, o.name, o.description, o.created_at, o.last_updated",
        user_id,
        idp_id,
        names
    );
    let left = left.fetch_all(&mut *db).await?;
    let joined = sqlx::query_as!(
        UserGroup,
        r#"with joined as (
             insert into user_group_members (group_id, user_id, added_at, by_sso)
             select g.id, $1, $4, true from idp_user_groups i join user_groups g on g.id = i.group_id
             where i.idp_id = $2 and g.name = any ($3) order by g.id
             on conflict (group_id, user_id) do nothing returning group_id)
           select g.id as "id!", g.name as "name!", g.description, g.created_at as "created_at!",
                  g.last_updated as "last_updated!"
           from joined j join user_groups g on g.id = j.group_id order by g.name"#,
        user_id,
        idp_id,
        names,
        now
    );
    Ok(ChangedGroups { left, joined: joined.fetch_all(db).await? })
}
