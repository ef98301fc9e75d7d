"""How a document gets to Kedge: the form, its fields, and base64."""

import base64
import gzip
import json
import zlib
from functools import partial
from urllib.parse import quote_plus, urlencode

from .register import ALL, BARE, FINE, GRANT, ODD, SSO, Post, hostile, register

FAMILY = "on the wire"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
FORM = "application/x-www-form-urlencoded"


def bare(case):
    return case.site.mode == BARE


def field(case):
    return "assertion" if bare(case) else "SAMLResponse"


def encoded(case, octets):
    """As the door wants it: a form post takes base64, RFC 7522 the kind for URLs."""
    if bare(case):
        return base64.urlsafe_b64encode(octets).decode().rstrip("=")
    return base64.b64encode(octets).decode()


def others(case):
    return [("grant_type", BEARER_GRANT)] if bare(case) else []


def form(post, case):
    """Body and content type of a request."""
    if post.body is not None:
        return post.body, post.content_type
    fields = post.fields
    if fields is None:
        fields = [(field(case), encoded(case, post.octets))]
    return urlencode(others(case) + fields).encode(), post.content_type or FORM


def written(case, change):
    """A good document whose base64 is written in another way."""
    octets = case.finish().encode()
    while change is not plain and len(octets) % 3 != 1:
        # So that there is something to pad.
        octets += b"\n"
    return Post(fields=[(field(case), change(octets))], octets=octets)


def plain(octets):
    return octets.decode()


def standard(octets):
    return base64.b64encode(octets).decode()


def for_urls(octets):
    return base64.urlsafe_b64encode(octets).decode()


def lines(octets, length=76, end="\r\n"):
    text = standard(octets)
    return end.join(text[i : i + length] for i in range(0, len(text), length))


def bits_left(octets):
    """The last letter before the padding has bits that are none of the document's."""
    text = standard(octets)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:-3] + letters[letters.index(text[-3]) + 1] + "=="


def middle(text, put):
    return text[:400] + put + text[400:]


for what, change, accepting in (
    ("lines of 76", lines, FINE),
    ("lines of 64, of newlines alone", partial(lines, length=64, end="\n"), FINE),
    ("a newline behind", lambda octets: standard(octets) + "\n", FINE),
    ("spaces in it", lambda octets: middle(standard(octets), "  "), FINE),
    ("a letter that is none", lambda octets: middle(standard(octets), "!"), ODD),
    ("many letters that are none", lambda octets: middle(standard(octets), "!*#(){}"), ODD),
    ("a zero in it", lambda octets: middle(standard(octets), "\0"), ODD),
    ("a letter of another alphabet in it", lambda octets: middle(standard(octets), "é"), ODD),
    ("no padding", lambda octets: standard(octets).rstrip("="), ODD),
    ("too much padding", lambda octets: standard(octets) + "==", ODD),
    ("padding in the middle", lambda octets: middle(standard(octets), "=="), ODD),
    ("text behind the padding", lambda octets: standard(octets) + "AAAA", ODD),
    ("bits left over", bits_left, ODD),
    ("for URLs", for_urls, ODD),
    ("twice", lambda octets: standard(standard(octets).encode()), ODD),
    ("none, XML as it is", plain, ODD),
    ("escaped twice", lambda octets: quote_plus(standard(octets)), ODD),
    ("hex", lambda octets: octets.hex(), ODD),
    ("deflated", lambda octets: standard(zlib.compress(octets)[2:-4]), ODD),
    ("with zlib's header", lambda octets: standard(zlib.compress(octets)), ODD),
    ("gzipped", lambda octets: standard(gzip.compress(octets)), ODD),
    ("a data URL", lambda octets: "data:text/xml;base64," + standard(octets), ODD),
):
    # Of base64 for URLs, padding is what RFC 7522 leaves open; and the one kind is like the other but for two letters.
    fine_at = GRANT if what in ("for URLs", "no padding") else ()
    register(
        FAMILY, f"base64: {what}", partial(written, change=change), sites=ALL, accepting=accepting, fine_at=fine_at
    )


@hostile(FAMILY, "deflated, a megabyte of it", sites=ALL)
def deflate_bomb(case):
    octets = case.finish().encode() + b" " * 2**24
    return Post(fields=[(field(case), standard(zlib.compress(octets, 9)[2:-4]))], octets=b"")


def two(case, first):
    """A good one and an evil one, by the same name."""
    honest = case.finish().encode()
    evil = case.wrap_unsigned(case.evil_assertion().xml()).encode()
    documents = [honest, evil] if first == "honest" else [evil, honest]
    return Post(fields=[(field(case), encoded(case, document)) for document in documents], octets=honest)


for first in ("honest", "evil"):
    register(FAMILY, f"two of the field, the {first} one first", partial(two, first=first), sites=ALL, accepting=ODD)


