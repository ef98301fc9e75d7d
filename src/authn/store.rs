//! The queries that sign a caller in: one statement each, and so one snapshot, with all that is decided by. Users of an
//! account that is being deleted do not exist any more.

use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    authz::narrowing::Narrowing,
    error::Result,
    identity::{
        accounts::{Account, AccountState, AccountType},
        api_keys::store::narrowing,
        roles::{GrantType, store::UnifiedRole},
        users::{User, UserType},
    },
    state::App,
};

/// Whoever can sign in.
#[derive(Debug)]
pub struct Principal {
    pub user: User,
    pub account: Account,
    pub auth_epoch: i64,
    pub roles: Vec<UnifiedRole>,
    /// The other accounts that this depends on: those that the roles are held in.
    pub depends_on: Vec<Uuid>,
    /// The groups that the user is in, whether they give a role or not.
    pub groups: Vec<Uuid>,
}

/// A live key, with its user.
pub struct FoundKey {
    pub principal: Principal,
    pub secret_hash: Vec<u8>,
    pub revoked_at: Option<OffsetDateTime>,
    pub expires_at: OffsetDateTime,
    pub narrowing: Narrowing,
    /// The accounts that it is narrowed to.
    pub narrowed_to: Vec<Uuid>,
}

/// A role as the statement makes it: its name, the account's id and name, the granter, how it came, and
/// the microsecond in which it was granted. As JSON, since PostgreSQL makes one array faster than six.
type HeldRole = (String, Uuid, String, String, GrantType, i64);

/// A query for a principal `u` in the account `a`, and what else the columns say, from and where the text says.
///
/// Most callers are in no group and hold roles in their own account only: what others have is found by functions
/// (migration 7), which these do not pay for.
macro_rules! principal {
    ($app:ident, $columns:literal, $from:literal, $key:expr) => {
        sqlx::query!(
            "select " + $columns + r#"
                    u.id as user_id, u.username, u.type as "user_type: UserType", u.source, u.idp_name, u.auth_epoch,
                    u.created_at as user_created_at, u.last_updated as user_last_updated,
                    p.created_at as "password_last_updated?",
                    a.id as account_id, a.name, a.type as "kind: AccountType", a.state as "state: AccountState",
                    a.email, a.created_at, a.last_updated,
                    array(select group_id from user_group_members where user_id = u.id) as "groups!",
                    array(select json_build_array(m.role, a.id, a.name, m.granter, 'direct',
                                                  (extract(epoch from m.created_at) * 1000000)::bigint)
                          from role_members m where m.user_id = u.id and m.account_id = a.id)
                    || case when exists (select from user_group_members where user_id = u.id)
                              or exists (select from role_members where user_id = u.id and account_id <> a.id)
                            then grants_elsewhere(u.id, a.id) end as "roles!: Vec<Json<HeldRole>>"
             from "# + $from + " and a.state <> 'deleting'",
            $key
        )
        .fetch_optional(&mut *$app.db.connection().await?)
        .await?
    };
}

/// The principal in a row of such a query.
macro_rules! principal_in {
    ($row:ident) => {{
        let (depends_on, roles) = roles($row.user_id, $row.roles);
        Principal {
            user: User {
                id: $row.user_id,
                username: $row.username,
                account_name: $row.name.clone(),
                kind: $row.user_type,
                source: $row.source,
                idp_name: $row.idp_name,
                created_at: $row.user_created_at,
                last_updated: $row.user_last_updated,
                password_last_updated: $row.password_last_updated,
            },
            account: Account {
                id: $row.account_id,
                name: $row.name,
                kind: $row.kind,
                state: $row.state,
                email: $row.email,
                created_at: $row.created_at,
                last_updated: $row.last_updated,
            },
            auth_epoch: $row.auth_epoch,
            roles,
            depends_on,
            groups: $row.groups,
        }
    }};
}

/// The accounts that the roles are held in, and the roles.
fn roles(user_id: Uuid, held: Vec<Json<HeldRole>>) -> (Vec<Uuid>, Vec<UnifiedRole>) {
    let role = |Json((role, id, account, granter, grant_type, granted_at)): Json<HeldRole>| {
        let granted_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(granted_at) * 1000);
        let granted_at = granted_at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        (id, UnifiedRole { user_id, role, account, granter, grant_type, granted_at })
    };
    let (accounts, mut roles): (_, Vec<UnifiedRole>) = held.into_iter().map(role).unzip();
    roles.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
    (accounts, roles)
}

/// A user with the hash of its password.
pub async fn find_by_username(app: &App, username: &str) -> Result<Option<(Principal, Option<String>)>> {
    let row = principal!(
        app,
        r#"p.phc as "phc?", "#,
        "users u join accounts a on a.id = u.account_id left join passwords p on p.user_id = u.id
         where u.username = $1 and u.type = 'native'",
        username
    );
    Ok(row.map(|row| (principal_in!(row), row.phc)))
}

pub async fn find_by_key_id(app: &App, key_id: &str) -> Result<Option<FoundKey>> {
    let row = principal!(
        app,
        r#"k.secret_hash, k.revoked_at, k.expires_at, k.actions, k.cidrs, k.accounts as account_ids,
           case when k.accounts is not null then account_names(k.accounts) end as accounts, "#,
        "api_keys k join users u on u.id = k.user_id join accounts a on a.id = u.account_id
         left join passwords p on p.user_id = u.id
         where k.id = $1 and k.deleted_at is null",
        key_id
    );
    row.map(|row| {
        Ok(FoundKey {
            principal: principal_in!(row),
            secret_hash: row.secret_hash,
            revoked_at: row.revoked_at,
            expires_at: row.expires_at,
            narrowing: narrowing(row.actions, row.accounts, row.cidrs)?,
            narrowed_to: row.account_ids.unwrap_or_default(),
        })
    })
    .transpose()
}

/// The user of the session, unless it was ended or the password changed since it began.
pub async fn find_by_session(app: &App, id: Uuid) -> Result<Option<Principal>> {
    let row = principal!(
        app,
        "",
        "sessions s join users u on u.id = s.user_id and u.auth_epoch = s.auth_epoch
         join accounts a on a.id = u.account_id left join passwords p on p.user_id = u.id
         where s.id = $1",
        id
    );
    Ok(row.map(|row| principal_in!(row)))
}

/// Puts a stronger hash of the same password in the place of `old`, unless the password was changed meanwhile.
pub async fn replace_hash(app: &App, user_id: Uuid, old: &str, stronger: &str) -> Result<()> {
    let mut db = app.db.connection().await?;
    sqlx::query!("update passwords set phc = $3 where user_id = $1 and phc = $2", user_id, old, stronger)
        .execute(&mut *db)
        .await?;
    Ok(db.commit().await?)
}
