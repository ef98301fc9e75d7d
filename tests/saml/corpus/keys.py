"""Keys in files, as xmlsec1 wants them, and the identity providers that sign with them."""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from .names import DS, DSIG11, ECDSA_SHA256, HMAC_SHA256, MD, RSA_SHA256, SAMLP


@dataclass(frozen=True)
class Key:
    """`private` and `public` are arguments of xmlsec1, `certificate` is what an X509Certificate element holds."""

    private: tuple
    public: tuple
    method: str
    certificate: str = ""
    # The certificate's file and what it certifies.
    file: Path | None = None
    pair: object = field(default=None, repr=False)

    @property
    def x509(self):
        certificate = f"<ds:X509Certificate>{self.certificate}</ds:X509Certificate>"
        return f"<ds:KeyInfo><ds:X509Data>{certificate}</ds:X509Data></ds:KeyInfo>"

    @property
    def value(self):
        """A KeyInfo that brings the key itself."""
        public = self.pair.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            modulus, exponent = (number(n) for n in (numbers.n, numbers.e))
            value = (
                f"<ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus>"
                f"<ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue>"
            )
        elif isinstance(public, dsa.DSAPublicKey):
            numbers = public.public_numbers()
            of = numbers.parameter_numbers
            parts = zip("PQGY", (of.p, of.q, of.g, numbers.y))
            value = "".join(f"<ds:{name}>{number(n)}</ds:{name}>" for name, n in parts)
            value = f"<ds:DSAKeyValue>{value}</ds:DSAKeyValue>"
        else:
            point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            value = (
                f'<dsig11:ECKeyValue xmlns:dsig11="{DSIG11}"><dsig11:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
                f"<dsig11:PublicKey>{base64.b64encode(point).decode()}</dsig11:PublicKey></dsig11:ECKeyValue>"
            )
        return f"<ds:KeyInfo><ds:KeyValue>{value}</ds:KeyValue></ds:KeyInfo>"


def number(n):
    return base64.b64encode(n.to_bytes((n.bit_length() + 7) // 8, "big")).decode()


GENERATE = {
    "rsa": (lambda: rsa.generate_private_key(65537, 2048), RSA_SHA256),
    "rsa1024": (lambda: rsa.generate_private_key(65537, 1024), RSA_SHA256),
    "ec": (lambda: ec.generate_private_key(ec.SECP256R1()), ECDSA_SHA256),
    "dsa": (lambda: dsa.generate_private_key(2048), "http://www.w3.org/2009/xmldsig11#dsa-sha256"),
}


def make_key(directory, name, kind="rsa", *, subject="looking-glass", issuer=None):
    """A new key with a certificate: its own, or the issuer's, which then plays a certificate authority."""
    generate, method = GENERATE[kind]
    pair = generate()
    name_of = lambda common: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(
            issuer_name=name_of(subject)
            if issuer is None
            else x509.load_pem_x509_certificate(issuer.file.read_bytes()).subject,
            subject_name=name_of(subject),
            public_key=pair.public_key(),
            serial_number=x509.random_serial_number(),
        )
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign((issuer or Key((), (), "", pair=pair)).pair, hashes.SHA256())
    )
    private = Path(directory, f"{name}.key")
    private.write_bytes(pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file = Path(directory, f"{name}.pem")
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return Key(("--privkey-pem", str(private)), ("--pubkey-cert-pem", str(file)), method, der, file, pair)


def make_hmac_key(directory, name, secret):
    file = Path(directory, f"{name}.hmac")
    file.write_bytes(secret)
    return Key(("--hmackey", str(file)), ("--hmackey", str(file)), HMAC_SHA256)


@dataclass(frozen=True)
class IdP:
    entity: str
    keys: tuple

    @property
    def key(self):
        return self.keys[0]

    @property
    def public(self):
        return tuple(argument for key in self.keys for argument in key.public)

    @property
    def metadata(self):
        descriptors = "".join(
            f'<md:KeyDescriptor use="signing">{key.x509.replace("<ds:KeyInfo>", f"""<ds:KeyInfo xmlns:ds="{DS}">""")}'
            "</md:KeyDescriptor>"
            for key in self.keys
        )
        return (
            f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{self.entity}"><md:IDPSSODescriptor '
            f'WantAuthnRequestsSigned="false" protocolSupportEnumeration="{SAMLP}">{descriptors}'
            '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            f'Location="{self.entity}/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>'
        )
