"""The number of system calls for a request, as strace counts them in the worker."""

from contextlib import ExitStack

from client import request
from matrix import only
from strace import Trace
from timing import of_the_shipped_server

AT_ONCE = 64
TURNS = 10

on_the_loop = only(lambda combination: combination.model == "async" and combination.style == "event")


def ask_all(connections):
    for connection in connections:
        connection.send(request("GET", "/health"))
    for connection in connections:
        assert connection.final().status == 200


@of_the_shipped_server
@on_the_loop
def test_keep_alive_requests(own, combination, tmp_path):
    """One to receive, one to send, and a share of one to wait. An access log would add to that, and is off."""
    server = own(combination.demo, model=combination.model)
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(AT_ONCE)]
        ask_all(connections)
        with Trace(server.workers()[0], tmp_path / "trace") as trace:
            for _ in range(TURNS):
                ask_all(connections)
    requests, calls = AT_ONCE * TURNS, trace.counts()
    assert calls["recvfrom"] == calls["sendto"] == requests, calls
    assert calls.total() < 2.5 * requests, calls
