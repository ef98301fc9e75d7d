"""What comes through a proxy that asks Kedge, and what does not."""

import os

import pytest

from asking import ask, basic
from conftest import ACCOUNT, OTHER_ACCOUNT, as_user
from proxies import Nginx

CHALLENGE = 'Basic realm="Authentication required"'
# What a service is told of her: in this account, and not what she has in the other.
ALICE = {
    "x-kedge-user": ["alice%40wonderland.test"],
    "x-kedge-account": ["tea%20party"],
    "x-kedge-roles": ["deployer,read-only"],
}


def told(received):
    """What a service is told by a header of Kedge's, in whatever spelling; no value is no header."""
    names = [name for name in received.names() if name.startswith("x-kedge")]
    return {name: received.all(name) for name in names if any(received.all(name))}


def assert_let_through(answer, service, expected=ALICE):
    assert (answer.status, answer.body) == (200, b"reached"), answer
    received = service.the_one()
    assert told(received) == expected
    return received


def assert_refused(answer, service, status):
    assert answer.status == status, answer
    assert answer.body != b"reached"
    service.assert_unreached()


def test_password_key_and_token_are_let_through(proxy, world, service):
    _, key = world.make_key()
    tokens = world.kedge.ask("POST", "/v2/oauth/token", user=world.alice)
    for credentials in [as_user(world.alice), key, ("Authorization", f"Bearer {tokens['access_token']}")]:
        assert_let_through(ask(proxy, credentials), service)


@pytest.mark.parametrize(
    "names",
    [
        ["X-Kedge-User", "X-Kedge-Account", "X-Kedge-Roles"],
        ["x-kedge-user", "x-kedge-account", "x-kedge-roles"],
        ["X_Kedge_User", "X_KEDGE_ACCOUNT", "x_kedge_roles"],
        ["X-Kedge_User", "X_Kedge-Account", "x-kedge_roles"],
        ["X-KEDGE-USER", "x-kedge-user", "X-Kedge-User", "X-Kedge-Roles", "x_kedge_roles", "X-Kedge-Roles"],
    ],
    ids=" ".join,
)
def test_spoofed_header_is_not_let_through(proxy, world, service, names):
    _, key = world.make_key()
    spoofed = [(name, "admin") for name in names]
    assert_let_through(ask(proxy, *spoofed, key), service)
    assert_let_through(ask(proxy, key, *spoofed), service)


def test_spoofed_header_is_not_let_through_where_kedge_has_nothing_to_say(proxy, world, service):
    """The admin has no role by name; nothing may take the place of that."""
    spoofed = [(name, "system-admin") for name in ("X-Kedge-Roles", "x-kedge-roles", "X_Kedge_Roles")]
    expected = {"x-kedge-user": ["admin"], "x-kedge-account": ["tea%20party"]}
    assert_let_through(ask(proxy, as_user(world.kedge.admin), *spoofed), service, expected)


def test_header_that_kedge_does_not_tell_is_not_let_through(proxy, world, service):
    """Another Kedge may tell more than this one."""
    if isinstance(proxy, Nginx):
        pytest.skip("nginx takes headers out by their names only")
    spoofed = [("X-Kedge-Admin", "true"), ("x-kedge-admin", "true"), ("X_Kedge_Admin", "true")]
    assert_let_through(ask(proxy, *spoofed, as_user(world.alice)), service)


def test_header_of_kedges_is_not_taken_out_by_the_client(proxy, world, service):
    """A header that `Connection` names is dropped on the next step, if it is the proxy that reads it."""
    _, key = world.make_key()
    connection = ("Connection", "close, X-Kedge-User, X-Kedge-Account, X-Kedge-Roles")
    answer = ask(proxy, connection, key)
    if answer.status != 400:
        assert_let_through(answer, service)
    service.received.clear()


def test_credentials_stop_at_the_proxy(proxy, world, service):
    _, key = world.make_key()
    answer = ask(proxy, key, ("Cookie", "session=1"), ("cookie", "other=2"), ("X-Tea", "Darjeeling"))
    received = assert_let_through(answer, service)
    assert not received.names() & {"authorization", "cookie"}, received
    assert received.all("x-tea") == ["Darjeeling"]


def test_no_credentials_are_challenged(proxy, service):
    answer = ask(proxy)
    assert_refused(answer, service, 401)
    assert answer.headers.get_all("WWW-Authenticate") == [CHALLENGE]


def test_wrong_credentials_are_challenged(proxy, world, service):
    wrong = [basic(world.alice[0], "wrong"), basic("_api_key", "wrong"), "Bearer wrong", "nonsense", ""]
    for value in wrong:
        answer = ask(proxy, ("Authorization", value))
        assert_refused(answer, service, 401)
        assert answer.headers.get_all("WWW-Authenticate") == [CHALLENGE]


