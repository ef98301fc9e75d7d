"""XML itself against whoever reads it: namespaces, entities, encodings, size and depth, and what is no XML at all."""

import re
from functools import partial

from . import xmlsec
from .controls import defaults
from .controls import rewritten as written
from .names import DS, SAML, SAML_1, SAMLP, SAMLP_1, XSI
from .parts import BILLION, attribute, audiences, conditions, fresh_id, name_id, reference, signature, stamp, statement
from .register import ALL, BARE, BOTH, FINE, GRANT, HARM, ODD, RESPONSE, Post, hostile, register

# Namespaces.

NAMESPACES = "namespaces"


def rewritten(case, change, ids=()):
    """The parts of a document put together by the usual functions, changed, and then signed."""
    assertion = case.assertion()
    key = case.site.idp.key
    case.ids += ids
    template = lambda id: signature(reference(id), key.method, key_info=key.x509)
    if case.site.mode != RESPONSE:
        assertion.signature = template(assertion.id)
    text = change(assertion.xml())
    if case.site.mode != RESPONSE:
        text = sign(text, key, ids)
    if case.site.mode == BARE:
        return text
    response = case.response(text)
    if case.site.mode in (RESPONSE, BOTH):
        response.signature = template(response.id)
        return sign(response.xml(), key, ids)
    return response.xml()


def sign(text, key, ids):
    """Some of it xmlsec1 refuses to canonicalize: an attacker, who signs nothing, does not mind."""
    try:
        return xmlsec.sign(text, key, ids)
    except xmlsec.Refused:
        return xmlsec.PENDING.sub(r"\1AAAA", text, count=1)


def replaced(*pairs):
    def change(text):
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        return text

    return change


def other_namespace(uri):
    return replaced((f'xmlns:saml="{SAML}"', f'xmlns:saml="{uri}"'))


for what, uri in {
    "SAML 1.1": SAML_1,
    "one that nobody knows": "urn:wonderland",
    "SAML 2.0 with a slash": SAML + "/",
    "SAML 2.0 in capitals": SAML.upper(),
    "SAML 2.0 with a space": SAML + " ",
    "the protocol's": SAMLP,
    "SAML 2.0 by way of a reference": SAML.replace("urn", "&#x75;rn"),
}.items():
    ids = [("ID", f"{uri}:Assertion")]
    fine = what.startswith("SAML 2.0 by way")
    make = partial(rewritten, change=other_namespace(uri), ids=() if fine else ids)
    register(NAMESPACES, f"Assertion in {what}", make, sites=ALL, accepting=FINE if fine else HARM)


@hostile(NAMESPACES, "Assertion in none", sites=ALL)
def no_namespace(case):
    change = lambda text: re.sub(r"(</?)saml:", r"\1", text).replace(f' xmlns:saml="{SAML}"', ' xmlns=""')
    return rewritten(case, change, ids=[("ID", "Assertion")])


for what, uri in {"SAML 1.1": SAMLP_1, "one that nobody knows": "urn:wonderland", "the assertion's": SAML}.items():

    def response_in(case, uri=uri):
        case.ids = [("ID", f"{uri}:Response")]
        response = case.response(case.assertion().signed())
        response.namespaces = f' xmlns:samlp="{uri}" xmlns:saml="{SAML}"'
        return response.signed(ids=case.ids) if case.site.mode in (RESPONSE, BOTH) else response.xml()

    register(NAMESPACES, f"Response in {what}", response_in)

INNER = {
    "Subject": ("<saml:Subject>", "</saml:Subject>"),
    "NameID": ("<saml:NameID", "</saml:NameID>"),
    "Conditions": ("<saml:Conditions", "</saml:Conditions>"),
    "AuthnStatement": ("<saml:AuthnStatement", "</saml:AuthnStatement>"),
    "SubjectConfirmation": ("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>"),
    "AudienceRestriction": ("<saml:AudienceRestriction>", "</saml:AudienceRestriction>"),
}
for what, (start, end) in INNER.items():

    def inner(case, start=start, end=end):
        """By its local name alone it is what is looked for."""
        other = f'{start[:-1] if start.endswith(">") else start.strip()} xmlns:saml="urn:wonderland"'
        other += start[-1] if start[-1] in "> " else ""
        return rewritten(case, replaced((start, other)))

    # As with one that is missing: RFC 7522 does not ask for it.
    fine_at = GRANT if what == "AuthnStatement" else ()
    register(NAMESPACES, f"{what} in one that nobody knows, by the same prefix", inner, sites=ALL, fine_at=fine_at)


