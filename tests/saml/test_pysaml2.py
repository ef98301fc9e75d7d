"""Single sign-on with a real identity provider: pysaml2's, which signs and encrypts by xmlsec1.

What both libraries check of each other is in here too: pysaml2 verifies the requests that Kedge signs.
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from idp import AES_128_CBC, AES_128_GCM, AES_192_GCM, AES_256_CBC, AES_256_GCM, TRIPLE_DES_CBC, IdP, Key
from kedge import Kedge, free_port
from lxml import etree
from registration import Registration, is_accepted, is_refused, is_unwelcome, roles
from saml2 import BINDING_HTTP_POST, xmldsig
from sign_in import form_at, login, send
from world import World, fresh

RSA_1_5 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}Assertion"
SECONDS_TO_REFRESH = 120


def configure(idp, **changes):
    idp.answer = replace(idp.answer, **changes)


def no_such_user(kedge, account, name):
    users = kedge.ask("GET", f"/v2/accounts/{account}/users")
    return name not in {user["username"] for user in users}


# What is signed, and what is encrypted

PARTS = [(), ("response",), ("assertion",), ("response", "assertion")]


def signing(parts):
    return {"sign_response": "response" in parts, "sign_assertion": "assertion" in parts}


def asking(parts):
    return {"require_signed_response": "response" in parts, "require_signed_assertions": "assertion" in parts}


def named(parts):
    return " and ".join(parts) or "nothing"


@pytest.mark.parametrize("encryption", [None, AES_256_GCM], ids=["plain", "encrypted"])
@pytest.mark.parametrize(
    ("signed", "asked"),
    [pytest.param(*both, id=f"{named(both[0])} signed, {named(both[1])} asked for") for both in product(PARTS, PARTS)],
)
def test_a_response_is_taken_if_what_is_asked_for_is_signed(kedge, world, idp, register, signed, asked, encryption):
    registration = register(**asking(asked))
    configure(idp, encryption=encryption, **signing(signed))
    answer = registration.sign_in()
    # Nothing goes without any signature, whatever the configuration asks for.
    if signed and set(asked) <= set(signed):
        assert registration.user(answer)["username"] == idp.answer.user
    else:
        assert is_refused(answer), answer.text
        assert no_such_user(kedge, world.account, idp.answer.user)


@pytest.mark.parametrize("encryption", [AES_128_GCM, AES_192_GCM, AES_256_GCM], ids=lambda uri: uri.partition("#")[2])
def test_an_encrypted_assertion_is_read(idp, register, encryption):
    configure(idp, encryption=encryption)
    registration = register()
    assert "EncryptedAssertion" in idp.response(registration.sp_entity_id)[0]
    assert registration.user(registration.sign_in())["username"] == idp.answer.user


@pytest.mark.parametrize(
    "changes",
    [
        {"encryption": AES_128_CBC},
        {"encryption": AES_256_CBC},
        {"encryption": TRIPLE_DES_CBC},
        {"encryption": AES_256_GCM, "key_transport": RSA_1_5},
    ],
    ids=lambda changes: changes.get("key_transport", changes["encryption"]).partition("#")[2],
)
def test_encryption_that_can_be_undone_or_changed_is_refused(idp, register, changes):
    configure(idp, **changes)
    assert is_refused(register().sign_in())


RSA = ["SIG_RSA_SHA256", "SIG_RSA_SHA384", "SIG_RSA_SHA512"]
ECDSA = ["SIG_ECDSA_SHA256", "SIG_ECDSA_SHA384", "SIG_ECDSA_SHA512"]
DIGESTS = ["DIGEST_SHA256", "DIGEST_SHA384", "DIGEST_SHA512"]


@pytest.mark.parametrize(("signature", "digest"), list(zip(RSA + ECDSA, DIGESTS * 2)))
def test_a_signature_is_verified(idp, register, signature, digest):
    if "ECDSA" in signature:
        idp.key = Key("ec")
        idp.published = [idp.key]
    configure(idp, signature=getattr(xmldsig, signature), digest=getattr(xmldsig, digest))
    registration = register()
    assert registration.user(registration.sign_in())["username"] == idp.answer.user


@pytest.mark.parametrize(
    ("signature", "digest"),
    [
        ("SIG_RSA_SHA1", "DIGEST_SHA1"),
        ("SIG_RSA_SHA1", "DIGEST_SHA256"),
        ("SIG_RSA_SHA256", "DIGEST_SHA1"),
        ("SIG_RSA_SHA224", "DIGEST_SHA224"),
        ("SIG_RSA_SHA256", "DIGEST_RIPEMD160"),
    ],
)
def test_a_signature_with_a_hash_too_weak_is_refused(idp, register, signature, digest):
    configure(idp, signature=getattr(xmldsig, signature), digest=getattr(xmldsig, digest))
    assert is_refused(register().sign_in())


def test_the_signature_of_another_key_is_refused(idp, register):
    registration = register()
    idp.key = Key()
    assert is_refused(registration.sign_in())


@pytest.mark.parametrize("signed", PARTS[1:], ids=named)
def test_what_was_changed_after_it_was_signed_is_refused(idp, register, signed):
    registration = register(allow_unsolicited=True, **asking(signed))
    configure(idp, **signing(signed))
    response, _ = idp.response(registration.sp_entity_id)
    changed = response.replace(idp.answer.user, fresh("queen"))
    assert changed != response
    assert is_refused(registration.post(changed))
    assert registration.user(registration.post(response))["username"] == idp.answer.user


# Which response is whose, and when


def test_a_response_is_taken_once(idp, register):
    registration = register()
    form = registration.form()
    assert registration.user(send(form))["username"] == idp.answer.user
    assert is_refused(send(form))


def test_an_unsolicited_response_is_taken_once_too(idp, register):
    registration = register(allow_unsolicited=True)
    response, _ = idp.response(registration.sp_entity_id)
    assert registration.user(registration.post(response))["username"] == idp.answer.user
    assert is_refused(registration.post(response))


def test_a_request_is_answered_once(register):
    registration = register()
    url = registration.request_url()
    first, second = form_at(url), form_at(url)
    assert first.fields["SAMLResponse"] != second.fields["SAMLResponse"]
    assert send(first).status_code == 200
    assert is_refused(send(second))


def test_an_unsolicited_response_is_refused_unless_it_is_allowed(idp, register):
    registration = register()
    response, _ = idp.response(registration.sp_entity_id)
    assert is_refused(registration.post(response))


@pytest.mark.parametrize("allow_unsolicited", [False, True])
def test_the_answer_to_another_request_is_refused(idp, register, allow_unsolicited):
    here, there = register(allow_unsolicited=allow_unsolicited), register()
    theirs = idp.request(dict(parse_qsl(urlsplit(there.request_url()).query)))["in_response_to"]
    for id in (theirs, f"id-{fresh('nobody')}"):
        configure(idp, in_response_to=id)
        assert is_refused(here.sign_in())
        response, _ = idp.response(here.sp_entity_id)
        assert is_refused(here.post(response))


def test_a_response_for_another_service_provider_is_refused(idp, register):
    here, there = register(allow_unsolicited=True), register(allow_unsolicited=True)
    response, _ = idp.response(there.sp_entity_id)
    assert is_refused(here.post(response))
    # For its audience, but sent elsewhere.
    configure(idp, destination=there.acs_url)
    response, _ = idp.response(here.sp_entity_id)
    assert is_refused(here.post(response))


def test_a_response_of_another_identity_provider_is_refused(kedge, world, idp, register):
    here = register(allow_unsolicited=True)
    # With the same key: it is the name that tells them apart.
    with IdP(idp.answer, key=idp.key) as other:
        there = Registration(kedge)
        there.make(idp_metadata_xml=other.metadata(), default_account=world.account, allow_unsolicited=True)
        other.service_providers = [here.sp_metadata_url, there.sp_metadata_url]
        assert is_refused(here.post(other.response(here.sp_entity_id)[0]))
        # A user belongs to who signed it in first.
        assert here.user(here.post(idp.response(here.sp_entity_id)[0]))["username"] == idp.answer.user
        assert is_unwelcome(there.post(other.response(there.sp_entity_id)[0]))


def test_a_response_that_has_run_out_is_refused(idp, register):
    registration = register()
    configure(idp, lifetime=timedelta(minutes=-10))
    assert is_refused(registration.sign_in())


def test_a_response_is_refused_once_its_identity_provider_is_disabled_or_gone(kedge, idp, world, register):
    registration = register()
    forms = [registration.form() for _ in range(2)]
    settings = {"idp_metadata_xml": idp.metadata(), "default_account": world.account}
    body = {
        "name": registration.name,
        "enabled": False,
        "acs_url": registration.acs_url,
        "sp_entity_id": registration.sp_entity_id,
    }
    kedge.ask("PUT", registration.path, json=body | settings)
    assert not send(forms[0]).ok
    kedge.ask("DELETE", registration.path)
    assert not send(forms[1]).ok


def test_what_is_no_response_is_refused(register):
    acs_url = register().acs_url
    assert requests.post(acs_url, {"RelayState": "/"}, timeout=30).status_code == 400
    for text in ("not base64!", "bm90IFhNTA==", "PG5vLXJlc3BvbnNlLz4="):
        assert is_refused(requests.post(acs_url, {"SAMLResponse": text}, timeout=30))


# Who it is then


def test_a_user_is_made_at_the_first_sign_in_and_found_at_the_next(world, idp, register):
    registration = register()
    user = registration.user(registration.sign_in())
    assert (user["username"], user["account_name"], user["type"]) == (idp.answer.user, world.account, "saml")
    assert (user["idp_name"], user["source"]) == (registration.name, idp.entity_id)
    assert user["unified_roles"] == []
    again = registration.user(registration.sign_in())
    assert again["created_at"] == user["created_at"]


def test_the_user_name_is_that_of_an_attribute(idp, register):
    registration = register(idp_username_attribute="uid")
    name = fresh("dormouse")
    configure(idp, attributes={"uid": [name]})
    assert registration.user(registration.sign_in())["username"] == name


def test_nobody_signs_in_without_the_attribute_with_the_user_name(kedge, world, idp, register):
    registration = register(idp_username_attribute="uid")
    configure(idp, attributes={"mail": [f"{fresh('dormouse')}@example.org"]})
    assert is_unwelcome(registration.sign_in())
    assert no_such_user(kedge, world.account, idp.answer.user)


def test_a_native_user_is_not_taken_over(world, idp, register):
    registration = register()
    configure(idp, user=world.user.name)
    assert is_unwelcome(registration.sign_in())


def test_the_account_is_that_of_an_attribute(kedge, idp, register):
    registration = register(default_account=None, idp_account_attribute="account")
    account = fresh("tea-party")
    configure(idp, attributes={"account": [account]})
    assert registration.user(registration.sign_in())["account_name"] == account
    assert kedge.ask("GET", f"/v2/accounts/{account}")["name"] == account


def test_nobody_signs_in_without_an_account(idp, register):
    registration = register(default_account=None, idp_account_attribute="account")
    assert is_unwelcome(registration.sign_in())


def test_an_account_that_is_not_there_is_made_only_where_that_is_allowed(kedge, world, idp, register):
    registration = register(default_account=None, idp_account_attribute="account", allow_account_creation=False)
    account = fresh("tea-party")
    configure(idp, attributes={"account": [account]})
    assert is_unwelcome(registration.sign_in())
    assert account not in {account["name"] for account in kedge.ask("GET", "/v2/accounts")}
    configure(idp, attributes={"account": [world.account]})
    assert registration.user(registration.sign_in())["account_name"] == world.account


def test_an_account_must_be_an_allowed_one(idp, register):
    registration = register(default_account=None, idp_account_attribute="account", allowed_accounts=["tea-*"])
    configure(idp, attributes={"account": [fresh("croquet")]})
    assert is_unwelcome(registration.sign_in())
    account = fresh("tea-party")
    configure(idp, attributes={"account": [account]})
    assert registration.user(registration.sign_in())["account_name"] == account


def test_no_attribute_leads_into_the_account_of_the_admins(idp, register):
    registration = register(default_account=None, idp_account_attribute="account", default_role="full-control")
    configure(idp, attributes={"account": ["admin"]})
    assert is_unwelcome(registration.sign_in())


def test_the_default_role_is_held_in_the_account(world, register):
    registration = register(default_role="read-only")
    assert roles(registration.user(registration.sign_in())) == [("read-only", world.account)]


def test_the_roles_are_those_of_an_attribute_at_the_first_sign_in(world, idp, register):
    registration = register(idp_role_attribute="role")
    configure(idp, attributes={"role": ["image-analyzer", "read-only"]})
    first = [("image-analyzer", world.account), ("read-only", world.account)]
    assert roles(registration.user(registration.sign_in())) == first
    # From then on they are Kedge's to keep, though the attribute must be there.
    configure(idp, attributes={"role": ["full-control"]})
    assert roles(registration.user(registration.sign_in())) == first
    configure(idp, attributes={})
    assert is_unwelcome(registration.sign_in())


@pytest.mark.parametrize("role", ["full-control", "no-such-role"])
def test_a_role_must_be_an_allowed_one_that_exists(idp, register, role):
    registration = register(idp_role_attribute="role", allowed_roles=["read-*", "no-*"])
    configure(idp, attributes={"role": ["read-only", role]})
    assert is_unwelcome(registration.sign_in())


def test_of_several_accounts_the_default_one_is_home(world, idp, register):
    registration = register(idp_account_attribute="account", default_role="read-only")
    accounts = sorted([fresh("tea-party"), fresh("croquet")])
    configure(idp, attributes={"account": accounts})
    user = registration.user(registration.sign_in())
    assert user["account_name"] == world.account
    assert roles(user) == [("read-only", account) for account in accounts]


def test_of_several_accounts_none_is_home_without_a_default_one(idp, register):
    registration = register(default_account=None, idp_account_attribute="account")
    configure(idp, attributes={"account": [fresh("tea-party"), fresh("croquet")]})
    assert is_unwelcome(registration.sign_in())


def test_a_group_is_joined_by_an_attribute_and_left_without_it(kedge, world, idp, register):
    world.group_role
    registration = register()
    registration.map_groups(world.group)
    configure(idp, attributes={"memberOf": ["spectators", world.group_name]})
    token = registration.sign_in().json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    user = requests.get(f"{kedge.url}/v2/user", headers=bearer, timeout=30).json()
    assert roles(user) == [("read-only", world.account)]
    assert user["unified_roles"][0]["grant_type"] == "sso_group_membership"
    configure(idp, attributes={"memberOf": ["spectators"]})
    assert roles(registration.user(registration.sign_in())) == []
    # What was signed in before counts no more either.
    assert requests.get(f"{kedge.url}/v2/user", headers=bearer, timeout=30).json()["unified_roles"] == []


def test_a_group_that_is_not_mapped_is_not_joined(world, idp, register):
    world.group_role
    registration = register()
    configure(idp, attributes={"memberOf": [world.group_name]})
    assert roles(registration.user(registration.sign_in())) == []


def test_the_groups_are_those_of_another_attribute(world, idp, register):
    world.group_role
    registration = register(idp_groups_attribute="teams")
    registration.map_groups(world.group)
    configure(idp, attributes={"teams": [world.group_name], "memberOf": ["spectators"]})
    assert roles(registration.user(registration.sign_in())) == [("read-only", world.account)]


# By a browser

HTML = {"Accept": "text/html,application/xhtml+xml"}


def browser_login(registration):
    """The form that a browser would post, and the cookies that it would send along."""
    url = f"{registration.kedge.url}/v2/rbac-manager/saml/login/{registration.name}"
    answer = requests.get(url, headers=HTML, allow_redirects=False, timeout=30)
    assert answer.status_code == 303, answer.text
    # As values alone: a cookie may be meant for TLS, which browsers do not ask for on their own machine.
    return form_at(answer.headers["Location"]), answer.cookies.get_dict()


def test_a_browser_signs_in_with_the_cookie_that_it_was_given(idp, register):
    registration = register()
    form, cookies = browser_login(registration)
    assert cookies
    assert registration.user(send(form, cookies=cookies))["username"] == idp.answer.user


def test_a_browser_does_not_sign_in_without_its_cookie(register):
    registration = register()
    form, cookies = browser_login(registration)
    assert is_refused(send(form))
    # And whoever tried that does not keep it from signing in.
    assert send(form, cookies=cookies).status_code == 200


def test_a_browser_does_not_sign_in_with_the_cookie_of_another(register):
    registration = register()
    form, cookies = browser_login(registration)
    _, others = browser_login(registration)
    assert others != cookies
    assert is_refused(send(form, cookies=others))


# Metadata


def test_pysaml2_reads_the_metadata_of_kedge(idp, register):
    registration = register()
    metadata = idp.provider(idp.answer).metadata
    [service] = metadata.assertion_consumer_service(registration.sp_entity_id, BINDING_HTTP_POST)
    assert service["location"] == registration.acs_url
    for use in ("signing", "encryption"):
        assert metadata.certs(registration.sp_entity_id, "spsso", use)


def until(is_so, registration):
    """Signs in again and again until the answer is so: within the time that metadata takes to be fetched."""
    end = time.monotonic() + SECONDS_TO_REFRESH
    while not is_so(answer := registration.sign_in()):
        assert time.monotonic() < end, answer.text
        time.sleep(0.2)


def test_a_key_rolls_over_by_the_metadata_at_a_url():
    with Kedge(SAML__METADATA_REFRESH_SECONDS="1") as kedge, IdP() as idp:
        registration = Registration(kedge)
        registration.make(idp_metadata_url=idp.entity_id, default_account=World(kedge).account)
        idp.service_providers = [registration.sp_metadata_url]
        assert registration.sign_in().status_code == 200
        old, new = idp.key, Key()
        # While both keys are in the metadata, either may sign.
        idp.published = [old, new]
        idp.key = new
        until(is_accepted, registration)
        idp.key = old
        assert registration.sign_in().status_code == 200
        # Then the old one is withdrawn.
        idp.published = [new]
        until(is_refused, registration)
        idp.key = new
        assert registration.sign_in().status_code == 200


def test_a_key_that_was_not_announced_is_refused():
    with Kedge(SAML__METADATA_REFRESH_SECONDS="1") as kedge, IdP() as idp:
        registration = Registration(kedge)
        registration.make(idp_metadata_url=idp.entity_id, default_account=World(kedge).account)
        idp.service_providers = [registration.sp_metadata_url]
        idp.key = Key()
        time.sleep(2)
        assert is_refused(registration.sign_in())


# Requests that Kedge signs


def test_a_request_is_signed_where_the_identity_provider_wants_it(idp, register):
    idp.want_signed_requests = True
    registration = register()
    url = registration.request_url()
    assert registration.user(send(form_at(url)))["username"] == idp.answer.user
    # That pysaml2 does verify it:
    address, _, query = url.partition("?")
    query = dict(parse_qsl(query))
    other = dict(parse_qsl(urlsplit(registration.request_url()).query))
    for changes in ({"Signature": other["Signature"]}, {"RelayState": "elsewhere"}, {"Signature": ""}):
        assert requests.get(f"{address}?{urlencode(query | changes)}", timeout=30).status_code == 400


def test_a_request_is_not_signed_where_nobody_asks_for_it(register):
    assert "Signature" not in parse_qs(urlsplit(register().request_url()).query)


# The saml2-bearer grant of RFC 7522


def assertion(idp, registration, **changes):
    """A signed assertion by itself, as one is fetched for this grant."""
    configure(idp, sign_response=False, **changes)
    response, _ = idp.response(registration.sp_entity_id)
    return etree.tostring(etree.fromstring(response.encode()).find(ASSERTION), with_tail=False).decode()


def refusal(answer):
    return answer.status_code, answer.json().get("error")


INVALID_GRANT = 400, "invalid_grant"


@pytest.mark.parametrize("recipient", ["acs_url", "token_url"])
def test_an_assertion_is_exchanged_for_tokens_once(idp, register, recipient):
    registration = register(allow_assertion_grant=True)
    shown = assertion(idp, registration, destination=getattr(registration, recipient))
    answer = registration.grant(shown)
    assert registration.user(answer)["username"] == idp.answer.user
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert refusal(registration.grant(shown)) == INVALID_GRANT


def test_an_assertion_is_exchanged_only_where_that_is_allowed(idp, register):
    registration = register()
    assert refusal(registration.grant(assertion(idp, registration))) == INVALID_GRANT


def test_an_assertion_without_a_signature_is_not_exchanged(idp, register):
    registration = register(allow_assertion_grant=True, require_signed_assertions=False)
    assert refusal(registration.grant(assertion(idp, registration, sign_assertion=False))) == INVALID_GRANT


def test_a_whole_response_is_no_assertion(idp, register):
    registration = register(allow_assertion_grant=True)
    response, _ = idp.response(registration.sp_entity_id)
    assert refusal(registration.grant(response)) == INVALID_GRANT


def test_an_assertion_for_someone_else_is_not_exchanged(idp, register):
    registration = register(allow_assertion_grant=True)
    elsewhere = assertion(idp, registration, destination="https://croquet.example.org/token")
    assert refusal(registration.grant(elsewhere)) == INVALID_GRANT
    there = register(allow_assertion_grant=True)
    configure(idp, destination=there.acs_url)
    assert refusal(registration.grant(assertion(idp, registration))) == INVALID_GRANT


def test_an_assertion_that_was_changed_is_not_exchanged(idp, register):
    registration = register(allow_assertion_grant=True)
    changed = assertion(idp, registration, destination=registration.token_url)
    changed = changed.replace(idp.answer.user, fresh("queen"))
    assert refusal(registration.grant(changed)) == INVALID_GRANT


def test_an_assertion_is_taken_once_over_both_doors(idp, register):
    registration = register(allow_assertion_grant=True, allow_unsolicited=True, require_signed_response=False)
    configure(idp, sign_response=False)
    for grant_first in (True, False):
        response, _ = idp.response(registration.sp_entity_id)
        inner = etree.tostring(etree.fromstring(response.encode()).find(ASSERTION), with_tail=False).decode()
        if grant_first:
            assert registration.grant(inner).status_code == 200
            assert is_refused(registration.post(response))
        else:
            assert registration.post(response).status_code == 200
            assert refusal(registration.grant(inner)) == INVALID_GRANT


# The programs, as one starts them by hand


def test_the_programs_sign_in(kedge, program):
    registration = Registration(kedge)
    name, account = fresh("alice"), fresh("tea-party")
    options = ["--user", name, "--attribute", f"account={account}", "--port", free_port()]
    with program("idp.py", "--sp-metadata", registration.sp_metadata_url, *options) as metadata:
        registration.make(idp_metadata_url=metadata, idp_account_attribute="account")
        command = [sys.executable, Path(__file__).with_name("sign_in.py"), kedge.url, registration.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        token, _, user = done.stdout.partition("\n")
        assert token.count(".") == 2
        user = json.loads(user)
        assert (user["username"], user["account_name"]) == (name, account)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_an_unknown_identity_provider_is_not_found(kedge):
    answer = requests.get(f"{kedge.url}/v2/rbac-manager/saml/login/{fresh('nobody')}", timeout=30)
    assert answer.status_code == 404
    with pytest.raises(Exception, match="404"):
        login(kedge.url, fresh("nobody"))
