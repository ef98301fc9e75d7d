//! TLS 1.2 and 1.3 by rustls, with files that may change while the server runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::config::Server;

/// The pause between two looks at the files.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The files of the configuration.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_authorities: Option<PathBuf>,
}

/// What the files held.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    client_authorities: Option<Vec<u8>>,
}

/// The server's side of TLS.
pub struct Tls {
    files: Files,
    current: RwLock<Arc<ServerConfig>>,
    read: tokio::sync::Mutex<Contents>,
}

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    #[error("`{key}`: cannot read the file: {error}")]
    Unreadable { key: &'static str, error: io::Error },
    #[error("`{0}`: expected a PEM file with {1}")]
    NotPem(&'static str, &'static str),
    #[error("`server.ssl_key`: cannot be used with `server.ssl_cert`: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("`server.ssl_client_ca`: {0}")]
    Authorities(#[from] rustls::server::VerifierBuilderError),
}

impl Tls {
    /// TLS, where the configuration asks for it.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn configured(server: &Server) -> Result<Option<Arc<Self>>, TlsProblem> {
        let (Some(certificate), Some(key)) = (&server.ssl_cert, &server.ssl_key) else { return Ok(None) };
        let client_authorities = server.ssl_client_ca.clone();
        let files = Files { certificate: certificate.clone(), key: key.clone(), client_authorities };
        let contents = files.read()?;
        let current = RwLock::new(Arc::new(contents.config()?));
        Ok(Some(Arc::new(Self { files, current, read: tokio::sync::Mutex::new(contents) })))
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// Whatever the client does wrong.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Reads the files again and takes what they hold for connections from now on; answers whether that is anything
    /// new. What cannot be used changes nothing: the two files may be halfway through their change.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn reload(&self) -> Result<bool, TlsProblem> {
        let mut read = self.read.lock().await;
        let contents = self.files.read()?;
        if contents == *read {
            return Ok(false);
        }
        let config = Arc::new(contents.config()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        *read = contents;
        Ok(true)
    }

    /// [`Self::reload`], told to the log.
    pub async fn reload_and_tell(&self) {
        match self.reload().await {
            Ok(true) => tracing::info!("the certificate was read anew"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the certificate cannot be read anew, the one before stays in use"),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Files {
    fn read(&self) -> Result<Contents, TlsProblem> {
        let read = |key, path: &Path| fs::read(path).map_err(|error| TlsProblem::Unreadable { key, error });
        Ok(Contents {
            certificate: read("server.ssl_cert", &self.certificate)?,
            key: read("server.ssl_key", &self.key)?.into(),
            client_authorities: self
                .client_authorities
                .as_deref()
                .map(|path| read("server.ssl_client_ca", path))
                .transpose()?,
        })
    }
}

impl Contents {
    fn config(&self) -> Result<ServerConfig, TlsProblem> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates("server.ssl_cert", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| TlsProblem::NotPem("server.ssl_key", "one unencrypted private key"))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let builder = match &self.client_authorities {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates("server.ssl_client_ca", pem)? {
                    roots.add(authority)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(key: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let wrong = || TlsProblem::NotPem(key, "certificates");
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| wrong())?;
    if certificates.is_empty() { Err(wrong()) } else { Ok(certificates) }
}
