"""A faulty plugin ends its worker, and no other process. The log names the plugin, the place and the consequence."""

import re
from contextlib import ExitStack, suppress

import pytest

import processes
from client import Closed, request
from processes import wait_for
from server import TEST_PLUGINS

DEATHS = {
    "/throw": "was killed by SIGABRT",
    "/throw-number": "was killed by SIGABRT",
    "/exit": "exited with 3",
}
BACKOFF = 100  # milliseconds, the default of server.restart_backoff


@pytest.fixture
def throws(own, combination):
    """A plugin in C++ in two workers."""
    return own("-w", 2, TEST_PLUGINS / f"libthrows_{combination.style}.so", model=combination.model)


def take_down(server, path, *fields):
    """Ask for the end of a worker; its pid."""
    before = server.workers(2)
    with server.connect() as connection:
        connection.send(request("GET", path, *fields))
        with suppress(Closed):
            connection.end(timeout=3)
        assert not connection.messages, connection.state()
    gone = wait_for(
        lambda: [pid for pid in before if processes.look(pid) is None],
        lambda: f"the end of one of {before}; {server.state()}",
    )
    assert len(gone) == 1, server.state()
    told(server, gone[0], "its replacement starts")
    return gone[0]


def told(server, pid, pattern):
    """What the log tells of a worker that is gone, once it does."""
    line = re.compile(rf"worker \d+ \(pid {pid}\).*{pattern}")
    return wait_for(lambda: line.search(server.log), lambda: f"{line.pattern}; {server.state()}", timeout=2)


@pytest.mark.parametrize("path", DEATHS)
def test_the_end_of_a_worker(throws, combination, path):
    """The log names signal or code, plugin and request, and where in the plugin it was."""
    lasting = throws.pid, throws.master()
    victim = take_down(throws, path, "X-Request-ID: last-1")
    told(
        throws, victim, rf" {DEATHS[path]} while serving GET {path} plugin=throws_{combination.style} request=last-1 "
    )
    told(throws, victim, rf"thread \d+.* at .*libthrows_{combination.style}\.so\+0x")
    throws.workers(2)
    assert lasting == (throws.pid, throws.master())
    assert throws.get("/").body == b"ok"


@pytest.mark.parametrize("path", DEATHS)
def test_the_first_replacement_comes_at_once(throws, path):
    """As the log announces it: server.restart_backoff is the most for the first."""
    victim = take_down(throws, path)
    assert int(told(throws, victim, r"its replacement starts in (\d+) ms")[1]) <= BACKOFF
    throws.workers(2, timeout=2)


def occupy(server, combination, stack):
    """Connections of clients at each worker by its pid, or one at a worker of sync, whose pid is not known yet."""
    if not combination.keeps_alive:
        connection = stack.enter_context(server.connect())
        connection.send(b"GET /pid HTTP/1.1\r\nHost: localhost\r\n")
        connection.assert_open(within=0.1)
        return {None: [connection]}
    found = {}
    for _ in range(200):
        connection = stack.enter_context(server.connect())
        found.setdefault(ask(connection), []).append(connection)
        if len(found) == 2:
            return found
    raise AssertionError(f"one worker takes all connections: {list(found)}; {server.state()}")


def ask(connection, data=request("GET", "/pid")):
    """The pid of the worker that serves the connection."""
    connection.send(data)
    return int(connection.final(timeout=2).body)


@pytest.mark.parametrize("path", DEATHS)
def test_another_worker_goes_on(throws, combination, path):
    """Its clients keep their connections and get their answers from the same process."""
    with ExitStack() as stack:
        clients, before = occupy(throws, combination, stack), throws.workers(2)
        victim = take_down(throws, path)
        (survivor,) = (pid for pid in before if pid != victim)
        if combination.keeps_alive:
            assert all(ask(connection) == survivor for connection in clients[survivor])
        else:
            assert ask(*clients[None], b"\r\n") == survivor
