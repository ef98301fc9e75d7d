"""Signatures that xmlsec1 calls valid, or nearly so, but that do not say what they seem to say."""

import base64
import hashlib
import re
import shutil
from functools import partial

from lxml import etree

from . import xmlsec
from .names import (
    DS,
    ENVELOPED,
    EXCLUSIVE_C14N,
    EXCLUSIVE_C14N_WITH_COMMENTS,
    INCLUSIVE_C14N,
    INCLUSIVE_C14N_11,
    INCLUSIVE_C14N_WITH_COMMENTS,
    SAML,
    SAMLP,
)
from .parts import USUAL_TRANSFORMS, fresh_id, reference, signature, status, transform
from .register import ALL, ASSERTION, BARE, BOTH, FINE, HARM, ODD, RESPONSE, RESPONSE_SIGNED, hostile, register
from .wrapping import signature_of, without_signature

FAMILY = "signed otherwise"

# What the references refer to.


def over_other(case, element, *, assertion=None, response=None, id=None, **options):
    """The IdP signed some element of an evil document, and the signature stands where that of the whole belongs."""
    assertion, key = assertion or case.evil_assertion(), case.site.idp.key
    case.ids = [("Id" if element.startswith(DS) else "ID", element)]
    references = reference(id, transform(EXCLUSIVE_C14N))
    made = signature(references, key.method, **{"key_info": key.x509, **options})
    if case.site.mode in (ASSERTION, BARE) and not response:
        assertion.signature = made
    if case.site.mode == BARE:
        return xmlsec.sign(assertion.xml(), key, case.ids)
    signature_of_response = "" if assertion.signature else made
    response = response or case.response()
    response.change({"children": [assertion.xml()], "signature": signature_of_response})
    return xmlsec.sign(response.xml(), key, case.ids)


def over_part(case, name, part):
    """One of the assertion, which gets an id."""
    id = fresh_id()
    assertion = case.evil_assertion()
    assertion.change({part: getattr(assertion, part).replace(f"<saml:{name}", f'<saml:{name} ID="{id}"', 1)})
    return over_other(case, f"{SAML}:{name}", assertion=assertion, id=id)


for name, part in {
    "SubjectConfirmationData": "confirmation",
    "Conditions": "conditions",
    "AuthnStatement": "authn",
    "AttributeStatement": "statement",
    "Issuer": "issuer",
}.items():
    register(FAMILY, f"over {name} alone", partial(over_part, name=name, part=part), sites=ALL)


@hostile(FAMILY, "over Subject alone, the first of two", sites=ALL)
def over_subject(case):
    id = fresh_id()
    honest, evil = case.assertion(), case.evil_assertion()
    evil.subject = f'<saml:Subject ID="{id}">{honest.name_id}{honest.confirmation}</saml:Subject>'
    evil.subject += f"<saml:Subject>{evil.name_id}{evil.confirmation}</saml:Subject>"
    return over_other(case, f"{SAML}:Subject", assertion=evil, id=id)


def over_status(case, name):
    id = fresh_id()
    made = status(rest="<samlp:StatusDetail>fine</samlp:StatusDetail>")
    made = made.replace(f"<samlp:{name}>", f'<samlp:{name} ID="{id}">')
    return over_other(case, f"{SAMLP}:{name}", response=case.response(status=made), id=id)


for name in ("Status", "StatusDetail"):
    register(FAMILY, f"over {name} alone", partial(over_status, name=name))

PROPERTIES = '<ds:SignatureProperties Id="{}"><ds:SignatureProperty Target="#x">now</ds:SignatureProperty>'
PROPERTIES += "</ds:SignatureProperties>"
OWN = {
    "Object": lambda key, id: {"objects": f'<ds:Object Id="{id}">looking-glass</ds:Object>'},
    "SignatureProperties": lambda key, id: {"objects": f"<ds:Object>{PROPERTIES.format(id)}</ds:Object>"},
    "KeyInfo": lambda key, id: {"key_info": key.x509.replace("<ds:KeyInfo>", f'<ds:KeyInfo Id="{id}">')},
}
for name, own in OWN.items():

    def over_own(case, name=name, own=own):
        id = fresh_id()
        return over_other(case, f"{DS}:{name}", id=id, **own(case.site.idp.key, id))

    register(FAMILY, f"over its own {name} alone", over_own, sites=ALL)


