"""An identity provider for tests and for trying Kedge out: pysaml2's, which signs in whoever comes, without a password.

It makes a key at its start, answers its metadata at `/metadata`, and takes an AuthnRequest at `/sso` by the binding
HTTP-Redirect. Its answer is the page that posts the SAML response back. Only this machine reaches it.

    python tests/saml/idp.py --sp-metadata URL_OR_FILE --user alice --attribute account=tea-party

needs what requirements.txt lists, and the program xmlsec1, by which pysaml2 signs and encrypts.
"""

import argparse
import contextlib
import re
import signal
import tempfile
import threading
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# pysaml2 imports a mode of encryption that is about to move; it is not used here.
warnings.filterwarnings("ignore", module=r"saml2\.cryptography")

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, saml
from saml2.assertion import Policy
from saml2.attribute_converter import AttributeConverter
from saml2.authn_context import UNSPECIFIED
from saml2.config import IdPConfig
from saml2.entity import Entity
from saml2.metadata import entity_descriptor
from saml2.pack import http_form_post_message
from saml2.s_utils import do_ava
from saml2.server import Server
from saml2.sigver import RSA_OAEP_MGF1P, class_name, pre_encryption_part, pre_signature_part, signed_instance_factory
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

# What encrypts an assertion, and the session key that xmlsec1 makes for it.
SESSION_KEYS = {
    "http://www.w3.org/2009/xmlenc11#aes128-gcm": "aes-128",
    "http://www.w3.org/2009/xmlenc11#aes192-gcm": "aes-192",
    "http://www.w3.org/2009/xmlenc11#aes256-gcm": "aes-256",
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc": "aes-128",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc": "aes-256",
    "http://www.w3.org/2001/04/xmlenc#tripledes-cbc": "des-192",
}
AES_128_GCM, AES_192_GCM, AES_256_GCM, AES_128_CBC, AES_256_CBC, TRIPLE_DES_CBC = SESSION_KEYS


class Listener(ThreadingHTTPServer):
    """One that lets many wait: five at most are refused on a busy machine."""

    request_queue_size = 128

    def server_activate(self):
        super().server_activate()
        # A connection may be gone again before it is accepted: who waited for the next one could not be stopped.
        self.socket.setblocking(False)


