"""A full table makes room for new connections: the longest idle are closed, but none that has begun a request."""

import time
from contextlib import ExitStack

import pytest

import http2
from client import request
from matrix import keeping_alive
from matrix import http2 as http2_models
from metrics import Metrics
from server import free_port
from timing import scaled_timeout

PLACES = 4
FULL = ("--set", f"server.worker_connections={PLACES}", "--set", "timeouts.keepalive=60s", "--set", "timeouts.head=60s")
CLOSED = "outrider_idle_connections_closed_total"


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def metered(own):
    def start(combination, **options):
        port = free_port()
        server = own(
            "--set", f'metrics.bind="127.0.0.1:{port}"', *FULL, combination.demo, model=combination.model, **options
        )
        metrics = Metrics(port)
        # The connection by which the test has seen that the server accepts is over.
        metrics.wait(1, "outrider_connections_total")
        metrics.wait(0, "outrider_connections_open")
        return server, metrics

    return start


def kept(stack, server):
    """A connection that has had an answer, and is kept."""
    connection = stack.enter_context(server.connect())
    connection.send(request("GET", "/health"))
    assert connection.final().body == b"OK"
    return connection


def at_once(server):
    start = time.monotonic()
    answer = server.get("/health")
    assert answer.body == b"OK" and time.monotonic() - start < scaled_timeout(2)  # less than what an idle connection has


def assert_goes(first, others):
    """That one ends, the others do not."""
    first.assert_closed()
    for connection in others:
        connection.assert_open(within=0.05)


@keeping_alive
def test_the_longest_idle_makes_room(metered, stack, combination):
    server, metrics = metered(combination)
    first, *others = [kept(stack, server) for _ in range(PLACES)]
    others[0].send(request("GET", "/health"))
    assert others[0].final().body == b"OK"
    at_once(server)
    assert_goes(first, others)
    metrics.wait(1, CLOSED)


@keeping_alive
def test_who_says_nothing_in_a_used_place_is_not_taken_for_served(own, stack, combination):
    """What another connection was sent in that place does not make a silent client look as if it had just been answered."""
    flags = ("server.worker_connections=2", "timeouts.keepalive=30s", "timeouts.head=60s")
    settings = [word for flag in flags for word in ("--set", flag)]
    server = own(*settings, combination.demo, model=combination.model)
    assert server.get("/health").body == b"OK"
    silent = stack.enter_context(server.connect())
    silent.assert_open(within=1.2)  # before that it has begun
    other = kept(stack, server)
    at_once(server)
    silent.assert_closed()
    other.assert_open(within=0.05)


@keeping_alive
def test_over_tls_too(metered, stack, combination, authority):
    """It ends as TLS does: with a close_notify, which assert_closed() wants to see."""
    server, metrics = metered(combination, tls=authority)
    first, *others = [kept(stack, server) for _ in range(PLACES)]
    at_once(server)
    assert_goes(first, others)
    metrics.wait(1, CLOSED)


@keeping_alive
def test_who_has_begun_a_request_stays(metered, stack, combination):
    """Half a head is a request that has begun; a client with its answer goes, though it came last."""
    server, metrics = metered(combination)
    begun = [stack.enter_context(server.connect()) for _ in range(PLACES - 1)]
    for connection in begun:
        connection.send(b"GET /health HTTP/1.1\r\n")
    idle = kept(stack, server)
    at_once(server)
    idle.assert_closed()
    for connection in begun:
        connection.send(b"Host: a\r\n\r\n", method=["GET"])
        assert connection.final().body == b"OK"
    metrics.wait(1, CLOSED)


@keeping_alive
def test_who_says_nothing_makes_room_after_a_second(metered, stack, combination):
    """A request of a client that has just connected may be on its way."""
    server, metrics = metered(combination)
    began = time.monotonic()
    silent = [stack.enter_context(server.connect()) for _ in range(PLACES)]
    metrics.wait(PLACES, "outrider_connections_open")
    newcomer = stack.enter_context(server.connect())
    newcomer.send(request("GET", "/health"))
    answer = newcomer.final()
    assert answer.body == b"OK" and answer.at - began > 0.9
    assert_goes(silent[0], silent[-1:])
    metrics.wait(1, CLOSED)


@keeping_alive
def test_the_longest_idle_makes_room_where_no_descriptor_is_left(own, stack, combination):
    port = free_port()
    flags = ("--set", f'metrics.bind="127.0.0.1:{port}"', "--set", "timeouts.keepalive=60s")
    launcher = ("bash", "-c", 'ulimit -n 64; exec "$@"', "-")
    server = own(*flags, combination.demo, model=combination.model, launcher=launcher)
    connections = [kept(stack, server) for _ in range(100)]
    assert_goes(connections[0], connections[-1:])
    assert Metrics(port).value(CLOSED) > 0
    assert "accept: Too many open files; the longest idle connections are closed for new ones" in server.log


@http2_models
def test_http2_without_streams_is_told_to_go(metered, stack, combination):
    server, metrics = metered(combination, h2c=True)
    connections = [stack.enter_context(http2.connect(server)) for _ in range(PLACES)]
    for connection in connections:
        assert connection.get("/health").status == 200
    at_once(server)
    connections[0].end()
    assert connections[0].goaway == http2.NO_ERROR
    assert connections[-1].get("/health").status == 200
    metrics.wait(1, CLOSED)


@http2_models
def test_http2_with_a_stream_stays(metered, stack, combination):
    server, metrics = metered(combination, h2c=True)
    connections = [stack.enter_context(http2.connect(server)) for _ in range(PLACES)]
    streams = [connection.request("POST", "/echo", end=False) for connection in connections[:-1]]
    assert connections[-1].get("/health").status == 200
    for connection in connections:
        connection.ping()
    at_once(server)
    connections[-1].end()
    for connection, stream in zip(connections[:-1], streams, strict=True):
        connection.body(stream, b"x")
        assert connection.answer(stream).body == b"x"