def referring(case, make, ids=()):
    """The document with one signature, over the references that `make` answers for its root's id."""
    element = case.assertion()
    if case.site.mode in (RESPONSE, BOTH):
        element = case.response(element.xml())
    made = make(case, element)
    references, options = made if isinstance(made, tuple) else (made, {})
    case.ids += options.get("ids", [])
    text = element.signed(references=references, **options)
    return text if case.site.mode in (RESPONSE, BOTH, BARE) else case.wrap(text)


def odd_references(name, **options):
    def decorate(make):
        register(FAMILY, name, partial(referring, make=make), **{"sites": ALL, "accepting": ODD, **options})
        return make

    return decorate


@odd_references("an empty URI, the whole document", sites=("both", "response", "grant"))
def empty_uri(case, element):
    return reference("", uri="")


@odd_references("an empty URI, within an assertion of the response", sites=("assertion", "neither"), accepting=HARM)
def empty_uri_inside(case, element):
    # Signed as a document of its own, which it is not any more.
    return reference("", uri="")


def by_hand(case, references):
    """Every signature has what the IdP's key makes of its SignedInfo, and this for its references."""
    key = case.site.idp.key
    assertion, response = case.assertion(), case.response()
    if case.site.mode != RESPONSE:
        assertion.signature = signature(references(assertion), key.method, key_info=key.x509)
    inner = xmlsec.sign_info(assertion.xml(), key) if case.site.mode != RESPONSE else assertion.xml()
    if case.site.mode == BARE:
        return inner
    response.children = [inner]
    if case.site.mode not in (RESPONSE, BOTH):
        return response.xml()
    response.signature = signature(references(response), key.method, key_info=key.x509)
    return xmlsec.sign_info(response.xml(), key)


def true_digest(element):
    octets = etree.tostring(etree.fromstring(element.xml()), method="c14n", exclusive=True)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


BY_HAND = {
    "no reference at all": lambda element: "",
    "a Manifest in place of references": lambda element: (
        f"<ds:Manifest>{reference(element.id, value=true_digest(element))}</ds:Manifest>"
    ),
    "a reference without a URI": lambda element: reference("", value=true_digest(element)).replace(' URI="#"', ""),
    "a reference to an empty id": lambda element: reference("", value=true_digest(element)),
    "a reference to nowhere, of nothing": lambda element: reference("_nowhere", value=NOTHING),
    "a reference to the whole, of nothing": lambda element: reference(element.id, value=NOTHING),
    "a reference to a web server": lambda element: reference("", uri=element.case.world.canary, value=NOTHING),
    "a reference to a web server's id": lambda element: reference(
        "", uri=f"{element.case.world.canary}#{element.id}", value=true_digest(element)
    ),
    "a reference without a digest": lambda element: reference(element.id, value=""),
    "a reference without its DigestValue": lambda element: reference(element.id).replace(
        "<ds:DigestValue></ds:DigestValue>", ""
    ),
    "a reference to an id in quotes": lambda element: reference("", uri=f"#'{element.id}'", value=true_digest(element)),
    "a reference to an id and a space": lambda element: reference(
        "", uri=f"#{element.id} ", value=true_digest(element)
    ),
}
NOTHING = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
for what, references in BY_HAND.items():
    register(FAMILY, what, partial(by_hand, references=references), sites=ALL)


@odd_references("the same reference twice")
def twice(case, element):
    return reference(element.id) * 2


@odd_references("two references, to the whole and to an empty URI")
def whole_and_empty(case, element):
    return reference(element.id) + reference("", uri="")


