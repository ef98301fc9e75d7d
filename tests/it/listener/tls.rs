//! TLS: which versions and protocols, certificates of clients, and files that change while the server runs.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::HEALTH;
use crate::support::{Options, Place, Server};

/// A certificate authority, its files in a directory of the test.
pub struct Authority {
    pub place: Place,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the court of hearts");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { place: Place::new(), issuer };
        fs::write(authority.file("ca.pem"), authority.issuer.pem()).unwrap();
        authority
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.place.top.join(name)
    }

    /// The path of a file as a variable's value, for the life of the test.
    pub fn path(&self, name: &str) -> &'static str {
        Box::leak(self.file(name).display().to_string().into_boxed_str())
    }

    /// Writes a new certificate and its key as `<name>.pem` and `<name>.key`.
    pub fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// A client that trusts this authority, with a certificate of its own if one is named.
    fn client(&self, version: &'static rustls::SupportedProtocolVersion, own: Option<&str>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.issuer.pem().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let chain = vec![CertificateDer::from_pem_file(self.file(&format!("{name}.pem"))).unwrap()];
                let key = PrivateKeyDer::from_pem_file(self.file(&format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    async fn connect(&self, server: &Server, own: Option<&str>) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(server.address()).await?;
        self.client(&rustls::version::TLS13, own).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

/// A Kedge with a certificate of the authority.
async fn server(authority: &Authority, more: &[(&'static str, &'static str)]) -> Server {
    authority.issue("server");
    let own = [
        ("KEDGE_SERVER__SSL_CERT", authority.path("server.pem")),
        ("KEDGE_SERVER__SSL_KEY", authority.path("server.key")),
    ];
    Server::start_with(Options { environment: [&own, more].concat(), ..Options::default() }).await
}

async fn ask(mut stream: TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(HEALTH).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn both_versions_and_both_protocols_are_spoken() {
    let authority = Authority::new();
    let server = server(&authority, &[]).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let client = authority.client(version, None);
        let stream = client.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        assert!(ask(stream).await.unwrap().starts_with("HTTP/1.1 200 "));
    }
    for (flag, expected) in [("--http1.1", "1.1 200"), ("--http2", "2 200"), ("--tlsv1.3", "2 200")] {
        let url = format!("https://{}/v2/version", server.address());
        let output = tokio::process::Command::new("curl")
            .args(["-q", "-sS", "--noproxy", "*", flag, "-o", "/dev/null"])
            .args(["-w", "%{http_version} %{http_code}", "--cacert"])
            .args([authority.path("ca.pem"), &url])
            .output()
            .await
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
    }
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_not_answered_and_harms_nobody() {
    let authority = Authority::new();
    let server = server(&authority, &[]).await;
    let answer = super::exchange(&mut super::connect(&server).await, HEALTH).await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
    assert!(ask(authority.connect(&server, None).await.unwrap()).await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn client_without_a_certificate_is_refused_where_one_is_asked_for() {
    let authority = Authority::new();
    authority.issue("alice");
    let strangers = Authority::new();
    strangers.issue("mallory");
    fs::copy(strangers.file("mallory.pem"), authority.file("mallory.pem")).unwrap();
    fs::copy(strangers.file("mallory.key"), authority.file("mallory.key")).unwrap();
    let server = server(&authority, &[("KEDGE_SERVER__SSL_CLIENT_CA", authority.path("ca.pem"))]).await;
    for own in [None, Some("mallory")] {
        // With TLS 1.3 the client learns it only when it reads.
        let refused = match authority.connect(&server, own).await {
            Ok(stream) => ask(stream).await.is_err(),
            Err(_) => true,
        };
        assert!(refused, "{own:?} was let in");
    }
    let stream = authority.connect(&server, Some("alice")).await.unwrap();
    assert!(ask(stream).await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn changed_files_count_for_new_connections_and_broken_ones_change_nothing() {
    let authority = Authority::new();
    let server = server(&authority, &[]).await;
    let tls = server.tls.clone().unwrap();
    let open = authority.connect(&server, None).await.unwrap();
    let first = shown(&open);
    assert!(!tls.reload().await.unwrap());

    authority.issue("next");
    fs::copy(authority.file("next.pem"), authority.file("server.pem")).unwrap();
    // Halfway: the certificate is new, the key not yet.
    assert!(tls.reload().await.is_err());
    assert_eq!(shown(&authority.connect(&server, None).await.unwrap()), first);
    fs::copy(authority.file("next.key"), authority.file("server.key")).unwrap();
    assert!(tls.reload().await.unwrap());
    let second = shown(&authority.connect(&server, None).await.unwrap());
    assert_ne!(second, first);
    // A connection that was open goes on.
    assert!(ask(open).await.unwrap().starts_with("HTTP/1.1 200 "));

    for broken in ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(authority.file("server.pem"), broken).unwrap();
        assert!(tls.reload().await.is_err(), "{broken:?}");
    }
    fs::remove_file(authority.file("server.pem")).unwrap();
    assert!(tls.reload().await.is_err());
    assert_eq!(shown(&authority.connect(&server, None).await.unwrap()), second);
}
