"""A SAML response in parts, as text: each part can be another, and whatever is not signed stays to the letter."""

import secrets
from datetime import datetime, timedelta, timezone

from . import xmlsec
from .names import BASIC, BEARER, DS, ENVELOPED, EXCLUSIVE_C14N, PASSWORD, SAML, SAMLP, SHA256, SUCCESS, UNSPECIFIED


def fresh_id():
    return f"_{secrets.token_hex(16)}"


def stamp(seconds=0):
    """The time in some seconds, as SAML writes it."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def attributes(pairs):
    """Attributes of an element; those whose value is none are left out."""
    return "".join(f' {name}="{value}"' for name, value in pairs.items() if value is not None)


def transform(algorithm, content=""):
    return f'<ds:Transform Algorithm="{algorithm}">{content}</ds:Transform>'


USUAL_TRANSFORMS = transform(ENVELOPED) + transform(EXCLUSIVE_C14N)


def reference(id, transforms=USUAL_TRANSFORMS, digest=SHA256, value="", uri=None):
    transforms = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    uri = f"#{id}" if uri is None else uri
    return (
        f'<ds:Reference URI="{uri}">{transforms}<ds:DigestMethod Algorithm="{digest}"/>'
        f"<ds:DigestValue>{value}</ds:DigestValue></ds:Reference>"
    )


def signature(references, method, *, c14n=EXCLUSIVE_C14N, key_info="", objects="", value="", id=None):
    """A signature to be filled in."""
    return (
        f'<ds:Signature xmlns:ds="{DS}"{attributes({"Id": id})}><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{c14n}"/><ds:SignatureMethod Algorithm="{method}"/>'
        f"{references}</ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue>{key_info}{objects}</ds:Signature>"
    )


class Signed:
    """What can have a signature of its own, right behind its issuer."""

    def __init__(self, case):
        self.case = case
        self.id = fresh_id()
        self.id_attribute = "ID"
        self.version = "2.0"
        self.instant = stamp()
        self.issuer = f"<saml:Issuer>{case.site.idp.entity}</saml:Issuer>"
        self.more = {}
        self.signature = ""

    def change(self, changes):
        for name, value in changes.items():
            getattr(self, name)
            setattr(self, name, value)

    @property
    def attributes(self):
        return attributes(
            {self.id_attribute: self.id, "Version": self.version, "IssueInstant": self.instant, **self.more}
        )

    def signed(
        self, key=None, *, ids=(), references=None, transforms=USUAL_TRANSFORMS, digest=SHA256, method=None, **options
    ):
        key = key or self.case.site.idp.key
        if references is None:
            references = reference(self.id, transforms, digest)
        self.signature = signature(references, method or key.method, **{"key_info": key.x509, **options})
        return xmlsec.sign(self.xml(), key, ids)


class Assertion(Signed):
    def __init__(self, case, **changes):
        super().__init__(case)
        self.name_id = name_id(case.name)
        self.confirmation = confirmation(case)
        self.conditions = conditions(audiences(case.site.sp_entity_id))
        self.authn = authn()
        self.statement = statement(attribute("mail", f"{case.name}@tea-party.example"))
        # In place of all that is between subject and end; ahead of the subject; the last children.
        self.subject = None
        self.ahead = ""
        self.rest = ""
        self.namespaces = f' xmlns:saml="{SAML}"'
        self.change(changes)

    def xml(self):
        subject = self.subject
        if subject is None:
            subject = f"<saml:Subject>{self.name_id}{self.confirmation}</saml:Subject>"
        return (
            f"<saml:Assertion{self.namespaces}{self.attributes}>{self.issuer}{self.signature}{self.ahead}{subject}"
            f"{self.conditions}{self.authn}{self.statement}{self.rest}</saml:Assertion>"
        )


class Response(Signed):
    def __init__(self, case, *children, **changes):
        super().__init__(case)
        self.children = list(children)
        self.more = {"Destination": case.site.acs_url, "InResponseTo": case.in_response_to}
        self.extensions = ""
        self.status = status()
        self.namespaces = f' xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"'
        self.change(changes)

    def xml(self):
        return (
            f"<samlp:Response{self.namespaces}{self.attributes}>{self.issuer}{self.signature}{self.extensions}"
            f"{self.status}{''.join(self.children)}</samlp:Response>"
        )


def name_id(content, **more):
    return f"<saml:NameID{attributes({'Format': UNSPECIFIED, **more})}>{content}</saml:NameID>"


def confirmation(case, method=BEARER, data="", content="", **more):
    """A SubjectConfirmation; `more` are attributes of its data, none to leave one out."""
    usual = {"NotOnOrAfter": stamp(300), "Recipient": case.site.acs_url, "InResponseTo": case.in_response_to}
    return (
        f'<saml:SubjectConfirmation Method="{method}">{content}'
        f"<saml:SubjectConfirmationData{attributes(usual | more)}>{data}</saml:SubjectConfirmationData>"
        "</saml:SubjectConfirmation>"
    )


def audiences(*names):
    inside = "".join(f"<saml:Audience>{name}</saml:Audience>" for name in names)
    return f"<saml:AudienceRestriction>{inside}</saml:AudienceRestriction>"


def conditions(content, **more):
    usual = {"NotBefore": stamp(-5), "NotOnOrAfter": stamp(300)}
    return f"<saml:Conditions{attributes(usual | more)}>{content}</saml:Conditions>"


def authn(context=f"<saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef>", **more):
    usual = {"AuthnInstant": stamp(), "SessionIndex": fresh_id()}
    return (
        f"<saml:AuthnStatement{attributes(usual | more)}>"
        f"<saml:AuthnContext>{context}</saml:AuthnContext></saml:AuthnStatement>"
    )


def attribute(name, *values):
    inside = "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
    return f'<saml:Attribute Name="{name}" NameFormat="{BASIC}">{inside}</saml:Attribute>'


def statement(*parts):
    return f"<saml:AttributeStatement>{''.join(parts)}</saml:AttributeStatement>"


def status(code=SUCCESS, inside="", rest=""):
    return f'<samlp:Status><samlp:StatusCode Value="{code}">{inside}</samlp:StatusCode>{rest}</samlp:Status>'


# Entities that come to a billion words, l9 all of them.
BILLION = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' if i else '<!ENTITY l0 "lol">' for i in range(10))
