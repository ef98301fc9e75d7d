//! saml-rs, and nothing else of Kedge knows it: decryption, the verification of signatures, requests and our metadata.
//!
//! It is told no more than what was read by [`super::document`]: of an identity provider's metadata only the entity id,
//! the keys and the address of the sign-in page, written anew.

use saml_rs::{
    AcsEndpoint, AssertionSignaturePolicy, AudienceValidationPolicy, AuthnRequestSigningPolicy, BrowserInput,
    CertificatePem, ClockSkew, Credentials, EntityId, FormField, IdpDescriptor, MetadataTrustPolicy,
    NameIdCreationPolicy, NameIdFormat, PendingAuthnRequest, PendingSnapshot, PrivateKeyPem, RelayStateParam,
    ReplayPolicy, ResponseSignaturePolicy, Saml, SamlError, SamlValidationContext, Sp, SpConfig, SpValidationPolicy,
    SsoResponse, StartSso, VerifiedXmlSignatureCoverage as Coverage, XmlEncryptionPolicy, XmlPolicy, crypto,
    metadata::{Endpoint, IdpMetadataConfig, SpMetadataConfig, generate_idp_metadata, generate_sp_metadata},
    raw::Binding,
};
use time::OffsetDateTime;

use super::{Expected, Refused, Result, facts::SKEW, shape::Shape};
use crate::secret::Secret;

/// Kedge, as the other side of one identity provider.
#[derive(Debug)]
pub struct ServiceProvider<'a> {
    pub entity_id: &'a str,
    pub acs_url: &'a str,
    pub key: &'a Secret,
    pub certificate: &'a str,
}

/// What the library read of a response.
#[derive(Debug)]
pub struct Verified {
    pub name_id: String,
    pub assertion_id: String,
}

/// Where a browser is sent to sign in.
#[derive(Debug)]
pub struct Request {
    pub id: String,
    pub url: String,
}

/// An identity provider, as far as requests to it go.
#[derive(Debug)]
pub struct Destination<'a> {
    pub entity_id: &'a str,
    pub sso_url: &'a str,
    pub wants_signed: bool,
}

impl From<SamlError> for Refused {
    fn from(error: SamlError) -> Self {
        Self::with(error.to_string())
    }
}

