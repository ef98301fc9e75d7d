"""Signature wrapping: the signed element stays in the document, valid, and another is put where it would be read.

XSW1 to XSW8 are the names that the literature gives the first of these.
"""

import re
from functools import partial

from .names import SAML, SAMLP, SUCCESS
from .parts import attribute, confirmation, fresh_id, name_id, reference, signature, statement, status
from .register import ASSERTION, BARE, BOTH, GRANT, ODD, RESPONSE, register

SIGNATURE = re.compile(r"<ds:Signature\b.*?</ds:Signature>", re.DOTALL)
OBJECT = "<ds:Object>{}</ds:Object>"
KEY_INFO = "<ds:KeyInfo>{}</ds:KeyInfo>"


def without_signature(text):
    return SIGNATURE.sub("", text, 1)


def signature_of(text):
    return SIGNATURE.search(text)[0]


def into_signature(text, more, sign="</ds:Signature>"):
    """Puts more into the first signature, which as an enveloped one does not cover itself."""
    return text.replace(sign, more + sign, 1)


# What the evil element has for an id, where the honest one is known by `honest`.
IDS = {
    "its id": lambda honest: {"id": honest},
    "a new id": lambda honest: {"id": fresh_id()},
    "no id": lambda honest: {"id": None},
}
OTHER_IDS = {
    "Id": lambda honest: {"id_attribute": "Id", "id": honest},
    "id": lambda honest: {"id_attribute": "id", "id": honest},
    "xml:id": lambda honest: {"id_attribute": "xml:id", "id": honest},
    "AssertionID": lambda honest: {"id_attribute": "AssertionID", "id": honest},
    "samlp:ID": lambda honest: {"id": fresh_id(), "more": {"samlp:ID": honest}},
    "saml:ID": lambda honest: {"id": fresh_id(), "more": {"saml:ID": honest}},
}


# Where the honest assertion goes in an evil one, which gets all else that is said here.


def in_confirmation_data(case, honest):
    return {"confirmation": confirmation(case, data=honest)}


def in_attribute_value(case, honest):
    return {"statement": statement(attribute("mail", honest))}


def in_advice(case, honest):
    return {"ahead": "", "conditions": f"{case.assertion().conditions}<saml:Advice>{honest}</saml:Advice>"}


def in_context(case, honest):
    declaration = f"<saml:AuthnContext><saml:AuthnContextDecl>{honest}</saml:AuthnContextDecl></saml:AuthnContext>"
    return {"authn": re.sub("<saml:AuthnContext>.*</saml:AuthnContext>", lambda _: declaration, case.assertion().authn)}


def in_issuer(case, honest):
    return {"issuer": f"<saml:Issuer>{case.site.idp.entity}{honest}</saml:Issuer>"}


def in_name_id(case, honest):
    return {"name_id": name_id(case.evil + honest)}


def first(case, honest):
    return {"issuer": honest + case.assertion().issuer}


def last(case, honest):
    return {"rest": honest}


INSIDE_EVIL_ASSERTION = {
    "first in the evil one": first,
    "last in the evil one (XSW4)": last,
    "in its SubjectConfirmationData": in_confirmation_data,
    "in its AttributeValue": in_attribute_value,
    "in its Advice": in_advice,
    "in its AuthnContextDecl": in_context,
    "in its Issuer": in_issuer,
    "in its NameID": in_name_id,
}
# Where it goes in the evil one's signature, which is the moved one or one that is not finished.
INSIDE_EVIL_SIGNATURE = {
    "in its Signature (XSW6)": "{}",
    "in its Signature's Object (XSW8)": OBJECT,
    "in its Signature's KeyInfo": KEY_INFO,
}


def evil_assertion(case, honest, honest_id, ids, moved, place):
    """One evil assertion with the honest one in it, and all that it takes from it."""
    bare = without_signature(honest)
    changes = ids[1](honest_id)
    if place in INSIDE_EVIL_ASSERTION:
        changes |= INSIDE_EVIL_ASSERTION[place](case, bare if moved else honest)
        changes["signature"] = signature_of(honest) if moved else ""
    elif place in INSIDE_EVIL_SIGNATURE:
        inside = INSIDE_EVIL_SIGNATURE[place].format(bare if moved else honest)
        unfinished = signature(reference(changes["id"]), case.site.idp.key.method, value="AAAA")
        changes["signature"] = into_signature(signature_of(honest) if moved else unfinished, inside)
    else:
        changes["signature"] = signature_of(honest) if moved else ""
    if "samlp:ID" in changes.get("more", {}):
        changes["namespaces"] = f' xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}"'
    return case.evil_assertion(**changes).xml()


# How honest and evil assertion stand in the response, which the signature of an assertion does not cover.


def before(case, honest, evil):
    return {"children": [evil, honest]}


def after(case, honest, evil):
    return {"children": [honest, evil]}


def evil_in_extensions(case, honest, evil):
    return {"extensions": f"<samlp:Extensions>{evil}</samlp:Extensions>", "children": [honest]}


def honest_in_extensions(case, honest, evil):
    return {"extensions": f"<samlp:Extensions>{honest}</samlp:Extensions>", "children": [evil]}


