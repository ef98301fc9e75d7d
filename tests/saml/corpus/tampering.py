"""What an attacker changes after it was signed: each thing by itself, and the signature, too."""

import base64
import re
from functools import partial

from .names import SAML, SHA512, SUCCESS
from .parts import fresh_id, stamp
from .register import ALL, FINE, HARM, RESPONSE, RESPONSE_SIGNED, SOLICITED, Post, hostile, register

FAMILY = "tampered after signing"


def changed(case, pattern, by):
    """The first match becomes something else; `by` is text or makes it of the match."""
    text = case.finish()
    put = by if callable(by) else lambda found: by
    after, count = re.subn(pattern, put, text, count=1, flags=re.DOTALL)
    assert count and after != text, pattern
    return after


def tamper(name, pattern, by, **options):
    register(FAMILY, name, lambda case: changed(case, pattern, by), **{"sites": ALL, **options})


ASSERTION = r"(<saml:Assertion\b[^>]*?)"


@hostile(FAMILY, "NameID", sites=ALL)
def name_id(case):
    return case.finish().replace(f">{case.name}<", f">{case.evil}<")


@hostile(FAMILY, "NameID, one letter more", sites=ALL)
def name_id_longer(case):
    return case.finish().replace(f">{case.name}</saml:NameID", f">{case.name}x</saml:NameID")


@hostile(FAMILY, "NameID, the signed one kept beside it", sites=ALL)
def name_id_beside(case):
    return case.finish().replace("<saml:NameID", f"<saml:NameID>{case.evil}</saml:NameID><saml:NameID")


@hostile(FAMILY, "a second subject", sites=ALL)
def second_subject(case):
    evil = case.evil_assertion()
    return case.finish().replace(
        "</saml:Subject>", f"</saml:Subject><saml:Subject>{evil.name_id}{evil.confirmation}</saml:Subject>"
    )


@hostile(FAMILY, "an attribute's value", sites=ALL)
def attribute_value(case):
    return case.finish().replace(f"{case.name}@tea-party", f"{case.evil}@tea-party")


@hostile(FAMILY, "one more attribute", sites=ALL)
def one_more_attribute(case):
    more = '<saml:Attribute Name="role"><saml:AttributeValue>system-admin</saml:AttributeValue></saml:Attribute>'
    return case.finish().replace("</saml:AttributeStatement>", more + "</saml:AttributeStatement>")


tamper(
    "NameID's Format",
    r'(<saml:NameID Format=")[^"]*',
    lambda found: found[1] + "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
)
tamper("an attribute's name", 'Name="mail"', 'Name="role"')
tamper(
    "NotOnOrAfter of the conditions",
    r'(<saml:Conditions[^>]*NotOnOrAfter=")[^"]*',
    lambda found: found[1] + stamp(3600),
)
tamper("NotBefore of the conditions", r'(<saml:Conditions[^>]*NotBefore=")[^"]*', lambda found: found[1] + stamp(-3600))
tamper("the conditions left out", "<saml:Conditions.*?</saml:Conditions>", "")
tamper("Audience", "(<saml:Audience>)", lambda found: f"{found[1]}urn:wonderland</saml:Audience>{found[1]}")
tamper("Recipient", 'Recipient="', 'Recipient="http://looking-glass.example/"  x="', accepting=HARM)
tamper(
    "NotOnOrAfter of the confirmation",
    r'(<saml:SubjectConfirmationData[^>]*NotOnOrAfter=")[^"]*',
    lambda found: found[1] + stamp(3600),
)
tamper(
    "the assertion's Issuer",
    ASSERTION + r"(>.*?<saml:Issuer)>",
    lambda found: f'{found[1]}{found[2]} NameQualifier="x">',
)
tamper("AuthnInstant", r'AuthnInstant="[^"]*', lambda found: f'AuthnInstant="{stamp(-30)}')
tamper("SessionIndex", r'SessionIndex="[^"]*', lambda found: f'SessionIndex="{fresh_id()}')
tamper(
    "SessionNotOnOrAfter added", "SessionIndex=", lambda found: f'SessionNotOnOrAfter="{stamp(99999)}" SessionIndex='
)
tamper(
    "AuthnContextClassRef",
    "(<saml:AuthnContextClassRef>)[^<]*",
    lambda found: found[1] + "urn:oasis:names:tc:SAML:2.0:ac:classes:X509",
)
tamper(
    "IssueInstant of the assertion",
    ASSERTION + r' IssueInstant="[^"]*',
    lambda found: f'{found[1]} IssueInstant="{stamp(-30)}',
)
tamper("Version of the assertion", ASSERTION + r' Version="2.0"', lambda found: f'{found[1]} Version="2.1"')
tamper("an attribute added to the assertion", ASSERTION + ">", lambda found: f'{found[1]} x="y">')
tamper("whitespace added", "<saml:Subject>", "<saml:Subject> ")
tamper(
    "a prefix for another",
    r"(<saml:AttributeStatement)(.*)(</saml:AttributeStatement)",
    lambda found: f'<s:AttributeStatement xmlns:s="{SAML}"{found[2]}</s:AttributeStatement',
)
tamper("the authentication statement left out", "<saml:AuthnStatement.*?</saml:AuthnStatement>", "")
tamper("the attributes left out", "<saml:AttributeStatement.*?</saml:AttributeStatement>", "")
tamper(
    "a namespace declared and used", "<saml:AttributeValue>", '<saml:AttributeValue xmlns:w="urn:wonderland" w:a="b">'
)

