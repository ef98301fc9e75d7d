//! Keeps the metadata of identity providers up to date: fetched again in the background, by one node at a time. What
//! cannot be had or read leaves the last good copy as it is.

use std::time::Duration;

use time::OffsetDateTime;

use super::{
    Idp,
    fetch::fetch,
    metadata::Metadata,
    store::{self, Due},
};
use crate::{
    audit::{self, record::SecurityEvent},
    error::Result,
    state::App,
    transaction,
};

/// How often is looked whether any is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// When it is tried again after a failure, at the latest.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        tokio::time::sleep(app.config.saml.metadata_refresh.min(LOOK_EVERY)).await;
        if let Err(error) = app.db.while_it_answers(refresh_due(&app)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not look for metadata of identity providers, trying again later"
            );
        }
    }
}

/// Fetches all metadata that is due.
///
/// # Errors
/// What the database says.
pub async fn refresh_due(app: &App) -> Result<()> {
    let interval = app.config.saml.metadata_refresh;
    loop {
        let now = app.clock.now();
        let again_at = now + interval.min(AGAIN_AFTER);
        let Some(due) = transaction!(app.db, |db| { Ok(store::claim_due(db, now, again_at).await?) })? else {
            return Ok(());
        };
        match read(app, &due).await {
            Ok(read) => {
                write(app, &due, &read, now + interval).await?;
                tracing::debug!(idp = due.name, "metadata fetched");
            }
            Err(why) => {
                tracing::warn!(idp = due.name, why, "metadata could not be refreshed: the last good copy stays");
            }
        }
    }
}

/// Writes what was fetched. Other certificates than before have a record.
async fn write(app: &App, due: &Due, read: &Metadata, next: OffsetDateTime) -> Result<()> {
    let replaced = SecurityEvent::CertificatesReplaced.record(&app.clock, &app.random, &due.name);
    let record = Some(&replaced).filter(|_| app.config.audit.enabled);
    let is_replaced = transaction!(app.db, |db| {
        let before = store::hold_idp(db, due.id).await?;
        store::update_metadata(db, due, read, next).await?;
        let after = store::hold_idp(db, due.id).await?;
        let certificates = |idp: Option<Idp>| idp.map(|idp| idp.metadata.certificates);
        let is_replaced = certificates(before) != certificates(after);
        if let Some(record) = record.filter(|_| is_replaced) {
            audit::store::insert(db, record).await?;
        }
        Ok(is_replaced)
    })?;
    if let Some(record) = record.filter(|_| is_replaced) {
        tracing::info!(target: "kedge::audit", "{}", record.line());
    }
    Ok(())
}

async fn read(app: &App, due: &Due) -> Result<Metadata, String> {
    let xml = fetch(&app.config.saml, &due.url).await.map_err(|error| error.to_string())?;
    let read = tokio::task::spawn_blocking(move || Metadata::read(&xml)).await.map_err(|error| error.to_string())?;
    let read = read.map_err(|error| error.to_string())?;
    if read.entity_id != due.entity_id {
        return Err(format!("it is that of another entity, {:.200}", read.entity_id));
    }
    if !read.counts(app.clock.now()) {
        return Err("it has run out".to_owned());
    }
    Ok(read)
}
