"""Answers over HTTP/2 that come before the request has ended: the server waits a moment for its end, and resets without an
error what takes longer or is more. That is a quarter of a second, and a second in all: who stands still meanwhile is too late."""

import itertools
import struct
from contextlib import suppress

import pytest

import reports
from http2 import CANCEL, DATA, END_STREAM, NO_ERROR, RST_STREAM, WINDOW_UPDATE, Connection, connect, frame
from matrix import http2, http2_blocking
from observed import Observed, entry
from timing import again_if_late


class Counting(Connection):
    """How far the server lets its streams send."""

    def __init__(self, *arguments, **options):
        self.room = {}
        super().__init__(*arguments, **options)

    def _take(self, got):
        super()._take(got)
        if got.kind == WINDOW_UPDATE and got.stream:
            self.room[got.stream] = self.room.get(got.stream, 65535) + struct.unpack(">I", got.payload)[0]

    def upload(self, stream, size):
        """Send that much, as the windows allow, and the end; how much went out before a reset."""
        answer, sent = self.answers[stream], 0
        while sent < size and answer.reset is None:
            room = self.room.get(stream, 65535)
            if room == 0:
                self.read_until(lambda: self.room.get(stream, 0) or answer.reset is not None, "window or reset")
                continue
            piece = min(room, size - sent, 16384)
            self.room[stream] = room - piece
            sent += piece
            self.send(frame(DATA, END_STREAM if sent == size else 0, stream, bytes(piece)))
        return sent


def answered(connection, *fields, method="POST", path="/"):
    """A stream whose answer is out, and whose request has not ended."""
    stream = connection.request(method, path, *fields, end=False)
    answer = connection.answer(stream)
    assert answer.status == 200 and answer.ended
    return stream, answer


@http2
def test_an_end_that_comes_apart(h2_demo):
    """As Apache's proxy sends each GET: HEADERS, then an empty DATA frame with the end."""
    with connect(h2_demo) as connection:

        def act(method):
            stream, answer = answered(connection, method=method)
            connection.send(frame(DATA, END_STREAM, stream))
            connection.ping()
            assert answer.reset is None

        for method in ("GET", "HEAD", "POST"):
            for _ in range(20):
                again_if_late(lambda method=method: act(method))
        assert connection.get("/").status == 200


@http2
def test_an_end_in_trailers(h2_demo):
    with connect(h2_demo) as connection:

        def act():
            stream, answer = answered(connection)
            connection.headers([("x-sum", "1")], stream)
            connection.ping()
            assert answer.reset is None

        again_if_late(act)
        assert connection.get("/").status == 200


@http2
def test_a_body_that_nobody_reads(h2_demo):
    """Beyond the first window: the server opens it for what it reads away."""
    with connect(h2_demo, Counting) as connection:

        def act(size, fields):
            stream, answer = answered(connection, *fields)
            assert connection.upload(stream, size) == size
            connection.ping()
            assert answer.reset is None

        for size, fields in [(100_000, [("content-length", "100000")]), (100_000, []), (1000, [])]:
            again_if_late(lambda size=size, fields=fields: act(size, fields))
        assert connection.get("/").status == 200


@http2
def test_a_body_that_is_on_its_way_before_the_answer(h2_demo):
    with connect(h2_demo, Counting) as connection:

        def act():
            stream = connection.request("POST", "/", ("content-length", "100000"), end=False)
            assert connection.upload(stream, 100_000) == 100_000
            answer = connection.answer(stream)
            connection.ping()
            assert answer.ended and answer.reset is None

        for _ in range(5):
            again_if_late(act)


@http2
def test_the_wait_has_an_end(h2_demo):
    with connect(h2_demo) as connection:

        def act():
            stream, answer = answered(connection, ("content-length", "2"))
            connection.ping()
            assert answer.reset is None, "it waits"
            connection.read_until(lambda: answer.reset is not None, "reset")
            assert answer.reset == NO_ERROR

        again_if_late(act)
        assert connection.get("/").status == 200


