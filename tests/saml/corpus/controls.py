"""Good documents, in all the ways that identity providers write them: if these are refused, all else proves nothing."""

import re
from functools import partial

from . import xmlsec
from .encryption import GCM, OAEP_MGF1P, Encrypted, inner
from .names import (
    DS,
    DSIG_MORE,
    EXCLUSIVE_C14N,
    RSA_SHA384,
    RSA_SHA512,
    SAML,
    SAMLP,
    SHA1,
    SHA384,
    SHA512,
    XENC,
    XS,
    XSI,
)
from .parts import (
    USUAL_TRANSFORMS,
    attribute,
    audiences,
    authn,
    conditions,
    confirmation,
    fresh_id,
    name_id,
    reference,
    signature,
    stamp,
    statement,
    status,
    transform,
)
from .register import ALL, ASSERTION, BARE, BOTH, GRANT, OTHER, RESPONSE, SOLICITED, SSO, Post, control
from .wire import encoded, field

EVERYWHERE = ALL + SOLICITED + OTHER


@control("signed as the configuration wants", sites=EVERYWHERE)
def good(case):
    return case.finish()


@control("both signed", sites=SSO + SOLICITED)
def both(case):
    return case.finish(mode=BOTH)


@control("response signed", sites=("response", "neither"))
def response_signed(case):
    return case.finish(mode=RESPONSE)


@control("assertion signed", sites=("assertion", "neither"))
def assertion_signed(case):
    return case.finish(mode=ASSERTION)


@control("in response to a request, where one need not have asked", sites=SSO)
def asked(case):
    case._asked = case.site.login()
    return case.finish()


for what, options in {
    "RSA-SHA384 and SHA-384": {"method": RSA_SHA384, "digest": SHA384},
    "RSA-SHA512 and SHA-512": {"method": RSA_SHA512, "digest": SHA512},
    "RSA-SHA256 and SHA-512": {"digest": SHA512},
    "no KeyInfo": {"key_info": ""},
    "a KeyName": {"key_info": "<ds:KeyInfo><ds:KeyName>looking-glass</ds:KeyName></ds:KeyInfo>"},
    "a PrefixList of saml and xs": {
        "transforms": USUAL_TRANSFORMS.replace(
            f'"{EXCLUSIVE_C14N}">',
            f'"{EXCLUSIVE_C14N}"><ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE_C14N}" PrefixList="saml xs"/>',
        )
    },
    "a PrefixList of the default namespace": {
        "transforms": USUAL_TRANSFORMS.replace(
            f'"{EXCLUSIVE_C14N}">',
            f'"{EXCLUSIVE_C14N}"><InclusiveNamespaces xmlns="{EXCLUSIVE_C14N}" PrefixList="#default xs xsi"/>',
        )
    },
}.items():
    control(what, sites=ALL)(lambda case, options=options: case.finish(**options))


@control("an Id of the signature", sites=ALL)
def signature_id(case):
    if case.site.mode != BOTH:
        return case.finish(id=fresh_id())
    return case.response(case.assertion().signed(id=fresh_id())).signed(id=fresh_id())


@control("ECDSA-SHA256 on P-256", sites=ALL)
def ecdsa(case):
    return case.finish(key=case.site.idp.keys[1])


@control("ECDSA-SHA384 on P-256", sites=ALL)
def ecdsa_384(case):
    return case.finish(key=case.site.idp.keys[1], method=DSIG_MORE + "ecdsa-sha384", digest=SHA384)


@control("a KeyValue of the right key", sites=ALL)
def key_value(case):
    return case.finish(key_info=case.site.idp.key.value)


@control("a PrefixList that matters: types of values", sites=ALL)
def types(case):
    """xs is used in a value of an attribute alone, where exclusive canonicalization would not see it."""
    typed = f'<saml:AttributeValue xmlns:xsi="{XSI}" xsi:type="xs:string">tea</saml:AttributeValue>'
    assertion = case.assertion(namespaces=f' xmlns:saml="{SAML}" xmlns:xs="{XS}"')
    assertion.statement = statement(f'<saml:Attribute Name="drink">{typed}</saml:Attribute>')
    inclusive = transform(EXCLUSIVE_C14N, f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE_C14N}" PrefixList="xs"/>')
    return case.finish(assertion, transforms=USUAL_TRANSFORMS.replace(transform(EXCLUSIVE_C14N), inclusive))


# Ways to write the same.


def rewritten(case, change):
    """The usual text in another way, and then signed: what the signature covers is what is there."""
    key = case.site.idp.key
    assertion, response = case.assertion(), case.response()
    ready = lambda id: signature(reference(id), key.method, key_info=key.x509)
    if case.site.mode != RESPONSE:
        assertion.signature = ready(assertion.id)
    if case.site.mode in (RESPONSE, BOTH):
        response.signature = ready(response.id)
    if case.site.mode == BARE:
        return xmlsec.sign(change(assertion.xml()), key)
    response.children = [assertion.xml()]
    text = change(response.xml())
    # The inner one first: the outer one covers it.
    pending = [m.start() for m in xmlsec.PENDING.finditer(text)]
    if len(pending) == 1:
        return xmlsec.sign(text, key)
    start, end = ASSERTION_START.search(text).start(), ASSERTION_END.search(text).end()
    return xmlsec.sign(text[:start] + xmlsec.sign(text[start:end], key) + text[end:], key)


