"""Keys and algorithms that count for nothing, whatever the document says of them."""

import base64
import re
import secrets
from functools import partial

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .keys import make_hmac_key, make_key
from .names import DS, DSIG_MORE, ECDSA_SHA256, HMAC_SHA256, RSA_SHA256, RSA_SHA512, SHA1, SHA224, SHA256, XENC
from .parts import reference, signature
from .register import ALL, BOTH, FINE, ODD, Post, hostile, register
from .wire import encoded, field

# Keys of others.

FAMILY = "foreign keys"
KEY_NAME = "<ds:KeyInfo><ds:KeyName>{}</ds:KeyName></ds:KeyInfo>"


def x509(*certificates, more=""):
    inside = "".join(f"<ds:X509Certificate>{certificate}</ds:X509Certificate>" for certificate in certificates)
    return f"<ds:KeyInfo><ds:X509Data>{more}{inside}</ds:X509Data></ds:KeyInfo>"


def retrieval(uri, type):
    return f'<ds:KeyInfo><ds:RetrievalMethod URI="{uri}" Type="{type}"/></ds:KeyInfo>'


X509 = DS + "X509Data"
RAW_X509 = DS + "rawX509Certificate"
SUBJECT = "CN=looking-glass"

# What a document signed by a foreign key says of the key.
KEY_INFOS = {
    "its certificate": lambda world: world.foreign.x509,
    "the IdP's certificate": lambda world: world.idp.key.x509,
    "both certificates": lambda world: x509(world.idp.key.certificate, world.foreign.certificate),
    "both certificates, its own first": lambda world: x509(world.foreign.certificate, world.idp.key.certificate),
    "its value": lambda world: world.foreign.value,
    "its value and the IdP's certificate": lambda world: (
        world.foreign.value.replace("</ds:KeyInfo>", "") + world.idp.key.x509.replace("<ds:KeyInfo>", "")
    ),
    "the IdP's certificate and its value": lambda world: (
        world.idp.key.x509.replace("</ds:KeyInfo>", "") + world.foreign.value.replace("<ds:KeyInfo>", "")
    ),
    "the IdP's name": lambda world: KEY_NAME.format(world.idp.entity),
    "the IdP's subject": lambda world: x509(more=f"<ds:X509SubjectName>{SUBJECT}</ds:X509SubjectName>"),
    "nothing": lambda world: "",
    "an empty KeyInfo": lambda world: "<ds:KeyInfo/>",
    "where a web server has it": lambda world: retrieval(world.canary, X509),
    "where a web server has it raw": lambda world: retrieval(world.canary, RAW_X509),
    "the file that has it": lambda world: retrieval(f"file://{world.foreign.file}", RAW_X509),
    "no certificate at all": lambda world: x509("AAAA"),
    "a certificate of a hundred kilobytes": lambda world: x509(base64.b64encode(bytes(75000)).decode()),
}
for what, key_info in KEY_INFOS.items():

    def foreign(case, key_info=key_info):
        return case.finish(key=case.world.foreign, key_info=key_info(case.world))

    register(FAMILY, f"RSA, {what} embedded", foreign, sites=ALL)


@hostile(FAMILY, "RSA, its certificate with the IdP's names embedded", sites=ALL)
def same_names(case):
    """Subject and issuer are those of the IdP's certificate: all but the key is the same."""
    return case.finish(key=case.world.foreign)


@hostile(FAMILY, "RSA, its certificate signed by the IdP's key", sites=ALL)
def signed_by_idp(case):
    """The certificate of the IdP is no authority, but who builds a chain from it takes it for one."""
    key = leaf(case)
    return case.finish(key=key)


@hostile(FAMILY, "RSA, its certificate signed by the IdP's key, and that one's", sites=ALL)
def chain(case):
    key = leaf(case)
    return case.finish(key=key, key_info=x509(key.certificate, case.world.idp.key.certificate))


def leaf(case):
    return make_key(
        case.world.directory, f"leaf-{secrets.token_hex(4)}", "ec", subject="rabbit-hole", issuer=case.world.idp.key
    )


for kind in ("ec", "dsa"):

    def foreign_kind(case, kind=kind, info="x509"):
        key = case.world.foreign_ec if kind == "ec" else case.world.foreign_dsa
        return case.finish(key=key).replace(key.x509, getattr(key, info))

    register(FAMILY, f"{kind.upper()}, its certificate embedded", foreign_kind, sites=ALL)
    register(FAMILY, f"{kind.upper()}, its value embedded", partial(foreign_kind, info="value"), sites=ALL)


@hostile(FAMILY, "RSA of 1024 bits, its certificate embedded", sites=ALL)
def weak(case):
    return case.finish(key=case.world.weak)


@hostile(FAMILY, "RSA of 1024 bits, its value embedded", sites=ALL)
def weak_value(case):
    return case.finish(key=case.world.weak, key_info=case.world.weak.value)