def evil_in_status(case, honest, evil):
    detail = f"<samlp:StatusDetail>{evil}</samlp:StatusDetail>"
    return {"status": status(rest=detail), "children": [honest]}


def honest_in_status(case, honest, evil):
    detail = f"<samlp:StatusDetail>{honest}</samlp:StatusDetail>"
    return {"status": status(rest=detail), "children": [evil]}


def evil_in_wrapper(case, honest, evil):
    return {"children": [f'<w:Wrapper xmlns:w="urn:wonderland">{evil}</w:Wrapper>', honest]}


def honest_in_wrapper(case, honest, evil):
    return {"children": [f'<w:Wrapper xmlns:w="urn:wonderland">{honest}</w:Wrapper>', evil]}


def honest_in_object(case, honest, evil):
    """The response gets a signature that is none, for a place to keep the honest assertion."""
    unfinished = signature("", case.site.idp.key.method, value="AAAA", objects=OBJECT.format(honest))
    return {"signature": unfinished, "children": [evil]}


BESIDE = {
    "evil before it (XSW3)": before,
    "evil behind it": after,
    "evil in Extensions (XSW7)": evil_in_extensions,
    "it in Extensions": honest_in_extensions,
    "evil in StatusDetail": evil_in_status,
    "it in StatusDetail": honest_in_status,
    "evil in a wrapper": evil_in_wrapper,
    "it in a wrapper": honest_in_wrapper,
    "it in an Object of the response's Signature": honest_in_object,
}
# The evil one in the honest one's signature, which does not cover itself.
INSIDE_HONEST_SIGNATURE = {"evil in its Signature": "{}", "evil in its Object": OBJECT, "evil in its KeyInfo": KEY_INFO}


def wrap_assertion(case, mode, place, ids, moved):
    assertion = case.assertion()
    honest = assertion.signed()
    if place in INSIDE_HONEST_SIGNATURE:
        evil = case.evil_assertion(**ids[1](assertion.id)).xml()
        inside = INSIDE_HONEST_SIGNATURE[place].format(evil)
        parts = {"children": [into_signature(honest, inside)]}
    elif place in BESIDE:
        evil = evil_assertion(case, honest, assertion.id, ids, moved, place)
        parts = BESIDE[place](case, without_signature(honest) if moved else honest, evil)
    else:
        parts = {"children": [evil_assertion(case, honest, assertion.id, ids, moved, place)]}
    if mode == BARE:
        return "".join(parts["children"])
    response = case.response(**parts)
    if mode == ASSERTION:
        return response.xml()
    # The response had a signature, too, from before it was changed.
    signed = case.response(honest, id=response.id, instant=response.instant).signed()
    return case.response(**{**parts, "id": response.id, "signature": signature_of(signed)}).xml()


def register_assertions():
    places = [*BESIDE, *INSIDE_EVIL_ASSERTION, *INSIDE_EVIL_SIGNATURE, *INSIDE_HONEST_SIGNATURE]
    for place in places:
        for ids in IDS.items():
            for moved in (False, True):
                if moved and place in INSIDE_HONEST_SIGNATURE:
                    continue
                inherits = "with its signature" if moved else "unsigned"
                if place == "last in the evil one (XSW4)" and moved:
                    inherits += " (XSW5)"
                what = f"{place}, evil with {ids[0]}, {inherits}"
                add = partial(partial, wrap_assertion, place=place, ids=ids, moved=moved)
                register("wrapped assertion", f"assertion signed: {what}", add(mode=ASSERTION), accepting=ODD)
                if ids[0] == "a new id":
                    register("wrapped assertion", f"both signed: {what}", add(mode=BOTH), accepting=ODD)
                if place not in BESIDE:
                    register("wrapped bare assertion", what, add(mode=BARE), accepting=ODD, sites=GRANT)
    for place in ("evil before it (XSW3)", "last in the evil one (XSW4)"):
        for ids in OTHER_IDS.items():
            for moved in (False, True):
                inherits = "with its signature" if moved else "unsigned"
                make = partial(wrap_assertion, mode=ASSERTION, place=place, ids=ids, moved=moved)
                what = f"assertion signed: {place}, evil with the id as {ids[0]}, {inherits}"
                register("wrapped assertion", what, make, accepting=ODD)


# Responses: a whole evil one, with the honest one somewhere.


def evil_response(case, honest, honest_id, ids, moved, place):
    bare = without_signature(honest)
    changes = ids[1](honest_id)
    kept = signature_of(honest) if moved else ""
    inside = bare if moved else honest
    evil = case.evil_assertion()
    changes |= {"signature": kept, "children": []}
    if place in IN_EVIL_RESPONSE_SIGNATURE:
        unfinished = signature(reference(changes["id"]), case.site.idp.key.method, value="AAAA")
        changes["signature"] = into_signature(kept or unfinished, IN_EVIL_RESPONSE_SIGNATURE[place].format(inside))
    elif place in IN_EVIL_RESPONSE:
        changes |= IN_EVIL_RESPONSE[place](inside, kept)
    else:
        evil.change(IN_ITS_ASSERTION[place](case, inside))
    changes["children"] = [*changes["children"], evil.xml()]
    changes["children"] += changes.pop("behind", [])
    return case.response(**changes).xml()