@odd_references("two references, to an Object and to the whole")
def object_and_whole(case, element):
    id = fresh_id()
    references = reference(id, transform(EXCLUSIVE_C14N)) + reference(element.id)
    return references, {"objects": f'<ds:Object Id="{id}">tea</ds:Object>', "ids": [("Id", f"{DS}:Object")]}


@odd_references("two references, to the whole and to an Object")
def whole_and_object(case, element):
    id = fresh_id()
    references = reference(element.id) + reference(id, transform(EXCLUSIVE_C14N))
    return references, {"objects": f'<ds:Object Id="{id}">tea</ds:Object>', "ids": [("Id", f"{DS}:Object")]}


@odd_references("thirty references")
def thirty(case, element):
    return reference(element.id) * 30


@odd_references("a reference to a Manifest, which refers to the whole", accepting=HARM)
def manifest(case, element):
    id = fresh_id()
    inside = f'<ds:Object><ds:Manifest Id="{id}">{reference(element.id)}</ds:Manifest></ds:Object>'
    return reference(id, transform(EXCLUSIVE_C14N)), {"objects": inside, "ids": [("Id", f"{DS}:Manifest")]}


@odd_references("a reference to a file", accepting=HARM)
def file_reference(case, element):
    file = case.world.directory / "signed.xml"
    if not file.exists():
        shutil.copyfile(case.world.idp.key.file, file)
    return reference("", "", uri=f"file://{file}")


@odd_references("an XPointer to the id")
def xpointer_id(case, element):
    return reference("", uri=f"#xpointer(id('{element.id}'))")


@odd_references("an XPointer to the root", sites=("both", "response", "grant"))
def xpointer_root(case, element):
    return reference("", uri="#xpointer(/)")


@odd_references("an XPointer that finds the issuer alone", accepting=HARM)
def xpointer_elsewhere(case, element):
    return reference("", uri="#xpointer(//*[local-name()='Issuer'])")


@hostile(FAMILY, "a bare-name fragment, escaped", sites=ALL, accepting=ODD)
def escaped_fragment(case):
    return re.sub('(?<=URI="#).', lambda found: f"%{ord(found[0]):02x}", case.finish())


# What the transforms leave of it.

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
BASE64 = DS + "base64"


def xpath(expression):
    return transform(XPATH, f'<ds:XPath xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}">{expression}</ds:XPath>')


def filter2(kind, expression):
    inside = f'<f:XPath xmlns:f="{XPATH_FILTER2}" xmlns:saml="{SAML}" Filter="{kind}">{expression}</f:XPath>'
    return transform(XPATH_FILTER2, inside)