@hostile(FAMILY, "the same twice", sites=ALL, accepting=ODD)
def same_twice(case):
    octets = case.finish().encode()
    return Post(fields=[(field(case), encoded(case, octets))] * 2, octets=octets)


@hostile(FAMILY, "thirty of the field, all good", sites=ALL, accepting=ODD)
def thirty(case):
    octets = case.finish().encode()
    return Post(fields=[(field(case), encoded(case, octets))] * 30, octets=octets)


@hostile(FAMILY, "good in the query, none in the form", sites=ALL)
def in_query(case):
    octets = case.finish().encode()
    return Post(fields=[], query=urlencode([(field(case), encoded(case, octets))]), octets=octets)


@hostile(FAMILY, "good in the query, evil in the form", sites=ALL)
def evil_form(case):
    octets = case.finish().encode()
    evil = case.wrap_unsigned(case.evil_assertion().xml()).encode()
    return Post(
        fields=[(field(case), encoded(case, evil))],
        query=urlencode([(field(case), encoded(case, octets))]),
        octets=octets,
    )


@hostile(FAMILY, "evil in the query, good in the form", sites=ALL, accepting=FINE)
def evil_query(case):
    octets = case.finish().encode()
    evil = case.wrap_unsigned(case.evil_assertion().xml()).encode()
    return Post(
        fields=[(field(case), encoded(case, octets))],
        query=urlencode([(field(case), encoded(case, evil))]),
        octets=octets,
    )


for what, fields in {
    "no field": [],
    "an empty field": [("SAMLResponse", ""), ("assertion", "")],
    "other fields alone": [("RelayState", "/"), ("SAMLart", "AAQAAA"), ("SAMLRequest", "AAAA")],
    "the field in small letters": [("samlresponse", "AAAA"), ("Assertion", "AAAA")],
    "a list of it": [("SAMLResponse[]", "AAAA"), ("assertion[]", "AAAA")],
    "ten thousand fields": [(f"x{i}", "y") for i in range(10000)],
}.items():
    register(FAMILY, what, lambda case, fields=fields: Post(fields=fields), sites=ALL)


@hostile(FAMILY, "a good one as SAMLart", sites=SSO)
def as_artifact(case):
    octets = case.finish().encode()
    return Post(fields=[("SAMLart", encoded(case, octets))], octets=octets)


@hostile(FAMILY, "a good one with a RelayState of 100 KiB", sites=SSO, accepting=FINE)
def relay_state(case):
    octets = case.finish().encode()
    return Post(fields=[(field(case), encoded(case, octets)), ("RelayState", "x" * 102400)], octets=octets)


@hostile(FAMILY, "a good one with a RelayState of another site", sites=SSO, accepting=FINE)
def relay_elsewhere(case):
    octets = case.finish().encode()
    return Post(
        fields=[(field(case), encoded(case, octets)), ("RelayState", "https://looking-glass.example/")], octets=octets
    )


@hostile(FAMILY, "a good one as JSON", sites=SSO)
def as_json(case):
    octets = case.finish().encode()
    body = json.dumps({field(case): encoded(case, octets)}).encode()
    return Post(body=body, content_type="application/json", octets=octets)


@hostile(FAMILY, "a good one as it is, as XML", sites=ALL)
def as_xml(case):
    octets = case.finish().encode()
    return Post(body=octets, content_type="application/samlassertion+xml", octets=octets)


@hostile(FAMILY, "a good one as multipart", sites=ALL)
def as_multipart(case):
    octets = case.finish().encode()
    parts = "".join(
        f'--tea\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in [*others(case), (field(case), encoded(case, octets))]
    )
    return Post(body=f"{parts}--tea--\r\n".encode(), content_type="multipart/form-data; boundary=tea", octets=octets)


@hostile(FAMILY, "a good form that says it is text", sites=ALL)
def as_text(case):
    octets = case.finish().encode()
    body = urlencode([*others(case), (field(case), encoded(case, octets))]).encode()
    return Post(body=body, content_type="text/plain", octets=octets)


@hostile(FAMILY, "a form of no UTF-8", sites=ALL)
def no_utf8(case):
    octets = case.finish().encode()
    body = urlencode([*others(case), (field(case), encoded(case, octets))]).encode() + b"%ff&%c3%28=%00"
    return Post(body=body, content_type=FORM, octets=octets)


@hostile(FAMILY, "an unfinished escape in a form", sites=ALL)
def unfinished_escape(case):
    return Post(body=urlencode([*others(case)]).encode() + f"&{field(case)}=PHg%2".encode(), content_type=FORM)


for kib in (400, 1024, 4096):

    def big(case, kib=kib):
        """The document itself is good: what is too much is whitespace behind it."""
        octets = case.finish().encode() + b" " * (kib * 768)
        return Post(fields=[(field(case), encoded(case, octets))], octets=octets)

    register(FAMILY, f"a body of {kib} KiB", big, sites=ALL, accepting=ODD)
