"""A plugin that is not thread-safe beside one that is: its handlers take turns, the other's go on meanwhile."""

from contextlib import ExitStack

import pytest

import http2
from client import request
from matrix import http2_blocking
from observed import entry
from server import TEST_PLUGINS

HOOKS = TEST_PLUGINS / "libhooks_blocking.so"


@pytest.fixture
def it(observed, combination):
    return observed(
        combination.model,
        entry(HOOKS, "/safe", "safe"),
        entry(HOOKS, "/unsafe", "unsafe", thread_safe=False),
        server="threads = 5",
    )


class OverHTTP1:
    """A connection for each request."""

    def __init__(self, server, stack):
        self.server, self.stack = server, stack

    def send(self, target):
        connection = self.stack.enter_context(self.server.connect())
        connection.send(request("GET", target))
        return connection

    def answer(self, connection):
        answer = connection.final()
        return answer.status, answer.body


class OverHTTP2:
    """One connection for all."""

    def __init__(self, server, stack):
        self.connection = stack.enter_context(http2.connect(server))

    def send(self, target):
        return self.connection.request("GET", target)

    def answer(self, stream):
        answer = self.connection.answer(stream)
        return answer.status, bytes(answer.body)


each_version = pytest.mark.parametrize("client", [OverHTTP1, OverHTTP2], ids=["http1", "http2"])


@http2_blocking
@each_version
def test_the_other_plugins_handlers_go_on(it, client):
    """One of the unsafe plugin stays, three wait for their turn, and three of the safe one meet while all of them are here."""
    with ExitStack() as stack:
        clients = client(it.server, stack)
        held = clients.send("/unsafe/hold")
        it.wait_for_requests(1)
        waiting = [clients.send("/unsafe/turn?1") for _ in range(3)]
        it.wait_for_requests(4)
        meeting = [clients.send("/safe/meet?3") for _ in range(3)]
        assert [clients.answer(one) for one in meeting] == [(200, b"met most=3\n")] * 3
        it.wait_for_count(3)  # nobody else has been answered
        assert clients.answer(clients.send("/safe/release")) == (200, b"ok")
        assert clients.answer(held) == (200, b"released most=1\n")
        assert [clients.answer(one) for one in waiting] == [(200, b"turned most=1\n")] * 3


@http2_blocking
@each_version
def test_nobody_starves(it, client):
    """Many of both are in flight: each is answered, and those of the unsafe plugin never two at once."""
    with ExitStack() as stack:
        clients = client(it.server, stack)
        sent = [clients.send(f"/{name}/turn?3") for _ in range(40) for name in ("unsafe", "safe")]
        answers = [clients.answer(one) for one in sent]
    assert {status for status, _ in answers} == {200}
    assert {body for _, body in answers[::2]} == {b"turned most=1\n"}
    assert max(int(body.split(b"=")[1]) for _, body in answers[1::2]) > 1, "the safe one's run side by side"
    for plugin in ("safe", "unsafe"):
        it.wait_for_count(40, plugin=plugin)