def test_second_authorization_adds_nothing(proxy, world, service):
    _, key = world.make_key()
    nobody = ("Authorization", basic("nobody", "nothing"))
    for headers in [(key, nobody), (nobody, key)]:
        answer = ask(proxy, *headers)
        if answer.status == 200:
            received = assert_let_through(answer, service)
            assert "authorization" not in received.names()
        else:
            assert_refused(answer, service, answer.status)
            assert answer.status in (400, 401)


def test_revoked_key_is_refused_at_once(proxy, world, service):
    name, key = world.make_key()
    assert_let_through(ask(proxy, key), service)
    world.kedge.ask("PATCH", f"/v2/user/api-keys/{name}", user=world.alice, json={"status": "revoked"})
    answer = ask(proxy, key)
    assert_refused(answer, service, 401)
    assert answer.headers.get_all("WWW-Authenticate") == [CHALLENGE]


def test_missing_permission_is_refused(proxy, world, service):
    assert_refused(ask(proxy, as_user(world.dormouse)), service, 403)
    _, narrowed = world.make_key(actions=["getImage"])
    assert_refused(ask(proxy, narrowed), service, 403)
    _, elsewhere = world.make_key(accounts=[OTHER_ACCOUNT])
    assert_refused(ask(proxy, elsewhere), service, 403)


@pytest.mark.parametrize(
    "query", ["action=getImage", "action=getImage&account=tea%20party", "account=admin&action=", "%61ction=getImage"]
)
def test_query_of_the_client_asks_nothing_of_kedge(proxy, world, service, query):
    target = f"/?{query}"
    assert_refused(ask(proxy, as_user(world.dormouse), target=target), service, 403)
    received = assert_let_through(ask(proxy, as_user(world.alice), target=target), service)
    assert received.target == target


def test_header_of_the_client_asks_nothing_of_kedge(proxy, world, service):
    uri = "/v2/auth/check?action=getImage"
    names = ["X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Original-Uri", "X-Original-Url", "X-Rewrite-Url"]
    headers = [(name, uri) for name in [*names, "X-Envoy-Original-Path", "X-Auth-Request-Redirect"]]
    headers += [
        ("X-Anchore-Account", "admin"),
        ("X-HTTP-Method-Override", "OPTIONS"),
        ("X-Forwarded-Method", "OPTIONS"),
    ]
    assert_refused(ask(proxy, as_user(world.dormouse), *headers), service, 403)
    assert_refused(ask(proxy, *headers), service, 401)
    assert_let_through(ask(proxy, as_user(world.alice), *headers), service)


@pytest.mark.parametrize(
    "target", ["/v2/auth/check", "/_kedge", "/_kedge/", "//_kedge", "/a/../_kedge", "/%5fkedge", "/.."]
)
def test_no_path_goes_around_the_check(proxy, world, service, target):
    for credentials, status in [((), 401), ((as_user(world.dormouse),), 403)]:
        answer = ask(proxy, *credentials, target=target)
        # nginx keeps the path of its check for itself.
        assert answer.status in (status, 400, 404), answer
        assert answer.body != b"reached"
        assert "X-Kedge-User" not in answer.headers
        service.assert_unreached()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_is_asked_about(proxy, world, service, method):
    assert_refused(ask(proxy, method=method), service, 401)
    assert_refused(ask(proxy, as_user(world.dormouse), method=method), service, 403)
    answer = ask(proxy, as_user(world.alice), method=method)
    assert answer.status == 200
    received = service.the_one()
    assert received.method == method
    assert told(received) == ALICE


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("chunked", [False, True], ids=["of a length", "chunked"])
def test_body_arrives_whole(proxy, world, service, method, chunked):
    body = os.urandom(700_001)
    answer = ask(proxy, as_user(world.alice), method=method, body=body, chunked=chunked)
    received = assert_let_through(answer, service)
    assert received.body == body


def test_body_of_a_stranger_goes_nowhere(proxy, service):
    assert_refused(ask(proxy, method="POST", body=b"x" * 1000), service, 401)


def test_kedge_is_told_where_the_client_is(proxy, world, service):
    """And believes the proxy, not what the client says of itself."""
    _, key = world.make_key(cidrs=["127.0.0.2"])
    assert_let_through(ask(proxy, key, source="127.0.0.2"), service)
    for claim in [
        (),
        (("X-Forwarded-For", "127.0.0.2"),),
        (("X-Real-Ip", "127.0.0.2"), ("Forwarded", "for=127.0.0.2")),
    ]:
        answer = ask(proxy, key, *claim, source="127.0.0.3")
        assert answer.status in (401, 403)
        assert_refused(answer, service, answer.status)
    received = assert_let_through(ask(proxy, key, ("X-Forwarded-For", "127.0.0.3"), source="127.0.0.2"), service)
    assert received.all("x-forwarded-for")[-1].split(",")[-1].strip() == "127.0.0.2"


def test_account_is_the_one_of_the_configuration(proxy, world, service):
    received = assert_let_through(ask(proxy, as_user(world.alice), ("X-Anchore-Account", "admin")), service)
    assert received.all("x-kedge-account") == [ACCOUNT.replace(" ", "%20")]
