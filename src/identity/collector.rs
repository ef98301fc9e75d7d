//! Removes in the background what has been deleted: the rows of deleted accounts, then their names, deleted API keys
//! after their time, and sessions and tokens that have run out. In chunks, each a transaction of its own; nodes share
//! the work, since a row that another node holds is passed over.

use std::{pin::Pin, time::Duration};

use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use super::{saml::sign_in_store as saml, sessions::store as sessions};
use crate::{
    authn::{attempts::store::delete_old_attempts, jwt::CLOCK_SKEW, signing_keys::delete_expired_keys},
    db::{Db, WriteError, changes::retention as changes, earliest_now},
    error::Result,
    state::App,
    system::configurations::in_force,
    transaction,
};

/// Wakes the collector.
#[derive(Debug, Default)]
pub struct Collector {
    account_deleted: Notify,
}

impl Collector {
    /// An account has been deleted: do not wait for the next round.
    pub fn wake(&self) {
        self.account_deleted.notify_one();
    }
}

/// How many rows a transaction removes of one table.
const CHUNK: i64 = 1_000;

type Removed<'a> = Pin<Box<dyn Future<Output = sqlx::Result<u64>> + Send + 'a>>;

/// How the rows of one account leave one table, a chunk at a time.
pub struct Purge {
    pub table: &'static str,
    remove: for<'a> fn(&'a mut PgConnection, Uuid) -> Removed<'a>,
}

/// Every table that holds rows of an account, those that refer to others first.
pub const PURGES: [Purge; 8] = [
    Purge {
        table: "api_keys",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from api_keys where id in (select k.id from api_keys k join users u on u.id = k.user_id
                     where u.account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "passwords",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from passwords where user_id in (select p.user_id from passwords p
                     join users u on u.id = p.user_id where u.account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "refresh_tokens",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from refresh_tokens where hash in (
                         select t.hash from refresh_tokens t join sessions s on s.id = t.session_id
                         join users u on u.id = s.user_id where u.account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "sessions",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from sessions where id in (select s.id from sessions s join users u on u.id = s.user_id
                     where u.account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "role_members",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from role_members where id in (
                         select m.id from role_members m join users u on u.id = m.user_id
                         where m.account_id = $1 or u.account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "user_group_roles",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from user_group_roles where id in (
                         select id from user_group_roles where account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "user_group_members",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from user_group_members where (group_id, user_id) in (
                         select gm.group_id, gm.user_id from user_group_members gm join users u on u.id = gm.user_id
                         where u.account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
    Purge {
        table: "users",
        remove: |db, account_id| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "delete from users where id in (select id from users where account_id = $1 limit $2)",
                    account_id,
                    CHUNK
                );
                done.execute(db).await.map(|done| done.rows_affected())
            })
        },
    },
];

/// Runs until the process ends.
pub async fn run(app: App) {
    let cleanup = &app.config.cleanup;
    let mut log = changes::Retention::default();
    let (mut next_keys, mut next_tokens) = (Instant::now(), Instant::now());
    loop {
        report(&app, "deleted accounts", app.db.while_it_answers(remove_accounts(&app.db)).await);
        report(&app, "rows of the log of changes", app.db.while_it_answers(log.remove_old(&app.db)).await);
        if next_keys <= Instant::now() {
            report(&app, "deleted API keys", app.db.while_it_answers(remove_keys(&app)).await);
            next_keys = Instant::now() + cleanup.api_keys_interval;
        }
        if next_tokens <= Instant::now() {
            report(&app, "sessions and tokens that have run out", app.db.while_it_answers(remove_tokens(&app)).await);
            next_tokens = Instant::now() + cleanup.oauth_tokens_interval;
        }
        let pause: Duration = cleanup.accounts_interval;
        // A wake-up or the end of the pause: both mean the same.
        drop(tokio::time::timeout(pause, app.collector.account_deleted.notified()).await);
    }
}

fn report(app: &App, what: &'static str, removed: Result<u64>) {
    app.metrics.collected(what, removed.as_ref().ok().copied());
    match removed {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "removed {what}"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not remove {what}, trying again later");
        }
    }
}

/// Removes every account that is being deleted and is in no other node's hands; answers how many rows went.
///
/// # Errors
/// What the database says.
pub async fn remove_accounts(db: &Db) -> Result<u64> {
    let mut rows = 0;
    while let Some(removed) = transaction!(db, |db| { remove_some_of_an_account(db).await })? {
        rows += removed;
    }
    Ok(rows)
}

/// A chunk of the first table that still has rows of the account, or at last the account itself; `None` where no
/// account is left to remove.
async fn remove_some_of_an_account(db: &mut PgConnection) -> Result<Option<u64>, WriteError> {
    let claimed = sqlx::query_scalar!(
        "select id from accounts where state = 'deleting' order by last_updated limit 1 for update skip locked"
    );
    let Some(account_id) = claimed.fetch_optional(&mut *db).await? else { return Ok(None) };
    for purge in &PURGES {
        let removed = (purge.remove)(&mut *db, account_id).await?;
        if removed > 0 {
            return Ok(Some(removed));
        }
    }
    let done = sqlx::query!("delete from accounts where id = $1", account_id).execute(db).await?;
    Ok(Some(done.rows_affected()))
}

/// Removes the rows of API keys that were deleted long enough ago; answers how many went.
///
/// # Errors
/// What the database says.
pub async fn remove_keys(app: &App) -> Result<u64> {
    let settings = in_force(&mut *app.db.connection().await?, &app.config).await?;
    let Some(days) = settings.remove_deleted_user_api_keys_older_than_days else {
        return Ok(0);
    };
    let before = earliest_now(&mut *app.db.connection().await?, &app.clock).await? - time::Duration::days(days.into());
    let mut rows = 0;
    loop {
        let removed = transaction!(app.db, |db| { Ok(remove_some_keys(db, before).await?) })?;
        rows += removed;
        if removed == 0 {
            return Ok(rows);
        }
    }
}

/// Removes sessions, refresh tokens, signing keys, counts of failures, and requests and assertions of single sign-on
/// that have run out; answers how many rows went.
///
/// # Errors
/// What the database says.
pub async fn remove_tokens(app: &App) -> Result<u64> {
    // A token counts a little longer than it says.
    let before =
        earliest_now(&mut *app.db.connection().await?, &app.clock).await? - time::Duration::seconds(CLOCK_SKEW);
    let mut rows = transaction!(app.db, |db| { Ok(delete_expired_keys(db, before).await?) })?;
    // A block lasts an hour at most, and a window that nobody asked about for a day is over.
    let forgotten = before - time::Duration::days(1);
    loop {
        let removed = transaction!(app.db, |db| { Ok(delete_old_attempts(db, forgotten, CHUNK).await?) })?;
        rows += removed;
        if removed == 0 {
            break;
        }
    }
    loop {
        let removed = transaction!(app.db, |db| {
            let sessions = sessions::delete_expired_sessions(db, before, CHUNK).await?;
            let tokens = sessions::delete_expired_tokens(db, before, CHUNK).await?;
            Ok(sessions + tokens + saml::delete_expired(db, before, CHUNK).await?)
        })?;
        rows += removed;
        if removed == 0 {
            return Ok(rows);
        }
    }
}

async fn remove_some_keys(db: &mut PgConnection, before: OffsetDateTime) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from api_keys where id in
         (select id from api_keys where deleted_at <= $1 order by deleted_at limit $2 for update skip locked)",
        before,
        CHUNK
    );
    done.execute(db).await.map(|done| done.rows_affected())
}