@hostile(FAMILY, "RSA of Kedge's own encryption certificate embedded", sites=ALL)
def own_certificate(case):
    return case.finish(key=case.world.foreign, key_info=x509(case.site.certificate))


@hostile(FAMILY, "the response by the IdP's, the assertion by its own", sites=("both", "assertion"))
def foreign_assertion(case):
    """An attacker cannot make this one, but a valid signature of one kind must not stand in for the other."""
    case.signers.append(case.world.foreign.public)
    return case.response(case.assertion().signed(case.world.foreign)).signed()


@hostile(FAMILY, "the assertion by the IdP's, the response by its own", sites=("both", "response"))
def foreign_response(case):
    case.signers.append(case.world.foreign.public)
    return case.response(case.assertion().signed()).signed(case.world.foreign)


# The public key as a secret that all know.

HMAC = "HMAC by what is public"


def secrets_of(key):
    public = key.pair.public_key()
    return {
        "the certificate's PEM": key.file.read_bytes(),
        "the certificate's PEM without its last newline": key.file.read_bytes().strip(),
        "the certificate's DER": base64.b64decode(key.certificate),
        "the certificate's base64": key.certificate.encode(),
        "the key's PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "the key's DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "one zero": b"\0",
    }


def by_hmac(case, what, method=HMAC_SHA256):
    secret = secrets_of(case.site.idp.key)[what]
    key = make_hmac_key(case.world.directory, secrets.token_hex(8), secret)
    return case.finish(key=key, method=method, key_info=case.site.idp.key.x509)


for what in (
    "the certificate's PEM",
    "the certificate's PEM without its last newline",
    "the certificate's DER",
    "the certificate's base64",
    "the key's PEM",
    "the key's DER",
    "one zero",
):
    register(HMAC, f"SHA-256, {what}", partial(by_hmac, what=what), sites=ALL)
for name in ("hmac-sha1", "hmac-sha512", "hmac-md5"):
    method = (DS if name == "hmac-sha1" else DSIG_MORE) + name
    register(
        HMAC, f"{name}, the certificate's DER", partial(by_hmac, what="the certificate's DER", method=method), sites=ALL
    )

# Algorithms that a signature of the right key is really made by, but that nobody should make it by.

WEAK = "weak algorithms"
for what, method in {
    "RSA-SHA1": DS + "rsa-sha1",
    "RSA-SHA224": DSIG_MORE + "rsa-sha224",
    "RSA-MD5": DSIG_MORE + "rsa-md5",
    "RSA-RIPEMD160": DSIG_MORE + "rsa-ripemd160",
}.items():
    register(WEAK, what, lambda case, method=method: case.finish(method=method), sites=ALL)
for what, method in {"ECDSA-SHA1": "ecdsa-sha1", "ECDSA-SHA224": "ecdsa-sha224"}.items():

    def weak_ecdsa(case, method=method):
        return case.finish(key=case.site.idp.keys[1], method=DSIG_MORE + method)

    register(WEAK, what, weak_ecdsa, sites=ALL)
for what, digest in {
    "digest SHA-1": SHA1,
    "digest SHA-224": SHA224,
    "digest MD5": DSIG_MORE + "md5",
    "digest RIPEMD-160": XENC + "ripemd160",
}.items():
    register(WEAK, what, lambda case, digest=digest: case.finish(digest=digest), sites=ALL)


@hostile(WEAK, "RSA-SHA1 and digest SHA-1", sites=ALL)
def sha1_twice(case):
    return case.finish(method=DS + "rsa-sha1", digest=SHA1)


@hostile(WEAK, "RSA-SHA1 in the response, RSA-SHA256 in the assertion", sites=("both", "response"))
def sha1_response(case):
    return case.response(case.assertion().signed()).signed(method=DS + "rsa-sha1")


@hostile(WEAK, "RSA-SHA256 in the response, RSA-SHA1 in the assertion", sites=("both", "assertion"))
def sha1_assertion(case):
    return case.response(case.assertion().signed(method=DS + "rsa-sha1")).signed()


# Algorithms that are only said.

SWAPPED = "algorithm swaps"
for what, method in {
    "RSA-SHA1": DS + "rsa-sha1",
    "RSA-SHA512": RSA_SHA512,
    "RSA-MD5": DSIG_MORE + "rsa-md5",
    "RSA-PSS": "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    "DSA-SHA1": DS + "dsa-sha1",
    "DSA-SHA256": "http://www.w3.org/2009/xmldsig11#dsa-sha256",
    "ECDSA-SHA256": ECDSA_SHA256,
    "Ed25519": "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
    "HMAC-SHA256": HMAC_SHA256,
    "none": "none",
    "nothing": "",
    "a digest": SHA256,
    "a URI that nobody knows": "urn:wonderland:signature",
    "its own with a space": RSA_SHA256 + " ",
    "its own in capitals": RSA_SHA256.upper(),
}.items():
    register(
        SWAPPED,
        f"{what} for an RSA-SHA256 signature",
        lambda case, method=method: case.finish().replace(RSA_SHA256, method),
        sites=ALL,
    )
