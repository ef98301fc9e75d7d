//! Our own key: it signs requests to identity providers that want that, and decrypts what they send. One for the
//! deployment, made when it is needed first, and kept in the database as the keys of access tokens are.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::store::{self, StoredKey};
use crate::{
    authn::signing_keys::Sealing,
    error::{Error, Result},
    secret::Secret,
    state::App,
    transaction,
};

/// What the sealed key is bound to.
const NAME: &str = "saml";
const KEY_SIZE: RsaKeySize = RsaKeySize::_3072;

/// The key, once it was needed.
#[derive(Debug, Default)]
pub struct SpKey {
    sealing: Option<Sealing>,
    pair: OnceCell<Arc<Pair>>,
}

/// A private key and its certificate, in PEM.
#[derive(Debug)]
pub struct Pair {
    pub private_key: Secret,
    pub certificate: String,
}

impl SpKey {
    #[must_use]
    pub fn new(sealing: Option<Sealing>) -> Self {
        Self { sealing, pair: OnceCell::new() }
    }

    /// The pair, made where there is none.
    ///
    /// # Errors
    /// A stored one that cannot be opened, or what the database says.
    pub async fn pair(&self, app: &App) -> Result<Arc<Pair>> {
        Ok(Arc::clone(self.pair.get_or_try_init(|| self.load(app)).await?))
    }

    async fn load(&self, app: &App) -> Result<Arc<Pair>> {
        if let Some(stored) = store::find_key(&mut *app.db.connection().await?).await? {
            return self.open(stored);
        }
        // Tenths of a second of computing: not on the threads that serve.
        let made = tokio::task::spawn_blocking(make).await.map_err(Error::internal)??;
        let new = self.seal(made, app.random.bytes())?;
        let now = app.clock.now();
        // Another node may have been faster: what is stored counts.
        let stored = transaction!(app.db, |db| {
            store::insert_key(db, &new, now).await?;
            Ok(store::find_key(db).await?)
        })?;
        self.open(stored.ok_or_else(|| Error::internal("the service provider's key vanished"))?)
    }

    fn seal(&self, made: Made, nonce: [u8; 12]) -> Result<StoredKey> {
        let sealed = self.sealing.as_ref().map(|sealing| sealing.seal(NAME, made.private_key.as_bytes(), nonce));
        let sealed = sealed.transpose().map_err(|_| Error::internal("the service provider's key cannot be sealed"))?;
        let is_sealed = sealed.is_some();
        let private_key = sealed.unwrap_or_else(|| made.private_key.as_bytes().to_vec());
        Ok(StoredKey { private_key, is_sealed, certificate: made.certificate })
    }

    fn open(&self, stored: StoredKey) -> Result<Arc<Pair>> {
        let bytes = Zeroizing::new(stored.private_key);
        let opened = if stored.is_sealed {
            let unsealed = self.sealing.as_ref().and_then(|sealing| sealing.open(NAME, &bytes));
            unsealed
                .ok_or_else(|| Error::internal("the service provider's key was sealed with another keys.sealing_key"))?
        } else {
            bytes
        };
        let pem = String::from_utf8(opened.to_vec()).map_err(Error::internal)?;
        Ok(Arc::new(Pair { private_key: Secret::new(pem), certificate: stored.certificate }))
    }
}

struct Made {
    private_key: Zeroizing<String>,
    certificate: String,
}

/// A key with a certificate that signs itself: identity providers pin it by our metadata, nobody asks when it ends.
fn make() -> Result<Made> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, KEY_SIZE).map_err(Error::internal)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Kedge SAML service provider");
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2126, 1, 1);
    let certificate = params.self_signed(&key).map_err(Error::internal)?.pem();
    Ok(Made { private_key: Zeroizing::new(key.serialize_pem()), certificate })
}