SHEET = (
    '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">'
    '<xsl:template match="/"><tea-party/></xsl:template></xsl:stylesheet>'
)
PREFIXES = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE_C14N}" PrefixList="{{}}"></ec:InclusiveNamespaces>'
TRANSFORMS = {
    # What these cover is not all that is there, whatever the document says now.
    "XPath that leaves the NameID out": (
        xpath("not(ancestor-or-self::saml:NameID) and not(ancestor-or-self::ds:Signature)").replace(
            "<ds:XPath", f'<ds:XPath xmlns:ds="{DS}"'
        )
        + transform(EXCLUSIVE_C14N),
        HARM,
    ),
    "XPath that leaves everything out": (
        transform(ENVELOPED) + xpath("false()") + transform(EXCLUSIVE_C14N),
        HARM,
    ),
    "XPath that leaves nothing out": (transform(ENVELOPED) + xpath("true()") + transform(EXCLUSIVE_C14N), ODD),
    "XPath filter 2 that subtracts the subject": (
        transform(ENVELOPED) + filter2("subtract", "//saml:Subject") + transform(EXCLUSIVE_C14N),
        HARM,
    ),
    "XPath filter 2 that intersects with the issuer": (
        transform(ENVELOPED) + filter2("intersect", "//saml:Issuer") + transform(EXCLUSIVE_C14N),
        HARM,
    ),
    "XSLT that makes all documents one": (
        transform(ENVELOPED) + transform(XSLT, SHEET) + transform(EXCLUSIVE_C14N),
        HARM,
    ),
    "base64": (transform(ENVELOPED) + transform(BASE64), HARM),
    "enveloped and inclusive c14n": (transform(ENVELOPED) + transform(INCLUSIVE_C14N), ODD),
    "enveloped and inclusive c14n 1.1": (transform(ENVELOPED) + transform(INCLUSIVE_C14N_11), ODD),
    "enveloped and inclusive c14n with comments": (
        transform(ENVELOPED) + transform(INCLUSIVE_C14N_WITH_COMMENTS),
        ODD,
    ),
    "enveloped and exclusive c14n with comments": (
        transform(ENVELOPED) + transform(EXCLUSIVE_C14N_WITH_COMMENTS),
        ODD,
    ),
    "enveloped alone": (transform(ENVELOPED), ODD),
    "enveloped twice": (transform(ENVELOPED) * 2 + transform(EXCLUSIVE_C14N), ODD),
    "exclusive c14n twice": (USUAL_TRANSFORMS + transform(EXCLUSIVE_C14N), ODD),
    "exclusive c14n ahead of enveloped": (transform(EXCLUSIVE_C14N) + transform(ENVELOPED), ODD),
    "twenty of them": (transform(ENVELOPED) + transform(EXCLUSIVE_C14N) * 19, ODD),
    "one that nobody knows": (USUAL_TRANSFORMS + transform("urn:wonderland:shrink"), HARM),
    "none": ("", HARM),
    "exclusive c14n alone": (transform(EXCLUSIVE_C14N), HARM),
    "a PrefixList of a thousand": (
        transform(ENVELOPED) + transform(EXCLUSIVE_C14N, PREFIXES.format(" ".join(f"p{i}" for i in range(1000)))),
        ODD,
    ),
}


def transformed(case, transforms):
    """Signed by xmlsec1 if it knows the transforms; where it does not, in the usual way, and then they are swapped."""
    try:
        return referring(case, lambda case, element: reference(element.id, transforms))
    except xmlsec.Refused:
        text = referring(case, lambda case, element: reference(element.id))
        return text.replace(USUAL_TRANSFORMS, transforms, 1)


def transformed_evil(case, transforms):
    """The same signature, after the user became another: valid still, where the transforms leave the user out."""
    return transformed(case, transforms).replace(case.name, case.evil)


for what, (transforms, accepting) in TRANSFORMS.items():
    fine_at = ALL if what == "a PrefixList of a thousand" else ()
    register(
        FAMILY,
        f"transforms: {what}",
        partial(transformed, transforms=transforms),
        sites=ALL,
        accepting=accepting,
        fine_at=fine_at,
    )
    if accepting == HARM:
        make = partial(transformed_evil, transforms=transforms)
        register(FAMILY, f"transforms: {what}, then another user", make, sites=ALL)

for what, c14n in {
    "inclusive": INCLUSIVE_C14N,
    "inclusive 1.1": INCLUSIVE_C14N_11,
    "inclusive with comments": INCLUSIVE_C14N_WITH_COMMENTS,
    "exclusive with comments": EXCLUSIVE_C14N_WITH_COMMENTS,
}.items():
    make = partial(referring, make=lambda case, element, c14n=c14n: (reference(element.id), {"c14n": c14n}))
    register(FAMILY, f"SignedInfo by {what} c14n", make, sites=ALL, accepting=ODD)


@hostile(FAMILY, "SignedInfo by a c14n that nobody knows", sites=ALL)
def unknown_c14n(case):
    text = case.finish()
    return text.replace(
        f'CanonicalizationMethod Algorithm="{EXCLUSIVE_C14N}"', 'CanonicalizationMethod Algorithm="urn:wonderland:c14n"'
    )


