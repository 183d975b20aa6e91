"""The host uses memory of a plugin no longer than agreed; release() may call the same functions as other hooks."""

import socket

import pytest

import http2
from client import request
from http1 import ProtocolError
from matrix import H2C, MODELS, each_transport
from reports import E_STATE, OK, LogReport, read
from server import TEST_PLUGINS
from timing import fewer

LENDING = TEST_PLUGINS / "liblending.so"
HTTP2_MODELS = [model for model in MODELS if model != "sync"]
SMALL_BUFFER = 4096
# More than the socket takes of who reads nothing.
UNTAKEN = 4 << 20

http2_models = pytest.mark.parametrize("model", HTTP2_MODELS)


@pytest.fixture
def lending(shared, model):
    return shared(LENDING, model, *([] if model == "sync" else [H2C]))


@pytest.fixture
def strict(shared, model):
    """Misuse ends its worker."""
    return shared(LENDING, model, H2C, "--set", "debug.abi_checks=true")


# open() that sends, and then refuses


def cut_off(server, target, **options):
    """All bytes that come of an answer, which must not be whole."""
    with server.connect(**options) as connection:
        connection.send(request("GET", target))
        try:
            connection.end()
        except ProtocolError:
            pass  # not even whole chunks
        assert not [answer for answer in connection.finals if answer.complete], connection.state()
        assert connection.ended
        return bytes(connection.received)


def assert_others_see_no_lease(server, count):
    """So many were lent, each has come back, before open() was called again."""
    leases = read(server.get("/leases").body)
    assert leases["lent"] == leases["returned"] >= count and leases["outstanding"] == 0


@each_transport
def test_a_file_of_a_request_that_open_refuses(lending):
    """Its descriptor is another file's by the time that the host could look."""
    for _ in range(3):
        log = LogReport(lending)
        received = cut_off(lending, "/refuse?file")
        assert log.wait("file", "is-same-number") == {"file": OK, "is-same-number": 1}
        assert b"SECRET" not in received
    assert lending.get("/").body == b"ok"


@each_transport
@pytest.mark.parametrize("size", [1, 1000, 100_000, UNTAKEN])
def test_memory_of_a_request_that_open_refuses(lending, size):
    with lending.connect(receive_buffer=SMALL_BUFFER) as unread:
        unread.send(request("GET", f"/refuse?lent={size}"))
        for _ in range(3):
            cut_off(lending, f"/refuse?lent={size}")
            assert_others_see_no_lease(lending, 2)
        unread.end()
        assert not [answer for answer in unread.finals if answer.complete], unread.state()


@each_transport
@http2_models
def test_a_file_of_a_stream_that_open_refuses(lending):
    with http2.connect(lending) as connection:
        whole = connection.request("GET", "/")
        for _ in range(3):
            log = LogReport(lending)
            answer = connection.answer(connection.request("GET", "/refuse?file"))
            assert log.wait("file", "is-same-number") == {"file": OK, "is-same-number": 1}
            assert answer.reset == http2.INTERNAL_ERROR and not answer.ended
            assert b"SECRET" not in answer.body
        assert connection.answer(whole).body == b"ok"
        assert connection.get("/").body == b"ok"


@each_transport
@http2_models
@pytest.mark.parametrize("size", [1, 1000, 100_000, UNTAKEN])
def test_memory_of_a_stream_that_open_refuses(lending, size):
    """Its client has opened no window, or all: what was lent is the plugin's before the next stream."""
    for window in (0, 1 << 24):
        with http2.connect(lending, windows=False, initial_window_size=window) as connection:
            streams = [connection.request("GET", f"/refuse?lent={size}") for _ in range(3)]
            for stream in streams:
                answer = connection.answer(stream)
                assert answer.reset == http2.INTERNAL_ERROR and not answer.ended
        assert_others_see_no_lease(lending, 3)


