"""A request whose response waits in a file has not ended: it ends with the last byte, or with an earlier failure."""

import signal
import time
from contextlib import contextmanager, suppress

import pytest

import http2
from client import request
from matrix import Combination
from observed import entry
from processes import kill
from server import TEST_PLUGINS
from timing import scaled_timeout

GENEROUS = TEST_PLUGINS / "libgenerous.so"
pooled = pytest.mark.parametrize(
    "combination", [Combination("gthread", "blocking"), Combination("async", "blocking")], ids=str
)
OTHER = "other"


@pytest.fixture
def spooling(observed, combination):
    """spooling(*tables, server=...): one thread, which only a response that waits in a file leaves free for others."""

    def start(*tables, server=""):
        plugins = entry(GENEROUS, name="it")
        return observed(combination.model, plugins, *tables, server=f"threads = 1\n{server}")

    return start


def assert_free(it):
    """The handler has returned, and the only thread serves another client."""
    assert it.server.get("/", f"X-Request-ID: {OTHER}").body == b"ok"


@contextmanager
def unread(it):
    """A client that takes nothing of its response, whose handler has returned."""
    with it.server.connect(receive_buffer=4096) as connection:
        connection.send(request("GET", "/whole", "X-Request-ID: spooled"))
        connection.head()
        assert_free(it)
        it.wait_for_requests(1)
        yield connection


@contextmanager
def unread_stream(it):
    with http2.connect(it.server, windows=False) as connection:
        stream = connection.request("GET", "/whole", ("x-request-id", "spooled"))
        connection.read_until(lambda: connection.answers[stream].body, "a part")
        assert_free(it)
        it.wait_for_requests(1)
        yield connection, stream


def assert_ended(it, outcome):
    """The access log and the metrics tell of the request, once, with how it ended."""
    lines = {line["request_id"]: line for line in it.lines(2)}
    assert (lines["spooled"]["status"], lines["spooled"]["outcome"]) == (200, outcome), lines
    it.wait_for_count(2, plugin="it")
    it.wait_for_outcomes(**({"complete": 2} if outcome == "complete" else {outcome: 1, "complete": 1}))
    it.wait_for_requests(0)


@pooled
def test_it_ends_with_its_last_byte(spooling):
    it = spooling()
    with unread(it) as connection:
        (line,) = it.lines()
        assert line["request_id"] == OTHER
        assert len(connection.final().body) == 8 << 20
    assert_ended(it, "complete")


@pooled
def test_pipelined_requests_are_served_behind_it(spooling):
    it = spooling()
    with unread(it) as connection:
        connection.send(request("GET", "/"))
        assert len(connection.final().body) == 8 << 20
        assert connection.final().body == b"ok"
    it.wait_for_outcomes(complete=3)


@pooled
@pytest.mark.parametrize("leave", ["close", "abort"])
def test_a_client_that_leaves(spooling, leave):
    it = spooling()
    with unread(it) as connection:
        getattr(connection, leave)()
    assert_ended(it, "client_gone")


@pooled
def test_a_client_of_http2_that_leaves(spooling):
    it = spooling()
    with unread_stream(it) as (connection, _):
        connection.close()
    assert_ended(it, "client_gone")


@pooled
def test_a_client_of_http2_that_leaves_its_socket_full(spooling):
    """No window holds the response back."""
    it = spooling()
    with http2.connect(it.server, windows=False, receive_buffer=4096) as connection:
        connection.send(http2.settings(initial_window_size=1 << 30))
        connection.send(http2.frame(http2.WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4, "big")))
        stream = connection.request("GET", "/whole", ("x-request-id", "spooled"))
        connection.read_until(lambda: connection.answers[stream].body, "a part")
        assert_free(it)
        it.wait_for_requests(1)
    assert_ended(it, "client_gone")


@pooled
def test_timeouts_write(spooling):
    it = spooling('[timeouts]\nwrite = "4s"\n')
    with unread(it):
        assert_ended(it, "timeout")


@pooled
def test_min_rate(spooling):
    """A client that takes something now and then, and too little."""
    it = spooling('[timeouts]\nwrite = "4s"\n[limits]\nmin_rate = 100000000\n')
    with unread(it) as connection:
        deadline = time.monotonic() + scaled_timeout(10)
        while it.metrics.value("outrider_requests_in_flight") and time.monotonic() < deadline:
            with suppress(BlockingIOError, ConnectionError):
                connection.socket.recv(2048)
            time.sleep(0.02)
        assert_ended(it, "timeout")


@pooled
def test_timeouts_request(spooling):
    """From the end of its head to the end of the response, wherever that waits."""
    it = spooling('[timeouts]\nrequest = "6s"\n')
    with unread(it):
        assert_ended(it, "timeout")
    (told,) = it.told("not answered within timeouts.request")
    assert "answer cut off to" in told and "request=spooled" in told


@pooled
def test_timeouts_request_over_http2(spooling):
    it = spooling('[timeouts]\nrequest = "6s"\n')
    with unread_stream(it) as (connection, stream):
        connection.read_until(lambda: connection.answers[stream].reset is not None, "its end")
    assert_ended(it, "timeout")
    (told,) = it.told("not answered within timeouts.request")
    assert "answer cut off to" in told and "request=spooled" in told


@pooled
def test_graceful_timeout(spooling):
    it = spooling(server='graceful_timeout = "10s"')
    with unread(it):
        it.server.tell(signal.SIGHUP)
        assert_ended(it, "cancelled")
    it.told("answer cut off to", "not answered when server.graceful_timeout was over", "bytes of it are not sent")


@pooled
def test_graceful_timeout_over_http2(spooling):
    it = spooling(server='graceful_timeout = "10s"')
    with unread_stream(it):
        it.server.tell(signal.SIGHUP)
        assert_ended(it, "cancelled")
    it.told("answer cut off to", "not answered when server.graceful_timeout was over", "request=spooled")


@pooled
def test_a_worker_that_dies(spooling):
    """It takes the response along, and says so."""
    it = spooling()
    (worker,) = it.server.workers()
    with unread(it):
        kill(worker)
        it.told("lost with it", "request=spooled")
    lines = {line["request_id"]: line for line in it.lines(2)}
    assert lines["spooled"]["outcome"] == "crashed"
