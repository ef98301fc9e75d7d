"""Encrypted assertions. Anybody can encrypt: the certificate is in Kedge's metadata, and it says nothing of who did."""

import base64
import os
import re
import secrets
from functools import partial

from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .names import DS, SAML, SHA1, SHA256, XENC, XENC11
from .parts import BILLION, fresh_id, name_id
from .register import ALL, FINE, HARM, ODD, RESPONSE, RESPONSE_SIGNED, hostile, register

FAMILY = "encrypted"
GCM = {128: XENC11 + "aes128-gcm", 192: XENC11 + "aes192-gcm", 256: XENC11 + "aes256-gcm"}
CBC = {128: XENC + "aes128-cbc", 192: XENC + "aes192-cbc", 256: XENC + "aes256-cbc"}
TRIPLE_DES = XENC + "tripledes-cbc"
OAEP_MGF1P = XENC + "rsa-oaep-mgf1p"
OAEP = XENC11 + "rsa-oaep"
RSA_1_5 = XENC + "rsa-1_5"
ELEMENT = XENC + "Element"


def gcm(key, plaintext):
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, None)


def cbc(key, plaintext, kind=algorithms.AES):
    block = kind.block_size // 8
    missing = block - len(plaintext) % block
    padded = plaintext + bytes(missing - 1) + bytes([missing])
    iv = os.urandom(block)
    encryptor = Cipher(kind(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def oaep(digest, mgf=None):
    return padding.OAEP(mgf=padding.MGF1(mgf or digest), algorithm=digest, label=None)


TRANSPORTS = {
    # URI, what stands in EncryptionMethod, padding.
    "OAEP": (OAEP_MGF1P, f'<ds:DigestMethod Algorithm="{SHA1}"/>', lambda: oaep(hashes.SHA1())),
    "OAEP of no digest": (OAEP_MGF1P, "", lambda: oaep(hashes.SHA1())),
    "OAEP-SHA256": (
        OAEP,
        f'<ds:DigestMethod Algorithm="{SHA256}"/><xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{XENC11}mgf1sha256"/>',
        lambda: oaep(hashes.SHA256()),
    ),
    "OAEP-SHA256 with MGF1-SHA1": (
        OAEP_MGF1P,
        f'<ds:DigestMethod Algorithm="{SHA256}"/>',
        lambda: oaep(hashes.SHA256(), hashes.SHA1()),
    ),
    "RSA 1.5": (RSA_1_5, "", padding.PKCS1v15),
}


class Encrypted:
    """An EncryptedAssertion in parts."""

    def __init__(self, case, plaintext, **changes):
        self.case = case
        self.plaintext = plaintext
        self.bits = 256
        self.method = None
        self.encrypt = gcm
        self.transport = "OAEP"
        self.certificate = case.site.certificate
        self.type = ELEMENT
        self.wrapper = "EncryptedAssertion"
        self.change = lambda ciphertext: ciphertext
        self.change_key = lambda encrypted: encrypted
        # What stands in the KeyInfo beside or in place of the key.
        self.key_info = "{}"
        self.beside = ""
        self.cipher_data = None
        for name, value in changes.items():
            getattr(self, name)
            setattr(self, name, value)

    def xml(self):
        key = secrets.token_bytes(self.bits // 8)
        plaintext = self.plaintext if isinstance(self.plaintext, bytes) else self.plaintext.encode()
        ciphertext = base64.b64encode(self.change(self.encrypt(key, plaintext))).decode()
        self.case.plaintexts[ciphertext] = plaintext
        uri, inside, pad = TRANSPORTS[self.transport]
        public = x509.load_der_x509_certificate(base64.b64decode(self.certificate)).public_key()
        encrypted = base64.b64encode(self.change_key(public.encrypt(key, pad()))).decode()
        id = fresh_id()
        key = (
            f'<xenc:EncryptedKey xmlns:xenc="{XENC}" xmlns:ds="{DS}" Id="{id}">'
            f'<xenc:EncryptionMethod Algorithm="{uri}">{inside}'
            f"</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>{encrypted}</xenc:CipherValue>"
            "</xenc:CipherData></xenc:EncryptedKey>"
        )
        data = self.cipher_data or f"<xenc:CipherValue>{ciphertext}</xenc:CipherValue>"
        type = f' Type="{self.type}"' if self.type else ""
        method = self.method or GCM[self.bits]
        return (
            f'<saml:{self.wrapper} xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{XENC}"{type}>'
            f'<xenc:EncryptionMethod Algorithm="{method}"/><ds:KeyInfo xmlns:ds="{DS}">'
            f"{self.key_info.format(key, id=id)}</ds:KeyInfo><xenc:CipherData>{data}</xenc:CipherData>"
            f"</xenc:EncryptedData>{self.beside.format(key, id=id)}</saml:{self.wrapper}>"
        )


def inner(case, **changes):
    """The honest assertion, signed where the configuration wants that."""
    assertion = case.assertion(**changes)
    return assertion.xml() if case.site.mode == RESPONSE else assertion.signed()


def encrypted(case, changes=None, *, plaintext=None):
    """A response with an encrypted assertion, signed as the configuration wants."""
    return case.wrap(Encrypted(case, plaintext or inner(case), **(changes or {})).xml())


def unvouched(case, changes=None):
    """An evil assertion that an attacker encrypted in place of the signed one."""
    evil = case.evil_assertion().xml()
    return case.wrap_unsigned(Encrypted(case, evil, **(changes or {})).xml())


# Algorithms. To send what they encrypted to Kedge, and to see what it says, needs no signature at all.

for what, changes in {
    "AES-128-CBC": {"bits": 128, "method": CBC[128], "encrypt": cbc},
    "AES-192-CBC": {"bits": 192, "method": CBC[192], "encrypt": cbc},
    "AES-256-CBC": {"bits": 256, "method": CBC[256], "encrypt": cbc},
    "triple DES": {"bits": 192, "method": TRIPLE_DES, "encrypt": partial(cbc, kind=TripleDES)},
    "RSA 1.5": {"transport": "RSA 1.5"},
    "RSA 1.5 and AES-128-CBC": {"transport": "RSA 1.5", "bits": 128, "method": CBC[128], "encrypt": cbc},
}.items():
    register(FAMILY, f"by {what}", partial(encrypted, changes=changes), sites=ALL)
    register(FAMILY, f"evil, unsigned, by {what}", partial(unvouched, changes=changes), sites=ALL)


def without_tag(ciphertext):
    return ciphertext[:-16]


def tampered(place):
    def change(ciphertext):
        changed = bytearray(ciphertext)
        changed[place] ^= 1
        return bytes(changed)

    return change


CHANGES = {
    "the nonce": tampered(0),
    "the first letter": tampered(12),
    "a letter in the middle": tampered(200),
    "the tag": tampered(-1),
    "the tag cut off": without_tag,
    "the tag cut to four bytes": lambda ciphertext: ciphertext[:-12],
    "the tag cut to fifteen bytes": lambda ciphertext: ciphertext[:-1],
    "the tag's zeros": lambda ciphertext: ciphertext[:-16] + bytes(16),
    "a byte more": lambda ciphertext: ciphertext + b"\0",
    "nothing": lambda ciphertext: b"",
    "the nonce alone": lambda ciphertext: ciphertext[:12],
    "the nonce and the tag alone": lambda ciphertext: ciphertext[:12] + ciphertext[-16:],
    "one byte": lambda ciphertext: b"x",
}
for what, change in CHANGES.items():
    register(FAMILY, f"GCM, tampered: {what}", partial(encrypted, changes={"change": change}), sites=ALL)
for what, change in {
    "a bit": tampered(9),
    "cut": lambda value: value[:-1],
    "a byte more": lambda value: value + b"\0",
    "nothing": lambda value: b"",
    "zeros": lambda value: bytes(len(value)),
    "ones": lambda value: b"\xff" * len(value),
}.items():
    register(FAMILY, f"its key, tampered: {what}", partial(encrypted, changes={"change_key": change}), sites=ALL)
for what, changes in {
    "AES-128-GCM with a key of 256 bits": {"method": GCM[128]},
    "AES-256-GCM with a key of 128 bits": {"bits": 128, "method": GCM[256]},
    "AES-256-CBC, but it is GCM": {"method": CBC[256]},
    "AES-256-GCM, but it is CBC": {"encrypt": cbc},
    "an algorithm that nobody knows": {"method": "urn:wonderland:rot13"},
    "none": {"method": " "},
}.items():
    register(FAMILY, f"said to be {what}", partial(encrypted, changes=changes), sites=ALL)


@hostile(FAMILY, "not at all, in clear, and said to be", sites=ALL)
def in_clear(case):
    return encrypted(case, {"encrypt": lambda key, plaintext: plaintext})


@hostile(FAMILY, "to a foreign key", sites=ALL)
def to_foreign(case):
    return encrypted(case, {"certificate": case.world.foreign.certificate})


@hostile(FAMILY, "to the IdP's key", sites=ALL)
def to_idp(case):
    return encrypted(case, {"certificate": case.site.idp.key.certificate})


@hostile(FAMILY, "by a key that is named, and not there", sites=ALL)
def named_key(case):
    return encrypted(case, {"key_info": "<ds:KeyName>tea</ds:KeyName>"})


@hostile(FAMILY, "by a key that is nowhere", sites=ALL)
def no_key(case):
    return encrypted(case, {"key_info": ""})


@hostile(FAMILY, "by a key that is encrypted by a key of zeros", sites=ALL)
def wrapped_key(case):
    key = base64.b64encode(keywrap.aes_key_wrap(bytes(32), bytes(32))).decode()
    inside = (
        f'<xenc:EncryptedKey xmlns:xenc="{XENC}"><xenc:EncryptionMethod Algorithm="{XENC}kw-aes256"/><xenc:CipherData>'
        f"<xenc:CipherValue>{key}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
    )
    return encrypted(case, {"key_info": inside})


@hostile(FAMILY, "two keys, the first foreign", accepting=FINE)
def two_keys(case):
    """As for several recipients."""
    foreign = Encrypted(case, "x", certificate=case.world.foreign.certificate).xml()
    other = re.search("<xenc:EncryptedKey.*</xenc:EncryptedKey>", foreign)[0]
    return encrypted(case, {"key_info": other + "{}"})


@hostile(FAMILY, "a thousand keys", sites=ALL, accepting=ODD)
def thousand_keys(case):
    """Each takes a private key's work to try."""
    foreign = Encrypted(case, "x", certificate=case.world.foreign.certificate).xml()
    other = re.search("<xenc:EncryptedKey.*</xenc:EncryptedKey>", foreign)[0]
    return encrypted(case, {"key_info": other * 200 + "{}"})


@hostile(FAMILY, "its key beside it", accepting=FINE)
def key_beside(case):
    return encrypted(case, {"key_info": "", "beside": "{}"})


@hostile(FAMILY, "its key beside it, with where to find it", accepting=FINE)
def key_found(case):
    where = f'<ds:RetrievalMethod URI="#{{id}}" Type="{XENC}EncryptedKey"/>'
    return encrypted(case, {"key_info": where, "beside": "{}"})


@hostile(FAMILY, "its key at a web server", sites=ALL)
def key_elsewhere(case):
    where = f'<ds:RetrievalMethod URI="{case.world.canary}" Type="{XENC}EncryptedKey"/>'
    return encrypted(case, {"key_info": where})


for what in ("a web server", "a file", "an id of the document"):

    def cipher_reference(case, what=what):
        file = case.world.directory / "cipher"
        if not file.exists():
            file.write_bytes(os.urandom(1000))
        uri = {"a web server": case.world.canary, "a file": f"file://{file}"}.get(what, "#_here")
        return encrypted(case, {"cipher_data": f'<xenc:CipherReference URI="{uri}"/>'})

    register(FAMILY, f"its CipherReference to {what}", cipher_reference, sites=ALL)


@hostile(FAMILY, "a CipherReference and a CipherValue", sites=ALL)
def reference_and_value(case):
    data = Encrypted(case, inner(case))
    text = data.xml().replace(
        "<xenc:CipherData><xenc:CipherValue>",
        f'<xenc:CipherData><xenc:CipherReference URI="{case.world.canary}"/><xenc:CipherValue>',
    )
    return case.wrap(text)


# What is in it, and what is beside it.


@hostile(FAMILY, "evil, unsigned", sites=ALL)
def evil_unsigned(case):
    return unvouched(case)


@hostile(FAMILY, "evil, unsigned, in place of the signed one of a signed response", sites=RESPONSE_SIGNED)
def evil_replacing(case):
    text = encrypted(case)
    evil = Encrypted(case, case.evil_assertion().xml()).xml()
    return re.sub("<saml:EncryptedAssertion.*</saml:EncryptedAssertion>", evil, text, flags=re.DOTALL)


@hostile(FAMILY, "evil, unsigned, in place of the signed assertion in clear", sites=RESPONSE_SIGNED)
def evil_replacing_clear(case):
    evil = Encrypted(case, case.evil_assertion().xml()).xml()
    return re.sub("<saml:Assertion.*</saml:Assertion>", evil, case.finish(), flags=re.DOTALL)


@hostile(FAMILY, "evil, unsigned, beside the signed one in clear", accepting=ODD)
def beside_clear(case):
    evil = Encrypted(case, case.evil_assertion().xml()).xml()
    return case.response(case.assertion().signed(), evil).xml()


@hostile(FAMILY, "evil, unsigned, ahead of the signed one in clear", accepting=ODD)
def ahead_of_clear(case):
    evil = Encrypted(case, case.evil_assertion().xml()).xml()
    return case.response(evil, case.assertion().signed()).xml()


@hostile(FAMILY, "the signed one, beside an evil one in clear", accepting=ODD)
def clear_beside(case):
    return case.response(Encrypted(case, case.assertion().signed()).xml(), case.evil_assertion().xml()).xml()


@hostile(FAMILY, "the signed one, behind an evil one in clear", accepting=ODD)
def clear_ahead(case):
    return case.response(case.evil_assertion().xml(), Encrypted(case, case.assertion().signed()).xml()).xml()


@hostile(FAMILY, "evil, unsigned, in Extensions of a good response, after signing", sites=RESPONSE_SIGNED)
def in_extensions(case):
    evil = Encrypted(case, case.evil_assertion().xml()).xml()
    return case.finish().replace("<samlp:Status>", f"<samlp:Extensions>{evil}</samlp:Extensions><samlp:Status>")


@hostile(FAMILY, "evil, unsigned, in the Object of a good signature", sites=ALL, accepting=ODD)
def in_object(case):
    evil = Encrypted(case, case.evil_assertion().xml()).xml()
    return case.finish().replace("</ds:Signature>", f"<ds:Object>{evil}</ds:Object></ds:Signature>", 1)


@hostile(FAMILY, "two, both signed", accepting=ODD)
def two_signed(case):
    pair = [Encrypted(case, element.signed()).xml() for element in (case.assertion(), case.evil_assertion())]
    return case.wrap("".join(pair))


@hostile(FAMILY, "two, the second evil and unsigned", accepting=ODD)
def second_evil(case):
    return case.response(
        *(Encrypted(case, text).xml() for text in (case.assertion().signed(), case.evil_assertion().xml()))
    ).xml()


@hostile(FAMILY, "two, the first evil and unsigned", accepting=ODD)
def first_evil(case):
    return case.response(
        *(Encrypted(case, text).xml() for text in (case.evil_assertion().xml(), case.assertion().signed()))
    ).xml()


HELD = {
    "two assertions": lambda case: inner(case) + case.evil_assertion().xml(),
    "two assertions, the evil one first": lambda case: case.evil_assertion().xml() + inner(case),
    "two in a wrapper": lambda case: f"<w>{inner(case)}{case.evil_assertion().xml()}</w>",
    "an evil one with the signed one in its Advice": lambda case: advice(case),
    "a good response": lambda case: case.finish(),
    "a response with an evil assertion": lambda case: case.response(case.evil_assertion().xml()).xml(),
    "an encrypted assertion": lambda case: Encrypted(case, inner(case)).xml(),
    "text": lambda case: "Off with their heads!",
    "nothing": lambda case: b"",
    "whitespace": lambda case: "  \n",
    "an unfinished element": lambda case: inner(case)[:-3],
    "text ahead": lambda case: "tea" + inner(case),
    "text behind": lambda case: inner(case) + "tea",
    "a declaration ahead": lambda case: '<?xml version="1.0"?>' + inner(case),
    "a comment": lambda case: "<!--tea-->" + inner(case),
    "a document type": lambda case: '<!DOCTYPE x [<!ENTITY who "x">]>' + inner(case),
    "a document type and its entity as the name": lambda case: (
        f'<!DOCTYPE x [<!ENTITY who "{case.name}">]>' + inner(case).replace(f">{case.name}<", ">&who;<")
    ),
    "a billion laughs": lambda case: laughs(case),
    "an external entity of a web server": lambda case: (
        f'<!DOCTYPE x [<!ENTITY who SYSTEM "{case.world.canary}">]>' + inner(case).replace(f">{case.name}<", ">&who;<")
    ),
    "a comment in the name": lambda case: inner(case).replace(
        f">{case.name}<", f">{case.name[:3]}<!---->{case.name[3:]}<"
    ),
    "a CDATA in the name": lambda case: inner(case).replace(f">{case.name}<", f"><![CDATA[{case.name}]]><"),
    "a name of bad UTF-8": lambda case: inner(case).encode().replace(b"</saml:NameID", b"\xff</saml:NameID"),
    "UTF-16": lambda case: inner(case).encode("utf-16"),
    "a NameID alone": lambda case: f'<saml:NameID xmlns:saml="{SAML}">{case.evil}</saml:NameID>',
    "ten thousand elements deep": lambda case: "<x>" * 10000 + "</x>" * 10000,
    "a changed signature": lambda case: case.assertion().signed().replace(case.name, case.evil),
    "a foreign signature": lambda case: case.evil_assertion().signed(case.world.foreign),
    "an end of what is around it": lambda case: (
        f"{inner(case)}</saml:EncryptedAssertion>{case.evil_assertion().xml()}<saml:EncryptedAssertion>"
    ),
}


def advice(case):
    evil = case.evil_assertion()
    evil.conditions += f"<saml:Advice>{case.assertion().signed()}</saml:Advice>"
    return evil.xml()


def laughs(case):
    return f"<!DOCTYPE x [{BILLION}]>" + inner(case).replace(f">{case.name}<", ">&l9;<")


# In these, what is signed is what is read, or nothing is.
NO_HARM = (
    "a declaration ahead",
    "a comment",
    "a document type",
    "a comment in the name",
    "a CDATA in the name",
    "UTF-16",
    "an encrypted assertion",
)
for what, make in HELD.items():
    accepting = ODD if what in NO_HARM else HARM
    if what == "a declaration ahead":
        accepting = FINE
    register(FAMILY, f"holding {what}", lambda case, make=make: held(case, make), sites=ALL, accepting=accepting)


def held(case, make):
    """What an attacker put together goes into a response that nobody signed."""
    plaintext = make(case)
    data = Encrypted(case, plaintext).xml()
    octets = plaintext if isinstance(plaintext, bytes) else plaintext.encode()
    return case.wrap_unsigned(data) if case.evil.encode() in octets else case.wrap(data)


@hostile(FAMILY, "of the type Content", accepting=FINE)
def of_content(case):
    return encrypted(case, {"type": XENC + "Content"})


@hostile(FAMILY, "of no type", accepting=FINE)
def of_no_type(case):
    return encrypted(case, {"type": None})


@hostile(FAMILY, "of a type that nobody knows", accepting=FINE)
def of_unknown_type(case):
    return encrypted(case, {"type": "urn:wonderland"})


@hostile(FAMILY, "EncryptedData without the element around it", accepting=ODD)
def data_alone(case):
    text = Encrypted(case, inner(case)).xml()
    return case.wrap(re.search("<xenc:EncryptedData.*</xenc:EncryptedData>", text)[0])


@hostile(FAMILY, "two EncryptedData in one", accepting=ODD)
def two_data(case):
    first, second = (Encrypted(case, text).xml() for text in (inner(case), case.evil_assertion().xml()))
    data = re.search("<xenc:EncryptedData.*</xenc:EncryptedData>", second)[0]
    text = first.replace("</saml:EncryptedAssertion>", data + "</saml:EncryptedAssertion>")
    return case.wrap_unsigned(text)


@hostile(FAMILY, "an empty EncryptedAssertion", sites=ALL)
def empty(case):
    return case.wrap(f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>')


@hostile(FAMILY, "an empty EncryptedData", sites=ALL)
def empty_data(case):
    return case.wrap(
        f'<saml:EncryptedAssertion xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{XENC}"/>'
        "</saml:EncryptedAssertion>"
    )


@hostile(FAMILY, "a signed assertion that only says that it is encrypted", sites=ALL, accepting=ODD)
def plain_in_wrapper(case):
    return case.wrap(f'<saml:EncryptedAssertion xmlns:saml="{SAML}">{inner(case)}</saml:EncryptedAssertion>')


@hostile(FAMILY, "EncryptedID", sites=ALL, accepting=ODD)
def encrypted_id(case):
    name = name_id(case.name).replace("<saml:NameID", f'<saml:NameID xmlns:saml="{SAML}"')
    return case.finish(case.assertion(name_id=Encrypted(case, name, wrapper="EncryptedID").xml()))


@hostile(FAMILY, "EncryptedID, evil, put in after signing", sites=ALL)
def encrypted_id_after(case):
    name = name_id(case.evil).replace("<saml:NameID", f'<saml:NameID xmlns:saml="{SAML}"')
    evil = Encrypted(case, name, wrapper="EncryptedID").xml()
    return re.sub("<saml:NameID.*?</saml:NameID>", evil, case.finish(), count=1)


@hostile(FAMILY, "EncryptedAttribute", sites=ALL, accepting=FINE)
def encrypted_attribute(case):
    value = (
        f'<saml:Attribute xmlns:saml="{SAML}" Name="mail"><saml:AttributeValue>x</saml:AttributeValue></saml:Attribute>'
    )
    more = Encrypted(case, value, wrapper="EncryptedAttribute").xml()
    return case.finish(case.assertion(statement=f"<saml:AttributeStatement>{more}</saml:AttributeStatement>"))


@hostile(FAMILY, "the signed one, and its response signed with the assertion in clear", sites=RESPONSE_SIGNED)
def signed_before(case):
    """The signature covered what was there before it was encrypted, and is not valid over what there is."""
    text = case.finish()
    clear = re.search("<saml:Assertion.*</saml:Assertion>", text, re.DOTALL)[0]
    return text.replace(clear, Encrypted(case, clear).xml())


@hostile(FAMILY, "signed by nobody inside, in a response that nobody signed", sites=ALL)
def signed_by_nobody(case):
    return case.wrap_unsigned(Encrypted(case, case.assertion().xml()).xml())


@hostile(FAMILY, "unsigned inside a signed response", sites=("both", "assertion"))
def unsigned_inside(case):
    return case.response(Encrypted(case, case.assertion().xml()).xml()).signed()


@hostile(FAMILY, "signed inside an unsigned response", sites=("both", "response"))
def signed_inside(case):
    return case.response(Encrypted(case, case.assertion().signed()).xml()).xml()


@hostile(FAMILY, "its ciphertext another's, of a response of before", sites=("both", "assertion", "neither"))
def another_ciphertext(case):
    """An attacker sees another's ciphertext, and puts it into a response of their own."""
    other = case.at(case.site.name)
    seen = Encrypted(other, other.assertion().signed()).xml()
    case.before.append((case.site, case.response(seen).signed()))
    return case.wrap(seen)
