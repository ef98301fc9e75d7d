//! `kedge admin …`.

use std::{io::Read, sync::Arc};

use super::{Failure, database::Database};
use crate::{
    audit::seal,
    authn::{
        password::{Cost, Hasher, Places},
        signing_keys::{self, KeyError, Rotated, Sealing},
    },
    clock::{Clock, Random},
    config::Config,
    db::{self, Db, changes},
    error::Error,
    identity::{bootstrap, users::rules::may_be_set},
    names::NewPassword,
    secret::Secret,
    system::configurations::in_force,
    timestamp::Timestamp,
};

/// Sets the password of a user of the account admin.
pub async fn reset_password(config: Config, username: &str, from_stdin: bool) -> Result<(), Failure> {
    let given = if from_stdin { Some(read_password()?) } else { None };
    let random = Arc::new(Random::System);
    let database = Database::to_command(&config, &random).await?;
    let done = reset(&config, &database, random, username, given).await;
    let released = database.release().await;
    done.and(released)
}

async fn reset(
    config: &Config,
    database: &Database,
    random: Arc<Random>,
    username: &str,
    given: Option<NewPassword>,
) -> Result<(), Failure> {
    db::migrate(&database.direct).await?;
    let db = Db::new(database.direct.clone(), 1);
    let hasher = Hasher::new(Arc::clone(&random), Cost::OWASP, Places::ALONE)?;
    let done = async {
        if let Some(password) = &given {
            may_be_set(password, &in_force(&mut *db.connection().await?, config).await?)?;
        }
        let has_trail = config.audit.enabled;
        bootstrap::reset_password(&db, &hasher, &Clock::System, &random, (username, given), has_trail).await
    };
    let done = match done.await {
        Ok(password) => {
            // Whatever fails from here on: it counts, and is shown now or never.
            if let Some(password) = password {
                print_password(username, &password);
            }
            changes::announce(&db).await.map(drop).map_err(|error| not_announced(&error))
        }
        Err(error) => Err(error.into()),
    };
    db.close().await;
    done
}

fn not_announced(error: &Error) -> Failure {
    Failure::Other(format!("the password was changed, but whether every node goes by it is not known: {error}"))
}

/// Makes a new key that signs access tokens.
pub async fn rotate_signing_key(mut config: Config) -> Result<(), Failure> {
    if config.keys.secret.is_some() || config.keys.private_key_path.is_some() {
        let why =
            "the signing key comes from the configuration (`keys.…`): put another in its place and restart every node";
        return Err(Failure::Other(why.to_owned()));
    }
    let sealing = config.keys.sealing_key.take().map(|secret| Sealing::new(&secret)).transpose();
    let sealing = sealing.map_err(KeyError::from)?;
    let random = Random::System;
    let database = Database::to_command(&config, &random).await?;
    let done = rotate(&config, &database, &random, sealing).await;
    if let Ok(rotated) = &done {
        println!("The key {} signs from now on.", rotated.kid);
        if let Some(until) = rotated.until {
            println!("The previous one verifies until {}.", Timestamp(until));
        }
    }
    let released = database.release().await;
    done.and(released)
}

async fn rotate(
    config: &Config,
    database: &Database,
    random: &Random,
    sealing: Option<Sealing>,
) -> Result<Rotated, Failure> {
    db::migrate(&database.direct).await?;
    let db = Db::new(database.direct.clone(), 1);
    let lifetime = config.user_authentication.oauth.token_lifetime;
    let done = signing_keys::rotate(&db, (&Clock::System, random), sealing, lifetime, config.audit.enabled).await;
    db.close().await;
    Ok(done?)
}

/// Looks at every seal of the audit trail and at every record.
pub async fn verify_audit(config: &Config, checkpoint: Option<&str>, keys: &[String]) -> Result<(), Failure> {
    let database = Database::to_command(config, &Random::System).await?;
    let db = Db::patient(database.direct.clone(), 1);
    let done = seal::verify(&db, checkpoint, keys).await;
    db.close().await;
    database.release().await?;
    let found = done?;
    println!("{} records in {} seals are as they were written.", found.records, found.seals);
    if found.dropped > 0 {
        println!("{} more seals cover records that retention has removed.", found.dropped);
    }
    if found.unsealed > 0 {
        println!("{} records are in no seal yet.", found.unsealed);
    }
    for key in &found.keys {
        println!("Signed by the key {key}.");
    }
    if let Some(last) = &found.checkpoint {
        println!("The last seal; keep it where the database's owner cannot reach it: {last}");
    }
    Ok(())
}

fn read_password() -> Result<NewPassword, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| Failure::Other(format!("cannot read the password from standard input: {error}")))?;
    NewPassword::parse(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        .map_err(|error| Failure::Request(Error::malformed("password", error.to_string())))
}

#[expect(clippy::disallowed_methods, reason = "the operator who asked for a new password is shown it, once")]
fn print_password(username: &str, password: &Secret) {
    println!("The password of {username} is now:\n\n    {}\n", password.reveal());
}
