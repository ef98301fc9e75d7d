"""Whom the signatures of a document vouch for, as xmlsec1 and lxml find it; and what that makes of an answer."""

from dataclasses import dataclass

from . import xmlsec
from .names import DS, ENVELOPED, EXCLUSIVE_C14N, SAML, SAMLP, XENC

RESPONSE_TAG, ASSERTION_TAG = f"{{{SAMLP}}}Response", f"{{{SAML}}}Assertion"
PLAIN_TRANSFORMS = {ENVELOPED, EXCLUSIVE_C14N}


@dataclass(frozen=True)
class Vouched:
    """A name that stands in an assertion, and which signatures cover it there."""

    name: str
    by_response: bool
    by_assertion: bool

    def satisfies(self, wants):
        covered = self.by_response or self.by_assertion
        return (
            covered
            and (self.by_response or "response" not in wants)
            and (self.by_assertion or "assertion" not in wants)
        )


def covered(octets, public, ids=()):
    """The document, and its elements that a valid signature covers by one reference to their id, as they stand."""
    root = xmlsec.parse(octets)
    found = set()
    if root is None:
        return None, found
    for index, signature in xmlsec.signatures(root):
        references = signature.findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference")
        if len(references) != 1:
            continue
        transforms = [t.get("Algorithm") for t in references[0].iterfind(f"{{{DS}}}Transforms/{{{DS}}}Transform")]
        if not set(transforms) <= PLAIN_TRANSFORMS:
            continue
        uri = references[0].get("URI", "-")
        elements = [e for e in root.iter(RESPONSE_TAG, ASSERTION_TAG) if uri == f"#{e.get('ID')}"] if uri else [root]
        if len(elements) == 1 and xmlsec.verifies(octets, index, public, ids):
            found.add(elements[0])
    return root, found


def outside_signature(element, top):
    """An enveloped signature does not cover what is in it."""
    while element is not top:
        if element.tag == f"{{{DS}}}Signature":
            return False
        element = element.getparent()
    return True


def name_in(assertion):
    """The text of the NameID without comments, as canonical form has it; nothing where there are elements in it."""
    names = assertion.findall(f"{{{SAML}}}Subject/{{{SAML}}}NameID")
    if len(names) != 1 or len(names[0].xpath("*")):
        return None
    return names[0].xpath("string()")


def vouched(document):
    case = document.case
    public = case.site.idp.public
    root, elements = covered(document.post.same or document.octets, public)
    if root is None:
        return set()
    found = set()
    for assertion in root.iter(ASSERTION_TAG):
        found.add(Vouched(name_in(assertion), by_response(assertion, elements), assertion in elements))
    for encrypted in root.iter(f"{{{SAML}}}EncryptedAssertion"):
        value = encrypted.findtext(f"{{{XENC}}}EncryptedData/{{{XENC}}}CipherData/{{{XENC}}}CipherValue")
        plaintext = case.plaintexts.get(value)
        inner, signed = covered(plaintext, public) if plaintext else (None, ())
        if inner is not None and inner.tag == ASSERTION_TAG:
            found.add(Vouched(name_in(inner), by_response(encrypted, elements), inner in signed))
    return found


def by_response(element, signed):
    ancestors = [a for a in element.iterancestors(RESPONSE_TAG) if a in signed]
    return any(outside_signature(element, ancestor) for ancestor in ancestors)


def has_valid_signature(document):
    """Whether xmlsec1 calls any signature of it, or of what is encrypted in it, valid, by the signer's key."""
    case = document.case
    keys = [*dict.fromkeys([case.site.idp.public, *case.signers])]
    for octets in [document.octets, *(p for p in case.plaintexts.values() if p)]:
        root = xmlsec.parse(octets)
        if root is None:
            continue
        for index, _ in xmlsec.signatures(root)[:4]:
            if any(xmlsec.verifies(octets, index, public, case.ids) for public in keys):
                return True
    return False