# Where the signature stands, and how many there are.

MOVED = "moved signature"


def root(case):
    """The signed root of a document on its own, and the rest of the way to what is posted."""
    element = case.assertion()
    if case.site.mode in (RESPONSE, BOTH):
        element = case.response(element.xml())
    return element, element.signed()


def placed(case, change):
    element, text = root(case)
    text = change(case, without_signature(text), signature_of(text))
    return case.wrap(text) if case.site.mode not in (RESPONSE, BOTH) else text


def behind(pattern):
    """Puts the signature behind what the pattern finds first; an enveloped one stays valid wherever it is."""

    def change(case, bare, sign):
        return re.sub(pattern, lambda found: found[0] + sign, bare, count=1, flags=re.DOTALL)

    return change


PLACES = {
    "first, ahead of the issuer": behind("^<[^>]*>"),
    "last": lambda case, bare, sign: re.sub("(</[^>]*>)$", lambda found: sign + found[0], bare),
    "in the Issuer": behind("<saml:Issuer>[^<]*"),
    "behind the Subject": behind(".*</saml:Subject>"),
    "in the Subject": behind("<saml:Subject>"),
    "in the NameID": behind("<saml:NameID[^>]*>"),
    "in the SubjectConfirmationData": behind("<saml:SubjectConfirmationData[^>]*>"),
    "in the Conditions": behind("<saml:Conditions[^>]*>"),
    "in the AttributeValue": behind("<saml:AttributeValue>"),
    "in the AuthnContext": behind("<saml:AuthnContext>"),
}
for where, change in PLACES.items():
    # The schema wants it behind the issuer. Whoever finds it among the children reads what it is over all the same.
    accepting = ODD if where.startswith("in ") else FINE
    register(MOVED, where, partial(placed, change=change), sites=ALL, accepting=accepting)


@hostile(MOVED, "as the response's, that of the assertion", accepting=ODD)
def as_the_responses(case):
    assertion = case.assertion()
    signed = assertion.signed()
    return case.response(without_signature(signed), signature=signature_of(signed)).xml()


@hostile(MOVED, "as the response's too, that of the assertion", accepting=ODD)
def as_the_responses_too(case):
    assertion = case.assertion()
    signed = assertion.signed()
    return case.response(signed, signature=signature_of(signed)).xml()


@hostile(MOVED, "as the assertion's, that of the response", accepting=ODD)
def as_the_assertions(case):
    """Valid there, too, so long as it is told apart from an enveloped one of its own."""
    response = case.response(case.assertion().xml())
    signed = response.signed()
    bare = without_signature(signed)
    at = bare.index("</saml:Issuer>", bare.index("<saml:Assertion")) + len("</saml:Issuer>")
    return bare[:at] + signature_of(signed) + bare[at:]


@hostile(MOVED, "as the assertion's too, that of the response", accepting=HARM)
def as_the_assertions_too(case):
    response = case.response(case.assertion().xml())
    signed = response.signed()
    at = signed.index("</saml:Issuer>", signed.index("<saml:Assertion")) + len("</saml:Issuer>")
    return signed[:at] + signature_of(signed) + signed[at:]


@hostile(MOVED, "behind the response", accepting=ODD)
def behind_the_response(case):
    text = case.response(case.assertion().xml()).signed()
    return without_signature(text) + signature_of(text)


@hostile(MOVED, "of an honest document, over an evil one that took its id", sites=ALL)
def of_another(case):
    return case.forge(lambda honest, evil: signature_of(honest))


@hostile(MOVED, "the same twice", sites=ALL, accepting=ODD)
def the_same_twice(case):
    return placed(case, lambda case, bare, sign: behind("</saml:Issuer>")(case, bare, sign * 2))


@hostile(MOVED, "a second one by another's key", sites=ALL, accepting=ODD)
def second_foreign(case):
    return placed(case, lambda case, bare, sign: behind("</saml:Issuer>")(case, bare, sign + foreign(case, bare)))