IN_RESPONSE = r"(<samlp:Response\b[^>]*?)"
tamper("Destination", r' Destination="[^"]*"', "", sites=RESPONSE_SIGNED)
tamper("the response's Issuer", "<saml:Issuer>", '<saml:Issuer NameQualifier="x">', sites=RESPONSE_SIGNED)
tamper(
    "the response's ID",
    IN_RESPONSE + r' ID="[^"]*',
    lambda found: f'{found[1]} ID="{fresh_id()}',
    sites=RESPONSE_SIGNED,
)
tamper(
    "the response's IssueInstant",
    IN_RESPONSE + r' IssueInstant="[^"]*',
    lambda found: f'{found[1]} IssueInstant="{stamp(-30)}',
    sites=RESPONSE_SIGNED,
)
tamper(
    "a StatusMessage added",
    "</samlp:Status>",
    "<samlp:StatusMessage>x</samlp:StatusMessage></samlp:Status>",
    sites=RESPONSE_SIGNED,
)
tamper(
    "Extensions added",
    "<samlp:Status>",
    "<samlp:Extensions><x/></samlp:Extensions><samlp:Status>",
    sites=RESPONSE_SIGNED,
)
tamper(
    "a Consent added",
    IN_RESPONSE + ">",
    lambda found: f'{found[1]} Consent="urn:oasis:names:tc:SAML:2.0:consent:obtained">',
    sites=RESPONSE_SIGNED,
)
tamper(
    "InResponseTo of the response", r'InResponseTo="[^"]*', lambda found: f'InResponseTo="{fresh_id()}', sites=SOLICITED
)


@hostile(FAMILY, "a status of failure made a success", sites=RESPONSE_SIGNED)
def status_made_success(case):
    response = case.response()
    failed = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    response.status = response.status.replace(SUCCESS, failed)
    return case.finish(response=response).replace(failed, SUCCESS)


@hostile(FAMILY, "ID and the reference to it", sites=ALL)
def id_and_reference(case):
    """What is covered by the signature of SignedInfo alone: the reference itself."""
    text = case.finish()
    id = re.search(r'URI="#([^"]*)', text)[1]
    return text.replace(id, fresh_id())


# The signature.

FAMILY_OF_VALUES = "tampered signature"
VALUE = re.compile("(<ds:SignatureValue>)(.*?)(</ds:SignatureValue>)", re.DOTALL)
DIGEST = re.compile("(<ds:DigestValue>)(.*?)(</ds:DigestValue>)", re.DOTALL)


def revalued(case, change, pattern):
    def put(found):
        value = change(base64.b64decode(found[2]))
        return found[1] + (value if isinstance(value, str) else base64.b64encode(value).decode()) + found[3]

    # All of them: where two are wanted, either could make up for the other.
    return pattern.sub(put, case.finish())


def flipped(place):
    def change(value):
        changed = bytearray(value)
        changed[place] ^= 1
        return bytes(changed)

    return change


CHANGES = {
    "the first bit": flipped(0),
    "a bit in the middle": flipped(16),
    "the last bit": flipped(-1),
    "one byte more": lambda value: value + b"\0",
    "one byte more ahead": lambda value: b"\0" + value,
    "one byte less": lambda value: value[:-1],
    "nothing": lambda value: b"",
    "whitespace": lambda value: "  \n ",
    "zeros": lambda value: bytes(len(value)),
    "ones": lambda value: b"\xff" * len(value),
    "the number one": lambda value: bytes(len(value) - 1) + b"\1",
    "a megabyte's eighth": lambda value: bytes(98304),
    "what is no base64": lambda value: "!" * 344,
    "its hex": lambda value: value.hex(),
    "itself twice": lambda value: value * 2,
}
for what, change in CHANGES.items():
    register(FAMILY_OF_VALUES, f"SignatureValue: {what}", partial(revalued, change=change, pattern=VALUE), sites=ALL)
for what in (
    "the first bit",
    "the last bit",
    "one byte more",
    "one byte less",
    "nothing",
    "zeros",
    "what is no base64",
):
    make = partial(revalued, change=CHANGES[what], pattern=DIGEST)
    register(FAMILY_OF_VALUES, f"DigestValue: {what}", make, sites=ALL)