impl ServiceProvider<'_> {
    /// The response with its assertion in the place of the encrypted one.
    ///
    /// # Errors
    /// That it cannot be decrypted.
    #[expect(clippy::disallowed_methods, reason = "the key decrypts")]
    pub fn decrypt(&self, xml: &str) -> Result<String> {
        let key = crypto::keys::load_private_key(self.key.reveal(), None)?;
        let (response, _) = crypto::decrypt_assertion(xml, &key, crypto::AssertionDecryptionOptions::default())?;
        Ok(response)
    }

    /// Verifies every signature that `shape` found.
    ///
    /// # Errors
    /// Why one does not verify, or what else the library refuses.
    pub fn verify_response(
        &self,
        xml: &str,
        encrypted: bool,
        shape: &Shape,
        expected: &Expected<'_>,
        now: OffsetDateTime,
    ) -> Result<Verified> {
        let policy = SpValidationPolicy {
            assertions: if shape.assertion_signed {
                AssertionSignaturePolicy::RequireSigned
            } else {
                AssertionSignaturePolicy::AllowUnsignedForCompatibility
            },
            responses: if shape.response_signed {
                ResponseSignaturePolicy::RequireSigned
            } else {
                ResponseSignaturePolicy::RequireForEncryptedCbc
            },
            audience: AudienceValidationPolicy::Validate,
            ..SpValidationPolicy::recommended()
        };
        let sp = self.sp(policy, encrypted)?;
        let idp = descriptor(expected.issuer, expected.certificates, self.acs_url, false)?;
        let input = BrowserInput::<SsoResponse>::post(vec![FormField::new("SAMLResponse", encoded(xml))]);
        let skew = i64::try_from(SKEW.whole_milliseconds()).unwrap_or_default();
        // Replays are for the database to find, in one transaction with what follows.
        let validation = SamlValidationContext::new(now.into(), ReplayPolicy::DisabledForCompatibility)
            .with_clock_skew(ClockSkew::from_millis(-skew, skew));
        let session = match expected.in_response_to {
            Some(id) => sp.finish_sso(&idp, &self.pending(id, expected.issuer)?, input, validation)?,
            None => sp.accept_unsolicited_sso(&idp, input, validation)?,
        };
        let covers = |one: Coverage| {
            let both = Coverage::ResponseRootAndConsumedAssertion;
            session.verified_xml_signatures().iter().any(|found| found.coverage() == one || found.coverage() == both)
        };
        if shape.response_signed && !covers(Coverage::ResponseRoot) {
            return Err(Refused::because("the signature of the response does not verify"));
        }
        if shape.assertion_signed && !covers(Coverage::ConsumedAssertion) {
            return Err(Refused::because("the signature of the assertion does not verify"));
        }
        Ok(Verified {
            name_id: session.name_id().value().to_owned(),
            assertion_id: session.assertion_id().as_str().to_owned(),
        })
    }

    /// A request to sign in, by the redirect binding.
    ///
    /// # Errors
    /// What keeps it from being made: nothing, once the configuration was taken.
    pub fn request(&self, to: &Destination<'_>, relay_state: Option<&str>) -> Result<Request> {
        let policy = SpValidationPolicy {
            authn_requests: if to.wants_signed {
                AuthnRequestSigningPolicy::Sign
            } else {
                AuthnRequestSigningPolicy::DoNotSignForCompatibility
            },
            name_id_creation: NameIdCreationPolicy::AllowCreate,
            ..SpValidationPolicy::recommended()
        };
        let sp = self.sp(policy, false)?;
        let idp = descriptor(to.entity_id, &[], to.sso_url, to.wants_signed)?;
        let relay_state = RelayStateParam::try_from_option(relay_state.map(str::to_owned))?;
        let started = sp.start_sso(&idp, StartSso::redirect().relay_state(relay_state))?;
        Ok(Request {
            id: started.pending.request_id().as_str().to_owned(),
            url: started.outbound.redirect_url()?.to_owned(),
        })
    }

    /// What the administrator of the identity provider needs to know of us.
    #[must_use]
    pub fn metadata(&self, want_assertions_signed: bool) -> String {
        generate_sp_metadata(&SpMetadataConfig {
            entity_id: self.entity_id.to_owned(),
            signing_certs: vec![self.certificate.to_owned()],
            encrypt_certs: vec![self.certificate.to_owned()],
            want_assertions_signed,
            name_id_format: vec![NameIdFormat::Unspecified.as_uri().to_owned()],
            assertion_consumer_service: vec![Endpoint::new(Binding::Post, self.acs_url)],
            ..SpMetadataConfig::default()
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the key signs requests and decrypts")]
    fn sp(&self, policy: SpValidationPolicy, encrypted: bool) -> Result<Saml<Sp>> {
        let key = PrivateKeyPem::new(self.key.reveal());
        let certificate = CertificatePem::new(self.certificate);
        let credentials = Credentials {
            signing_key: Some(key.clone()),
            signing_certificate: Some(certificate),
            decryption_key: Some(key),
            ..Credentials::default()
        };
        let encryption =
            if encrypted { XmlEncryptionPolicy::encrypt_assertions() } else { XmlEncryptionPolicy::default() };
        let config = SpConfig::builder(EntityId::try_new(self.entity_id)?)
            .acs_endpoint(AcsEndpoint::post(self.acs_url)?)
            .name_id_format(NameIdFormat::Unspecified)
            .credentials(credentials)
            .validation(policy)
            .xml(XmlPolicy { encryption, ..XmlPolicy::default() })
            .build()?;
        Ok(Saml::sp(config)?)
    }

    fn pending(&self, id: &str, issuer: &str) -> Result<PendingAuthnRequest> {
        let relay_state = RelayStateParam::absent();
        let snapshot = PendingSnapshot::authn_request(id, relay_state, issuer, "post", self.acs_url, "post");
        Ok(PendingAuthnRequest::from_snapshot(snapshot)?)
    }
}

/// Verifies the signature of an assertion that stands alone.
///
/// # Errors
/// Why it does not verify.
pub fn verify_assertion(xml: &str, certificates: &[String]) -> Result<()> {
    let (verified, signed) = crypto::verify_signature(xml, certificates)?;
    // What was signed is the assertion, whole.
    if verified && signed.as_deref().is_some_and(|signed| xml.trim_end().ends_with(signed)) {
        return Ok(());
    }
    Err(Refused::because("the signature of the assertion does not verify"))
}

/// Whether a certificate, in base64, holds a key that signatures can be verified by.
#[must_use]
pub fn is_certificate(base64: &str) -> bool {
    // saml-rs cuts the text into lines by bytes, and panics within a character.
    base64.is_ascii() && crypto::keys::load_certificate(base64).is_ok()
}

fn descriptor(entity_id: &str, certificates: &[String], sso_url: &str, wants_signed: bool) -> Result<IdpDescriptor> {
    let xml = generate_idp_metadata(&IdpMetadataConfig {
        entity_id: entity_id.to_owned(),
        signing_certs: certificates.to_vec(),
        want_authn_requests_signed: wants_signed,
        single_sign_on_service: vec![Endpoint::new(Binding::Redirect, sso_url)],
        ..IdpMetadataConfig::default()
    });
    // Written by ourselves a moment ago: its trust was settled where the metadata was taken.
    let trust = MetadataTrustPolicy::UnsignedForCompatibility;
    Ok(IdpDescriptor::from_metadata_xml_for(EntityId::try_new(entity_id)?, &xml, trust)?)
}

fn encoded(xml: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(xml)
}
