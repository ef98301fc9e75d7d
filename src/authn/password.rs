//! Passwords: argon2id (RFC 9106) with OWASP's parameters, 19 MiB, two passes, one lane.
//!
//! Hashing runs on blocking threads, as many at once as there are cores; the permit moves into the work, so that a
//! client that hangs up cannot free a place that is still in use.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{
    clock::Random,
    error::{Error, Result},
    secret::Secret,
};

const SALT_BYTES: usize = 16;

/// What a hash costs, in one lane.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Cost {
    /// OWASP's recommendation (Password Storage Cheat Sheet), which Kedge serves with.
    pub const OWASP: Self = Self { memory_kib: 19 * 1024, passes: 2 };
}

/// Hashes and compares.
#[derive(Debug)]
pub struct Hasher {
    places: Arc<Semaphore>,
    random: Arc<Random>,
    cost: Cost,
    /// The hash of no password: compared where there is none, so that it costs the same.
    nobody: String,
}

/// What came of a comparison.
#[derive(Debug)]
pub struct Verdict {
    pub is_right: bool,
    /// A hash by today's parameters, where the stored one is weaker and the password was right.
    pub rehashed: Option<String>,
}

/// Why a hasher could not be made, or a hash not be computed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("argon2: {0}")]
    Parameters(#[from] argon2::Error),
    #[error("argon2: {0}")]
    Hash(#[from] argon2::password_hash::Error),
    #[error("a stored password hash cannot be read: {0}")]
    Stored(argon2::password_hash::phc::Error),
}

impl Hasher {
    /// A hasher that works on as many passwords at once as there are cores.
    ///
    /// # Errors
    /// Where argon2 refuses its parameters.
    pub fn new(random: Arc<Random>, cost: Cost) -> Result<Self, HashError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let unknowable = Secret::new(random.alphanumeric(43));
        let nobody = hash(&unknowable, &random.bytes::<SALT_BYTES>(), cost)?;
        Ok(Self { places: Arc::new(Semaphore::new(cores)), random, cost, nobody })
    }

    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// None that a request could cause.
    pub async fn hash(&self, password: Secret) -> Result<String> {
        let (salt, cost) = (self.random.bytes::<SALT_BYTES>(), self.cost);
        self.work(move || hash(&password, &salt, cost)).await
    }

    /// Compares `password` with the stored hash; without one, with nobody's.
    ///
    /// # Errors
    /// Where the stored hash is not one.
    pub async fn verify(&self, password: Secret, phc: Option<String>) -> Result<Verdict> {
        let phc = phc.unwrap_or_else(|| self.nobody.clone());
        let (salt, cost) = (self.random.bytes::<SALT_BYTES>(), self.cost);
        self.work(move || verify(&password, &phc, &salt, cost)).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, HashError> + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

fn argon2id(cost: Cost) -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(cost.memory_kib, cost.passes, 1, None)?))
}

#[expect(clippy::disallowed_methods, reason = "the password is hashed")]
fn hash(password: &Secret, salt: &[u8], cost: Cost) -> Result<String, HashError> {
    Ok(argon2id(cost)?.hash_password_with_salt(password.reveal().as_bytes(), salt)?.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the password is compared")]
fn verify(password: &Secret, phc: &str, salt: &[u8], cost: Cost) -> Result<Verdict, HashError> {
    let stored = PasswordHash::new(phc).map_err(HashError::Stored)?;
    let is_right = match argon2id(cost)?.verify_password(password.reveal().as_bytes(), &stored) {
        Ok(()) => true,
        Err(argon2::password_hash::Error::PasswordInvalid) => false,
        Err(error) => return Err(error.into()),
    };
    let rehashed = if is_right && is_weaker(&stored, cost) { Some(hash(password, salt, cost)?) } else { None };
    Ok(Verdict { is_right, rehashed })
}

fn is_weaker(stored: &PasswordHash, cost: Cost) -> bool {
    let Ok(params) = Params::try_from(stored) else { return true };
    params.m_cost() < cost.memory_kib || params.t_cost() < cost.passes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn right_password_is_told_from_a_wrong_one() {
        let phc = hash(&secret("correct horse"), &[7; 16], Cost::OWASP).unwrap();
        assert!(verify(&secret("correct horse"), &phc, &[0; 16], Cost::OWASP).unwrap().is_right);
        assert!(!verify(&secret("correct horsf"), &phc, &[0; 16], Cost::OWASP).unwrap().is_right);
    }

    #[test]
    fn weaker_hash_is_replaced_when_its_password_is_seen() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let phc = weak.hash_password_with_salt(b"correct horse", &[7; 16]).unwrap().to_string();
        let rehashed = verify(&secret("correct horse"), &phc, &[9; 16], Cost::OWASP).unwrap().rehashed.unwrap();
        assert!(rehashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(&secret("correct horse"), &rehashed, &[0; 16], Cost::OWASP).unwrap().rehashed.is_none());
        assert!(verify(&secret("wrong"), &phc, &[9; 16], Cost::OWASP).unwrap().rehashed.is_none());
    }
}
