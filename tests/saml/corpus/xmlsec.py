"""The program xmlsec1, which signs what is here, and says of each signature whether it is valid."""

import base64
import os
import re
import subprocess
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from .names import DS, SAML, SAMLP

# Which attribute is an id: without a DTD it has to be told.
IDS = (("ID", f"{SAMLP}:Response"), ("ID", f"{SAML}:Assertion"))
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    # It would read all of the system's authorities at each start, which takes five times as long as a signature.
    "SSL_CERT_FILE": os.devnull,
    "SSL_CERT_DIR": "/nonexistent",
    # It follows URLs out of documents, and only Kedge is to be caught at that: nothing listens there.
    "http_proxy": "http://127.0.0.1:1",
}
NAME = r"(?:[^\s<>/:]+:)?"
PENDING = re.compile(rf"(<{NAME}SignatureValue\b[^>]*(?<!/)>)(?=</)")
PENDING_DIGEST = re.compile(rf"(<{NAME}DigestValue\b[^>]*(?<!/)>)(?=</)")
ANY_SIGNATURE = re.compile(rf"<{NAME}SignatureValue\b")
START = re.compile(rf"<{NAME}Signature\b")
END = re.compile(rf"</{NAME}Signature\s*>")


class Refused(Exception):
    """xmlsec1 does not do it."""


def run(*arguments, octets=b""):
    return subprocess.run(["xmlsec1", *arguments], input=octets, env=ENVIRONMENT, capture_output=True, timeout=30)


def node(index):
    """The signature at this place among all of the document."""
    return ["--node-xpath", f'(//*[local-name()="SignatureValue"])[{index + 1}]/..']


def known(ids):
    """Arguments that tell xmlsec1 of ids; it refuses two alike, and then perhaps those of responses alone will do."""
    for usual in (IDS, IDS[:1]):
        pairs = [*(pair for pair in usual if pair not in ids), *ids]
        yield [argument for name, element in pairs for argument in (f"--id-attr:{name}", element)]


def sign(text, key, ids=()):
    """Fills in the first signature that has no value yet. All else stays to the letter, which xmlsec1 would not."""
    pending = PENDING.search(text)
    index = len(ANY_SIGNATURE.findall(text[: pending.start()]))
    for arguments in known(ids):
        arguments = ["--sign", *key.private, "--enabled-key-data", "key-name", *arguments, *node(index)]
        done = run(*arguments, "/dev/stdin", octets=text.encode())
        if b"duplicate ID" not in done.stderr:
            break
    if done.returncode:
        raise Refused(done.stderr.decode())
    root = parse(done.stdout)
    if root is None:
        raise Refused("lxml cannot read it")
    value = root.xpath(f'(//*[local-name()="SignatureValue"])[{index + 1}]')[0]
    # Those of SignedInfo come first, then those of a Manifest.
    digests = iter([digest.text for digest in value.getparent().iter("{*}DigestValue")])
    *_, start = START.finditer(text, 0, pending.start())
    end = END.search(text, pending.end())
    inside = PENDING.sub(lambda found: found[0] + value.text, text[start.end() : end.start()], count=1)
    inside = PENDING_DIGEST.sub(lambda found: found[0] + next(digests), inside)
    return text[: start.end()] + inside + text[end.start() :]


def sign_info(text, key):
    """Signs the first SignedInfo that has no value yet, whatever it says: xmlsec1 is choosy about that."""
    pending = PENDING.search(text)
    index = len(ANY_SIGNATURE.findall(text[: pending.start()]))
    value = parse(text.encode()).xpath(f'(//*[local-name()="SignatureValue"])[{index + 1}]')[0]
    octets = etree.tostring(value.getparent().find("{*}SignedInfo"), method="c14n", exclusive=True)
    signed = base64.b64encode(key.pair.sign(octets, PKCS1v15(), SHA256())).decode()
    return text[: pending.end()] + signed + text[pending.end() :]


def verifies(octets, index, public, ids=()):
    """Whether xmlsec1 calls this signature valid, by these keys and by no key that the document brings."""
    for arguments in known(ids):
        arguments = ["--verify", *public, "--enabled-key-data", "key-name", *arguments, *node(index)]
        try:
            done = run(*arguments, "/dev/stdin", octets=octets)
        except subprocess.TimeoutExpired:
            return False
        if b"duplicate ID" not in done.stderr:
            break
    return done.returncode == 0


def encrypt(plaintext, template, certificate, session_key):
    """The template with the plaintext in it, encrypted by a new key, which is encrypted to the certificate."""
    read, write = os.pipe()
    with os.fdopen(write, "wb") as pipe:
        pipe.write(plaintext.encode())
    try:
        done = subprocess.run(
            ["xmlsec1", "--encrypt", "--pubkey-cert-pem", str(certificate), "--session-key", session_key]
            + ["--xml-data", f"/dev/fd/{read}", "/dev/stdin"],
            input=template.encode(),
            env=ENVIRONMENT,
            capture_output=True,
            timeout=30,
            pass_fds=[read],
        )
    finally:
        os.close(read)
    if done.returncode:
        raise Refused(done.stderr.decode())
    return re.sub(r"^<\?xml.*?\?>\s*", "", done.stdout.decode())


@lru_cache
def version():
    return run("--version").stdout.decode().strip()


def parse(octets):
    """The document as lxml reads it, or nothing where it cannot."""
    # What is deep or large is read, too, but no bomb is to go off here.
    bomb = b"<!ENTITY" in octets.replace(b"\0", b"")
    try:
        return etree.fromstring(octets, etree.XMLParser(no_network=True, huge_tree=not bomb))
    except (etree.XMLSyntaxError, ValueError):
        return None


def signatures(root):
    """Each signature of a document with its place, as `verifies` counts."""
    values = root.xpath('//*[local-name()="SignatureValue"]')
    return [(i, value.getparent()) for i, value in enumerate(values) if value.getparent().tag == f"{{{DS}}}Signature"]