ASSERTION_START = re.compile(rf"<{xmlsec.NAME}Assertion\b")
ASSERTION_END = re.compile(rf"</{xmlsec.NAME}Assertion\s*>")


def prefixes(saml, samlp, ds):
    def change(text):
        for old, new in (("saml", saml), ("samlp", samlp), ("ds", ds)):
            text = re.sub(rf"(</?){old}:", rf"\1{new}:", text)
            text = text.replace(f"xmlns:{old}=", f"xmlns:{new}=")
        return text

    return change


def defaults(text):
    """Every element says its namespace itself, and none has a prefix."""
    uris = {"saml": SAML, "samlp": SAMLP, "ds": DS}
    text = re.sub(r' xmlns:(saml|samlp|ds)="[^"]*"', "", text)
    text = re.sub(r"<(samlp|saml|ds):(\w+)", lambda found: f'<{found[2]} xmlns="{uris[found[1]]}"', text)
    return re.sub(r"</(?:samlp|saml|ds):", "</", text)


WAYS = {
    "the prefixes of Shibboleth": prefixes("saml2", "saml2p", "ds"),
    "the prefixes of ADFS": prefixes("a", "p", "dsig"),
    "odd prefixes": prefixes("_.-", "Ünï", "x-1"),
    "prefixes that are others' usual ones": prefixes("ds", "saml", "samlp"),
    "default namespaces": defaults,
    "whitespace between elements": lambda text: re.sub(r"><(?!/ds:\w+Value)", ">\n  <", text),
    "Windows' line ends between elements": lambda text: re.sub(r"><(?!/ds:\w+Value)", ">\r\n\t<", text),
    "single quotes": lambda text: text.replace('"', "'"),
    "whitespace in tags": lambda text: re.sub(r"(<[^/!?>][^>]*?)(/?>)", r"\1  \n\2", text),
    "whitespace in end tags": lambda text: re.sub("(</[^>]*)>", r"\1 >", text),
    "attributes the other way round": lambda text: re.sub(
        r"<((?:samlp|saml):[\w]+)((?: [\w:]+=\"[^\"]*\")+)", lambda found: "<" + found[1] + turned(found[2]), text
    ),
    "empty elements by two tags": lambda text: re.sub(r"<([\w:]+)([^>]*)/>", r"<\1\2></\1>", text),
    "a namespace that nobody uses": lambda text: text.replace(
        f'xmlns:saml="{SAML}"', f'xmlns:saml="{SAML}" xmlns:w="urn:wonderland"'
    ),
    "another attribute, of another namespace": lambda text: text.replace(
        "<saml:Subject>", '<saml:Subject xmlns:w="urn:wonderland" w:tea="4">'
    ),
}


def turned(attributes):
    return "".join(reversed(re.findall(r' [\w:]+="[^"]*"', attributes)))


for what, change in WAYS.items():
    control(f"written with {what}", sites=ALL)(partial(rewritten, change=change))


@control("an XML declaration", sites=ALL)
def declaration(case):
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + case.finish()


@control("an XML declaration, standalone", sites=ALL)
def standalone(case):
    return "<?xml version='1.0' encoding='utf-8' standalone='yes'?>" + case.finish()


@control("whitespace behind", sites=ALL)
def behind(case):
    return case.finish() + "\n"


# What it says.


def saying(what, make, **options):
    def make_document(case):
        assertion = case.assertion()
        assertion.change(make(case))
        return case.finish(assertion)

    control(what, **{"sites": ALL, **options})(make_document)


