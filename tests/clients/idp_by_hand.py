"""An identity provider of a few lines, where a test needs one that has no library: it writes what it signs in the form
that canonicalization would give it, so that a hash and a signature are all that is left to do."""

import base64
import hashlib
import uuid
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


class IdP:
    def __init__(self, name):
        self.name = name
        self.entity = f"https://{name}.test/metadata"
        self.acs = f"https://kedge.test/{name}"
        self.key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder(subject, subject, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )
        self.certificate = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()

    def configuration(self, **more):
        return dict(
            name=self.name,
            enabled=True,
            acs_url=self.acs,
            sp_entity_id=f"{self.acs}/sp",
            idp_metadata_xml=self.metadata(),
            require_signed_assertions=True,
            require_signed_response=False,
            allow_unsolicited=True,
            **more,
        )

    def metadata(self):
        return (
            f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity}">'
            f'<IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}"><KeyDescriptor><KeyInfo xmlns="{SIGNATURE}">'
            f"<X509Data><X509Certificate>{self.certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            f'Location="https://{self.name}.test/sso"></SingleSignOnService></IDPSSODescriptor></EntityDescriptor>'
        )

    def response(self, user):
        """That the user was authenticated, in base64: the assertion is signed."""
        now = datetime.now(timezone.utc)
        begin, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (now, now + timedelta(minutes=5)))
        unique = f"_{uuid.uuid4().hex}"
        head = (
            f'<Assertion xmlns="{ASSERTION}" ID="{unique}" IssueInstant="{begin}" Version="2.0">'
            f"<Issuer>{self.entity}</Issuer>"
        )
        rest = (
            f"<Subject><NameID>{user}</NameID>"
            '<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{self.acs}"></SubjectConfirmationData>'
            "</SubjectConfirmation></Subject>"
            f'<Conditions NotBefore="{begin}" NotOnOrAfter="{end}"><AudienceRestriction>'
            f"<Audience>{self.acs}/sp</Audience></AudienceRestriction></Conditions>"
            f'<AuthnStatement AuthnInstant="{begin}"><AuthnContext><AuthnContextClassRef>'
            "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
            "</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion>"
        )
        assertion = head + self.signature(unique, head + rest) + rest
        response = (
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" Destination="{self.acs}" ID="{unique}r" IssueInstant="{begin}" '
            f'Version="2.0"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success">'
            f"</samlp:StatusCode></samlp:Status>{assertion}</samlp:Response>"
        )
        return base64.b64encode(response.encode()).decode()

    def signature(self, unique, signed):
        digest = base64.b64encode(hashlib.sha256(signed.encode()).digest()).decode()
        info = (
            f'<SignedInfo xmlns="{SIGNATURE}"><CanonicalizationMethod Algorithm="{EXCLUSIVE}"></CanonicalizationMethod>'
            '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></SignatureMethod>'
            f'<Reference URI="#{unique}"><Transforms><Transform Algorithm="{SIGNATURE}enveloped-signature"></Transform>'
            f'<Transform Algorithm="{EXCLUSIVE}"></Transform></Transforms>'
            '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod>'
            f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
        )
        value = base64.b64encode(self.key.sign(info.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        return f'<Signature xmlns="{SIGNATURE}">{info}<SignatureValue>{value}</SignatureValue></Signature>'