@hostile(MOVED, "a first one by another's key", sites=ALL, accepting=ODD)
def first_foreign(case):
    return placed(case, lambda case, bare, sign: behind("</saml:Issuer>")(case, bare, foreign(case, bare) + sign))


def foreign(case, bare):
    """Another's signature over the same."""
    key = case.world.foreign
    case.signers.append(key.public)
    id = re.search(r'\bID="([^"]*)"', bare)[1]
    made = signature(reference(id), key.method, key_info=key.x509)
    return signature_of(xmlsec.sign(behind("</saml:Issuer>")(case, bare, made), key))


@hostile(MOVED, "a second one, honest, in the NameID", sites=ALL, accepting=ODD)
def signature_in_name_id(case):
    return placed(
        case,
        lambda case, bare, sign: behind("<saml:NameID[^>]*>")(case, behind("</saml:Issuer>")(case, bare, sign), sign),
    )


@hostile(MOVED, "of an honest document, which is in its Object, over an evil one that took its id", sites=ALL)
def honest_in_object(case):
    def change(honest, evil):
        inside = f"<ds:Object>{without_signature(honest)}</ds:Object></ds:Signature>"
        return signature_of(honest).replace("</ds:Signature>", inside)

    return case.forge(change)


# Two of what there may be one of.

DOUBLED = "doubled"


def doubled(case, change):
    text = case.finish()
    changed = change(case, text)
    assert changed != text
    return changed


def forged_signed_info(case, text):
    """The SignedInfo that an attacker would like to have been signed."""
    info = re.search("<ds:SignedInfo>.*?</ds:SignedInfo>", text, re.DOTALL)[0]
    return re.sub("<ds:DigestValue>.*?<", f"<ds:DigestValue>{'A' * 43}=<", info)


@hostile(DOUBLED, "SignedInfo, the forged one first", sites=ALL, accepting=ODD)
def signed_info_first(case):
    return doubled(
        case, lambda case, text: text.replace("<ds:SignedInfo>", forged_signed_info(case, text) + "<ds:SignedInfo>", 1)
    )


@hostile(DOUBLED, "SignedInfo, the forged one second", sites=ALL, accepting=ODD)
def signed_info_second(case):
    return doubled(
        case,
        lambda case, text: text.replace("</ds:SignedInfo>", "</ds:SignedInfo>" + forged_signed_info(case, text), 1),
    )


