"""Tokens as OAuth2 libraries fetch, use, refresh and revoke them: authlib and requests-oauthlib.

Both know a token endpoint from RFC 6749 alone; nothing here tells them about Kedge but URLs, a user and a password.
"""

import time

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from oauthlib.oauth2 import (
    InvalidClientError,
    InvalidGrantError,
    LegacyApplicationClient,
    UnsupportedGrantTypeError,
)
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsOauthlibSession

RUN_OUT = {"expires_in": -1, "expires_at": 1}


@pytest.fixture(autouse=True)
def plain_http(monkeypatch):
    """oauthlib refuses plain HTTP, even on the loopback interface, unless told that it is meant."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


class Urls:
    def __init__(self, kedge):
        self.token = f"{kedge.url}/v2/oauth/token"
        self.revoke = f"{kedge.url}/v2/oauth/revoke"
        self.introspect = f"{kedge.url}/v2/oauth/introspect"
        self.user = f"{kedge.url}/v2/user"


@pytest.fixture
def urls(kedge):
    return Urls(kedge)


# authlib


@pytest.fixture
def authlib(urls):
    return AuthlibSession("anonymous", token_endpoint=urls.token)


def test_authlib_fetches_a_token_and_signs_in_with_it(authlib, urls, world):
    token = authlib.fetch_token(username=world.user.name, password=world.user.password)
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert authlib.get(urls.user).json()["username"] == world.user.name


def test_authlib_refreshes_and_the_refresh_token_is_another(authlib, urls, world):
    first = authlib.fetch_token(username=world.user.name, password=world.user.password)
    second = authlib.refresh_token()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert authlib.get(urls.user).status_code == 200


def test_authlib_refreshes_by_itself_when_its_token_has_run_out(urls, world):
    first = AuthlibSession("anonymous").fetch_token(urls.token, username=world.user.name, password=world.user.password)
    told = []
    session = AuthlibSession(
        "anonymous",
        token={**first, **RUN_OUT},
        token_endpoint=urls.token,
        update_token=lambda token, refresh_token, **_: told.append((refresh_token, token)),
    )
    assert session.get(urls.user).json()["username"] == world.user.name
    [(used, token)] = told
    assert used == first["refresh_token"] != token["refresh_token"]
    assert token["expires_at"] > time.time() + 3500


def test_authlib_showing_a_used_refresh_token_again_ends_the_sign_in(authlib, urls, world):
    first = authlib.fetch_token(username=world.user.name, password=world.user.password)
    second = authlib.refresh_token()
    for token in (first, second):
        with pytest.raises(OAuthError) as refusal:
            authlib.refresh_token(refresh_token=token["refresh_token"])
        assert refusal.value.error == "invalid_grant"
        assert refusal.value.description
    assert authlib.get(urls.user).status_code == 401


def test_authlib_revokes_and_nothing_of_the_sign_in_is_left(authlib, urls, world):
    token = authlib.fetch_token(username=world.user.name, password=world.user.password)
    answer = authlib.revoke_token(urls.revoke, token=token["refresh_token"], token_type_hint="refresh_token")
    assert (answer.status_code, answer.content) == (200, b"")
    assert authlib.get(urls.user).status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        authlib.refresh_token()
    assert authlib.revoke_token(urls.revoke, token="unknown").status_code == 200


def test_authlib_revokes_no_access_token(authlib, urls, world):
    token = authlib.fetch_token(username=world.user.name, password=world.user.password)
    answer = authlib.revoke_token(urls.revoke, token=token["access_token"], token_type_hint="access_token")
    assert (answer.status_code, answer.content) == (401, b"")
    assert authlib.get(urls.user).status_code == 200


@pytest.mark.parametrize(
    ("client", "arguments", "error"),
    [
        ("anonymous", {"password": "mine-mine-mine"}, "invalid_grant"),
        ("cheshire-cat", {}, "invalid_client"),
        ("anonymous", {"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
)
def test_authlib_reads_a_refusal(urls, world, client, arguments, error):
    arguments = {"username": world.user.name, "password": world.user.password, **arguments}
    with pytest.raises(OAuthError) as refusal:
        AuthlibSession(client).fetch_token(urls.token, **arguments)
    assert refusal.value.error == error


def test_authlib_asks_about_a_token(authlib, urls, world):
    token = authlib.fetch_token(username=world.user.name, password=world.user.password)
    basic = HTTPBasicAuth(*world.user.basic)
    told = authlib.introspect_token(urls.introspect, token=token["access_token"], auth=basic).json()
    assert (told["active"], told["username"], told["client_id"]) == (True, world.user.name, "anonymous")
    told = authlib.introspect_token(urls.introspect, token="unknown", auth=basic).json()
    assert told == {"active": False}


def test_authlib_finds_the_endpoints_by_the_issuer(kedge, urls):
    metadata = AuthorizationServerMetadata(requests.get(get_well_known_url(kedge.url, external=True)).json())
    # RFC 8414 requires the claim, and wants arrays with nothing in them left out; there is no authorization endpoint.
    for claim in set(metadata.REGISTRY_KEYS) - {"response_types_supported"}:
        getattr(metadata, f"validate_{claim}")()
    assert metadata["issuer"] == kedge.url
    assert metadata["token_endpoint"] == urls.token
    assert metadata["revocation_endpoint"] == urls.revoke
    assert metadata["introspection_endpoint"] == urls.introspect
    assert metadata["jwks_uri"] == f"{kedge.url}/.well-known/jwks.json"
    assert set(metadata["grant_types_supported"]) >= {"password", "refresh_token"}


# requests-oauthlib


@pytest.fixture
def oauthlib():
    return RequestsOauthlibSession(client=LegacyApplicationClient("anonymous"))


def sign_in(session, urls, user, **arguments):
    return session.fetch_token(urls.token, username=user.name, password=user.password, **arguments)


# Where the client's id goes: into the form, or, as the library does by itself, into a Basic header, without a secret.
@pytest.mark.parametrize("arguments", [{}, {"include_client_id": True}], ids=["id in the header", "id in the form"])
def test_requests_oauthlib_fetches_a_token_and_signs_in_with_it(oauthlib, urls, world, arguments):
    token = sign_in(oauthlib, urls, world.user, **arguments)
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert oauthlib.get(urls.user).json()["username"] == world.user.name


def test_requests_oauthlib_refreshes_and_the_refresh_token_is_another(oauthlib, urls, world):
    first = sign_in(oauthlib, urls, world.user)
    second = oauthlib.refresh_token(urls.token)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert oauthlib.get(urls.user).status_code == 200


def test_requests_oauthlib_refreshes_by_itself_when_its_token_has_run_out(oauthlib, urls, world):
    first = sign_in(oauthlib, urls, world.user)
    told = []
    session = RequestsOauthlibSession(
        "anonymous", token={**first, **RUN_OUT}, auto_refresh_url=urls.token, token_updater=told.append
    )
    assert session.get(urls.user).json()["username"] == world.user.name
    [token] = told
    assert token["refresh_token"] != first["refresh_token"]


def test_requests_oauthlib_showing_a_used_refresh_token_again_ends_the_sign_in(oauthlib, urls, world):
    first = sign_in(oauthlib, urls, world.user)
    second = oauthlib.refresh_token(urls.token)
    for token in (first, second):
        with pytest.raises(InvalidGrantError):
            oauthlib.refresh_token(urls.token, refresh_token=token["refresh_token"])
    assert oauthlib.get(urls.user).status_code == 401


def test_requests_oauthlib_revokes_and_nothing_of_the_sign_in_is_left(oauthlib, urls, world):
    token = sign_in(oauthlib, urls, world.user)
    url, headers, body = oauthlib._client.prepare_token_revocation_request(
        urls.revoke, token["refresh_token"], token_type_hint="refresh_token"
    )
    answer = oauthlib.post(url, headers=headers, data=body, withhold_token=True)
    assert (answer.status_code, answer.content) == (200, b"")
    assert oauthlib.get(urls.user).status_code == 401
    with pytest.raises(InvalidGrantError):
        oauthlib.refresh_token(urls.token)


def test_requests_oauthlib_reads_a_refusal(oauthlib, urls, world):
    with pytest.raises(InvalidGrantError):
        oauthlib.fetch_token(urls.token, username=world.user.name, password="mine-mine-mine")
    with pytest.raises(InvalidClientError):
        sign_in(RequestsOauthlibSession(client=LegacyApplicationClient("cheshire-cat")), urls, world.user)
    other = LegacyApplicationClient("anonymous")
    other.grant_type = "urn:example:grant"
    with pytest.raises(UnsupportedGrantTypeError):
        sign_in(RequestsOauthlibSession(client=other), urls, world.user)


# The predecessor's endpoint


def test_v1_answers_a_token_without_a_refresh_token(kedge, urls, world):
    user = {"username": world.user.name, "password": world.user.password}
    url = f"{kedge.url}/v1/oauth/token"
    authlib = AuthlibSession("anonymous")
    token = authlib.fetch_token(url, **user)
    assert (token["token_type"], token["expires_in"], "refresh_token" in token) == ("Bearer", 3600, False)
    assert authlib.get(f"{kedge.url}/v1/user").json()["username"] == world.user.name
    oauthlib = RequestsOauthlibSession(client=LegacyApplicationClient("anonymous"))
    assert "refresh_token" not in oauthlib.fetch_token(url, **user)
    assert oauthlib.get(f"{kedge.url}/v1/account").json()["name"] == world.account
    with pytest.raises(OAuthError, match="invalid_grant"):
        authlib.fetch_token(url, **{**user, "password": "mine-mine-mine"})
