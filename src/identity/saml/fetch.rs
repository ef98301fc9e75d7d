//! Gets an identity provider's metadata by its URL, and nothing else: who configures a provider must not be able to
//! look around in the network that Kedge stands in (OWASP, server-side request forgery).
//!
//! https only, or http to this machine; no address that is not of the public internet; no redirect, no proxy; so many
//! bytes in so much time. The addresses are judged when the connection is made, so a name that changes its mind gains
//! nothing.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use super::protocol::document;
use crate::config::Saml;

const TIME: Duration = Duration::from_secs(10);

/// Why it could not be had, in words for who configured it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("must be an https URL without user, or an http URL to this machine")]
    Url,
    #[error("names an address outside the public internet")]
    Private,
    #[error("could not be fetched: {0}")]
    Failed(String),
    #[error("was answered with the status {0}")]
    Status(u16),
    #[error("was answered with more than 1 MiB")]
    TooLarge,
    #[error("was not answered with UTF-8")]
    NotUtf8,
}

/// The metadata behind the URL.
///
/// # Errors
/// Why it could not be had.
pub async fn fetch(settings: &Saml, url: &str) -> Result<String, FetchError> {
    let url = allowed(settings, url)?;
    let resolver = Resolver { private_allowed: settings.metadata_from_private_addresses };
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(TIME)
        .user_agent(concat!("kedge/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(resolver))
        .build()
        .map_err(failed)?;
    let mut answer = client.get(url).send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > document::METADATA.bytes {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| FetchError::NotUtf8)
}

/// The error with what lies under it: the top one says little.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
fn failed(error: reqwest::Error) -> FetchError {
    let mut said = error.to_string();
    let mut below = std::error::Error::source(&error);
    while let Some(cause) = below {
        if let Some(refused) = cause.downcast_ref::<NotPublic>() {
            tracing::debug!("{refused}");
            return FetchError::Private;
        }
        said = format!("{said}: {cause}");
        below = cause.source();
    }
    FetchError::Failed(said)
}

/// The URL, if it may be asked as far as it tells itself.
///
/// # Errors
/// Why not.
pub fn allowed(settings: &Saml, url: &str) -> Result<Url, FetchError> {
    let url = Url::parse(url).map_err(|_| FetchError::Url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::Url);
    }
    let host = url.host_str().ok_or(FetchError::Url)?;
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    // A name that says this machine is asked for by that; what it means is seen when it is resolved.
    let is_this_machine = address.map_or(host == "localhost", |address| address.to_canonical().is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_this_machine || settings.metadata_over_http => {}
        _ => return Err(FetchError::Url),
    }
    if address.is_some_and(|address| !settings.metadata_from_private_addresses && !may_be_asked(address)) {
        return Err(FetchError::Private);
    }
    Ok(url)
}

struct Resolver {
    private_allowed: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_allowed = self.private_allowed;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One that is not of the internet spoils them all: whoever answers so means no good.
            if !private_allowed && !found.iter().all(|found| may_be_asked(found.ip())) {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0} resolves to an address outside the public internet")]
struct NotPublic(String);

/// Whether the address is this machine's, or one of the public internet (IANA's registries of special addresses).
fn may_be_asked(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || is_public_v4(address),
        IpAddr::V6(address) => address.is_loopback() || is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

/// Global unicast (`2000::/3`), without what carries an IPv4 address or is set aside in it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    (a & 0xe000) == 0x2000 && a != 0x2002 && !(a == 0x2001 && (b < 0x200 || b == 0xdb8)) && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str, metadata_over_http: bool, metadata_from_private_addresses: bool) -> Result<Url, String> {
        let settings =
            Saml { metadata_over_http, metadata_from_private_addresses, metadata_refresh: Duration::from_secs(1) };
        allowed(&settings, url).map_err(|error| error.to_string())
    }

    #[test]
    fn https_to_the_internet_and_http_to_this_machine_are_asked() {
        for url in [
            "https://idp.example.com/metadata",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]:8443/m?x=1",
            "http://127.0.0.1:8080/metadata",
            "http://[::1]/",
            "http://localhost:1/",
            "https://127.0.0.1/",
        ] {
            assert!(asked(url, false, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for url in [
            "",
            "idp.example.com",
            "file:///etc/passwd",
            "ftp://1.1.1.1/",
            "gopher://127.0.0.1:5432/",
            "http://idp.example.com/",
            "http://1.1.1.1/",
            "http://localhost.example.com/",
            "https://user@1.1.1.1/",
            "https://:secret@1.1.1.1/",
            "https://10.0.0.1/",
            "https://0.0.0.0/",
            "https://169.254.169.254/latest/meta-data",
            "https://192.168.1.1/",
            "https://172.16.0.1/",
            "https://100.64.0.1/",
            "https://198.18.0.1/",
            "https://192.0.2.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://0x0a000001/",
            "https://012.0.0.1/",
            "https://167772161/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::]/",
            "https://[fc00::1]/",
            "https://[fe80::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[2001:db8::1]/",
            "https://[2001::1]/",
        ] {
            assert!(asked(url, false, false).is_err(), "{url}");
        }
    }

    #[test]
    fn operator_can_allow_either() {
        assert!(asked("http://1.1.1.1/", true, false).is_ok());
        assert!(asked("http://10.0.0.1/", true, false).is_err());
        assert!(asked("https://10.0.0.1/", false, true).is_ok());
        assert!(asked("http://10.0.0.1/", false, true).is_err());
        assert!(asked("http://10.0.0.1/", true, true).is_ok());
        assert!(asked("file:///etc/passwd", true, true).is_err());
    }

    #[tokio::test]
    async fn name_is_judged_by_what_it_resolves_to() {
        let resolve = |private_allowed| async move {
            Resolver { private_allowed }.resolve("localhost".parse().unwrap()).await.is_ok()
        };
        assert!(resolve(false).await);
        assert!(resolve(true).await);
        assert!(!may_be_asked("10.0.0.1".parse().unwrap()));
    }
}