@http2
def test_a_body_that_goes_on_for_ever(h2_demo):
    """Neither a trickle nor a flood is waited for."""
    with connect(h2_demo, Counting) as connection:
        stream, answer = answered(connection)
        # The first window, limits.drain, and a window that is open when that is used up.
        assert connection.upload(stream, 1 << 20) <= 3 * 65536
        assert answer.reset == NO_ERROR

        def trickle():
            stream, answer = answered(connection)
            count = 0
            while answer.reset is None:
                connection.send(frame(DATA, 0, stream, b"x"))
                count += 1
                with suppress(AssertionError):
                    connection.read_until(lambda: answer.reset is not None, "reset", timeout=0.02)  # at the most five times that
                assert count < 100, "some ten seconds"
            assert answer.reset == NO_ERROR and count > 3, "it is no pause that ends it"

        again_if_late(trickle)


@http2
def test_a_body_that_is_known_to_be_too_large(h2_demo):
    with connect(h2_demo) as connection:
        stream, answer = answered(connection, ("content-length", str(1 << 28)))
        connection.ping()
        assert answer.reset == NO_ERROR, "at once"


@http2
def test_a_body_that_waits_for_leave(h2_demo):
    """Nobody has asked for it, so that it does not come."""
    with connect(h2_demo) as connection:
        stream, answer = answered(connection, ("content-length", "5"), ("expect", "100-continue"))
        connection.ping()
        assert answer.reset == NO_ERROR and not answer.informational


@http2
def test_the_access_log_does_not_wait(own, tmp_path, combination):
    seen = Observed(own, tmp_path, combination.model, entry(combination.demo))
    tries = itertools.count(1)
    with connect(seen.server) as connection:

        def act():
            stream, answer = answered(connection)
            line = seen.lines(next(tries))[-1]
            assert answer.reset is None or line["duration_seconds"] < 0.25, line

        again_if_late(act)


# Handlers that are at work behind a complete answer


@http2_blocking
def test_a_body_that_is_read_behind_the_answer(h2_misbehaving):
    """All of it reaches the handler: more than its pipe holds, and more than a window and limits.drain."""
    with connect(h2_misbehaving, Counting) as connection:
        for size in (1000, 300_000):
            log = reports.LogReport(h2_misbehaving)
            stream, answer = answered(connection, path="/answer-first")
            assert connection.upload(stream, size) == size
            assert log.wait("read", "total") == {"read": reports.OK, "total": size}
            connection.ping()
            assert answer.reset is None
        assert connection.get("/").status == 200


@http2_blocking
def test_a_reader_behind_the_answer_is_told_of_a_reset(h2_misbehaving):
    """At once: timeouts.body does not matter."""
    with connect(h2_misbehaving) as connection:
        log = reports.LogReport(h2_misbehaving)
        stream, answer = answered(connection, path="/answer-first")
        connection.send(frame(DATA, 0, stream, bytes(1000)))
        connection.cancel(stream)
        assert log.wait("read")["read"] < 0
        connection.ping()
        assert answer.reset is None and connection.get("/").status == 200
        assert "answered all the same" not in log.text, "the client has what it wanted"


@http2_blocking
def test_what_a_handler_leaves_is_read_away(h2_misbehaving):
    """Once it has returned: the end comes within the wait that follows, or does not."""
    with connect(h2_misbehaving, Counting) as connection:

        def act():
            stream, ended = answered(connection, path="/tarry")
            connection.send(frame(DATA, END_STREAM, stream, bytes(1000)))
            stream, answer = answered(connection, path="/tarry")
            connection.send(frame(DATA, 0, stream, bytes(1000)))
            connection.read_until(lambda: answer.reset is not None, "reset")
            assert answer.reset == NO_ERROR and ended.reset is None

        again_if_late(act)


@http2_blocking
@pytest.mark.parametrize(
    "last",
    [
        lambda stream: frame(DATA, END_STREAM, stream),
        lambda stream: frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)),
    ],
    ids=["end", "reset"],
)
def test_no_reset_of_what_is_over(own, combination, last):
    """The server has answered for a handler that is at work yet, and the client has ended its side."""
    server = own("--set", "timeouts.request=500ms", combination.misbehaving, model=combination.model, h2c=True)
    with connect(server) as connection:

        def act():
            over, waited = [connection.request("POST", "/oversleep?3000", end=False) for _ in range(2)]
            assert connection.answer(over).status == 504 and connection.answer(over).reset is None
            connection.send(last(over))
            answer = connection.answer(waited)
            connection.read_until(lambda: answer.reset is not None, "reset")
            assert answer.reset == NO_ERROR, "its wait has ended, and so has that of the other"
            connection.ping()
            assert connection.answers[over].reset is None, connection.state()

        again_if_late(act)
