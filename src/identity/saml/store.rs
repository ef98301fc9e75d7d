//! The SQL of identity providers, the groups they are mapped to, their metadata and our key.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Idp, Mapping, MetadataSource, metadata::Metadata};

/// A row of `identity_providers`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Row {
    id: Uuid,
    name: String,
    enabled: bool,
    sp_entity_id: String,
    acs_url: String,
    acs_https_port: Option<i32>,
    default_account: Option<String>,
    default_role: Option<String>,
    idp_account_attribute: Option<String>,
    idp_groups_attribute: Option<String>,
    idp_role_attribute: Option<String>,
    idp_username_attribute: Option<String>,
    metadata_url: Option<String>,
    metadata_xml: Option<String>,
    entity_id: String,
    sso_url: String,
    certificates: Vec<String>,
    wants_signed_requests: bool,
    valid_until: Option<OffsetDateTime>,
    refresh_at: Option<OffsetDateTime>,
    require_existing_users: bool,
    require_signed_assertions: bool,
    require_signed_response: bool,
    allow_unsolicited: bool,
    allow_assertion_grant: bool,
    allow_account_creation: bool,
    allowed_accounts: Option<Vec<String>>,
    allowed_roles: Option<Vec<String>>,
    created_at: OffsetDateTime,
    last_updated: OffsetDateTime,
}

impl From<Row> for Idp {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            enabled: row.enabled,
            sp_entity_id: row.sp_entity_id,
            acs_url: row.acs_url,
            acs_https_port: row.acs_https_port.and_then(|port| u16::try_from(port).ok()),
            mapping: Mapping {
                default_account: row.default_account,
                default_role: row.default_role,
                account_attribute: row.idp_account_attribute,
                groups_attribute: row.idp_groups_attribute,
                role_attribute: row.idp_role_attribute,
                username_attribute: row.idp_username_attribute,
                allowed_accounts: row.allowed_accounts,
                allowed_roles: row.allowed_roles,
                allow_account_creation: row.allow_account_creation,
            },
            // The table has a check: one of the two is there.
            metadata_source: match (row.metadata_url, row.metadata_xml) {
                (Some(url), _) => MetadataSource::Url(url),
                (None, xml) => MetadataSource::Xml(xml.unwrap_or_default()),
            },
            metadata: Metadata {
                entity_id: row.entity_id,
                sso_url: row.sso_url,
                certificates: row.certificates,
                wants_signed_requests: row.wants_signed_requests,
                valid_until: row.valid_until,
            },
            refresh_at: row.refresh_at,
            require_existing_users: row.require_existing_users,
            require_signed_assertions: row.require_signed_assertions,
            require_signed_response: row.require_signed_response,
            allow_unsolicited: row.allow_unsolicited,
            allow_assertion_grant: row.allow_assertion_grant,
            created_at: row.created_at,
            last_updated: row.last_updated,
        }
    }
}

/// A query for the columns of an identity provider and what the text adds.
macro_rules! idps {
    ($rest:literal, $($argument:expr),*) => {
        sqlx::query_as!(
            Row,
            "select id, name, enabled, sp_entity_id, acs_url, acs_https_port, default_account, default_role,
                    idp_account_attribute, idp_groups_attribute, idp_role_attribute, idp_username_attribute,
                    metadata_url, metadata_xml, entity_id, sso_url, certificates, wants_signed_requests, valid_until,
                    refresh_at, require_existing_users, require_signed_assertions, require_signed_response,
                    allow_unsolicited, allow_assertion_grant, allow_account_creation, allowed_accounts, allowed_roles,
                    created_at, last_updated
             from identity_providers " + $rest,
            $($argument),*
        )
    };
}

/// The names, sorted; of enabled ones only, if so asked.
pub async fn list_names(db: &mut PgConnection, enabled_only: bool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select name from identity_providers where enabled or not $1 order by name", enabled_only)
        .fetch_all(db)
        .await
}

