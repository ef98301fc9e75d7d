"""A Kedge that refuses to answer, or cannot: nothing is let through."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

import proxies
from asking import SECONDS, ask, basic
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


@pytest.fixture(scope="module")
def running(kedge, running_service):
    """All of the proxies, started once."""
    with ExitStack() as stack:
        yield [stack.enter_context(proxy(kedge.url, running_service.address)) for proxy in proxies.ALL]


@pytest.fixture(params=range(len(proxies.ALL)), ids=lambda number: proxies.ALL[number].__name__)
def proxy(request, running):
    return running[request.param]


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


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def stands_still(process):
    """A signal to stop has arrived when the last of the threads has it; until then, one of them may answer."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/stat")
    return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)


def test_kedge_that_hangs_lets_nothing_through(running, world, service, kedge):
    """Asked by all at once: Traefik waits for half a minute, and has no setting for it."""
    _, key = world.make_key()
    for proxy in running:
        assert_let_through(ask(proxy, key), service)
    kedge.process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: stands_still(kedge.process))
        with ThreadPoolExecutor(len(running)) as pool:
            answers = list(pool.map(lambda proxy: ask(proxy, key), running))
    finally:
        kedge.process.send_signal(signal.SIGCONT)
    # It has slept through more than its connections to the database bear.
    until(lambda: requests.get(f"{kedge.url}/ready", timeout=SECONDS).ok)
    for proxy, answer in zip(running, answers):
        assert 500 <= answer.status <= 599, proxy
        assert_refused(answer, service, answer.status)


def test_kedge_that_is_gone_lets_nothing_through(running, world, kedge, service):
    """The last test here: there is no Kedge after it."""
    _, key = world.make_key()
    for proxy in running:
        assert_let_through(ask(proxy, key), service)
    kedge.process.terminate()
    kedge.process.wait(timeout=60)
    for proxy in running:
        for headers in [(key,), (), (key, ("X-Kedge-User", "admin"))]:
            answer = ask(proxy, *headers)
            assert 500 <= answer.status <= 599, answer
            assert_refused(answer, service, answer.status)