IN_EVIL_RESPONSE_SIGNATURE = {
    "in evil's Signature (XSW1)": "{}",
    "in evil's Signature's Object": OBJECT,
    "in evil's Signature's KeyInfo": KEY_INFO,
}
IN_EVIL_RESPONSE = {
    "before evil's Signature (XSW2)": lambda inside, kept: {"signature": inside + kept},
    "behind evil's Signature": lambda inside, kept: {"signature": kept + inside},
    "before evil's assertion": lambda inside, kept: {"children": [inside]},
    "last in evil": lambda inside, kept: {"behind": [inside]},
    "in evil's Extensions": lambda inside, kept: {"extensions": f"<samlp:Extensions>{inside}</samlp:Extensions>"},
    "in evil's StatusDetail": lambda inside, kept: {
        "status": status(rest=f"<samlp:StatusDetail>{inside}</samlp:StatusDetail>")
    },
    "in evil's StatusMessage": lambda inside, kept: {
        "status": status(rest=f"<samlp:StatusMessage>{inside}</samlp:StatusMessage>")
    },
    "in evil's StatusCode": lambda inside, kept: {"status": status(SUCCESS, inside)},
}
IN_ITS_ASSERTION = {
    "in evil's AttributeValue": in_attribute_value,
    "in evil's SubjectConfirmationData": in_confirmation_data,
    "in evil's Advice": in_advice,
    "last in evil's assertion": last,
}


def wrap_response(case, mode, place, ids, moved):
    inner = case.assertion()
    response = case.response(inner.signed() if mode == BOTH else inner.xml())
    honest = response.signed()
    return evil_response(case, honest, response.id, ids, moved, place)


def evil_in_response_signature(case, mode, inside, whole):
    """The honest response as it was, but for what its signature does not cover: the signature itself."""
    inner = case.assertion()
    honest = case.response(inner.signed() if mode == BOTH else inner.xml()).signed()
    evil = case.evil_assertion().xml()
    evil = inside.format(case.response(evil).xml() if whole else evil)
    # That of the response is the first.
    return into_signature(honest, evil)


def enveloped(case, mode, start, end, order):
    inner = case.assertion()
    honest = case.response(inner.signed() if mode == BOTH else inner.xml()).signed()
    evil = case.response(case.evil_assertion().xml()).xml()
    pair = [evil, honest] if order == "evil first" else [honest, evil]
    return start + "".join(pair) + end


def register_responses():
    places = [*IN_EVIL_RESPONSE_SIGNATURE, *IN_EVIL_RESPONSE, *IN_ITS_ASSERTION]
    for place in places:
        for ids in IDS.items():
            for moved in (False, True):
                inherits = "with its signature" if moved else "unsigned"
                what = f"{place}, evil with {ids[0]}, {inherits}"
                add = partial(partial, wrap_response, place=place, ids=ids, moved=moved)
                register("wrapped response", f"response signed: {what}", add(mode=RESPONSE), accepting=ODD)
                if ids[0] == "a new id":
                    register("wrapped response", f"both signed: {what}", add(mode=BOTH), accepting=ODD)
    for ids in OTHER_IDS.items():
        for moved in (False, True):
            make = partial(wrap_response, mode=RESPONSE, place="last in evil", ids=ids, moved=moved)
            inherits = "with its signature" if moved else "unsigned"
            what = f"response signed: last in evil, evil with the id as {ids[0]}, {inherits}"
            register("wrapped response", what, make, accepting=ODD)
    for mode in (RESPONSE, BOTH):
        signed = f"{mode} signed" if mode == BOTH else "response signed"
        for where, inside in {"Signature": "{}", "Object": OBJECT, "KeyInfo": KEY_INFO}.items():
            for whole, what in {False: "assertion", True: "response"}.items():
                make = partial(evil_in_response_signature, mode=mode, inside=inside, whole=whole)
                register("wrapped response", f"{signed}: evil {what} in its {where}", make, accepting=ODD)
        for what, start, end in ENVELOPES:
            for order in ("evil first", "evil last"):
                make = partial(enveloped, mode=mode, start=start, end=end, order=order)
                register("wrapped response", f"{signed}: both in {what}, {order}", make, accepting=ODD)


SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPES = [
    ("a root of no namespace", "<Envelope>", "</Envelope>"),
    ("a SOAP envelope", f'<s:Envelope xmlns:s="{SOAP}"><s:Body>', "</s:Body></s:Envelope>"),
    (
        "an ArtifactResponse",
        f'<samlp:ArtifactResponse xmlns:samlp="{SAMLP}" ID="_artifact" Version="2.0">{status()}',
        "</samlp:ArtifactResponse>",
    ),
    (
        "a Response that says nothing itself",
        f'<samlp:Response xmlns:samlp="{SAMLP}" ID="_nothing" Version="2.0">',
        "</samlp:Response>",
    ),
    # No document at all: two roots.
    ("nothing", "", ""),
]

register_assertions()
register_responses()
