"""HTTP/2 streams that end while a plugin is busy with them, or before their head is complete: the others continue."""

import signal
import struct
import time

import pytest

from client import request
from lifecycle_edges import EDGES, assert_refused, assert_resumed_with_room, assert_whole
from http2 import (
    CANCEL,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PROTOCOL_ERROR,
    RST_STREAM,
    WINDOW_UPDATE,
    Answer,
    connect,
    frame,
    request_fields,
)
from matrix import H2C, STYLES
from processes import wait_for
from reports import E_CANCELLED, E_CLOSED, E_IO, LogReport
from service import DEMO

pytestmark = pytest.mark.parametrize("model", ["gthread", "async"])


def cancel(connection, stream):
    connection.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))


# Files


@pytest.mark.parametrize("how, status", [("reset", E_CLOSED), ("drop", E_CLOSED), ("short", E_IO)])
def test_a_thread_in_the_midst_of_a_file(own, model, how, status):
    """The stream is reset, the client is gone, or the file is shorter than said: the thread is free for the next."""
    server = own(
        "--threads", 2, EDGES["blocking"], model=model, h2c=True
    )
    for _ in range(4):
        with connect(server, timeout=4, windows=False) as connection:  # far less than timeouts.write
            stream = connection.request("GET", "/file-short" if how == "short" else "/file")
            answer = connection.answers[stream]
            connection.read_until(lambda: answer.head, "head")
            if how == "short":
                assert connection.answer(stream).reset is not None
            elif how == "reset":
                cancel(connection, stream)
                connection.ping()
    assert server.fetch(request("GET", "/"), timeout=4).body == b"ok"
    wait_for(lambda: server.log.count(f"sendfile={status} ") == 4, lambda: server.log, timeout=4)


def test_term_in_the_midst_of_a_file(own, model):
    """After graceful_timeout a client that does not read holds nothing up any more."""
    server = own("--set", "server.graceful_timeout=3s", EDGES["blocking"], model=model, h2c=True)
    with connect(server, windows=False) as connection:
        stream = connection.request("GET", "/file")
        connection.read_until(lambda: connection.answers[stream].head, "head")
        server.tell(signal.SIGTERM)
        server.ended_well()  # before timeouts.write
    assert "worker_stop ends" in server.log


# No room, and no reader


def test_room_is_told_when_there_is_some(own, model):
    """A BODY that had no room, while little is queued before it: RESUME waits until the windows open."""
    server = own(EDGES["event"], model=model, h2c=True)
    log = LogReport(server)
    with connect(server, windows=False) as connection:
        stream = connection.request("GET", "/retry")
        log.wait("stalled")
        time.sleep(1)
        for place in (0, stream):
            connection.send(frame(WINDOW_UPDATE, 0, place, struct.pack(">I", 1 << 20)))
        answer = connection.answer(stream)
    assert_whole(answer.body)
    assert_resumed_with_room(log)


# What is sent too late


def test_an_abort_while_another_stream_begins(own, model):
    """A thread aborts an exchange that the loop is ending: a request that is coming is not taken for it."""
    server = own(EDGES["event"], model=model, h2c=True)
    log = LogReport(server)
    with connect(server) as leaving, connect(server) as other:
        other.ping()
        stream = leaving.request("GET", "/abort-late")
        log.wait("begun")
        cancel(leaving, stream)
        log.wait("holding")
        block = other.encoder.encode(request_fields(path="/soon"))
        other.answers[1] = Answer()
        other.send(frame(HEADERS, END_STREAM, 1, block[:2]))
        log.wait("abort")
        time.sleep(0.1)
        other.send(frame(CONTINUATION, END_HEADERS, 1, block[2:]))
        answer = other.answer(1)
        assert (answer.status, answer.body) == (200, b"ok"), other.state()
        leaving.ping()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("how, reason", [("reset", E_CLOSED), ("deadline", E_CANCELLED)])
def test_what_comes_after_the_end(shared, model, style, how, reason):
    # Longer than any process stands still: else the request's time is over before its plugin has had its turn.
    server = shared(EDGES[style], model, *(("--set", "timeouts.request=3s") if how == "deadline" else ()), H2C)
    log = LogReport(server)
    with connect(server) as connection:
        stream = connection.request("GET", "/late")
        log.wait("begun")
        if how == "reset":
            cancel(connection, stream)
        assert_refused(log, style, reason)
        assert connection.get("/").status == 200


# Requests that are none


MALFORMED = {
    "upper case": b"\x00\x03X-A\x01b",
    "space in the name": b"\x00\x03x a\x01b",
    "CR in the value": b"\x00\x03x-a\x03a\rb",
    "NUL in the value": b"\x00\x03x-a\x03a\x00b",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_field_ends_its_stream_alone(shared, model, what):
    """Once that is done there is no head to wait for, and timeouts.head is nothing to the others."""
    server = shared(DEMO, model, "--set", "timeouts.head=2500ms", H2C)
    with connect(server) as connection:
        running = connection.request("GET", "/delay?s=4")
        malformed = connection.next_stream
        connection.next_stream += 2
        answer = connection.answers[malformed] = Answer()
        block = connection.encoder.encode(request_fields()) + MALFORMED[what]
        connection.send(frame(HEADERS, END_STREAM | END_HEADERS, malformed, block))
        connection.answer(malformed)
        assert answer.reset == PROTOCOL_ERROR or answer.status == 400, connection.state()
        time.sleep(3.2)
        assert connection.get("/").status == 200
        assert connection.answer(running).status == 200
