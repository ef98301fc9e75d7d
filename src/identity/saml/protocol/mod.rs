//! From what an identity provider sent to what it says of whom: our own small module around saml-rs.
//!
//! [`document`] reads the XML with the parser that the verifier of signatures uses, so that both see the same tree, and
//! refuses what SAML never needs, most of it by [`scan`] ahead of the parser. [`shape`] stands in front of the library:
//! one assertion, signatures only where they belong and over what they stand in, no other algorithms than those of
//! today. [`library`] is the only room that knows saml-rs: it decrypts, and verifies signatures. [`facts`] stands
//! behind it: reads from the tree what was signed, and judges for whom, by whom, when and in answer to what it was
//! said.
//!
//! Nothing here knows HTTP, the database or the accounts.

pub mod document;
pub mod facts;
pub mod library;
pub mod scan;
pub mod shape;

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use time::OffsetDateTime;

pub use facts::{Said, When};
pub use library::ServiceProvider;

/// The largest message, in bytes, before and after it is decoded or decrypted. A posted one is never compressed (SAML
/// bindings, 3.5.4): one that is would be no XML.
pub const MESSAGE_LIMIT: usize = 256 * 1024;

/// Why a message is refused: for the log, never for its sender.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub Cow<'static, str>);

impl Refused {
    #[must_use]
    pub const fn because(why: &'static str) -> Self {
        Self(Cow::Borrowed(why))
    }

    #[must_use]
    pub const fn with(why: String) -> Self {
        Self(Cow::Owned(why))
    }
}

pub type Result<T, E = Refused> = std::result::Result<T, E>;

/// Who may have said it, and to whom it must have been said.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The identity provider's entity id and the keys that it signs with: base64 of their certificates.
    pub issuer: &'a str,
    pub certificates: &'a [String],
    pub audience: &'a str,
    /// Where it must have been sent to; a bearer assertion may name any of several.
    pub recipients: &'a [&'a str],
    /// The request that it answers; `None`: none, it came unasked.
    pub in_response_to: Option<&'a str>,
    pub signed: Signed,
}

/// What must carry a signature of its own. Without either, one of the two must.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signed {
    pub response: bool,
    pub assertion: bool,
}

/// A message that was decoded and has the shape of one, before any signature was looked at.
#[derive(Debug)]
pub struct Received {
    xml: String,
    pub shape: shape::Shape,
}

/// The form's `SAMLResponse`.
///
/// # Errors
/// What it is not.
pub fn receive_response(field: &str) -> Result<Received> {
    // Some wrap the lines (RFC 2045, 6.8); nothing else is passed over.
    let text: Cow<'_, str> = if field.contains(['\r', '\n', ' ']) {
        field.chars().filter(|c| !matches!(c, '\r' | '\n' | ' ')).collect::<String>().into()
    } else {
        field.into()
    };
    let engine = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new());
    receive(&engine, &text, shape::of_response)
}

/// The `assertion` of a request for tokens (RFC 7522, 2.1).
///
/// # Errors
/// What it is not.
pub fn receive_assertion(field: &str) -> Result<Received> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    receive(&GeneralPurpose::new(&URL_SAFE, lenient), field, shape::of_assertion)
}

fn receive(
    engine: &GeneralPurpose,
    text: &str,
    shape: fn(&document::Element) -> Result<shape::Shape>,
) -> Result<Received> {
    if text.len() > MESSAGE_LIMIT.div_ceil(3) * 4 {
        return Err(Refused::because("larger than 256 KiB"));
    }
    let bytes = engine.decode(text).map_err(|_| Refused::because("not base64"))?;
    let xml = String::from_utf8(bytes).map_err(|_| Refused::because("not UTF-8"))?;
    received(xml, shape)
}

fn received(xml: String, shape: fn(&document::Element) -> Result<shape::Shape>) -> Result<Received> {
    let shape = shape(&document::parse(&xml, &document::MESSAGE)?)?;
    Ok(Received { xml, shape })
}

/// A message as plain XML: what a decoded field holds.
///
/// # Errors
/// What it is not.
pub fn receive_xml(xml: String) -> Result<Received> {
    received(xml, shape::of_response)
}

impl Received {
    /// What the response says, if it was signed by whom it must be and says all that it must.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify_response(
        &self,
        own: &ServiceProvider<'_>,
        expected: &Expected<'_>,
        now: OffsetDateTime,
    ) -> Result<Said> {
        // Decrypted before anything of it is verified: a signature may stand inside. AES-GCM alone is let through, so
        // what was altered cannot be decrypted, and every failure has the one answer.
        let plain = if self.shape.encrypted {
            Some(received(own.decrypt(&self.xml)?, shape::of_plain_response)?)
        } else {
            None
        };
        let shape = plain.as_ref().map_or(&self.shape, |plain| &plain.shape);
        is_signed(*shape, expected.signed)?;
        let content = plain.as_ref().map_or(&self.xml, |plain| &plain.xml);
        let root = document::parse(content, &document::MESSAGE)?;
        facts::are_near(&root, now)?;
        let verified = own.verify_response(&self.xml, self.shape.encrypted, shape, expected, now)?;
        let said = facts::of_response(&root, expected, now)?;
        // What the library read is the same, or one of us was led astray.
        if said.name_id != verified.name_id || said.assertion_id != verified.assertion_id {
            return Err(Refused::because("the library reads another name or assertion"));
        }
        Ok(Said { xml: content.clone(), ..said })
    }

    /// The same of an assertion that stands alone, which must be signed itself (RFC 7522, 3).
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify_assertion(&self, expected: &Expected<'_>, now: OffsetDateTime) -> Result<Said> {
        is_signed(self.shape, Signed { response: false, assertion: true })?;
        library::verify_assertion(&self.xml, expected.certificates)?;
        let said = facts::of_assertion(&document::parse(&self.xml, &document::MESSAGE)?, expected, now)?;
        Ok(Said { xml: self.xml.clone(), ..said })
    }

    /// Who says that it said this, and to whom: before any signature was verified, to find out whose keys to ask.
    ///
    /// # Errors
    /// What is missing.
    pub fn claimed(&self) -> Result<facts::Claimed> {
        facts::claimed(&document::parse(&self.xml, &document::MESSAGE)?)
    }

    /// The request that the response says it answers, unverified.
    ///
    /// # Errors
    /// None: it was parsed before.
    pub fn in_response_to(&self) -> Result<Option<String>> {
        let root = document::parse(&self.xml, &document::MESSAGE)?;
        Ok(root.attribute("InResponseTo").map(str::to_owned))
    }
}

fn is_signed(shape: shape::Shape, must: Signed) -> Result<()> {
    if must.response && !shape.response_signed {
        return Err(Refused::because("the response is not signed"));
    }
    if must.assertion && !shape.assertion_signed {
        return Err(Refused::because("the assertion is not signed"));
    }
    if !shape.response_signed && !shape.assertion_signed {
        return Err(Refused::because("nothing is signed"));
    }
    Ok(())
}
