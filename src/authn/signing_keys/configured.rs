//! The key that the configuration names: a PEM pair, or else a shared secret.

use std::{fs, path::Path};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, jwk::Jwk};
use zeroize::Zeroizing;

use super::key::SigningKey;
use crate::config::Keys;

/// What is wrong with a configured key.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    #[error("`{key}`: cannot read the file: {error}")]
    Unreadable { key: &'static str, error: std::io::Error },
    #[error("`keys.private_key_path`: {0}")]
    Private(&'static str),
    #[error("`keys.public_key_path`: expected the public half of the key in `keys.private_key_path`, as PEM")]
    Public,
    #[error("`keys.secret` cannot be used: {0}")]
    Secret(jsonwebtoken::errors::Error),
}

const EXPECTED: &str = "expected a PEM file with one unencrypted private key: RSA of at least 2048 bits (PKCS #1 or \
                        PKCS #8), or EC on P-256 or Ed25519 (PKCS #8, as `openssl genpkey` writes them)";

/// The configured key, if there is one. The pair wins over the secret.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub fn configured(keys: &Keys) -> Result<Option<SigningKey>, KeyProblem> {
    if let Some(path) = &keys.private_key_path {
        return pair(path, keys.public_key_path.as_deref()).map(Some);
    }
    let Some(secret) = &keys.secret else { return Ok(None) };
    #[expect(clippy::disallowed_methods, reason = "the secret is what signs")]
    let (signs, verifies) = {
        let secret = secret.reveal().as_bytes();
        (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret))
    };
    SigningKey::new(Algorithm::HS256, signs, verifies).map(Some).map_err(KeyProblem::Secret)
}

/// The pair in two PEM files; the algorithm is told by the key. Without the public file it is taken from the private.
fn pair(private: &Path, public: Option<&Path>) -> Result<SigningKey, KeyProblem> {
    let read = |key, path| fs::read(path).map(Zeroizing::new).map_err(|error| KeyProblem::Unreadable { key, error });
    let pem = read("keys.private_key_path", private)?;
    let (algorithm, signs) = private_key(&pem).ok_or(KeyProblem::Private(EXPECTED))?;
    // A key of another curve or size has no JWK for the algorithm, or cannot sign.
    let jwk = Jwk::from_encoding_key(&signs, algorithm).map_err(|_| KeyProblem::Private(EXPECTED))?;
    let verifies = DecodingKey::from_jwk(&jwk).map_err(|_| KeyProblem::Private(EXPECTED))?;
    if let Some(public) = public {
        let pem = read("keys.public_key_path", public)?;
        let given = public_key(&pem, algorithm).and_then(|key| Jwk::from_decoding_key(&key, Some(algorithm)).ok());
        if given.is_none_or(|given| given.algorithm != jwk.algorithm) {
            return Err(KeyProblem::Public);
        }
    }
    let key = SigningKey::new(algorithm, signs, verifies).map_err(|_| KeyProblem::Private(EXPECTED))?;
    key.try_out().then_some(key).ok_or(KeyProblem::Private(EXPECTED))
}

fn private_key(pem: &[u8]) -> Option<(Algorithm, EncodingKey)> {
    EncodingKey::from_rsa_pem(pem)
        .map(|key| (Algorithm::RS256, key))
        .or_else(|_| EncodingKey::from_ec_pem(pem).map(|key| (Algorithm::ES256, key)))
        .or_else(|_| EncodingKey::from_ed_pem(pem).map(|key| (Algorithm::EdDSA, key)))
        .ok()
}

fn public_key(pem: &[u8], algorithm: Algorithm) -> Option<DecodingKey> {
    let read = match algorithm {
        Algorithm::RS256 => DecodingKey::from_rsa_pem,
        Algorithm::ES256 => DecodingKey::from_ec_pem,
        _ => DecodingKey::from_ed_pem,
    };
    read(pem).ok()
}
