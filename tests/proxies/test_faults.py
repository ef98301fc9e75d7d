"""A Kedge that refuses to answer, or cannot: nothing is let through."""

import signal

import pytest

import proxies
from asking import ask, basic
from conftest import ROLES, TRUSTED, World, as_user
from kedge import Kedge
from test_check import assert_let_through, assert_refused

LIMIT = 3


@pytest.fixture(scope="module")
def kedge():
    settings = {"LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS": str(LIMIT)}
    kedge = Kedge(ROLES__FILE=str(ROLES), SERVER__TRUSTED_PROXIES=TRUSTED, **settings)
    kedge.__enter__()
    try:
        yield kedge
    finally:
        # Not by `with`, for which an error in the log is one: after a sleep, Kedge rightly complains there.
        assert kedge.stop() == 0, kedge.said


@pytest.fixture(scope="module")
def world(kedge):
    return World(kedge)


@pytest.fixture(scope="module", params=proxies.ALL, ids=lambda proxy: proxy.__name__)
def proxy(request, kedge, running_service):
    with request.param(kedge.url, running_service.address) as proxy:
        yield proxy


def test_who_guesses_is_told_to_wait(proxy, world, service):
    """The others, who come from other addresses by the same proxy, are not."""
    guess = ("Authorization", basic(world.dormouse[0], "wrong"))
    # Each proxy's guesser is somewhere else.
    source = f"127.0.1.{proxies.ALL.index(type(proxy)) + 1}"
    for _ in range(LIMIT):
        assert_refused(ask(proxy, guess, source=source), service, 401)
    answer = ask(proxy, guess, source=source)
    assert_refused(answer, service, 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert_refused(ask(proxy, as_user(world.dormouse), source="127.0.2.1"), service, 403)


def test_kedge_that_hangs_lets_nothing_through(proxy, world, service, kedge):
    """Traefik waits for half a minute, and has no setting for it."""
    _, key = world.make_key()
    assert_let_through(ask(proxy, key), service)
    kedge.process.send_signal(signal.SIGSTOP)
    try:
        answer = ask(proxy, key)
    finally:
        kedge.process.send_signal(signal.SIGCONT)
    assert 500 <= answer.status <= 599
    assert_refused(answer, service, answer.status)


def test_kedge_that_is_gone_lets_nothing_through(world, kedge, service):
    """The last test here: there is no Kedge after it. The proxies are started once more, all at a time."""
    _, key = world.make_key()
    running = [proxy(kedge.url, service.address) for proxy in proxies.ALL]
    try:
        for proxy in running:
            proxy.__enter__()
            assert_let_through(ask(proxy, key), service)
        kedge.process.terminate()
        kedge.process.wait(timeout=60)
        for proxy in running:
            for headers in [(key,), (), (key, ("X-Kedge-User", "admin"))]:
                answer = ask(proxy, *headers)
                assert 500 <= answer.status <= 599, answer
                assert_refused(answer, service, answer.status)
    finally:
        for proxy in running:
            if hasattr(proxy, "process"):
                proxy.__exit__()
