"""After a flood the worker's resident memory returns to its former size, within a few MB, with its connections open.

What a connection and its requests take is theirs while they live; nothing that a client sends makes a worker larger for
good. The kernel counts: VmRSS, after ordinary requests and again after the flood.
"""

import time
from contextlib import contextmanager

import pytest

from client import chunked, request
from http2 import END_HEADERS, END_STREAM, HEADERS, Literal, connect, frame, request_fields
from matrix import only
from patterns import new_tag, target
from processes import wait_for
from server import TEST_PLUGINS
from soak import resident
from timing import fewer, growth, scaled

GROWTH = 8 << 20
THREADS = 32
# Idle connections stay, and what is left unanswered is left so: nothing ends of itself while the test looks.
FLAGS = (
    "--threads", THREADS, "--set", "timeouts.keepalive=120s", "--set", "timeouts.head=60s", "--set", "timeouts.body=60s",
    "--set", "timeouts.write=60s", "--set", "http2.max_resets_per_second=1000000",
)  # fmt: skip
CONNECTIONS, STREAMS = 30, 100

models = only(lambda combination: combination.model != "sync")


def warm_up(server):
    """Ordinary requests over both protocols, on all threads: code is loaded, the pools have what they keep."""
    for _ in range(3):
        with connect(server) as connection:
            streams = [connection.request("GET", "/delay?s=0.05") for _ in range(THREADS)]
            assert all(connection.answer(stream).status == 200 for stream in streams)
            streams = [connection.request("POST", "/echo", end=False) for _ in range(THREADS)]
            for stream in streams:
                connection.body(stream, b"x" * 16000)
                assert connection.answer(stream).status == 200
        connections = [server.connect() for _ in range(THREADS)]
        for connection in connections:
            connection.send(request("POST", "/echo", "Content-Length: 100000") + b"x" * 70_000)
        for connection in connections:
            connection.send(b"x" * 30_000, [])
            assert connection.final().status == 200
            connection.close()
        connections = [connect(server) for _ in range(8)]
        for connection in connections:
            for _ in range(2):
                streams = [connection.request("GET", "/", ("x-a", "a" * 200)) for _ in range(20)]
                streams.append(connection.request("GET", "/large"))
                streams.append(connection.request("POST", "/echo", body=b"x" * 20000))
                assert all(connection.answer(stream).status == 200 for stream in streams)
        for connection in connections:
            connection.close()
        for path in ("/", "/large"):
            assert server.get(path).status == 200
        assert server.get("/echo", method="POST", body=b"x" * 200_000).status == 200


@pytest.fixture
def server(own, combination):
    server = own(*FLAGS, combination.demo, model=combination.model, h2c=True)
    warm_up(server)
    return server


@contextmanager
def crowd(server, count, **options):
    """So many connections that stay until the end, each a while in use."""
    connections = [connect(server, **options) for _ in range(fewer(count))]
    for connection in connections:
        connection.ping()
    yield connections
    for connection in connections:
        connection.close()


class Watch:
    """What the worker takes beyond what it took at first."""

    def __init__(self, server):
        self.server = server
        (self.worker,) = server.workers()
        self.before = resident(self.worker)
        self.most = 0

    def more(self):
        more = resident(self.worker) - self.before
        self.most = max(self.most, more)
        return more

    def assert_returned(self, what, path="/"):
        """Waits, because a worker may take a while to release memory after the last request."""
        self.more()
        try:
            wait_for(lambda: self.more() < growth(GROWTH), what, 10)
        except AssertionError:
            told = f"{self.more() / 1e6:.1f} MB stay of {self.most / 1e6:.1f} MB"
            raise AssertionError(f"after {what} {told}; {self.server.state()}") from None
        assert self.server.workers() == [self.worker], self.server.state()
        assert self.server.get(path).status == 200
        print(f"after {what}: {self.more() / 1e6:.1f} MB of {self.most / 1e6:.1f} MB")


