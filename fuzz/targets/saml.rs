//! Messages of identity providers and their metadata: nothing but what the provider of `fuzz/saml` signed is believed,
//! whatever was done to it since, and no input takes down or holds up who reads it.

#![no_main]

use std::sync::LazyLock;

use kedge::{
    identity::saml::{
        metadata::Metadata,
        protocol::{self, Expected, ServiceProvider, Signed},
    },
    secret::Secret,
};
use libfuzzer_sys::fuzz_target;
use time::{OffsetDateTime, macros::datetime};

/// When the documents of the corpus count.
const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
/// The one user, group and account that the provider ever spoke of.
const SAID: [&str; 3] = ["alice", "walrus", "tea-party"];

static METADATA: LazyLock<Metadata> =
    LazyLock::new(|| Metadata::read(include_str!("../saml/metadata.xml")).expect("the metadata can be read"));
static KEY: LazyLock<Secret> = LazyLock::new(|| Secret::new(include_str!("../saml/sp-key.pem").to_owned()));

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // As it comes by the wire.
    drop(protocol::receive_response(text));
    drop(protocol::receive_assertion(text));
    drop(Metadata::read(text));
    let own = ServiceProvider {
        entity_id: "https://kedge.wonderland.test/saml",
        acs_url: "https://kedge.wonderland.test/acs",
        key: &KEY,
        certificate: include_str!("../saml/sp-certificate.pem"),
    };
    let expected = Expected {
        issuer: &METADATA.entity_id,
        certificates: &METADATA.certificates,
        audience: own.entity_id,
        recipients: &[own.acs_url],
        in_response_to: None,
        signed: Signed::default(),
    };
    let Ok(received) = protocol::receive_xml(text.to_owned()) else { return };
    let Ok(said) = received.verify_response(&own, &expected, NOW) else { return };
    assert!(SAID.contains(&said.name_id.as_str()), "{said:?}");
    for (_, values) in &said.attributes {
        assert!(values.iter().all(|value| SAID.contains(&value.as_str())), "{said:?}");
    }
    // What a log would hold.
    assert!(!said.without_signature_values().contains("SignatureValue>"));
});