@each_transport
@pytest.mark.parametrize("model", ["async", "gthread"])
def test_what_comes_before_a_request_that_open_refuses(lending):
    """An answer that was complete is not cut off with it."""
    with lending.connect(receive_buffer=SMALL_BUFFER) as connection:
        connection.send(request("GET", "/large-head?60000") * 3 + request("GET", "/refuse?file"))
        for _ in range(3):
            assert connection.final().body == b"ok"
        connection.end()
        assert b"SECRET" not in connection.received


# release() that calls the host

CALLS = {"head": 1, "cancelled": OK, "receive": OK, "post": OK, "released": 1}


@each_transport
@http2_models
@pytest.mark.parametrize("how", ["response", "response-empty", "response-204", "parts", "parts-empty", "parts-204"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_calls_from_inside_release(strict, method, how):
    """Nothing waits for itself, nothing that is allowed is misuse, and others are answered meanwhile."""
    log = LogReport(strict)
    with http2.connect(strict, timeout=3) as connection:
        streams = [connection.request(method, f"/inside?{how}")]
        streams += [connection.request("GET", "/") for _ in range(3)]
        answers = [connection.answer(stream) for stream in streams]
    assert all(answer.ended for answer in answers)
    assert [answer.body for answer in answers[1:]] == [b"ok"] * 3
    assert answers[0].status == (204 if how.endswith("204") else 200)
    assert log.wait(*CALLS) == CALLS
    log.wait("ran")


@http2_models
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_send_from_inside_release_of_a_whole_answer(lending, method):
    """It comes too late, as from anywhere else."""
    log = LogReport(lending)
    with http2.connect(lending, timeout=3) as connection:
        answer = connection.get("/inside?response-misuse", method=method)
        assert answer.ended and answer.body == (b"lent" if method == "GET" else b"")
    assert log.wait(*CALLS, "send") == CALLS | {"send": E_STATE}


# Parts without bytes


@each_transport
@pytest.mark.parametrize("what", ["body", "lent", "file", "behind", "behind-lent", "behind-file"])
def test_the_tag_of_a_part_without_bytes(lending, what):
    """It comes back as any other does: here, the end of the answer waits for it."""
    log = LogReport(lending)
    whole = b"the beginning, the end" if "behind" in what else b"the end"
    assert lending.get(f"/tagged?{what}").body == whole
    if "sync" not in lending.command:
        with http2.connect(lending, timeout=3) as connection:
            streams = [connection.request("GET", f"/tagged?{what}") for _ in range(3)]
            assert [connection.answer(stream).body for stream in streams] == [whole] * 3
    if "lent" in what:
        log.wait("released")


# What is whose


def test_a_fallback_that_is_no_utf8(lending):
    """Its length is its own: nothing that lies behind it is seen."""
    assert read(lending.get("/fallback").body) == {"latin": 4, "no-text": 8, "utf8": 5, "none": 0}


EXCHANGES, PIPELINED = fewer(200_000), 500


@pytest.mark.parametrize("model", ["async"])
def test_handles_of_exchanges_that_have_ended(own, model):
    """Threads that use one take nothing from the next exchange in its place, not for a moment."""
    server = own(LENDING, model=model)
    batch = (request("GET", "/bait") + request("GET", "/prey")) * (PIPELINED // 2)
    assert server.get("/hunt").body == b"ok"
    with socket.create_connection(server.address, 10) as connection:
        for _ in range(EXCHANGES // PIPELINED):
            connection.sendall(batch)
            received = bytearray()
            while received.count(b"\r\n\r\nok") < PIPELINED:
                part = connection.recv(1 << 20)
                assert part, server.state()
                received += part
    server.get("/hunted")  # the last of what they posted runs before the next
    hunted = read(server.get("/hunted").body)
    assert hunted["met"] == 0 and hunted["same-slot"] > 0
    assert hunted["posts"] == hunted["runs"] > 0
