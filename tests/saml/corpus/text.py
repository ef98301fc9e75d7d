"""Text that one reader takes for another text than the next: comments, CDATA, processing instructions, references."""

import re
from functools import partial

from . import xmlsec
from .parts import audiences, conditions, name_id
from .register import ALL, FINE, HARM, ODD, hostile, register

FAMILY = "text tricks"


def halves(text):
    return text[: len(text) // 2], text[len(text) // 2 :]


def characters(text):
    return "".join(f"&#x{ord(c):x};" for c in text)


# Each makes of a text what says the same in canonical form: it can be put there after it was signed.
SAME = {
    "a comment in the middle": lambda text: "<!---->".join(halves(text)),
    "a comment with text in the middle": lambda text: "<!-- tea -->".join(halves(text)),
    "a comment first": lambda text: f"<!--tea-->{text}",
    "a comment last": lambda text: f"{text}<!--tea-->",
    "comments between all letters": lambda text: "<!---->".join(text),
    "CDATA": lambda text: f"<![CDATA[{text}]]>",
    "CDATA in the second half": lambda text: "{}<![CDATA[{}]]>".format(*halves(text)),
    "CDATA in the first half": lambda text: "<![CDATA[{}]]>{}".format(*halves(text)),
    "an empty CDATA first": lambda text: f"<![CDATA[]]>{text}",
    "an empty CDATA in the middle": lambda text: "<![CDATA[]]>".join(halves(text)),
    "two CDATA": lambda text: "<![CDATA[{}]]><![CDATA[{}]]>".format(*halves(text)),
    "a comment and a CDATA": lambda text: "{}<!--]]>--><![CDATA[{}]]>".format(*halves(text)),
}
# XML has no other way to write some characters: these are fine.
REFERENCES = {
    "character references": characters,
    "a character reference in the middle": lambda text: "{}{}".format(halves(text)[0], characters(halves(text)[1])),
    "a decimal reference first": lambda text: f"&#{ord(text[0])};{text[1:]}",
    "a reference with many zeros": lambda text: f"&#x{ord(text[0]):064x};{text[1:]}",
}
# These say something else, and are signed as they are, or not at all.
OTHER = {
    "a processing instruction in the middle": (lambda text: "<?tea?>".join(halves(text)), ODD),
    "a processing instruction first": (lambda text: f"<?tea party?>{text}", ODD),
    "an element in the middle": (lambda text: "<x/>".join(halves(text)), HARM),
    "an element around it": (lambda text: f"<x>{text}</x>", HARM),
    "an element behind it": (lambda text: f"{text}<x>.tail</x>", HARM),
    "an unknown entity": (lambda text: f"{text}&tea;", HARM),
    "an entity of HTML": (lambda text: f"{text}&nbsp;", HARM),
    "a reference to zero": (lambda text: f"{text}&#0;", HARM),
    "a reference to no character": (lambda text: f"{text}&#xFFFE;", HARM),
    "a reference to a surrogate": (lambda text: f"{text}&#xD83D;&#xDE00;", HARM),
    "a reference beyond Unicode": (lambda text: f"{text}&#x110000;", HARM),
    "a reference of many digits": (lambda text: f"{text}&#{'9' * 400};", HARM),
    "an unfinished reference": (lambda text: f"{text}&#x61", HARM),
    "an unfinished comment": (lambda text: f"{text}<!--", HARM),
    "a comment with two hyphens": (lambda text: f"{text}<!-- -- -->", HARM),
    "a comment of one hyphen too many": (lambda text: f"{text}<!----->", HARM),
    "an unfinished CDATA": (lambda text: f"{text}<![CDATA[", HARM),
    "a CDATA's end without one": (lambda text: f"{text}]]>", HARM),
}


def named(case, content, before):
    """A user whose name is written so, before or after the IdP signed."""
    if before:
        return case.finish(case.assertion(name_id=name_id(content(case.name))))
    text = case.finish()
    after = text.replace(f">{case.name}<", f">{content(case.name)}<")
    assert after != text
    return after


def truncated(case, content, before):
    """The attacker's own user, `alice….evil`, that is to be read as `alice…`."""
    case.name, short = f"{case.name}.evil", case.name
    written = case.name.replace(short, content(short))
    if before:
        return case.finish(case.assertion(name_id=name_id(written)))
    return case.finish().replace(f">{case.name}</saml:NameID", f">{written}</saml:NameID")


for what, content in SAME.items():
    for before in (True, False):
        when = "before signing" if before else "after signing"
        make = partial(named, content=content, before=before)
        register(FAMILY, f"NameID: {what}, {when}", make, sites=ALL, accepting=ODD)
for what in ("a comment last", "CDATA", "a comment in the middle"):
    for before in (True, False):
        when = "before signing" if before else "after signing"
        make = partial(truncated, content=SAME[what], before=before)
        register(FAMILY, f"NameID with a tail: {what}, {when}", make, sites=ALL, accepting=ODD)
for what, content in REFERENCES.items():
    for before in (True, False):
        when = "before signing" if before else "after signing"
        make = partial(named, content=content, before=before)
        register(FAMILY, f"NameID: {what}, {when}", make, sites=ALL, accepting=FINE)


def signed_if_it_can_be(case, content):
    try:
        return named(case, content, True)
    except xmlsec.Refused:
        return named(case, content, False)


for what, (content, accepting) in OTHER.items():
    register(FAMILY, f"NameID: {what}", partial(signed_if_it_can_be, content=content), sites=ALL, accepting=accepting)


def tail_instruction(case):
    name = f"{case.name}<?tea?>.evil"
    return case.finish(case.assertion(name_id=name_id(name)))


register(FAMILY, "NameID with a tail: a processing instruction", tail_instruction, sites=ALL, accepting=ODD)

# Elsewhere.

ELSEWHERE = {
    "an attribute's value": r"(<saml:AttributeValue>)([^<]*)",
    "the assertion's Issuer": r"(<saml:Assertion\b.*?<saml:Issuer>)([^<]*)",
    "Audience": "(<saml:Audience>)([^<]*)",
    "AuthnContextClassRef": "(<saml:AuthnContextClassRef>)([^<]*)",
}
for where, pattern in ELSEWHERE.items():
    for what in ("a comment in the middle", "a comment last", "CDATA", "CDATA in the second half"):

        def elsewhere(case, pattern=pattern, content=SAME[what]):
            return re.sub(pattern, lambda found: found[1] + content(found[2]), case.finish(), count=1, flags=re.DOTALL)

        register(FAMILY, f"{where}: {what}, after signing", elsewhere, sites=ALL, accepting=ODD)


@hostile(FAMILY, "the response's Issuer: a comment", accepting=ODD)
def response_issuer(case):
    return case.finish().replace("<saml:Issuer>", "<saml:Issuer><!---->", 1)


# What is signed is for another, and is read as ours if it is cut off at the comment.


@hostile(FAMILY, "Audience that begins with ours, with a comment there", sites=ALL)
def audience_tail(case):
    return case.finish(case.assertion(conditions=conditions(audiences(f"{case.site.sp_entity_id}<!---->.evil"))))


@hostile(FAMILY, "Audience that ends with ours, with a comment there", sites=ALL)
def audience_head(case):
    return case.finish(case.assertion(conditions=conditions(audiences(f"evil.<!---->{case.site.sp_entity_id}"))))


@hostile(FAMILY, "Issuer that begins with ours, with a comment there", sites=ALL)
def issuer_tail(case):
    issuer = f"<saml:Issuer>{case.site.idp.entity}<!---->.evil</saml:Issuer>"
    return case.finish(case.assertion(issuer=issuer))


@hostile(FAMILY, "Issuer that begins with ours, with an element there", sites=ALL)
def issuer_element(case):
    issuer = f"<saml:Issuer>{case.site.idp.entity}<x>.evil</x></saml:Issuer>"
    return case.finish(case.assertion(issuer=issuer))


@hostile(FAMILY, "Audience that begins with ours, with an element there", sites=ALL)
def audience_element(case):
    return case.finish(case.assertion(conditions=conditions(audiences(f"{case.site.sp_entity_id}<x>.evil</x>"))))


# Comments and instructions where there is no text.

for what, pattern, put in (
    ("a comment ahead of the root", "^", "<!--tea-->"),
    ("a comment behind the root", "$", "<!--tea-->"),
    ("a comment among the elements", "<saml:Subject>", "<!--tea--><saml:Subject>"),
    ("a comment in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo><!--tea-->"),
    ("a comment in SignatureValue", "<ds:SignatureValue>", "<ds:SignatureValue><!--tea-->"),
    ("a comment in X509Certificate", "<ds:X509Certificate>", "<ds:X509Certificate><!--tea-->"),
    ("a processing instruction ahead of the root", "^", '<?xml-stylesheet href="tea.xsl" type="text/xsl"?>'),
    ("a processing instruction behind the root", "$", "<?tea?>"),
    ("a processing instruction in the signature", "<ds:SignatureValue>", "<?tea?><ds:SignatureValue>"),
    ("an XML declaration in the middle", "<saml:Subject>", '<?xml version="1.0"?><saml:Subject>'),
    ("text among the elements", "<samlp:Status>|<saml:Subject>", lambda found: "tea" + found[0]),
):

    def put_there(case, pattern=pattern, put=put):
        text = case.finish()
        after = re.sub(pattern, put, text, count=1)
        assert after != text
        return after

    accepting = FINE if what == "text among the elements" else ODD
    register(FAMILY, what, put_there, sites=ALL, accepting=accepting)
