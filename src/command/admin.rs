//! `kedge admin …`.

use std::{io::Read, sync::Arc};

use super::{Failure, database::Database};
use crate::{
    authn::password::{Cost, Hasher},
    clock::{Clock, Random},
    config::Config,
    db::{self, Db},
    error::Error,
    identity::{bootstrap, users::rules::may_be_set},
    names::NewPassword,
    secret::Secret,
};

/// Sets the password of a user of the account admin.
pub async fn reset_password(config: Config, username: &str, from_stdin: bool) -> Result<(), Failure> {
    let given = if from_stdin { Some(read_password(&config)?) } else { None };
    let random = Arc::new(Random::System);
    let database = Database::to_command(&config, &random).await?;
    let done = reset(&database, random, username, given).await;
    database.release().await?;
    if let Some(password) = done? {
        print_password(username, &password);
    }
    Ok(())
}

async fn reset(
    database: &Database,
    random: Arc<Random>,
    username: &str,
    given: Option<NewPassword>,
) -> Result<Option<Secret>, Failure> {
    db::migrate(&database.options).await?;
    let db = Db::new(database.options.clone(), 1);
    let hasher = Hasher::new(Arc::clone(&random), Cost::OWASP)?;
    let done = bootstrap::reset_password(&db, &hasher, &Clock::System, &random, username, given).await;
    db.close().await;
    Ok(done?)
}

fn read_password(config: &Config) -> Result<NewPassword, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| Failure::Other(format!("cannot read the password from standard input: {error}")))?;
    let password = NewPassword::parse(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        .map_err(|error| Failure::Request(Error::malformed("password", error.to_string())))?;
    may_be_set(&password, &config.user_authentication)?;
    Ok(password)
}

#[expect(clippy::disallowed_methods, reason = "the operator who asked for a new password is shown it, once")]
fn print_password(username: &str, password: &Secret) {
    println!("The password of {username} is now:\n\n    {}\n", password.reveal());
}
