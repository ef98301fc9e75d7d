//! What a message must look like before its signatures are looked at: exactly one assertion, each signature a child of
//! what it signs and of nothing else, and no algorithm or construction that today's identity providers do without.
//!
//! So a signature cannot be moved, doubled or wrapped around something else: whatever is verified afterwards is the one
//! assertion that is read.

use std::collections::HashSet;

use super::{Refused, Result, document::Element};

pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";

const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// RSA (PKCS #1 v1.5) and ECDSA with SHA-2 (RFC 9231).
const SIGNATURE_METHODS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
const DIGEST_METHODS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];
/// Authenticated encryption only: CBC lets whoever can ask often enough read and forge (Jager and Somorovsky, 2011).
const DATA_ENCRYPTION: [&str; 3] = [
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2009/xmlenc11#aes192-gcm",
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
];
/// OAEP only: PKCS #1 v1.5 has the same fault (Bleichenbacher, 1998).
const KEY_TRANSPORT: [&str; 2] =
    ["http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", "http://www.w3.org/2009/xmlenc11#rsa-oaep"];

/// Names that stand for a way to make a signature cover something else, to fetch something, or for what is not
/// supported.
const NEVER: [&str; 11] = [
    "Object",
    "Manifest",
    "RetrievalMethod",
    "CipherReference",
    "DataReference",
    "XPath",
    "Extensions",
    "EncryptedID",
    "NewEncryptedID",
    "EncryptedAttribute",
    "include",
];

/// What of a message is signed, and whether its assertion is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub response_signed: bool,
    /// Where it is encrypted, of what was decrypted.
    pub assertion_signed: bool,
    pub encrypted: bool,
}

/// A response, its assertion encrypted or not.
///
/// # Errors
/// What it is not.
pub fn of_response(root: &Element) -> Result<Shape> {
    if !root.is(PROTOCOL, "Response") {
        return Err(Refused::because("not a SAML 2.0 response"));
    }
    let plain = root.at_most_one(ASSERTION, "Assertion")?;
    let encrypted = root.at_most_one(ASSERTION, "EncryptedAssertion")?;
    if let Some(encrypted) = encrypted {
        is_encrypted_well(encrypted)?;
    }
    let shape = Shape {
        response_signed: is_signed_well(root)?,
        assertion_signed: plain.map(is_signed_well).transpose()?.unwrap_or_default(),
        encrypted: encrypted.is_some(),
    };
    of_saml(root, &[PROTOCOL, ASSERTION])?;
    plain.map_or(Ok(()), |assertion| of_saml(assertion, &[ASSERTION]))?;
    survey(root, plain)?;
    Ok(shape)
}

/// A response whose assertion was decrypted.
///
/// # Errors
/// What it is not.
pub fn of_plain_response(root: &Element) -> Result<Shape> {
    let shape = of_response(root)?;
    if shape.encrypted {
        return Err(Refused::because("encrypted twice"));
    }
    Ok(shape)
}

/// An assertion that stands alone.
///
/// # Errors
/// What it is not.
pub fn of_assertion(root: &Element) -> Result<Shape> {
    if !root.is(ASSERTION, "Assertion") {
        return Err(Refused::because("not a SAML 2.0 assertion"));
    }
    let assertion_signed = is_signed_well(root)?;
    of_saml(root, &[ASSERTION])?;
    survey(root, Some(root))?;
    Ok(Shape { assertion_signed, ..Shape::default() })
}

/// Nothing in it but what these namespaces have, and a signature: what else could stand there, nobody asks for.
fn of_saml(element: &Element, namespaces: &[&str]) -> Result<()> {
    let known = |child: &Element| {
        namespaces.contains(&child.namespace.as_str()) || (child.namespace == SIGNATURE && child.name == "Signature")
    };
    match element.children.iter().find(|child| !known(child)) {
        Some(unknown) => {
            Err(Refused::with(format!("{} holds {:.50} of another namespace", element.name, unknown.name)))
        }
        None => Ok(()),
    }
}