@hostile(NAMESPACES, "an evil NameID of another namespace first", sites=ALL, accepting=ODD, fine_at=GRANT)
def evil_name_first(case):
    evil = f'<x:NameID xmlns:x="urn:wonderland">{case.evil}</x:NameID>'
    return rewritten(case, replaced(("<saml:NameID", evil + "<saml:NameID")))


@hostile(NAMESPACES, "an evil assertion of another namespace first", accepting=ODD)
def evil_assertion_first(case):
    evil = case.evil_assertion().xml().replace(SAML, "urn:wonderland")
    response = case.response(evil, case.assertion().signed())
    return response.signed() if case.site.mode in (RESPONSE, BOTH) else response.xml()


@hostile(NAMESPACES, "an evil assertion of SAML 1.1 first", accepting=ODD)
def evil_assertion_1(case):
    evil = case.evil_assertion().xml().replace(SAML, SAML_1)
    response = case.response(evil, case.assertion().signed())
    return response.signed() if case.site.mode in (RESPONSE, BOTH) else response.xml()


@hostile(NAMESPACES, "an evil Signature of another namespace first", sites=ALL, accepting=ODD)
def evil_signature(case):
    text = case.finish()
    info = re.search("<ds:Signature .*?</ds:Signature>", text, re.DOTALL)[0]
    return text.replace(info, info.replace(DS, "urn:wonderland") + info, 1)


@hostile(NAMESPACES, "a prefix bound to another within, and back", sites=ALL, accepting=FINE)
def rebound(case):
    start = f'<x:a xmlns:x="urn:wonderland" xmlns:saml="urn:wonderland"><saml:NameID>{case.evil}</saml:NameID>'
    inside = f'{start}<saml:b xmlns:saml="{SAML}"/></x:a>'
    return rewritten(case, replaced(("<saml:AttributeValue>", f"<saml:AttributeValue>{inside}")))


@hostile(NAMESPACES, "a prefix bound to another after signing", sites=ALL)
def rebound_after(case):
    return case.finish().replace("<saml:NameID", '<saml:NameID xmlns:saml="urn:wonderland"')


@hostile(NAMESPACES, "a prefix that is not declared", sites=ALL)
def undeclared(case):
    return case.finish().replace("<saml:NameID", "<x:y/><saml:NameID")


@hostile(NAMESPACES, "the prefix of all not declared", sites=ALL)
def undeclared_all(case):
    return re.sub(' xmlns:saml="[^"]*"', "", case.finish())


@hostile(NAMESPACES, "an undeclared prefix of an attribute", sites=ALL)
def undeclared_attribute(case):
    return case.finish().replace("<saml:NameID", '<saml:NameID x:y="z"')


for what in (
    "Issuer",
    "Subject",
    "NameID",
    "SubjectConfirmation",
    "SubjectConfirmationData",
    "Conditions",
    "AudienceRestriction",
    "Audience",
    "AuthnStatement",
    "AuthnContextClassRef",
    "AttributeStatement",
    "AttributeValue",
):

    def undeclared_after(case, what=what):
        """As XML 1.1 has it. Whether canonical form shows it or not, what is there is none of SAML's any more."""
        return re.sub(f"(<saml:{what})\\b", r'\1 xmlns:saml=""', case.finish(), count=1)

    register(NAMESPACES, f"the prefix of {what} undeclared after signing", undeclared_after, sites=ALL)


def default_undeclared(case, what):
    """That is well-formed, and canonical form has to show it."""

    text = written(case, defaults)
    return re.sub(f'(<{what}) xmlns="{SAML}"', r'\1 xmlns=""', text, count=1)


for what in ("Subject", "NameID", "Conditions", "AudienceRestriction", "AuthnStatement", "AttributeValue"):
    make = partial(default_undeclared, what=what)
    register(NAMESPACES, f"the default namespace of {what} undeclared after signing", make, sites=ALL)


def hidden(case, change, pattern):
    """What the IdP said against it is put out of the way after it was signed."""
    assertion = case.assertion()
    change(assertion, case)
    return re.sub(pattern, lambda found: f'{found[0]} xmlns:saml=""', case.finish(assertion), count=1)


