//! What keeps a signing key from whoever reads the database: AES-256-GCM (NIST SP 800-38D) under a key from the
//! configuration, the name of the sealed key authenticated with it.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What the derived key is for: another use of the same secret would name another.
const PURPOSE: &[u8] = b"kedge: sealed signing keys, 1";

/// Seals and opens.
#[derive(Clone)]
pub struct Sealing(Arc<LessSafeKey>);

impl Sealing {
    /// The key is derived from the secret by HKDF (RFC 5869), so that any text of enough length will do.
    ///
    /// # Errors
    /// None that a secret could cause.
    #[expect(clippy::disallowed_methods, reason = "the key is derived from the secret")]
    pub fn new(secret: &Secret) -> Result<Self, Unspecified> {
        let prk = Salt::new(HKDF_SHA256, &[]).extract(secret.reveal().as_bytes());
        let key = prk.expand(&[PURPOSE], &AES_256_GCM)?;
        Ok(Self(Arc::new(LessSafeKey::new(UnboundKey::from(key)))))
    }

    /// The key `kid`, sealed: the nonce, which must be random, then the ciphertext and its tag.
    ///
    /// # Errors
    /// None for a key.
    pub fn seal(&self, kid: &str, key: &[u8], nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = key.to_vec();
        let aad = Aad::from(kid.as_bytes());
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The key again; `None` where it was sealed with another key, for another key, or altered.
    #[must_use]
    pub fn open(&self, kid: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut key = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(kid.as_bytes());
        let length = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut key).ok()?.len();
        key.truncate(length);
        Some(key)
    }
}

impl std::fmt::Debug for Sealing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing(text: &str) -> Sealing {
        Sealing::new(&Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn only_the_same_secret_and_name_open_what_was_sealed() {
        let sealed = sealing("the walrus and the carpenter").seal("kid", &[7; 32], [1; 12]).unwrap();
        assert!(!sealed.windows(4).any(|window| window == [7; 4]));
        assert_eq!(*sealing("the walrus and the carpenter").open("kid", &sealed).unwrap(), [7; 32]);
        assert!(sealing("the walrus and the oyster").open("kid", &sealed).is_none());
        assert!(sealing("the walrus and the carpenter").open("dik", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(sealing("the walrus and the carpenter").open("kid", &altered).is_none(), "{at}");
        }
        assert!(sealing("the walrus and the carpenter").open("kid", &[]).is_none());
    }
}
