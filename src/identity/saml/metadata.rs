//! The metadata of an identity provider (SAML metadata, 2.4.3): what of it is used.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::protocol::{
    Refused, Result,
    document::{self, Element},
    library,
    shape::{PROTOCOL, SIGNATURE},
};

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// What is used of an identity provider's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub entity_id: String,
    /// Where browsers are sent to sign in.
    pub sso_url: String,
    /// The keys that it signs with, as base64 of their certificates; more than one while they change.
    pub certificates: Vec<String>,
    pub wants_signed_requests: bool,
    /// After it the metadata no longer counts.
    pub valid_until: Option<OffsetDateTime>,
}

impl Metadata {
    /// Reads the metadata of one entity.
    ///
    /// # Errors
    /// What is wrong with it, in words for who wrote it.
    pub fn read(xml: &str) -> Result<Self> {
        let root = document::parse(xml.trim_start_matches('\u{feff}').trim(), &document::METADATA)?;
        if root.is(METADATA, "EntitiesDescriptor") {
            return Err(Refused::because(
                "describes several entities: give the EntityDescriptor of the identity provider",
            ));
        }
        if !root.is(METADATA, "EntityDescriptor") {
            return Err(Refused::because("has no EntityDescriptor of SAML 2.0"));
        }
        let entity_id = root.attribute("entityID").filter(|id| (1..=1024).contains(&id.len()));
        let entity_id = entity_id.ok_or(Refused::because("EntityDescriptor has no entityID of 1 to 1,024 bytes"))?;
        let role = role(&root)?;
        let mut valid_until = None;
        for element in [&root, role] {
            if let Some(until) = element.attribute("validUntil") {
                let until = OffsetDateTime::parse(until, &Rfc3339);
                let until = until.map_err(|_| Refused::because("validUntil is no moment"))?;
                valid_until = Some(valid_until.map_or(until, |earlier: OffsetDateTime| earlier.min(until)));
            }
        }
        Ok(Self {
            entity_id: entity_id.to_owned(),
            sso_url: sso_url(role)?,
            certificates: certificates(role)?,
            wants_signed_requests: matches!(role.attribute("WantAuthnRequestsSigned"), Some("true" | "1")),
            valid_until,
        })
    }

    /// Whether it still counts.
    #[must_use]
    pub fn counts(&self, now: OffsetDateTime) -> bool {
        self.valid_until.is_none_or(|until| now < until)
    }
}

fn role(root: &Element) -> Result<&Element> {
    let speaks = |role: &&Element| {
        role.attribute("protocolSupportEnumeration")
            .is_some_and(|list| list.split_whitespace().any(|one| one == PROTOCOL))
    };
    let mut roles = root.all(METADATA, "IDPSSODescriptor").filter(speaks);
    let role = roles.next().ok_or(Refused::because("has no IDPSSODescriptor for SAML 2.0"))?;
    if roles.next().is_some() {
        return Err(Refused::because("has more than one IDPSSODescriptor for SAML 2.0"));
    }
    Ok(role)
}

fn sso_url(role: &Element) -> Result<String> {
    let mut services = role.all(METADATA, "SingleSignOnService");
    let service = services.find(|service| service.attribute("Binding") == Some(REDIRECT));
    let location = service.and_then(|service| service.attribute("Location"));
    let location = location.ok_or(Refused::because("has no SingleSignOnService for the HTTP-Redirect binding"))?;
    if !is_web_url(location) {
        return Err(Refused::because("the Location of its SingleSignOnService is no http or https URL"));
    }
    Ok(location.to_owned())
}

/// An absolute URL that a browser can be sent to.
#[must_use]
pub fn is_web_url(text: &str) -> bool {
    let plain = text.len() <= 2048 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain && reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn certificates(role: &Element) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for key in role.all(METADATA, "KeyDescriptor") {
        // Without a use it is for both (metadata, 2.4.1.1).
        if !matches!(key.attribute("use"), None | Some("signing")) {
            continue;
        }
        for info in key.all(SIGNATURE, "KeyInfo") {
            for certificate in info.all(SIGNATURE, "X509Data").flat_map(|data| data.all(SIGNATURE, "X509Certificate")) {
                let base64: String = certificate.text()?.chars().filter(|c| !c.is_whitespace()).collect();
                if !library::is_certificate(&base64) {
                    return Err(Refused::because("an X509Certificate for signing cannot be read"));
                }
                if !found.contains(&base64) {
                    found.push(base64);
                }
            }
        }
    }
    if found.is_empty() {
        return Err(Refused::because("has no X509Certificate for signing: nothing that it says could be verified"));
    }
    Ok(found)
}
