"""Our access tokens, verified by others with nothing but the JWKS: PyJWT and joserfc, for every kind of key."""

import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import joserfc.jwt
import jwt
import pytest
import requests
from joserfc.jwk import JWKRegistry, KeySet

from kedge import Kedge

SECRET = "a secret that every node of the deployment shares"
#: algorithm -> arguments of `openssl genpkey`
PAIRS = {
    "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["-algorithm", "ED25519"],
}
#: What RFC 7518 and RFC 8037 require of a public key, and nothing of a private one.
MEMBERS = {"RS256": {"n", "e"}, "ES256": {"crv", "x", "y"}, "EdDSA": {"crv", "x"}}


def pem_pair(directory, algorithm):
    private, public = directory / "private.pem", directory / "public.pem"
    subprocess.run(["openssl", "genpkey", *PAIRS[algorithm], "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return {"KEYS__PRIVATE_KEY_PATH": str(private), "KEYS__PUBLIC_KEY_PATH": str(public)}


@dataclass(frozen=True)
class Signed:
    kedge: Kedge
    algorithm: str
    public_key: Path | None = None


@pytest.fixture(scope="module", params=["made", *PAIRS])
def signed(request, tmp_path_factory):
    """A Kedge whose tokens a pair signs: one that it makes by itself, or one that is configured."""
    settings = {} if request.param == "made" else pem_pair(tmp_path_factory.mktemp("keys"), request.param)
    with Kedge(**settings) as kedge:
        if settings:
            yield Signed(kedge, request.param, Path(settings["KEYS__PUBLIC_KEY_PATH"]))
        else:
            yield Signed(kedge, "EdDSA")


def access_token(kedge):
    return requests.post(f"{kedge.url}/v2/oauth/token", auth=kedge.admin).json()["access_token"]


def jwks(kedge):
    return requests.get(f"{kedge.url}/.well-known/jwks.json").json()


def required(claims):
    return {"require": claims, "verify_exp": True, "verify_iat": True}


def test_pyjwt_verifies_by_the_kid(signed):
    kedge, algorithm = signed.kedge, signed.algorithm
    token = access_token(kedge)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    key = jwt.PyJWKClient(f"{kedge.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        issuer=kedge.url,
        audience=kedge.url,
        options=required(["iss", "aud", "sub", "iat", "exp", "jti", "client_id", "sid", "auth_epoch"]),
    )
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["client_id"] == "anonymous"
    assert isinstance(claims["auth_epoch"], int)
    for claim in ("sub", "jti", "sid"):
        assert uuid.UUID(claims[claim])


def test_pyjwt_takes_no_changed_token_and_no_other_audience(signed):
    kedge, algorithm = signed.kedge, signed.algorithm
    token = access_token(kedge)
    key = jwt.PyJWKClient(f"{kedge.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    head, claims, signature = token.split(".")
    other = access_token(kedge).split(".")[1]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{other}.{signature}", key, algorithms=[algorithm], audience=kedge.url)
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, key, algorithms=[algorithm], audience="http://localhost:9")


def test_joserfc_verifies_by_the_kid(signed):
    kedge, algorithm = signed.kedge, signed.algorithm
    token = joserfc.jwt.decode(access_token(kedge), KeySet.import_key_set(jwks(kedge)), algorithms=[algorithm])
    assert (token.header["typ"], token.header["alg"]) == ("at+jwt", algorithm)
    joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": kedge.url},
        aud={"essential": True, "value": kedge.url},
        client_id={"essential": True, "value": "anonymous"},
        **{claim: {"essential": True} for claim in ("sub", "iat", "exp", "jti", "sid", "auth_epoch")},
    ).validate(token.claims)


def test_the_kid_is_the_thumbprint_of_the_key(signed):
    kedge = signed.kedge
    header = jwt.get_unverified_header(access_token(kedge))
    [key] = jwks(kedge)["keys"]
    assert header["kid"] == key["kid"] == JWKRegistry.import_key(key).thumbprint()


def test_the_jwks_shows_the_public_half_alone(signed):
    kedge, algorithm = signed.kedge, signed.algorithm
    [key] = jwks(kedge)["keys"]
    assert (key["alg"], key["use"]) == (algorithm, "sig")
    assert key.keys() == {"kty", "kid", "alg", "use"} | MEMBERS[algorithm]


@pytest.mark.parametrize("signed", PAIRS, indirect=True)
def test_the_configured_pair_is_the_one_that_signs(signed):
    kedge, algorithm = signed.kedge, signed.algorithm
    key = signed.public_key.read_text()
    assert jwt.decode(access_token(kedge), key, algorithms=[algorithm], audience=kedge.url)


def test_a_shared_secret_verifies_and_is_not_in_the_jwks():
    with Kedge(KEYS__SECRET=SECRET) as kedge:
        token = access_token(kedge)
        assert jwks(kedge) == {"keys": []}
        header = jwt.get_unverified_header(token)
        assert (header["alg"], header["typ"]) == ("HS256", "at+jwt")
        assert jwt.decode(token, SECRET, algorithms=["HS256"], audience=kedge.url, issuer=kedge.url)["sub"]
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(token, SECRET[::-1], algorithms=["HS256"], audience=kedge.url)


def test_tokens_of_two_sign_ins_name_one_user(signed):
    kedge, algorithm = signed.kedge, signed.algorithm
    keys = jwt.PyJWKClient(f"{kedge.url}/.well-known/jwks.json")
    first, second = (
        jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=[algorithm], audience=kedge.url)
        for token in (access_token(kedge), access_token(kedge))
    )
    assert first["sub"] == second["sub"]
    assert first["sid"] != second["sid"]
    assert first["jti"] != second["jti"]