INFO = re.compile("<ds:SignedInfo>.*?</ds:SignedInfo>", re.DOTALL)
DIGEST = re.compile("(?<=<ds:DigestValue>).*?(?=<)", re.DOTALL)
# The honest SignedInfo is what the value is for, the evil one has the digest of what is there: each where it helps.
FORGED = {
    "SignedInfo, the evil one first": lambda honest, evil: INFO.sub(
        lambda found: INFO.search(evil)[0] + found[0], honest, 1
    ),
    "SignedInfo, the evil one second": lambda honest, evil: INFO.sub(
        lambda found: found[0] + INFO.search(evil)[0], honest, 1
    ),
    "SignedInfo, the honest one in an Object": lambda honest, evil: INFO.sub(
        lambda _: INFO.search(evil)[0], honest, 1
    ).replace("</ds:Signature>", f"<ds:Object>{INFO.search(honest)[0]}</ds:Object></ds:Signature>", 1),
    "SignedInfo, the evil one in an Object": lambda honest, evil: honest.replace(
        "</ds:Signature>", f"<ds:Object>{INFO.search(evil)[0]}</ds:Object></ds:Signature>", 1
    ),
    "SignedInfo, the evil one in the honest one": lambda honest, evil: honest.replace(
        "</ds:SignedInfo>", INFO.search(evil)[0] + "</ds:SignedInfo>", 1
    ),
    # SignedInfo is signed without comments; who reads only the first node reads what is evil.
    "DigestValue, the evil one in a comment ahead": lambda honest, evil: DIGEST.sub(
        lambda found: f"<!--{DIGEST.search(evil)[0]}-->{found[0]}", honest, 1
    ),
    "DigestValue, the honest one in a comment behind": lambda honest, evil: DIGEST.sub(
        lambda found: f"{DIGEST.search(evil)[0]}<!--{found[0]}-->", honest, 1
    ),
    "DigestValue, the evil one in a processing instruction": lambda honest, evil: DIGEST.sub(
        lambda found: f"<?x {DIGEST.search(evil)[0]}?>{found[0]}", honest, 1
    ),
    "DigestValue, the evil one as an element ahead": lambda honest, evil: DIGEST.sub(
        lambda found: f"<x>{DIGEST.search(evil)[0]}</x>{found[0]}", honest, 1
    ),
    "Reference, the evil one first": lambda honest, evil: honest.replace(
        "<ds:Reference ", re.search("<ds:Reference .*?</ds:Reference>", evil, re.DOTALL)[0] + "<ds:Reference ", 1
    ),
    "Reference, the evil one second": lambda honest, evil: honest.replace(
        "</ds:Reference>", "</ds:Reference>" + re.search("<ds:Reference .*?</ds:Reference>", evil, re.DOTALL)[0], 1
    ),
    "Signature, the evil one first": lambda honest, evil: signature_of(evil) + signature_of(honest),
    "Signature, the evil one second": lambda honest, evil: signature_of(honest) + signature_of(evil),
    "SignatureValue, the honest one for the evil SignedInfo": lambda honest, evil: INFO.sub(
        lambda _: INFO.search(evil)[0], honest, 1
    ),
}
for name, change in FORGED.items():

    def forged(case, change=change):
        return case.forge(lambda honest, evil: change(signature_of(honest), signature_of(evil)))

    register(DOUBLED, f"an evil document: {name}", forged, sites=ALL)


for name in (
    "DigestValue",
    "SignatureValue",
    "DigestMethod",
    "SignatureMethod",
    "CanonicalizationMethod",
    "Transforms",
):
    pattern = re.compile(rf"<ds:{name}\b[^>]*/>|<ds:{name}\b.*?</ds:{name}>", re.DOTALL)
    make = partial(
        doubled, change=lambda case, text, pattern=pattern: pattern.sub(lambda found: found[0] * 2, text, count=1)
    )
    register(DOUBLED, name, make, sites=ALL, accepting=HARM if name not in ("SignatureValue",) else ODD)


@hostile(DOUBLED, "an honest and an evil DigestValue, by a comment", sites=ALL)
def digest_comment(case):
    """SignedInfo is signed without comments; who reads only the first text reads the evil one."""
    assertion = case.assertion()
    honest = assertion.signed()
    evil = case.evil_assertion(id=assertion.id)
    forged = re.search("<ds:DigestValue>(.*?)<", evil.signed(case.world.foreign))[1]
    evil.signature = re.sub(
        "<ds:DigestValue>(.*?)<", lambda found: f"<ds:DigestValue><!--{forged}-->{found[1]}<", signature_of(honest)
    )
    return case.wrap(evil.xml())


@hostile(DOUBLED, "an evil DigestValue ahead of a comment", sites=ALL)
def digest_before_comment(case):
    assertion = case.assertion()
    honest = assertion.signed()
    evil = case.evil_assertion(id=assertion.id)
    forged = re.search("<ds:DigestValue>(.*?)<", evil.signed(case.world.foreign))[1]
    evil.signature = re.sub(
        "<ds:DigestValue>(.*?)<", lambda found: f"<ds:DigestValue>{forged}<!--{found[1]}--><", signature_of(honest)
    )
    return case.wrap(evil.xml())