/// Looks at every element: one assertion at any depth and in any namespace, ids once, signatures where they were found.
fn survey(root: &Element, assertion: Option<&Element>) -> Result<()> {
    let mut ids = HashSet::new();
    let mut assertions = 0;
    root.visit(&mut |element, above| {
        for id in element.ids() {
            if !ids.insert(id.to_owned()) {
                return Err(Refused::because("an id that is given twice"));
            }
        }
        match element.name.as_str() {
            "Assertion" | "EncryptedAssertion" => assertions += 1,
            "Response" if !above.is_empty() => return Err(Refused::because("a response within")),
            "Signature" => {
                let parent = above.last().copied();
                let signs = |signed: &Element| parent.is_some_and(|parent| std::ptr::eq(parent, signed));
                if element.namespace != SIGNATURE || !(signs(root) || assertion.is_some_and(signs)) {
                    return Err(Refused::because("a signature that stands where none belongs"));
                }
            }
            "EncryptedData" if above.last().is_none_or(|parent| parent.name != "EncryptedAssertion") => {
                return Err(Refused::because("something encrypted that is no assertion"));
            }
            name if NEVER.contains(&name) => {
                return Err(Refused::with(format!("holds {name}, which is not supported")));
            }
            _ => {}
        }
        Ok(())
    })?;
    if assertions != 1 {
        return Err(Refused::with(format!("{assertions} assertions, where one belongs")));
    }
    Ok(())
}

/// Whether the element carries a signature; one that it carries covers just this element.
fn is_signed_well(signed: &Element) -> Result<bool> {
    let id = signed.attribute("ID").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refused::with(format!("{} has no ID", signed.name)))?;
    let Some(signature) = signed.at_most_one(SIGNATURE, "Signature")? else { return Ok(false) };
    let info = signature.one(SIGNATURE, "SignedInfo")?;
    algorithm(info.one(SIGNATURE, "CanonicalizationMethod")?, &[EXCLUSIVE_C14N])?;
    let method = algorithm(info.one(SIGNATURE, "SignatureMethod")?, &SIGNATURE_METHODS)?;
    let value = signature.one(SIGNATURE, "SignatureValue")?.text()?;
    if method.contains("#ecdsa-") && !is_pair(value) {
        return Err(Refused::because("an ECDSA signature in another form than that of XML signatures"));
    }
    only(signature, &["SignedInfo", "SignatureValue", "KeyInfo"])?;
    only(info, &["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    let reference = info.one(SIGNATURE, "Reference")?;
    if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err(Refused::because("a signature over something else than it stands in"));
    }
    only(reference, &["Transforms", "DigestMethod", "DigestValue"])?;
    algorithm(reference.one(SIGNATURE, "DigestMethod")?, &DIGEST_METHODS)?;
    let transforms = reference.one(SIGNATURE, "Transforms")?;
    only(transforms, &["Transform"])?;
    let mut named = Vec::new();
    for transform in &transforms.children {
        named.push(algorithm(transform, &[ENVELOPED, EXCLUSIVE_C14N])?);
    }
    // Without the second, the reference would be canonicalized inclusively.
    if named != [ENVELOPED, EXCLUSIVE_C14N] {
        return Err(Refused::because("other transforms than enveloped-signature, then exclusive canonicalization"));
    }
    Ok(true)
}

/// Whether the value of an ECDSA signature is two numbers of the curve's length (RFC 9231, 2.3.6): some verifiers take
/// ASN.1, too, and one signature would have two spellings.
fn is_pair(base64: &str) -> bool {
    let compact: String = base64.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let length = compact.trim_end_matches('=').len() * 3 / 4;
    // P-256, P-384 and P-521.
    matches!(length, 64 | 96 | 132)
}

/// The assertion is decrypted by a key that stands in it and by no other way.
fn is_encrypted_well(encrypted: &Element) -> Result<()> {
    let data = encrypted.one(ENCRYPTION, "EncryptedData")?;
    if encrypted.children.len() != 1 {
        return Err(Refused::because("EncryptedAssertion holds more than EncryptedData"));
    }
    algorithm(data.one(ENCRYPTION, "EncryptionMethod")?, &DATA_ENCRYPTION)?;
    let key = data.one(SIGNATURE, "KeyInfo")?.one(ENCRYPTION, "EncryptedKey")?;
    algorithm(key.one(ENCRYPTION, "EncryptionMethod")?, &KEY_TRANSPORT)?;
    Ok(())
}

/// The algorithm that the element names, if it is one of these.
fn algorithm<'a>(element: &Element, allowed: &[&'a str]) -> Result<&'a str> {
    let named = element.attribute("Algorithm").unwrap_or_default();
    let known = allowed.iter().copied().find(|known| *known == named);
    known.ok_or_else(|| Refused::with(format!("{} by {named:.100}, which is not supported", element.name)))
}

/// Nothing but these children, all of the signature's namespace.
fn only(element: &Element, names: &[&str]) -> Result<()> {
    for child in &element.children {
        if child.namespace != SIGNATURE || !names.contains(&child.name.as_str()) {
            return Err(Refused::with(format!("{} holds {:.50}", element.name, child.name)));
        }
    }
    Ok(())
}
