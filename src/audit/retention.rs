//! How long records stay: a month at a time, by dropping its partition. Only who owns the tables can; a node whose role
//! may merely insert leaves it to `kedge migrate`.
//!
//! Each step is a transaction of its own (migration 12), and takes as long as it has to: its connection knows no
//! `statement_timeout`. Those that lock the trail do nothing else meanwhile.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use time::Date;

use super::months::{self, Step};
use crate::{
    clock::Clock,
    db::{Db, earliest_now, lost_a_conflict},
    error::Result,
    state::App,
};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_hours(6);
/// How many records are forgotten in one transaction.
const CHUNK: i64 = 1_000;
/// How often a step is tried that finds the trail locked, and the pause between two tries: others may go on meanwhile.
const TRIES: u8 = 10;
const TRY_EVERY: Duration = Duration::from_millis(500);

/// Runs until the process ends.
pub async fn run(app: App, options: PgConnectOptions) {
    loop {
        report(maintain(&options, app.config.audit.retention_days, &app.clock).await);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Makes the months that will be needed, before the first record comes.
pub async fn prepare(options: &PgConnectOptions) {
    let db = Db::patient(options.clone(), 1);
    let made = db.while_it_answers(make_months(&db)).await;
    db.close().await;
    report(made);
}

fn report(maintained: Result<()>) {
    if let Err(error) = maintained {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "months of the audit trail were not all made or dropped, trying again later"
        );
    }
}

/// Makes the months that will be needed, and drops those whose records are older than so many days.
///
/// # Errors
/// The first thing that the database says against a step; the others are made nevertheless.
pub async fn maintain(options: &PgConnectOptions, days: Option<u32>, clock: &Clock) -> Result<()> {
    let db = Db::patient(options.clone(), 1);
    let work = async {
        let made = make_months(&db).await;
        made.and(end_months(&db, days, clock).await)
    };
    let done = db.while_it_answers(work).await;
    db.close().await;
    done
}

async fn make_months(db: &Db) -> Result<()> {
    if !months::are_ours(&mut *db.connection().await?).await? {
        if months::is_one_missing(&mut *db.connection().await?).await? {
            tracing::warn!(
                "the audit trail lacks months to come: `kedge migrate` makes them as the owner of the tables"
            );
        }
        return Ok(());
    }
    let mut all = Ok(());
    let needed = months::list_needed(&mut *db.connection().await?).await?;
    for month in needed {
        all = all.and(told(month, take(db, Step::Make, month).await));
    }
    if months::are_records_without(&mut *db.connection().await?).await? {
        tracing::warn!("some records of the audit trail are in no month, and retention does not end them");
    }
    all
}

async fn end_months(db: &Db, days: Option<u32>, clock: &Clock) -> Result<()> {
    if !months::are_ours(&mut *db.connection().await?).await? {
        return Ok(());
    }
    // Those of a run that was cut off come first: a month that is to end may need their names.
    let mut all = drop_ended(db).await;
    let Some(days) = days else { return all };
    let keep_from = earliest_now(&mut *db.connection().await?, clock).await? - time::Duration::days(days.into());
    let due = months::list_due(&mut *db.connection().await?, keep_from).await?;
    for month in due {
        all = all.and(told(month, take(db, Step::End, month).await));
    }
    all.and(drop_ended(db).await)
}

/// Drops the months that were taken out of the trail, once all is forgotten that stands of them elsewhere.
async fn drop_ended(db: &Db) -> Result<()> {
    let mut all = Ok(());
    let ended = months::list_ended(&mut *db.connection().await?).await?;
    for month in ended {
        all = all.and(told(month, drop_month(db, month).await));
    }
    all
}

async fn drop_month(db: &Db, month: Date) -> Result<()> {
    let mut after = 0;
    while let Some(last) = months::forget_some(&mut *db.connection().await?, month, after, CHUNK).await? {
        after = last;
    }
    take(db, Step::Drop, month).await
}

/// Takes a step, again where it found the trail locked.
async fn take(db: &Db, step: Step, month: Date) -> Result<()> {
    let mut tries = 1;
    loop {
        match months::take(&mut *db.connection().await?, step, month).await {
            Err(error) if tries < TRIES && is_locked(&error) => {
                tries += 1;
                tokio::time::sleep(TRY_EVERY).await;
            }
            done => return Ok(done?),
        }
    }
}

/// Whether only others were in the way (SQLSTATE 55P03, or a conflict).
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "55P03") || lost_a_conflict(error)
}

fn told(month: Date, done: Result<()>) -> Result<()> {
    if let Err(error) = &done {
        let error = error as &dyn std::error::Error;
        tracing::warn!(%month, error, "a month of the audit trail could be neither made nor dropped");
    }
    done
}