def late(assertion, case):
    assertion.conditions = conditions(audiences(case.site.sp_entity_id), NotBefore=None, NotOnOrAfter=stamp(-600))


def for_another(assertion, case):
    assertion.conditions = conditions(audiences(case.site.sp_entity_id) + audiences("urn:another"))


def on_condition(assertion, case):
    assertion.conditions = conditions(audiences(case.site.sp_entity_id) + "<saml:Condition/>")


def two_names(assertion, case):
    assertion.name_id = name_id(case.evil) + assertion.name_id


for what, change, pattern in (
    ("the conditions, which were late", late, "<saml:Conditions"),
    ("another's audience", for_another, r"<saml:AudienceRestriction(?=><saml:Audience>urn:another)"),
    ("a condition", on_condition, "<saml:Condition(?=/)"),
    ("the first of two names", two_names, "<saml:NameID"),
):
    make = partial(hidden, change=change, pattern=pattern)
    register(NAMESPACES, f"the prefix of {what} undeclared after signing", make, sites=ALL)


@hostile(NAMESPACES, "a prefix that nobody uses undeclared, as XML 1.1 has it", sites=ALL, accepting=ODD)
def prefix_undeclared(case):
    text = case.finish()
    changed = text.replace("<saml:AttributeValue>", '<saml:AttributeValue xmlns:w="">')
    return Post(octets=changed.encode(), same=text.encode())


@hostile(NAMESPACES, "a prefix declared twice", sites=ALL)
def declared_twice(case):
    return case.finish().replace(f'xmlns:saml="{SAML}"', f'xmlns:saml="{SAML}" xmlns:saml="{SAML}"', 1)


@hostile(NAMESPACES, "one attribute twice by two prefixes", sites=ALL)
def one_attribute_twice(case):
    return case.finish().replace("<saml:NameID", '<saml:NameID xmlns:a="urn:w" xmlns:b="urn:w" a:x="1" b:x="2"')


@hostile(NAMESPACES, "xmlns as a prefix", sites=ALL)
def xmlns_prefix(case):
    return case.finish().replace("<saml:NameID", "<xmlns:x/><saml:NameID")


@hostile(NAMESPACES, "xml as another's prefix", sites=ALL)
def xml_prefix(case):
    return case.finish().replace("<saml:NameID", '<saml:NameID xmlns:xml="urn:wonderland"')


@hostile(NAMESPACES, "a prefix for xmlns' own namespace", sites=ALL)
def xmlns_namespace(case):
    return case.finish().replace("<saml:NameID", '<saml:NameID xmlns:x="http://www.w3.org/2000/xmlns/"')


for what, name in {
    "an empty prefix": ":NameID",
    "an empty local name": "saml:",
    "two colons": "saml::NameID",
    "three parts": "x:saml:NameID",
    "a digit first": "saml:1NameID",
}.items():

    def colons(case, name=name):
        """Some readers make another name of it when they write it again."""
        evil = f'<{name} xmlns:x="urn:x">{case.evil}</{name}>'
        return case.finish().replace("<saml:NameID", f"{evil}<saml:NameID")

    register(NAMESPACES, f"a name of {what}", colons, sites=ALL)
for what, name in {"an empty prefix": ":x", "an empty local name": "x:", "two colons": "x::y", "no name": ""}.items():

    def colon_attribute(case, name=name):
        return case.finish().replace("<saml:NameID", f'<saml:NameID xmlns:x="urn:x" {name}="y"')

    register(NAMESPACES, f"an attribute's name of {what}", colon_attribute, sites=ALL)


@hostile(NAMESPACES, "xml:base, xml:lang and xml:space everywhere", sites=ALL, accepting=FINE)
def xml_attributes(case):
    more = ' xml:base="http://looking-glass.example/" xml:lang="en" xml:space="preserve"'
    return rewritten(
        case, replaced(("<saml:NameID", f"<saml:NameID{more}"), ("<saml:Conditions", f"<saml:Conditions{more}"))
    )


@hostile(NAMESPACES, "xsi:type that says another type", sites=ALL, accepting=FINE)
def xsi_type(case):
    more = f' xmlns:xsi="{XSI}" xsi:type="saml:EncryptedElementType"'
    return rewritten(case, replaced(("<saml:NameID", f"<saml:NameID{more}")))


