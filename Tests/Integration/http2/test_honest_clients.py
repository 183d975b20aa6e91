"""Behaviour of honest clients over HTTP/2 that resembles a flood: browsers and proxies are still served."""

import struct

import pytest

from http2 import (
    DATA,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    PROTOCOL_ERROR,
    RST_STREAM,
    connect,
    frame,
    request_fields,
)
from matrix import http2
from server import RELEASE

DEMO = RELEASE / "libdemo_event.so"


def rest(connection):
    """By its answer all that was sent before has been read."""
    connection.ping()
    assert connection.goaway is None, connection.state()


# Windows


@http2
@pytest.mark.parametrize("streams, updates", [(100, 1), (100, 2), (51, 2)])
def test_each_stream_opens_its_window(h2_demo, streams, updates):
    """As browsers do: a WINDOW_UPDATE behind each HEADERS, and one for the connection."""
    with connect(h2_demo) as connection:
        connection.ping()
        with connection.together():
            connection.open_window(12517377, 0)
            opened = []
            for _ in range(streams):
                opened.append(connection.request("GET", "/delay?s=0.1"))
                for _ in range(updates):
                    connection.open_window(12517377, opened[-1])
        assert [connection.answer(stream).status for stream in opened] == [200] * streams
        assert connection.goaway is None


@http2
def test_windows_beyond_those_of_streams_are_a_flood(h2_demo):
    with connect(h2_demo) as connection:
        connection.ping()
        with connection.together():
            stream = connection.request("GET", "/delay?s=1")
            connection.send(frame(8, 0, stream, b"\0\0\0\1") * 2000)
        connection.end(5)
        assert connection.goaway == ENHANCE_YOUR_CALM


# Resets


@http2
def test_a_tab_is_closed_and_another_opened(h2_demo, combination):
    with connect(h2_demo) as connection:
        # Blocking handlers keep their streams until they have returned.
        for count in [100] * 5 if combination.style == "event" else [100, 5]:
            streams = [connection.request("GET", "/delay?s=5") for _ in range(count)]
            connection.cancel(*streams)
            rest(connection)
        assert connection.get("/").status == 200


def test_resets_beyond_the_burst_have_a_rate(own):
    flags = ("--set", "http2.max_concurrent_streams=2", "--set", "http2.max_resets_per_second=1")
    server = own(*flags, DEMO, model="async", h2c=True)
    with connect(server) as connection:
        connection.ping()
        for _ in range(10):
            connection.cancel(connection.request("GET", "/delay?s=5"), connection.request("GET", "/delay?s=5"))
            rest(connection)  # a stream that was reset has its place until the turn ends
        for _ in range(20):  # more than there are seconds in this test
            connection.cancel(connection.request("GET", "/delay?s=5"))
        connection.end(5)
        assert connection.goaway == ENHANCE_YOUR_CALM


@pytest.fixture
def strict(own):
    """No more than ten resets at once."""
    flags = ("--set", "http2.max_concurrent_streams=1", "--set", "http2.max_resets_per_second=1")
    return own(*flags, DEMO, model="async", h2c=True)


def test_resets_of_streams_that_were_answered_whole(strict):
    """As proxies in Go do with a stream whose request has not ended."""
    with connect(strict) as connection:
        connection.ping()
        for _ in range(60):
            stream = connection.request("POST", "/", end=False)
            answer = connection.answer(stream)
            assert answer.status == 200 and answer.ended
            connection.cancel(stream)
        rest(connection)


def test_resets_that_cross_the_servers(own):
    """The server has reset the stream itself, without an error, by the time the client's reset comes."""
    flags = ("--set", "http2.max_concurrent_streams=1", "--set", "http2.max_resets_per_second=1", "--set", "limits.drain=0")
    server = own(*flags, DEMO, model="async", h2c=True)
    with connect(server) as connection:
        connection.ping()
        for _ in range(60):
            stream = connection.request("POST", "/", ("content-length", "100000000"), end=False)
            answer = connection.answers[stream]
            connection.read_until(lambda answer=answer: answer.ended and answer.reset is not None, "answer and reset")
            connection.cancel(stream)
        rest(connection)
        assert connection.get("/").status == 200


def test_resets_of_streams_that_are_at_work_count(strict):
    with connect(strict) as connection:
        connection.ping()
        for _ in range(60):
            connection.cancel(connection.request("GET", "/delay?s=5"))
        connection.end(5)
        assert connection.goaway == ENHANCE_YOUR_CALM


# What was on its way when the server reset a stream (RFC 9113 section 5.1)


def reset_by_the_server(connection, count):
    """Streams that the server has reset within their requests."""
    bad = request_fields("POST", "/", ("connection", "close"))
    streams = []
    for _ in range(count):
        streams.append(connection.expect())
        connection.headers(bad, streams[-1], end=False)
        assert connection.answer(streams[-1]).reset == PROTOCOL_ERROR
    return streams


@http2
def test_trailers_that_cross_a_reset_long_ago(h2_demo):
    with connect(h2_demo) as connection:
        connection.ping()
        streams = reset_by_the_server(connection, 60)
        for stream in streams:
            connection.headers([("x-sum", "1")], stream)
        rest(connection)
        assert connection.get("/").status == 200


@http2
def test_bodies_that_cross_a_reset(h2_demo):
    """As much as the window lets a client send before it hears of the reset, in frames of usual size."""
    with connect(h2_demo) as connection:
        connection.ping()
        streams = reset_by_the_server(connection, 60)
        for stream in streams:
            connection.send(frame(DATA, 0, stream, b"x" * 1024) * 63 + frame(DATA, END_STREAM, stream))
        rest(connection)
        assert connection.get("/").status == 200


@http2
def test_small_messages_that_cross_a_reset(h2_demo):
    """A stream of messages has many more frames to the window."""
    with connect(h2_demo) as connection:
        connection.ping()
        (stream,) = reset_by_the_server(connection, 1)
        connection.send(frame(DATA, 0, stream, b"x" * 8) * (65535 // 8) + frame(DATA, END_STREAM, stream))
        rest(connection)
        assert connection.get("/").status == 200


@http2
@pytest.mark.parametrize(
    "late",
    [
        lambda stream: frame(DATA, 0, stream, b"x" * 64),
        lambda stream: frame(DATA, END_STREAM, stream),
        lambda stream: frame(HEADERS, 0x5, stream, b"\0\1x\1y"),
        lambda stream: frame(RST_STREAM, 0, stream, struct.pack(">I", 8)),
    ],
    ids=["data", "end", "trailers", "reset"],
)
def test_what_can_not_have_crossed_it_is_a_flood(h2_demo, late):
    """More than the window lets a client send, or more ends than a stream has."""
    with connect(h2_demo) as connection:
        connection.ping()
        (stream,) = reset_by_the_server(connection, 1)
        connection.send(late(stream) * 5000)
        connection.end(5)
        assert connection.goaway == ENHANCE_YOUR_CALM, connection.state()