saying(
    "values of other scripts",
    lambda case: {"statement": statement(attribute("name", "Ἀλίκη", "アリス", "Алиса", "أليس", "Alice 🐇", "e\u0301"))},
)
saying(
    "values with characters to be escaped",
    lambda case: {
        "statement": statement(
            attribute("name", "&lt;&amp;&gt;&quot;&apos;", "&#x41;lice &#128007;", "a&#13;b&#10;c&#9;d")
        )
    },
)
saying(
    "names with characters to be escaped",
    lambda case: {"statement": statement(attribute("&quot;&lt;&amp;&#9;&#10;&#13;'", "tea"))},
)
saying("many attributes", lambda case: {"statement": statement(*(attribute(f"a{i}", f"v{i}") for i in range(100)))})
saying("an empty value", lambda case: {"statement": statement(attribute("mail", ""))})
saying(
    "a value of nothing",
    lambda case: {
        "statement": statement(
            f'<saml:Attribute Name="x"><saml:AttributeValue xmlns:xsi="{XSI}" xsi:nil="true"/></saml:Attribute>'
        )
    },
)
saying("no attributes", lambda case: {"statement": ""})
saying(
    "two attribute statements",
    lambda case: {"statement": statement(attribute("a", "b")) + statement(attribute("c", "d"))},
)
saying(
    "a value with elements in it",
    lambda case: {"statement": statement(attribute("x", '<w:a xmlns:w="urn:w"><w:b c="d">e</w:b>f</w:a>'))},
)
saying(
    "attributes ahead of the authentication",
    lambda case: {"authn": statement(attribute("a", "b")) + authn(), "statement": ""},
)
saying("two audiences", lambda case: {"conditions": conditions(audiences("urn:another", case.site.sp_entity_id))})
saying("OneTimeUse", lambda case: {"conditions": conditions(audiences(case.site.sp_entity_id) + "<saml:OneTimeUse/>")})
saying("an e-mail address for a name", lambda case: named_as(case, f"{case.name}@tea-party.example"))
saying(
    "milliseconds",
    lambda case: {
        "instant": stamp()[:-1] + ".123Z",
        "conditions": conditions(
            audiences(case.site.sp_entity_id),
            NotBefore=stamp(-5)[:-1] + ".5Z",
            NotOnOrAfter=stamp(300)[:-1] + ".9999999Z",
        ),
    },
)
saying(
    "a clock ten seconds ahead",
    lambda case: {
        "instant": stamp(10),
        "conditions": conditions(audiences(case.site.sp_entity_id), NotBefore=stamp(10)),
    },
)
saying(
    "the subject's locality",
    lambda case: {
        "authn": authn().replace(
            "<saml:AuthnContext>", '<saml:SubjectLocality Address="192.0.2.1"/><saml:AuthnContext>'
        )
    },
)
saying("the session's end", lambda case: {"authn": authn(SessionNotOnOrAfter=stamp(3600))})
saying(
    "a second confirmation, holder-of-key",
    lambda case: {
        "confirmation": confirmation(case) + confirmation(case, "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")
    },
)
saying(
    "the NameID's format e-mail",
    lambda case: {"name_id": name_id(case.name, Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")},
)
saying(
    "the NameID's format persistent",
    lambda case: {"name_id": name_id(case.name, Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")},
)
saying("the NameID without a format", lambda case: {"name_id": name_id(case.name, Format=None)})
saying(
    "the NameID with qualifiers",
    lambda case: {
        "name_id": name_id(case.name, NameQualifier=case.site.idp.entity, SPNameQualifier=case.site.sp_entity_id)
    },
)
saying(
    "the Issuer's format",
    lambda case: {
        "issuer": '<saml:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">'
        f"{case.site.idp.entity}</saml:Issuer>"
    },
)


def named_as(case, name):
    case.name = name
    return {"name_id": name_id(name)}


@control("the token endpoint for Recipient", sites=GRANT)
def token_recipient(case):
    return case.finish(case.assertion(confirmation=confirmation(case, Recipient=case.site.token_url)))


@control("no Destination, in a response that is not signed", sites=("assertion", "neither"))
def no_destination(case):
    response = case.response()
    response.more["Destination"] = None
    return case.finish(response=response)


@control("no Issuer of a response that is not signed", sites=("assertion", "neither"))
def no_issuer(case):
    return case.finish(response=case.response(issuer=""))


@control("a Consent and a StatusMessage", sites=SSO)
def consent(case):
    response = case.response()
    response.more["Consent"] = "urn:oasis:names:tc:SAML:2.0:consent:unspecified"
    response.status = status(rest="<samlp:StatusMessage>Welcome</samlp:StatusMessage>")
    return case.finish(response=response)


@control("a RelayState", sites=SSO)
def relay_state(case):
    octets = case.finish().encode()
    return Post(fields=[(field(case), encoded(case, octets)), ("RelayState", "/home")], octets=octets)


# Encrypted.

for bits in GCM:
    for transport in ("OAEP", "OAEP of no digest", "OAEP-SHA256"):

        def by_python(case, bits=bits, transport=transport):
            return case.wrap(Encrypted(case, inner(case), bits=bits, transport=transport).xml())

        control(f"encrypted by AES-{bits}-GCM and {transport}", sites=SSO + SOLICITED)(by_python)

    def by_xmlsec(case, bits=bits):
        plaintext = inner(case)
        template = (
            f'<xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element">'
            f'<xenc:EncryptionMethod Algorithm="{GCM[bits]}"/>'
            f'<ds:KeyInfo xmlns:ds="{DS}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{OAEP_MGF1P}">'
            f'<ds:DigestMethod Algorithm="{SHA1}"/></xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue/>'
            "</xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData>"
            "</xenc:EncryptedData>"
        )
        data = xmlsec.encrypt(plaintext, template, case.site.certificate_file, f"aes-{bits}").strip()
        case.plaintexts[re.findall(r"<xenc:CipherValue>([^<]*)<", data)[-1]] = plaintext.encode()
        return case.wrap(f'<saml:EncryptedAssertion xmlns:saml="{SAML}">{data}</saml:EncryptedAssertion>')

    control(f"encrypted by xmlsec1, AES-{bits}-GCM", sites=SSO)(by_xmlsec)
