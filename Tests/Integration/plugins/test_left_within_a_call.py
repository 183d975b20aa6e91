"""A client that disconnects during a call of its plugin: the failed response does not count as the plugin's fault."""

import socket
import struct

import pytest

import http2
from client import request
from matrix import COMBINATIONS, only
from processes import wait_for
from server import TEST_PLUGINS
from timing import seen

E_CLOSED = -3  # OUTRIDER_E_CLOSED
each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
over_http2 = only(lambda combination: combination.model != "sync")


def leave(server, connection, before):
    """With a reset, while the plugin is at it: its log had so many bytes before the request."""
    wait_for(lambda: "begun=" in server.log[before:], server.state)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def assert_no_fault(server, ask):
    """ask(before): requests whose client leaves."""

    def answers():
        """What the plugin was told when it answered. A client that gets the processor late leaves after that."""
        before = len(server.log)
        ask(before)
        wait_for(lambda: "answer=" in server.log[before:], server.state)
        assert server.get("/").body == b"ok", "by now the requests have ended"
        return server.log[before:]

    seen(answers, lambda text: f"answer={E_CLOSED}" in text)  # the plugin has learned of it
    assert "failed to answer" not in server.log and " 500 " not in server.log, server.log
    assert "ERROR" not in server.log, server.log


@each
def test_http1(own, combination):
    server = own(TEST_PLUGINS / f"liblifecycle_edges_{combination.style}.so", model=combination.model)

    def ask(before):
        with server.connect() as connection:
            connection.send(request("GET", "/left"))
            leave(server, connection, before)

    assert_no_fault(server, ask)


@over_http2
def test_http2(own, combination):
    server = own(TEST_PLUGINS / f"liblifecycle_edges_{combination.style}.so", model=combination.model, h2c=True)

    def ask(before):
        with http2.connect(server) as connection:
            connection.ping()
            with connection.together():
                for _ in range(2):
                    connection.request("GET", "/left")
            leave(server, connection, before)

    assert_no_fault(server, ask)