for name in ("Issuer", "Subject", "Conditions"):

    def twice_signed(case, name=name):
        """The IdP signed it so: an evil one and then the honest one, or the other way round."""
        assertion = case.assertion()
        evil = case.evil_assertion()
        if name == "Issuer":
            assertion.issuer += f"<saml:Issuer>{case.world.other.entity}</saml:Issuer>"
        elif name == "Subject":
            both = [f"<saml:Subject>{of.name_id}{of.confirmation}</saml:Subject>" for of in (assertion, evil)]
            assertion.subject = "".join(both)
        else:
            assertion.conditions *= 2
        return case.finish(assertion)

    register(DOUBLED, name, twice_signed, sites=ALL, accepting=HARM)


@hostile(DOUBLED, "the response's Issuer", accepting=HARM)
def issuer_of_response(case):
    response = case.response()
    response.issuer += f"<saml:Issuer>{case.world.other.entity}</saml:Issuer>"
    return case.finish(response=response)


@hostile(DOUBLED, "Status, the second no success", accepting=HARM)
def two_statuses(case):
    response = case.response()
    response.status += status("urn:oasis:names:tc:SAML:2.0:status:Responder")
    return case.finish(response=response)


@hostile(DOUBLED, "two signed assertions of two users", accepting=ODD)
def two_assertions(case):
    """Both of the same IdP, perhaps of an attacker's own sign-in and another's."""
    own = case.assertion().signed()
    return case.wrap(own + case.evil_assertion().signed())


@hostile(DOUBLED, "the same assertion twice", accepting=ODD)
def same_assertion_twice(case):
    return case.wrap(case.assertion().signed() * 2)


@hostile(DOUBLED, "a signed and an unsigned assertion, all in a signed response", sites=RESPONSE_SIGNED, accepting=ODD)
def second_unsigned(case):
    return case.response(case.assertion().signed(), case.evil_assertion().xml()).signed()


@hostile(DOUBLED, "an unsigned and a signed assertion, all in a signed response", sites=RESPONSE_SIGNED, accepting=ODD)
def first_unsigned(case):
    return case.response(case.evil_assertion().xml(), case.assertion().signed()).signed()


@hostile(DOUBLED, "an assertion in the Advice of the other, as the IdP signed it", sites=ALL, accepting=ODD)
def advice(case):
    assertion = case.assertion()
    assertion.conditions += f"<saml:Advice>{case.evil_assertion().xml()}</saml:Advice>"
    return case.finish(assertion)


@hostile(DOUBLED, "an assertion in an AttributeValue of the other, as the IdP signed it", sites=ALL, accepting=ODD)
def in_value(case):
    assertion = case.assertion()
    assertion.statement = assertion.statement.replace(
        "<saml:AttributeValue>", f"<saml:AttributeValue>{case.evil_assertion().xml()}"
    )
    return case.finish(assertion)


@hostile(DOUBLED, "ID of the response and its assertion are one", accepting=ODD)
def one_id(case):
    """The response's signature may cover either, as the reader likes."""
    assertion = case.assertion()
    response = case.response(assertion.xml())
    signed = response.signed()
    return signed.replace(assertion.id, response.id)


@hostile(DOUBLED, "ID of the assertion and of an element that needs none", accepting=ODD, sites=ALL)
def id_of_value(case):
    assertion = case.assertion()
    assertion.statement = assertion.statement.replace(
        "<saml:AttributeValue>", f'<saml:AttributeValue ID="{assertion.id}">'
    )
    return case.finish(assertion)


@hostile(DOUBLED, "ID of the assertion as the Id of an Object", accepting=ODD, sites=ALL)
def id_of_object(case):
    assertion = case.assertion()
    return case.finish(assertion, objects=f'<ds:Object Id="{assertion.id}">tea</ds:Object>')


@hostile(DOUBLED, "attributes ID of an assertion", accepting=ODD, sites=ALL)
def two_ids(case):
    text = case.finish()
    return re.sub(r"(<saml:Assertion[^>]*) ID=", rf'\1 ID="{fresh_id()}" ID=', text, count=1)