for what, digest in {
    "SHA-1": SHA1,
    "SHA-512": "http://www.w3.org/2001/04/xmlenc#sha512",
    "none": "",
    "a URI that nobody knows": "urn:x",
}.items():
    register(
        SWAPPED,
        f"digest {what} for SHA-256",
        lambda case, digest=digest: case.finish().replace(
            f'DigestMethod Algorithm="{SHA256}"', f'DigestMethod Algorithm="{digest}"'
        ),
        sites=ALL,
    )


@hostile(SWAPPED, "RSA-SHA256 for an ECDSA signature", sites=ALL)
def rsa_for_ecdsa(case):
    return case.finish(key=case.site.idp.keys[1]).replace(ECDSA_SHA256, RSA_SHA256)


@hostile(SWAPPED, "an ECDSA signature of zeros", sites=ALL)
def psychic(case):
    """r and s are zero: a verifier that does not look for that finds it valid for everything."""
    text = case.finish(key=case.site.idp.keys[1]).replace(case.name, case.evil)
    zeros = base64.b64encode(bytes(64)).decode()
    return re.sub("(<ds:SignatureValue>).*?(?=<)", lambda found: found[1] + zeros, text, flags=re.DOTALL)


@hostile(SWAPPED, "an ECDSA signature as DER", sites=ALL, accepting=ODD)
def ecdsa_der(case):
    """What XML Signature wants is r and s one after the other. It is a signature of the same, all the same."""

    def der(found):
        raw = base64.b64decode(found[2])
        half = len(raw) // 2
        value = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        return found[1] + base64.b64encode(value).decode()

    if case.site.mode == BOTH:
        # The response covers what the signature of the assertion looks like.
        raw = case.assertion().signed(case.site.idp.keys[1])
        inner = re.sub("(<ds:SignatureValue>)(.*?)(?=<)", der, raw, flags=re.DOTALL)
        response = case.response(inner)
        text = response.signed()
        response.children, response.signature = [raw], ""
        return Post(octets=text.encode(), same=response.signed().encode())
    text = case.finish(key=case.site.idp.keys[1])
    changed = re.sub("(<ds:SignatureValue>)(.*?)(?=<)", der, text, flags=re.DOTALL)
    return Post(octets=changed.encode(), same=text.encode())


@hostile(SWAPPED, "an ECDSA signature, s negated", sites=ALL, accepting=FINE)
def malleable(case):
    """Whoever sees a signature can make this second one of the same; it is valid, and replay is told by the id."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def negated(found):
        raw = base64.b64decode(found[2])
        s = order - int.from_bytes(raw[32:], "big")
        return found[1] + base64.b64encode(raw[:32] + s.to_bytes(32, "big")).decode()

    text = case.finish(key=case.site.idp.keys[1])
    return re.sub("(<ds:SignatureValue>)(.*?)(?=<)", negated, text, flags=re.DOTALL)


# Signed by nobody.

UNSIGNED = "unsigned"


@hostile(UNSIGNED, "no signature at all", sites=ALL)
def unsigned(case):
    assertion = case.evil_assertion().xml()
    return assertion if case.site.name == "grant" else case.response(assertion).xml()


@hostile(UNSIGNED, "an empty Signature", sites=ALL)
def empty_signature(case):
    assertion = case.evil_assertion(signature=f'<ds:Signature xmlns:ds="{DS}"/>').xml()
    return case.wrap_unsigned(assertion, f'<ds:Signature xmlns:ds="{DS}"/>')


@hostile(UNSIGNED, "a Signature of text", sites=ALL)
def text_signature(case):
    signature = f'<ds:Signature xmlns:ds="{DS}">Off with their heads!</ds:Signature>'
    return case.wrap_unsigned(case.evil_assertion(signature=signature).xml(), signature)


@hostile(UNSIGNED, "a template that nobody signed", sites=ALL)
def template(case):
    assertion = case.evil_assertion()
    assertion.signature = signature(reference(assertion.id), RSA_SHA256)
    response = case.response()
    return case.wrap_unsigned(assertion.xml(), signature(reference(response.id), RSA_SHA256))


@hostile(UNSIGNED, "only the assertion is signed", sites=("both", "response"))
def assertion_only(case):
    return case.finish(mode="assertion")


@hostile(UNSIGNED, "only the response is signed", sites=("both", "assertion"))
def response_only(case):
    return case.finish(mode="response")


@hostile(UNSIGNED, "SigAlg and Signature as form fields, as a redirect has them", sites=ALL)
def detached(case):
    text = unsigned(case).encode()
    value = base64.b64encode(case.world.foreign.pair.sign(text, PKCS1v15(), hashes.SHA256())).decode()
    fields = [(field(case), encoded(case, text)), ("SigAlg", RSA_SHA256), ("Signature", value)]
    return Post(fields=fields, octets=text)