def cut(case, pattern, by=""):
    text = case.finish()
    after = re.sub(pattern, by, text, flags=re.DOTALL)
    assert after != text, pattern
    return after


for what, pattern in {
    "SignatureValue": "<ds:SignatureValue>.*?</ds:SignatureValue>",
    "SignedInfo": "<ds:SignedInfo>.*?</ds:SignedInfo>",
    "the reference": "<ds:Reference .*?</ds:Reference>",
    "DigestValue": "<ds:DigestValue>.*?</ds:DigestValue>",
    "DigestMethod": "<ds:DigestMethod[^>]*/>",
    "SignatureMethod": "<ds:SignatureMethod[^>]*/>",
    "CanonicalizationMethod": "<ds:CanonicalizationMethod[^>]*/>",
    "the transforms": "<ds:Transforms>.*?</ds:Transforms>",
    "the reference's URI": r'(?<=<ds:Reference) URI="[^"]*"',
    "the signature": "<ds:Signature .*?</ds:Signature>",
}.items():
    register(FAMILY_OF_VALUES, f"without {what}", partial(cut, pattern=pattern), sites=ALL)
for what, pattern, by in (
    ("a reference to an id that is not there", 'URI="#[^"]*', 'URI="#_nowhere'),
    ("a reference to an empty id", 'URI="#[^"]*', 'URI="#'),
    ("a reference by an id without #", 'URI="#', 'URI="'),
    ("a reference to two ids", '(URI="#[^"]*)', r"\1 #_nowhere"),
    ("a reference to a web server", 'URI="#[^"]*', "CANARY"),
):

    def refer(case, pattern=pattern, by=by):
        return cut(case, pattern, f'URI="{case.world.canary}' if by == "CANARY" else by)

    register(FAMILY_OF_VALUES, what, refer, sites=ALL)
for what, by in {
    "another namespace": "urn:wonderland",
    "XML Signature 1.1": "http://www.w3.org/2009/xmldsig11#",
}.items():
    make = partial(cut, pattern='xmlns:ds="[^"]*"', by=f'xmlns:ds="{by}"')
    register(FAMILY_OF_VALUES, f"Signature in {what}", make, sites=ALL)


@hostile(FAMILY_OF_VALUES, "a value over another SignedInfo, of the same key", sites=ALL)
def other_value(case):
    assertion = case.assertion()
    other = case.assertion().signed()
    text = VALUE.sub(lambda _: VALUE.search(other)[0], assertion.signed(), count=1)
    return (
        case.wrap(text)
        if case.site.mode != RESPONSE
        else VALUE.sub(lambda _: VALUE.search(other)[0], case.wrap(text), count=1)
    )


@hostile(FAMILY_OF_VALUES, "a DigestValue of SHA-512 cut to SHA-256's length", sites=ALL)
def cut_digest(case):
    text = case.finish(digest=SHA512)
    return DIGEST.sub(lambda f: f[1] + base64.b64encode(base64.b64decode(f[2])[:32]).decode() + f[3], text).replace(
        SHA512, SHA512[:-3] + "256"
    )


@hostile(FAMILY_OF_VALUES, "HMACOutputLength of zero", sites=ALL)
def hmac_length(case):
    return case.finish().replace(
        'rsa-sha256"/>', 'rsa-sha256"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>'
    )


# Canonicalization that comes to nothing, and what is then signed: nothing.

FAMILY_OF_NOTHING = "relative namespaces"
EMPTY_SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
for what, pattern in {
    "the assertion": "<saml:Assertion",
    "the root": "^<[^ ]*",
    "SignedInfo": "<ds:SignedInfo",
    "the NameID": "<saml:NameID",
}.items():
    for uri in ("relative", "#", "", "a b", "%zz"):
        if uri in ("", "%zz", "a b") and what != "the root":
            continue

        def relative(case, pattern=pattern, uri=uri):
            """Inclusive canonicalization fails at relative namespaces, and some take what it made so far: nothing."""
            text = re.sub(pattern, lambda found: f'{found[0]} xmlns:w="{uri}"', case.finish(), count=1)
            return DIGEST.sub(lambda found: found[1] + EMPTY_SHA256 + found[3], text)

        register(FAMILY_OF_NOTHING, f'"{uri}" at {what}, the digest that of nothing', relative, sites=ALL)

    def relative_honest(case, pattern=pattern):
        """Exclusive canonicalization leaves it out: what is signed is the same, but xmlsec1 stops at it."""
        text = case.finish()
        changed = re.sub(pattern, lambda found: f'{found[0]} xmlns:w="relative"', text, count=1)
        return Post(octets=changed.encode(), same=text.encode())

    register(FAMILY_OF_NOTHING, f"at {what}, unused", relative_honest, sites=ALL, accepting=FINE)