class Key:
    """A private key and its self-signed certificate, in files: xmlsec1 reads nothing else."""

    def __init__(self, kind="rsa"):
        private = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "identity provider for tests")])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=30))
            .sign(private, hashes.SHA256())
        )
        self.dir = tempfile.TemporaryDirectory(prefix="kedge-idp.")
        self.private = self.write("key.pem", private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.certificate = self.write("certificate.pem", certificate.public_bytes(Encoding.PEM))

    def write(self, name, content):
        path = Path(self.dir.name, name)
        path.write_bytes(content)
        return str(path)


@dataclass(frozen=True)
class Answer:
    """What a response says, and what secures it."""

    user: str = "alice"
    name_id_format: str = saml.NAMEID_FORMAT_UNSPECIFIED
    attributes: dict[str, list[str]] = field(default_factory=dict)
    sign_response: bool = True
    sign_assertion: bool = True
    signature: str = SIG_RSA_SHA256
    digest: str = DIGEST_SHA256
    # The algorithm that encrypts the assertion, one of SESSION_KEYS, and the one that encrypts its key.
    encryption: str | None = None
    key_transport: str = RSA_OAEP_MGF1P
    lifetime: timedelta = timedelta(minutes=5)
    # In place of the request's.
    in_response_to: str | None = None
    # In place of the assertion consumer service of the SP's metadata.
    destination: str | None = None


class PlainNames(AttributeConverter):
    """Attributes go by the names they were given; pysaml2 would say `urn:oid:1.3.6.1.4.1.5923.1.5.1.1` and the like."""

    def to_(self, attrvals):
        return [
            saml.Attribute(name=name, name_format=self.name_format, attribute_value=do_ava(values))
            for name, values in attrvals.items()
        ]


class Provider(Server):
    """pysaml2's IdP, with the algorithms of the answer where pysaml2 has its own idea of them."""

    answer: Answer

    def sign(self, msg, mid=None, to_sign=None, sign_prepare=None, sign_alg=None, digest_alg=None):
        """pysaml2 lets RSA alone sign a response; xmlsec1, which does it, knows ECDSA, too."""
        if sign_prepare:
            return Entity.sign(self, msg, mid, to_sign, sign_prepare, sign_alg, digest_alg)
        msg.signature = pre_signature_part(msg.id, self.sec.my_cert, 1, sign_alg=sign_alg, digest_alg=digest_alg)
        return signed_instance_factory(msg, self.sec, [*(to_sign or []), (class_name(msg), msg.id)])

    def _encrypt_assertion(self, encrypt_cert, sp_entity_id, response, node_xpath=None):
        """pysaml2 encrypts with triple DES, which nobody should, and has no setting for it."""
        [certificate, *_] = [text for _, text in self.metadata.certs(sp_entity_id, "any", "encryption")]
        certificate = "".join(certificate.split())
        template = pre_encryption_part(
            msg_enc=self.answer.encryption, key_enc=self.answer.key_transport, encrypt_cert=certificate
        )
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            lines = re.findall(".{1,64}", certificate)
            print("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", sep="\n", file=file, flush=True)
            return self.sec.encrypt_assertion(
                response, file.name, template, key_type=SESSION_KEYS[self.answer.encryption], node_xpath=node_xpath
            )


class IdP:
    """Serves between `with` and its end. What it goes by can be changed at any time, and counts from then on."""

    def __init__(self, answer=Answer(), *, key=None, port=0, want_signed_requests=False):
        self.answer = answer
        # The key that signs, and those whose certificates the metadata shows: two of them while keys roll over.
        self.key = key or Key()
        self.published = [self.key]
        self.want_signed_requests = want_signed_requests
        # The metadata of service providers, each as XML, as a URL or as a file's name. It is read when it is needed:
        # they have theirs only once they know this IdP's.
        self.service_providers = []
        self.server = Listener(("127.0.0.1", port), handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.entity_id = f"{self.url}/metadata"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05])
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def config(self, service_providers=()):
        config = IdPConfig().load(
            {
                "entityid": self.entity_id,
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": [(f"{self.url}/sso", BINDING_HTTP_REDIRECT)]},
                        "want_authn_requests_signed": self.want_signed_requests,
                    }
                },
                "key_file": self.key.private,
                "cert_file": self.published[0].certificate,
                "additional_cert_files": [key.certificate for key in self.published[1:]],
                "metadata_key_usage": "signing",
                "metadata": {"inline": [read(source) for source in service_providers]},
            }
        )
        config.attribute_converters = [PlainNames(saml.NAME_FORMAT_BASIC)]
        return config

    def metadata(self):
        return str(entity_descriptor(self.config()))

    def provider(self, answer):
        # `cert_file` goes into signatures here, into the metadata there.
        config = self.config(self.service_providers)
        config.cert_file = self.key.certificate
        provider = Provider(config=config)
        provider.answer = answer
        return provider

    def request(self, query):
        """The arguments of `response` that an AuthnRequest asks for; an error where it is not as it should be."""
        provider = self.provider(self.answer)
        request = provider.parse_authn_request(
            query["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=query.get("RelayState"),
            sigalg=query.get("SigAlg"),
            signature=query.get("Signature"),
        )
        asked = provider.response_args(request.message, [BINDING_HTTP_POST])
        return {name: asked[name] for name in ("sp_entity_id", "in_response_to", "destination")}

    def response(self, sp_entity_id, in_response_to=None, destination=None, answer=None):
        """A response as XML, and where it goes; without the id of a request, it is an unsolicited one."""
        answer = answer or self.answer
        provider = self.provider(answer)
        if not destination:
            services = provider.metadata.assertion_consumer_service(sp_entity_id, BINDING_HTTP_POST)
            destination = services[0]["location"]
        destination = answer.destination or destination
        lifetime = {"seconds": int(answer.lifetime.total_seconds())}
        policy = Policy(
            {"default": {"lifetime": lifetime, "name_form": saml.NAME_FORMAT_BASIC, "fail_on_missing_requested": False}}
        )
        response = provider.create_authn_response(
            answer.attributes,
            answer.in_response_to or in_response_to,
            destination,
            sp_entity_id,
            name_id=saml.NameID(format=answer.name_id_format, text=answer.user),
            # Nobody was asked for anything.
            authn={"class_ref": UNSPECIFIED},
            release_policy=policy,
            sign_response=answer.sign_response,
            sign_assertion=answer.sign_assertion,
            encrypt_assertion=answer.encryption is not None,
            sign_alg=answer.signature,
            digest_alg=answer.digest,
        )
        return str(response), destination

    def page(self, query):
        """The page that posts the response to a request."""
        response, destination = self.response(**self.request(query))
        return http_form_post_message(response, destination, query.get("RelayState", ""), "SAMLResponse")["data"]


def read(source):
    if source.lstrip().startswith("<"):
        return source
    if source.startswith(("http://", "https://")):
        answer = requests.get(source, timeout=30)
        answer.raise_for_status()
        return answer.text
    return Path(source).read_text()


def handler(idp):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            try:
                if url.path == "/metadata":
                    self.answer(200, "application/samlmetadata+xml", idp.metadata())
                elif url.path == "/sso":
                    self.answer(200, "text/html; charset=utf-8", idp.page(dict(parse_qsl(url.query))))
                else:
                    self.answer(404, "text/plain", "There are /metadata and /sso.\n")
            except Exception as error:  # pysaml2 raises nearly anything at a request that it does not like.
                self.answer(400, "text/plain; charset=utf-8", f"{type(error).__name__}: {error}\n")

        def answer(self, status, kind, text):
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def attribute(text):
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sp-metadata", required=True, metavar="URL_OR_FILE", help="of Kedge; read anew at each sign-in"
    )
    parser.add_argument("--user", default="alice", help="whom it signs in (the NameID)")
    parser.add_argument(
        "--attribute", type=attribute, action="append", default=[], metavar="NAME=VALUE",
        help="what it says of the user; several values of one name are several of these",
    )  # fmt: skip
    parser.add_argument("--port", type=int, default=8229)
    options = parser.parse_args()
    attributes = {}
    for name, value in options.attribute:
        attributes.setdefault(name, []).append(value)
    idp = IdP(Answer(user=options.user, attributes=attributes), port=options.port)
    idp.service_providers = [options.sp_metadata]
    # Ended either way, it takes its key along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with idp, contextlib.suppress(KeyboardInterrupt):
        print(f"metadata: {idp.entity_id}", flush=True)
        idp.thread.join()


if __name__ == "__main__":
    main()