def large_heads(connection, count, size, method="POST"):
    """Streams with heads of that size, of few bytes on the wire: one large field in the table, then references to it."""
    value = b"v" * 3900
    field = Literal().indexed(b"x-a", value)
    block = Literal().encode(request_fields(method, "/echo"))
    data = b""
    streams = [connection.expect() for _ in range(count)]
    for place, stream in enumerate(streams):
        references = b"\xbe" * (size // 3903 - 1)
        first = field if place == 0 else b"\xbe"
        data += frame(HEADERS, END_HEADERS, stream, block + first + references)
    connection.send(data)
    return streams


def finish(begun):
    """All streams end, whatever becomes of them; and so do connections, perhaps."""
    for connection, streams in begun:
        for stream in streams:
            if not connection.ended and not is_over(connection.answers[stream]):
                connection.body(stream, b"end")
    for connection, streams in begun:
        connection.read_until(
            lambda c=connection, s=streams: c.ended or all(is_over(c.answers[one]) for one in s), "the streams' end"
        )


def is_over(answer):
    return answer.ended or answer.reset is not None


@models
@pytest.mark.parametrize("size", [30_000, 60_000])
@pytest.mark.parametrize("stay", [True, False], ids=["idle", "closed"])
def test_large_heads_on_many_streams(server, size, stay):
    """3,000 requests at once, 200 KB on the wire; above limits.head they are refused, which costs memory as well."""
    watch = Watch(server)
    with crowd(server, CONNECTIONS) as connections:
        begun = [(connection, large_heads(connection, STREAMS, size)) for connection in connections]
        for connection in connections:
            connection.ping()
        watch.more()
        finish(begun)
        for connection in [] if stay else connections:
            connection.close()
        watch.assert_returned("large heads")


@models
def test_streams_that_are_reset_within_their_heads(server):
    """The client takes back what it asked for, over and over, each time with large heads."""
    watch = Watch(server)
    with crowd(server, 10) as connections:
        for connection in connections * 3:
            connection.cancel(*large_heads(connection, 50, 30_000))
            connection.ping()
        watch.assert_returned("resets")


@models
def test_bodies_that_nobody_reads(server):
    """A window's worth of body for each of many streams, and then they end."""
    watch = Watch(server)
    with crowd(server, 10, windows=False, initial_window_size=0) as connections:
        for connection in connections:
            streams = [connection.request("POST", "/echo", end=False) for _ in range(STREAMS)]
            for stream in streams:
                connection.body(stream, b"x" * 16000, end=False)
            connection.ping()
            watch.more()
            connection.cancel(*streams)
            connection.ping()
        watch.assert_returned("bodies")


@models
def test_trailers_that_are_large(server):
    watch = Watch(server)
    with crowd(server, CONNECTIONS) as connections:
        begun = [(c, [c.request("POST", "/echo", end=False) for _ in range(STREAMS)]) for c in connections]
        field = Literal().indexed(b"x-a", b"v" * 3900)
        for connection, streams in begun:
            for place, stream in enumerate(streams):
                block = (b"\xbe" if place else field) + b"\xbe" * 6
                connection.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block))
            watch.more()
        finish(begun)
        watch.assert_returned("trailers")


@models
def test_large_responses_that_wait(server):
    """Each stream's answer fills what it may, until the client takes it all."""
    watch = Watch(server)
    with crowd(server, 4, windows=False, initial_window_size=0) as connections:
        for connection in connections:
            for _ in range(THREADS // 4):
                connection.request("GET", "/large")
            connection.ping()
        time.sleep(scaled(0.2))
        watch.more()
        for connection in connections:
            connection.windows = True
            connection.open_window(1 << 26, 0, *connection.answers)
            for stream in connection.answers:
                assert len(connection.answer(stream).body) == 1 << 20
        watch.assert_returned("responses")


@models
def test_large_requests_over_http1(server):
    """Heads near limits.head, bodies by length and in chunks, long trailers, on connections that stay."""
    watch = Watch(server)
    fields = [f"X-{i}: {'a' * 7000}" for i in range(4)]
    connections = [server.connect() for _ in range(fewer(400))]
    for connection in connections:  # begun, and not yet whole
        connection.send(request("GET", "/", *fields)[:-2], [])
    time.sleep(scaled(0.1))
    watch.more()
    for connection in connections:
        connection.send(b"\r\n", "GET")
        assert connection.final().status == 200
    for connection in connections:
        coded = chunked(b"x" * 70_000, trailers=[f"X-{i}: {'a' * 7000}" for i in range(4)])
        connection.send(request("POST", "/echo", "Transfer-Encoding: chunked") + coded)
        assert len(connection.final().body) == 70_000
    watch.assert_returned("HTTP/1")
    for connection in connections:
        connection.close()


@models
def test_answers_that_are_given_up(own, combination):
    """Large responses are queued for closed windows, and then cancelled."""
    server = own(*FLAGS, TEST_PLUGINS / f"libendings_{combination.style}.so", model=combination.model, h2c=True)
    for _ in range(5):
        give_up(server)
    watch = Watch(server)
    for _ in range(20):
        give_up(server)
    watch.assert_returned("answers given up", target(new_tag(), 1000))


def give_up(server):
    with connect(server, windows=False, initial_window_size=100) as connection:
        connection.ping()
        for stream in [connection.request("GET", target(new_tag(), 100_000, end="abort")) for _ in range(THREADS)]:
            connection.cancel(stream)
        connection.ping()