@hostile(NAMESPACES, "xsi:schemaLocation of a web server", sites=ALL, accepting=FINE)
def schema_location(case):
    more = f' xmlns:xsi="{XSI}" xsi:schemaLocation="{SAML} {case.world.canary}"'
    return rewritten(case, replaced(("<saml:Subject>", f"<saml:Subject{more}>")))


@hostile(NAMESPACES, "XInclude of a web server", sites=ALL, accepting=FINE)
def xinclude(case):
    more = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{case.world.canary}" parse="text"/>'
    return rewritten(case, replaced(("<saml:AttributeValue>", f"<saml:AttributeValue>{more}")))


@hostile(NAMESPACES, "XInclude of a file as the name", sites=ALL)
def xinclude_name(case):
    file = case.world.directory / "name"
    file.write_text(case.evil)
    more = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{file}" parse="text"/>'
    return case.finish(case.assertion(name_id=name_id(more)))


# Document types and entities: there is no good reason for any.

ENTITIES = "document types"


def typed(case, inside, *, root=None, name=None):
    """The document with a document type ahead; xmlsec1 reads both and calls the signature valid still."""
    text = case.finish()
    root = root or ("saml:Assertion" if case.site.mode == BARE else "samlp:Response")
    if name:
        text = text.replace(f">{case.name}</saml:NameID", f">{name}</saml:NameID")
    return f"<!DOCTYPE {root}{inside}>{text}"


