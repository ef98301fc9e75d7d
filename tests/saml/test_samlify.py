"""Single sign-on with a second identity provider, of another language and other libraries: samlify's, on Node.

It shares no code with the first: xml-crypto signs, xml-encryption encrypts. What these cannot do is not asked of them.
"""

from contextlib import contextmanager

import pytest
import requests
from registration import Registration, is_refused, roles
from sign_in import send
from world import fresh

SIGNATURES = {
    "rsa-sha1": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "rsa-sha512": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "rsa-pss-sha256": "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
}
AES_128_GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
AES_256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
AES_256_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
RSA_1_5 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"


@pytest.fixture
def samlify(kedge, world, program):
    """Starts the IdP with options of its own, and makes Kedge and it known to each other."""

    @contextmanager
    def samlify(*options, **settings):
        registration = Registration(kedge)
        registration.alice = fresh("alice")
        arguments = ["--port", 0, "--sp-metadata", registration.sp_metadata_url, "--user", registration.alice]
        with program("samlify/idp.mjs", *arguments, *options) as metadata:
            settings = {"default_account": world.account, **settings}
            registration.make(idp_metadata_xml=requests.get(metadata, timeout=30).text, **settings)
            yield registration

    return samlify


PARTS = {"response": (True, False), "assertion": (False, True), "both": (True, True)}


@pytest.mark.parametrize("encryption", [None, AES_128_GCM, AES_256_GCM], ids=["plain", "aes128-gcm", "aes256-gcm"])
@pytest.mark.parametrize("signed", PARTS)
def test_a_response_is_taken_if_what_is_asked_for_is_signed(samlify, signed, encryption):
    encrypt = ["--encrypt", encryption] if encryption else []
    response, assertions = PARTS[signed]
    settings = {"require_signed_response": response, "require_signed_assertions": assertions}
    with samlify("--sign", signed, *encrypt, **settings) as registration:
        form = registration.form()
        user = registration.user(send(form))
        assert (user["username"], user["type"]) == (registration.alice, "saml")
        assert is_refused(send(form))


@pytest.mark.parametrize("encryption", [None, AES_256_GCM], ids=["plain", "encrypted"])
@pytest.mark.parametrize("signed", ["response", "assertion"])
def test_a_response_is_refused_if_more_is_asked_for(samlify, signed, encryption):
    encrypt = ["--encrypt", encryption] if encryption else []
    with samlify("--sign", signed, *encrypt) as registration:
        assert is_refused(registration.sign_in())


def test_a_signature_with_sha_512_is_verified(samlify):
    with samlify("--signature", SIGNATURES["rsa-sha512"]) as registration:
        assert registration.user(registration.sign_in())["username"] == registration.alice


@pytest.mark.parametrize("signature", ["rsa-sha1", "rsa-pss-sha256"])
def test_a_signature_by_an_algorithm_that_is_not_taken_is_refused(samlify, signature):
    with samlify("--signature", SIGNATURES[signature]) as registration:
        assert is_refused(registration.sign_in())


@pytest.mark.parametrize(
    "options",
    [["--encrypt", AES_256_CBC], ["--encrypt", AES_256_GCM, "--key-transport", RSA_1_5]],
    ids=["aes256-cbc", "rsa-1_5"],
)
def test_encryption_that_can_be_undone_or_changed_is_refused(samlify, options):
    with samlify(*options) as registration:
        assert is_refused(registration.sign_in())


def test_attributes_say_account_roles_and_groups(samlify, world):
    world.group_role
    options = [f"account={world.account}", "role=read-only", "role=image-analyzer", f"memberOf={world.group_name}"]
    options = [part for option in options for part in ("--attribute", option)]
    settings = {"default_account": None, "idp_account_attribute": "account", "idp_role_attribute": "role"}
    with samlify(*options, **settings) as registration:
        registration.map_groups(world.group)
        user = registration.user(registration.sign_in())
        assert user["account_name"] == world.account
        assert set(roles(user)) == {("image-analyzer", world.account), ("read-only", world.account)}
        grants = {role["grant_type"] for role in user["unified_roles"]}
        assert "sso_group_membership" in grants


def test_a_request_that_kedge_signs_is_verified_by_samlify(samlify):
    with samlify("--want-signed-requests") as registration:
        (first, _, signature), (second, _, _) = (registration.request_url().partition("&Signature=") for _ in range(2))
        for url in (f"{second}&Signature={signature}", first):
            assert requests.get(url, timeout=30).status_code == 400
        assert registration.user(registration.sign_in())["username"] == registration.alice
