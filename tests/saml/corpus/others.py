"""What another identity provider says, which this Kedge knows, too: it counts for its own configuration alone."""

from functools import partial

from . import xmlsec
from .names import DS
from .parts import audiences, conditions, confirmation, reference, signature
from .register import ALL, ODD, SSO, hostile, register

FAMILY = "of another IdP"


def issued(case, by, key):
    """A document that says it is of one, signed by another's key."""
    issuer = f"<saml:Issuer>{by.entity}</saml:Issuer>"
    return case.finish(case.assertion(issuer=issuer), case.response(issuer=issuer), key=key)


@hostile(FAMILY, "its issuer and its key", sites=ALL)
def all_of_other(case):
    return issued(case, case.world.other, case.world.other.key)


@hostile(FAMILY, "our issuer and its key", sites=ALL)
def key_of_other(case):
    return issued(case, case.world.idp, case.world.other.key)


@hostile(FAMILY, "its issuer and our key", sites=ALL)
def issuer_of_other(case):
    return issued(case, case.world.other, case.world.idp.key)


@hostile(FAMILY, "the response of it, the assertion of ours", sites=SSO)
def response_of_other(case):
    other = case.world.other
    case.signers.append(other.public)
    response = case.response(case.assertion().signed(), issuer=f"<saml:Issuer>{other.entity}</saml:Issuer>")
    return response.signed(other.key)


@hostile(FAMILY, "the response of ours, the assertion of it", sites=SSO)
def assertion_of_other(case):
    other = case.world.other
    case.signers.append(other.public)
    assertion = case.assertion(issuer=f"<saml:Issuer>{other.entity}</saml:Issuer>")
    response = case.response(assertion.signed(other.key))
    return response.signed() if case.site.mode in ("response", "both") else response.xml()


@hostile(FAMILY, "the response says it is of it, and is signed by ours", sites=SSO)
def response_says(case):
    response = case.response(issuer=f"<saml:Issuer>{case.world.other.entity}</saml:Issuer>")
    return case.finish(response=response)


@hostile(FAMILY, "ours, at the configuration of it", sites=("other",))
def ours_there(case):
    return issued(case, case.world.idp, case.world.idp.key)


@hostile(FAMILY, "ours that says it is of it, at the configuration of it", sites=("other",))
def ours_as_other(case):
    return issued(case, case.world.other, case.world.idp.key)


@hostile(FAMILY, "for the configuration of it", sites=SSO)
def meant_for_other(case):
    """A good response of the other, for its own configuration, shown at this one."""
    other = case.at("other")
    case.signers.append(case.world.other.public)
    return other.finish()


@hostile(FAMILY, "ours for the configuration of it", sites=SSO)
def ours_for_other(case):
    other = case.world.sites["other"]
    assertion = case.assertion(conditions=conditions(audiences(other.sp_entity_id)))
    assertion.confirmation = confirmation(case, Recipient=other.acs_url)
    response = case.response()
    response.more["Destination"] = other.acs_url
    return case.finish(assertion, response)


# Its metadata, and who takes keys from wherever they find some.


def embedded(case, where):
    """Signed by a foreign key, with metadata that say that it is the IdP's."""
    key = case.world.foreign
    metadata = type(case.world.idp)(case.world.idp.entity, (key,)).metadata
    case.signers.append(key.public)
    if where == "KeyInfo":
        return case.finish(key=key, key_info=f'<ds:KeyInfo xmlns:ds="{DS}">{metadata}</ds:KeyInfo>')
    if where == "Object":
        return case.finish(key=key, objects=f"<ds:Object>{metadata}</ds:Object>")
    if where == "Advice":
        assertion = case.assertion()
        assertion.conditions += f"<saml:Advice>{metadata}</saml:Advice>"
        return case.finish(assertion, key=key)
    response = case.response(extensions=f"<samlp:Extensions>{metadata}</samlp:Extensions>")
    return case.finish(response=response, key=key)


for where in ("KeyInfo", "Object", "Advice"):
    register(FAMILY, f"a foreign key, with metadata of it in {where}", partial(embedded, where=where), sites=ALL)
register(FAMILY, "a foreign key, with metadata of it in Extensions", partial(embedded, where="Extensions"))


@hostile(FAMILY, "the IdP's own metadata, signed, in place of a response", sites=ALL)
def metadata(case):
    """What an IdP signs besides is signed by the same key."""
    text = case.world.idp.metadata
    case.ids = [("ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor")]
    key = case.world.idp.key
    made = signature(reference("_metadata"), key.method)
    at = text.index(">") + 1
    text = text[: at - 1] + ' ID="_metadata">' + made + text[at:]
    return xmlsec.sign(text, key, case.ids)


for kind in ("LogoutRequest", "LogoutResponse", "AuthnRequest"):

    def other_message(case, kind=kind):
        """A message of the IdP of another kind, its signature where a response has its own."""
        case.ids = [("ID", f"urn:oasis:names:tc:SAML:2.0:protocol:{kind}")]
        response = case.response()
        message = response.xml().replace("samlp:Response", f"samlp:{kind}")
        key = case.world.idp.key
        made = signature(reference(response.id), key.method)
        signed = xmlsec.sign(message.replace("</saml:Issuer>", "</saml:Issuer>" + made, 1), key, case.ids)
        return signed.replace(f"</samlp:{kind}>", f"{case.evil_assertion().xml()}</samlp:{kind}>")

    register(FAMILY, f"ours, a {kind} with an evil assertion put in", other_message)


@hostile(FAMILY, "our key by its KeyInfo, over our own", sites=ALL, accepting=ODD, fine_at=ALL)
def other_key_info(case):
    """Signed as it should be; only the certificate that is named is another's. Keys come from the metadata alone."""
    return case.finish().replace(case.world.idp.key.certificate, case.world.other.key.certificate)


# At a configuration whose IdP has a key that is too short, if Kedge takes such a one at all.


@hostile("weak configuration", "RSA of 1024 bits in the metadata", sites=("weak",))
def weak_key(case):
    return case.finish()


@hostile("weak configuration", "RSA of 1024 bits in the metadata beside a good one", sites=("mixed",))
def weak_beside(case):
    return case.finish(key=case.world.weak)