pub async fn find_idp(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Idp>> {
    Ok(idps!("where name = $1", name).fetch_optional(db).await?.map(Idp::from))
}

/// The provider, locked against any other change of it until the transaction ends.
pub async fn lock_idp(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Idp>> {
    Ok(idps!("where name = $1 for update", name).fetch_optional(db).await?.map(Idp::from))
}

/// Keeps the provider as it is until the transaction ends, while others may do the same beside it.
pub async fn hold_idp(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Idp>> {
    Ok(idps!("where id = $1 for share", id).fetch_optional(db).await?.map(Idp::from))
}

/// The same by its name.
pub async fn hold_by_name(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Idp>> {
    Ok(idps!("where name = $1 for share", name).fetch_optional(db).await?.map(Idp::from))
}

/// The enabled providers that this entity and audience are those of.
pub async fn list_enabled(db: &mut PgConnection, entity_id: &str, audiences: &[String]) -> sqlx::Result<Vec<Idp>> {
    let found = idps!("where enabled and entity_id = $1 and sp_entity_id = any ($2)", entity_id, audiences);
    Ok(found.fetch_all(db).await?.into_iter().map(Idp::from).collect())
}

pub async fn insert_idp(db: &mut PgConnection, idp: &Idp) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into identity_providers
             (id, name, created_at, last_updated, enabled, sp_entity_id, acs_url, entity_id, sso_url, certificates,
              wants_signed_requests, require_signed_assertions, require_signed_response, allow_unsolicited,
              allow_assertion_grant, allow_account_creation, metadata_url)
         values ($1, $2, $3, $4, false, '', '', '', '', '{}', false, true, true, false, false, true, '')",
        idp.id,
        idp.name,
        idp.created_at,
        idp.last_updated
    )
    .execute(&mut *db)
    .await?;
    update_idp(db, idp).await
}

/// Writes all of the provider but its name and when it was made.
pub async fn update_idp(db: &mut PgConnection, idp: &Idp) -> sqlx::Result<()> {
    let (url, xml) = match &idp.metadata_source {
        MetadataSource::Url(url) => (Some(url), None),
        MetadataSource::Xml(xml) => (None, Some(xml)),
    };
    sqlx::query!(
        "update identity_providers set
             enabled = $2, sp_entity_id = $3, acs_url = $4, acs_https_port = $5, default_account = $6,
             default_role = $7, idp_account_attribute = $8, idp_groups_attribute = $9, idp_role_attribute = $10,
             idp_username_attribute = $11, metadata_url = $12, metadata_xml = $13, entity_id = $14, sso_url = $15,
             certificates = $16, wants_signed_requests = $17, valid_until = $18, refresh_at = $19,
             require_signed_assertions = $20, require_signed_response = $21, allow_unsolicited = $22,
             allow_assertion_grant = $23, allow_account_creation = $24, allowed_accounts = $25, allowed_roles = $26,
             last_updated = $27, require_existing_users = $28
         where id = $1",
        idp.id,
        idp.enabled,
        idp.sp_entity_id,
        idp.acs_url,
        idp.acs_https_port.map(i32::from),
        idp.mapping.default_account,
        idp.mapping.default_role,
        idp.mapping.account_attribute,
        idp.mapping.groups_attribute,
        idp.mapping.role_attribute,
        idp.mapping.username_attribute,
        url,
        xml,
        idp.metadata.entity_id,
        idp.metadata.sso_url,
        &idp.metadata.certificates,
        idp.metadata.wants_signed_requests,
        idp.metadata.valid_until,
        idp.refresh_at,
        idp.require_signed_assertions,
        idp.require_signed_response,
        idp.allow_unsolicited,
        idp.allow_assertion_grant,
        idp.mapping.allow_account_creation,
        idp.mapping.allowed_accounts.as_deref(),
        idp.mapping.allowed_roles.as_deref(),
        idp.last_updated,
        idp.require_existing_users
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The users of a provider are those of its entity: `source` says which.
pub async fn update_source(db: &mut PgConnection, idp: &Idp) -> sqlx::Result<()> {
    sqlx::query!(
        "update users set source = $2, last_updated = $3 where idp_id = $1 and source is distinct from $2",
        idp.id,
        idp.metadata.entity_id,
        idp.last_updated
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The users whom the provider vouches for.
pub async fn list_users(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("select id from users where idp_id = $1", id).fetch_all(db).await
}

/// Deletes the provider, with its users, their keys and sessions, its mappings and requests (`on delete cascade`).
pub async fn delete_idp(db: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from users where idp_id = $1", id).execute(&mut *db).await?;
    sqlx::query!("delete from identity_providers where id = $1", id).execute(db).await?;
    Ok(())
}

/// A group that is mapped to a provider.
pub struct MappedGroup {
    pub id: Uuid,
    pub name: String,
    pub mapped_at: OffsetDateTime,
}

pub async fn list_groups(db: &mut PgConnection, idp_id: Uuid) -> sqlx::Result<Vec<MappedGroup>> {
    sqlx::query_as!(
        MappedGroup,
        "select g.id, g.name, m.mapped_at from idp_user_groups m join user_groups g on g.id = m.group_id
         where m.idp_id = $1 order by g.name",
        idp_id
    )
    .fetch_all(db)
    .await
}

/// Maps a group; answers false where there is no such group.
pub async fn insert_group(db: &mut PgConnection, idp_id: Uuid, group: Uuid, now: OffsetDateTime) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!("select id from user_groups where id = $1 for key share", group);
    if held.fetch_optional(&mut *db).await?.is_none() {
        return Ok(false);
    }
    sqlx::query!(
        "insert into idp_user_groups (idp_id, group_id, mapped_at) values ($1, $2, $3) on conflict do nothing",
        idp_id,
        group,
        now
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Ends the mapping of a group, and with it the memberships that came by it; answers whose, if it was mapped.
pub async fn delete_group(db: &mut PgConnection, idp_id: Uuid, group: Uuid) -> sqlx::Result<Option<Vec<String>>> {
    let done = sqlx::query!("delete from idp_user_groups where idp_id = $1 and group_id = $2", idp_id, group);
    if done.execute(&mut *db).await?.rows_affected() == 0 {
        return Ok(None);
    }
    let removed = sqlx::query_scalar!(
        "delete from user_group_members m using users u
         where m.group_id = $2 and m.by_sso and u.id = m.user_id and u.idp_id = $1 returning u.username",
        idp_id,
        group
    );
    removed.fetch_all(db).await.map(Some)
}

/// A provider whose metadata is to be fetched.
pub struct Due {
    pub id: Uuid,
    pub name: String,
    pub url: String,
    pub entity_id: String,
    /// Stays so until it was fetched, or the configuration is changed.
    pub refresh_at: OffsetDateTime,
}

/// Claims one whose metadata is due: no other node fetches it before `again_at`.
pub async fn claim_due(
    db: &mut PgConnection,
    now: OffsetDateTime,
    again_at: OffsetDateTime,
) -> sqlx::Result<Option<Due>> {
    sqlx::query_as!(
        Due,
        r#"update identity_providers set refresh_at = $2 where id = (
               select id from identity_providers where refresh_at <= $1 and metadata_url is not null
               order by refresh_at limit 1 for update skip locked)
           returning id, name, metadata_url as "url!", entity_id, refresh_at as "refresh_at!""#,
        now,
        again_at
    )
    .fetch_optional(db)
    .await
}

/// Writes what was fetched from `due.url`, unless the configuration was changed meanwhile.
pub async fn update_metadata(
    db: &mut PgConnection,
    due: &Due,
    read: &Metadata,
    next: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update identity_providers set sso_url = $4, certificates = $5, wants_signed_requests = $6, valid_until = $7,
                                       refresh_at = $8
         where id = $1 and metadata_url = $2 and entity_id = $3 and refresh_at = $9",
        due.id,
        due.url,
        due.entity_id,
        read.sso_url,
        &read.certificates,
        read.wants_signed_requests,
        read.valid_until,
        next,
        due.refresh_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Our key as it is stored.
pub struct StoredKey {
    pub private_key: Vec<u8>,
    pub is_sealed: bool,
    pub certificate: String,
}

pub async fn find_key(db: &mut PgConnection) -> sqlx::Result<Option<StoredKey>> {
    sqlx::query_as!(StoredKey, "select private_key, is_sealed, certificate from service_provider_key")
        .fetch_optional(db)
        .await
}

/// Stores the key where there is none.
pub async fn insert_key(db: &mut PgConnection, key: &StoredKey, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into service_provider_key (private_key, is_sealed, certificate, created_at) values ($1, $2, $3, $4)
         on conflict do nothing",
        key.private_key,
        key.is_sealed,
        key.certificate,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