DOCUMENT_TYPES = {
    "a bare one": ("", None),
    "an empty one": (" []", None),
    "an external one of a web server": (' SYSTEM "{canary}"', None),
    "a public one of a web server": (' PUBLIC "-//W//X" "{canary}"', None),
    "an external one of a file": (' SYSTEM "file:///etc/hostname"', None),
    "an entity that is the user's name": (' [<!ENTITY who "{name}">]', "&who;"),
    "an entity that is half of the name": (' [<!ENTITY who "{second}">]', "{first}&who;"),
    "an entity that is another's name": (' [<!ENTITY who "{evil}">]', "&who;"),
    "an entity that is not used": (' [<!ENTITY who "{evil}">]', None),
    "an entity of nothing": (' [<!ENTITY who "">]', "{name}&who;"),
    "an entity with an element": (' [<!ENTITY who "<x/>">]', "{name}&who;"),
    "an entity of an entity": (' [<!ENTITY a "{name}"><!ENTITY b "&a;">]', "&b;"),
    "an entity for amp": (' [<!ENTITY amp "&#38;#38;">]', None),
    "an external entity of a file": (' [<!ENTITY who SYSTEM "file:///etc/hostname">]', "&who;"),
    "an external entity of the name's file": (' [<!ENTITY who SYSTEM "file://{file}">]', "&who;"),
    "an external entity of a web server": (' [<!ENTITY who SYSTEM "{canary}">]', "&who;"),
    "an external entity that is not used": (' [<!ENTITY who SYSTEM "{canary}">]', None),
    "an unparsed entity": (' [<!NOTATION n SYSTEM "n"><!ENTITY who SYSTEM "{canary}" NDATA n>]', None),
    "a parameter entity": (" [<!ENTITY % p \"<!ENTITY who '{name}'>\"> %p;]", "&who;"),
    "an external parameter entity of a web server": (' [<!ENTITY % p SYSTEM "{canary}"> %p;]', None),
    "an external parameter entity of a file": (' [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]', None),
    "a billion laughs": (" [" + BILLION.replace("{", "{{").replace("}", "}}") + "]", "&l9;"),
    "a billion laughs that nobody laughs": (" [" + BILLION + "]", None),
    "a hundred thousand laughs": (' [<!ENTITY l "' + "lol" * 1000 + '">]', "&l;" * 3000),
    "an entity of itself": (' [<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;"),
    "ATTLIST that makes another attribute the id": (
        " [<!ATTLIST saml:Assertion AssertionID ID #IMPLIED><!ATTLIST saml:NameID Format ID #IMPLIED>]",
        None,
    ),
    "ATTLIST with a default for the id": (' [<!ATTLIST saml:Subject ID CDATA "_default">]', None),
    "ATTLIST that declares a namespace": (' [<!ATTLIST saml:NameID xmlns:saml CDATA "urn:wonderland">]', None),
    "ATTLIST of tokens": (" [<!ATTLIST saml:NameID Format NMTOKENS #IMPLIED>]", None),
    "ELEMENT that says it is empty": (" [<!ELEMENT saml:NameID EMPTY>]", None),
    "a comment in it": (" [<!-- ]> -->]", None),
    "a processing instruction in it": (" [<?tea ]> ?>]", None),
    "an unfinished one": (" [", None),
    "one within one": (" [<!DOCTYPE x>]", None),
}
for what, (inside, name) in DOCUMENT_TYPES.items():

    def document_type(case, inside=inside, name=name):
        file = case.world.directory / f"name-{case.site.name}"
        file.write_text(case.name)
        half = len(case.name) // 2
        known = {
            "canary": case.world.canary,
            "name": case.name,
            "evil": case.evil,
            "file": file,
            "first": case.name[:half],
            "second": case.name[half:],
        }
        fill = lambda text: re.sub(r"\{(\w+)\}", lambda found: str(known[found[1]]), text)
        return typed(case, fill(inside), name=name and fill(name))

    register(ENTITIES, what, document_type, sites=ALL, accepting=ODD)


@hostile(ENTITIES, "two of them", sites=ALL)
def two_types(case):
    return "<!DOCTYPE a>" + typed(case, "")


@hostile(ENTITIES, "one behind the root", sites=ALL)
def type_behind(case):
    return case.finish() + "<!DOCTYPE a>"


@hostile(ENTITIES, "one in the root", sites=ALL)
def type_inside(case):
    return case.finish().replace("<saml:Subject>", "<!DOCTYPE a><saml:Subject>")


@hostile(ENTITIES, "one in small letters", sites=ALL)
def small(case):
    return typed(case, "").replace("<!DOCTYPE", "<!doctype")


@hostile(ENTITIES, "one in UTF-16", sites=ALL, accepting=ODD)
def type_in_utf16(case):
    return ('<?xml version="1.0" encoding="UTF-16"?>' + typed(case, "")).encode("utf-16")


@hostile(ENTITIES, "one in UTF-7", sites=ALL, accepting=ODD)
def type_in_utf7(case):
    """For who looks for `<!DOCTYPE` in the bytes, and then has them read by something that knows this encoding."""
    text = typed(case, f' [<!ENTITY who "{case.name}">]', name="&who;")
    return b'<?xml version="1.0" encoding="UTF-7"?>' + text.encode("utf-7").replace(b"<", b"+ADw-")


# Encodings.

ENCODINGS = "encodings"
DECLARED = '<?xml version="1.0" encoding="{}"?>'


def encoded(case, codec, declared=None, bom=b""):
    assertion = case.assertion(
        statement=statement(attribute("mail", "Cheshire ‘Cät’" if codec == "utf" else "Cheshire Cät"))
    )
    text = case.finish(assertion)
    if declared:
        text = DECLARED.format(declared) + text
    return bom + text.encode(codec)


for what, codec, declared, bom, accepting in (
    ("UTF-8 with a byte order mark", "utf-8", None, b"\xef\xbb\xbf", FINE),
    ("UTF-8 with a byte order mark and declared", "utf-8", "UTF-8", b"\xef\xbb\xbf", FINE),
    ("UTF-8 with two byte order marks", "utf-8", None, b"\xef\xbb\xbf" * 2, HARM),
    ("UTF-16, big end first", "utf-16-be", "UTF-16", b"\xfe\xff", FINE),
    ("UTF-16, little end first", "utf-16-le", "UTF-16", b"\xff\xfe", FINE),
    ("UTF-16 with nothing declared", "utf-16-le", None, b"\xff\xfe", FINE),
    ("UTF-16 without a byte order mark", "utf-16-le", "UTF-16", b"", ODD),
    ("UTF-16 declared as UTF-8", "utf-16-le", "UTF-8", b"\xff\xfe", ODD),
    ("UTF-32", "utf-32-le", "UTF-32", b"\xff\xfe\0\0", ODD),
    ("Latin-1", "latin-1", "ISO-8859-1", b"", FINE),
    ("Latin-1 declared as UTF-8", "latin-1", "UTF-8", b"", HARM),
    ("Latin-1 with nothing declared", "latin-1", None, b"", HARM),
    ("UTF-8 declared as UTF-16", "utf-8", "UTF-16", b"", ODD),
    ("UTF-8 declared as Latin-1", "utf-8", "ISO-8859-1", b"", HARM),
    ("UTF-8 declared as US-ASCII", "utf-8", "US-ASCII", b"", HARM),
    ("UTF-8 declared as what nobody knows", "utf-8", "WONDERLAND", b"", HARM),
    ("UTF-8 declared as UTF-7", "utf-8", "UTF-7", b"", ODD),
    ("UTF-8 declared as Windows-1252", "utf-8", "windows-1252", b"", HARM),
    ("Windows-1252", "cp1252", "windows-1252", b"", FINE),
    ("EBCDIC", "cp037", "IBM037", b"", ODD),
):
    make = partial(encoded, codec=codec, declared=declared, bom=bom)
    register(ENCODINGS, what, make, sites=ALL, accepting=accepting)


def octets_in_name(case, change):
    return case.finish().encode().replace(f">{case.name}<".encode(), b">" + change(case.name.encode()) + b"<")


for what, change in {
    "an overlong letter": lambda name: bytes([0xC0 | name[0] >> 6, 0x80 | name[0] & 0x3F]) + name[1:],
    "an overlong letter of three bytes": lambda name: (
        bytes([0xE0, 0x80 | name[0] >> 6, 0x80 | name[0] & 0x3F]) + name[1:]
    ),
    "an overlong zero": lambda name: name + b"\xc0\x80",
    "a surrogate": lambda name: name + b"\xed\xa0\x80",
    "two surrogates": lambda name: name + b"\xed\xa0\xbd\xed\xb8\x80",
    "a lone byte": lambda name: name + b"\xff",
    "a byte of the middle": lambda name: name + b"\x80",
    "an unfinished letter": lambda name: name + b"\xe2\x82",
    "a letter beyond Unicode": lambda name: name + b"\xf4\x90\x80\x80",
    "a zero": lambda name: name + b"\0",
    "a zero and a tail": lambda name: name + b"\0.evil",
    "a control character": lambda name: name + b"\x01",
    "no character": lambda name: name + "\ufffe".encode(),
}.items():
    register(ENCODINGS, f"NameID: {what}", partial(octets_in_name, change=change), sites=ALL)
for what, name in {
    "a byte order mark in it": "{0}\ufeff{1}",
    "a zero-width space in it": "{0}\u200b{1}",
    "a right-to-left mark in it": "{0}\u202e{1}",
    "a Cyrillic letter in it": "{0}\u0430{1}",
    "a soft hyphen in it": "{0}\u00ad{1}",
    "a full-width letter in it": "{0}\uff41{1}",
    "a combining accent in it": "{0}\u0301{1}",
    "a long s in it": "{0}\u017f{1}",
    "a no-break space behind it": "{0}{1}\u00a0",
}.items():

    def lookalike(case, name=name):
        """What a person or a normalization takes for another's name."""
        half = len(case.name) // 2
        return case.finish(case.assertion(name_id=name_id(name.format(case.name[:half], case.name[half:]))))

    register(ENCODINGS, f"NameID: {what}", lookalike, sites=ALL)

# Size and depth.

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

SIZES = "size and depth"


def with_value(value):
    return lambda case: case.finish(case.assertion(statement=statement(attribute("mail", value))))


def nested(depth):
    return "<x>" * depth + "</x>" * depth


def in_extensions(more):
    """Outside of what an assertion's signature covers, and inside of what that of a response does."""

    def change(case):
        if case.site.mode == BARE:
            return unsigned_rest(more)(case)
        response = case.response(extensions=f"<samlp:Extensions>{more}</samlp:Extensions>")
        try:
            return case.finish(response=response)
        except xmlsec.Refused:
            return unsigned_rest(more)(case)

    return change


def unsigned_rest(more):
    """In the signature's Object, which it does not cover."""
    return lambda case: case.finish().replace("</ds:Signature>", f"<ds:Object>{more}</ds:Object></ds:Signature>")


SHORT_ATTRIBUTES = "".join(f' {a}{b}{c}=""' for a in LETTERS for b in LETTERS for c in LETTERS[:10])
MANY_ATTRIBUTES = "".join(f' a{i}="{i}"' for i in range(8000))
MANY_NAMESPACES = "".join(f' xmlns:n{i}="urn:n{i}"' for i in range(4000))
LONG_COMMON = "".join(f' xmlns:{"n" * 100}{i}="urn:{"n" * 100}{i}"' for i in range(600))


# Whoever tracks quotes outside of tags, too, takes these for an open value, which each pair of quotes behind it closes
# and opens again.
OPEN_QUOTES = {
    "a comment": '<!--"-->',
    "a comment that seems to end at once": '<!--> <x "-->',
    "a processing instruction": '<?x "?>',
    "a CDATA section": '<![CDATA["]]>',
    "a text": '"',
}


def twenty(i):
    return "".join(f' xmlns:n{i}_{j}="urn:n{i}"' for j in range(20))


for what, change, accepting in (
    ("a text of 100 KiB", with_value("tea " * 25600), FINE),
    ("a text of 300 KiB", with_value("tea " * 76800), HARM),
    ("300 KiB of whitespace", with_value(" " * 307200), HARM),
    ("a text of two MiB", with_value("tea " * 524288), HARM),
    ("50 KiB of character references", with_value("&#97;" * 10240), FINE),
    ("50 KiB of angle brackets' references", with_value("&lt;" * 12800), FINE),
    ("150 KiB of text and CDATA by turns", with_value("<![CDATA[x]]>x" * 11000), FINE),
    ("200 KiB of references in an attribute", with_value(f'<x y="{"&lt;" * 51200}"/>'), FINE),
    ("200 KiB of references outside of what is signed", in_extensions("&lt;" * 51200), FINE),
    ("a name of 100 KiB", lambda case: case.finish(case.assertion(name_id=name_id("a" * 102400))), HARM),
    ("an attribute of 100 KiB", with_value(f'<x y="{"z" * 102400}"/>'), FINE),
    ("elements of depth 100", with_value(nested(100)), FINE),
    ("elements of depth 200", in_extensions(nested(200)), FINE),
    ("elements of depth 1,000", in_extensions(nested(1000)), FINE),
    ("elements of depth 10,000", in_extensions(nested(10000)), FINE),
    ("elements of depth 25,000", unsigned_rest(nested(25000)), FINE),
    ("20,000 elements that never end", lambda case: case.finish() + "<x>" * 20000, HARM),
    ("elements side by side, 20,000", in_extensions("<x/>" * 20000), FINE),
    (
        "an element of 27,040 attributes",
        lambda case: f'<samlp:Response xmlns:samlp="{SAMLP}"{SHORT_ATTRIBUTES}/>',
        HARM,
    ),
    *(
        (
            f"an element of 27,040 attributes behind a quote in {where}",
            lambda case, quote=quote: (
                f'<samlp:Response xmlns:samlp="{SAMLP}">{quote}<x{SHORT_ATTRIBUTES}/></samlp:Response>'
            ),
            HARM,
        )
        for where, quote in OPEN_QUOTES.items()
    ),
    (
        "an element of 27,040 attributes behind a quote in a comment ahead of it",
        lambda case: f'<!--"--><samlp:Response xmlns:samlp="{SAMLP}"{SHORT_ATTRIBUTES}/>',
        HARM,
    ),
    ("an element of 8,000 attributes", in_extensions(f"<x{MANY_ATTRIBUTES}/>"), FINE),
    ("an element of 8,000 attributes, signed", with_value(f"<x{MANY_ATTRIBUTES}/>"), FINE),
    ("an element of 4,000 namespaces", in_extensions(f"<x{MANY_NAMESPACES}/>"), FINE),
    ("an element of 4,000 namespaces, signed", with_value(f"<x{MANY_NAMESPACES}/>"), FINE),
    ("an element of 600 long namespaces and 200 children", with_value(f"<x{LONG_COMMON}>{'<y/>' * 200}</x>"), FINE),
    (
        "4,000 namespaces, all used, far from where they are declared",
        with_value(f"<x{MANY_NAMESPACES}>{''.join(f'<n{i}:y/>' for i in range(4000))}</x>"),
        FINE,
    ),
    (
        "200 nested elements that declare 20 namespaces each",
        with_value("".join(f"<x{twenty(i)}>" for i in range(200)) + "</x>" * 200),
        FINE,
    ),
    (
        "500 attributes of an assertion",
        with_value(
            "tea</saml:AttributeValue>"
            + "<saml:AttributeValue>tea</saml:AttributeValue>" * 499
            + "<saml:AttributeValue>"
        ),
        FINE,
    ),
    (
        "500 signatures",
        lambda case: case.finish().replace("</saml:Issuer>", "</saml:Issuer>" + empty_signatures(case) * 500, 1),
        HARM,
    ),
    ("500 certificates", lambda case: case.finish(key_info=many_certificates(case, 200)), FINE),
    (
        "500 audiences",
        lambda case: case.finish(
            case.assertion(
                conditions=case.assertion().conditions.replace(
                    "<saml:Audience>", "<saml:Audience>urn:x</saml:Audience>" * 500 + "<saml:Audience>"
                )
            )
        ),
        FINE,
    ),
    (
        "500 confirmations",
        lambda case: case.finish(case.assertion(confirmation=case.assertion().confirmation * 300)),
        FINE,
    ),
):
    # Kedge has one parser for all.
    sites = ("neither", "grant") if "27,040" in what else ALL
    register(SIZES, what, change, sites=sites, accepting=accepting)


def empty_signatures(case):
    return signature(reference(fresh_id()), case.site.idp.key.method, value="AAAA")


def many_certificates(case, count):
    one = f"<ds:X509Certificate>{case.world.foreign.certificate[:200]}</ds:X509Certificate>"
    return case.site.idp.key.x509.replace("<ds:X509Certificate>", one * count + "<ds:X509Certificate>", 1)


# What is no XML, and no document that is meant.

FRAGMENTS = "no document"
for what, text in {
    "nothing": "",
    "whitespace": " \n\t ",
    "a word": "Jabberwocky",
    "JSON": '{"NameID": "alice"}',
    "HTML": "<!doctype html><html><body>Drink me</body></html>",
    "an unfinished tag": "<samlp:Response",
    "an open element": "<a>",
    "two roots": "<a/><b/>",
    "crossed elements": "<a><b></a></b>",
    "an end without a start": "</a>",
    "a declaration alone": '<?xml version="1.0"?>',
    "XML 1.1": f'<?xml version="1.1"?><samlp:Response xmlns:samlp="{SAMLP}"/>',
    "XML 2.0": f'<?xml version="2.0"?><samlp:Response xmlns:samlp="{SAMLP}"/>',
    "a byte": "\x00",
    "an empty Response": f'<samlp:Response xmlns:samlp="{SAMLP}"/>',
    "an empty Assertion": f'<saml:Assertion xmlns:saml="{SAML}"/>',
    "an AuthnRequest": f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" ID="_x" Version="2.0"/>',
    "a LogoutResponse": f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" ID="_x" Version="2.0"/>',
    "an element name of 100 KiB": f"<{'a' * 102400}/>",
}.items():
    register(FRAGMENTS, what, lambda case, text=text: text, sites=ALL)


@hostile(FRAGMENTS, "a good one that ends in the middle", sites=ALL)
def half(case):
    text = case.finish()
    return text[: len(text) // 2]


@hostile(FRAGMENTS, "a good one without its last letter", sites=ALL)
def without_last(case):
    return case.finish()[:-1]


@hostile(FRAGMENTS, "a good one and text behind it", sites=ALL)
def text_behind(case):
    return case.finish() + "tea"


@hostile(FRAGMENTS, "whitespace ahead of a declaration", sites=ALL)
def declaration_late(case):
    return ' <?xml version="1.0"?>' + case.finish()


@hostile(FRAGMENTS, "a good one as XML 1.1", sites=ALL, accepting=ODD)
def xml11(case):
    return '<?xml version="1.1"?>' + case.finish()


@hostile(FRAGMENTS, "a good one as XML 1.1, with a control character's reference", sites=ALL)
def xml11_control(case):
    return '<?xml version="1.1"?>' + case.finish().replace("<saml:AttributeValue>", "<saml:AttributeValue>&#1;")


@hostile(FRAGMENTS, "a good one without quotes around a value", sites=ALL)
def unquoted(case):
    return case.finish().replace('Version="2.0"', "Version=2.0", 1)


@hostile(FRAGMENTS, "a good one with < in a value", sites=ALL)
def bracket(case):
    return case.finish().replace('Format="', 'x="<" Format="', 1)


@hostile(FRAGMENTS, "a good one in another's Response that is no root", accepting=ODD)
def response_in_response(case):
    return case.response(case.finish()).xml()
