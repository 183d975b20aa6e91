"""The end of an HTTP/2 connection by a reload or a stop: no request is lost to it."""

import time

import pytest

from http2 import ACK, DATA, END_STREAM, GOAWAY, NO_ERROR, PING, REFUSED_STREAM, connect, frame
from matrix import http2
from observed import Observed, entry
from processes import wait_for
from timing import again_if_late

NO_STREAM = 0x7FFFFFFF


def ping_of(connection):
    return next((i for i, f in enumerate(connection.frames) if f.kind == PING and not f.flags & ACK), None)


def first_goaway(connection):
    return next((i for i, f in enumerate(connection.frames) if f.kind == GOAWAY), None)


def end_of(connection, stream):
    return next(
        (i for i, f in enumerate(connection.frames) if (f.kind, f.stream) == (DATA, stream) and f.flags & END_STREAM), None
    )


@http2
@pytest.mark.parametrize("number", [1, 15], ids=["HUP", "TERM"])
def test_no_ping_with_a_response_that_may_be_the_last(own, combination, number):
    """Apache httpd uses a connection again of which it has read GOAWAY, PING and the end of its only response at once, and
    answers the next request with 502: PING comes when the client has had time to act on GOAWAY."""

    def act():
        server = own(combination.demo, model=combination.model, h2c=True)
        with connect(server) as connection, connect(server) as idle:
            assert connection.get("/").status == idle.get("/").status == 200
            at_work = connection.request("POST", "/echo", body=b"1", end=False)
            connection.ping()
            server.tell(number)
            for one in (connection, idle):
                one.read_until(lambda: first_goaway(one) is not None, "GOAWAY")
            connection.body(at_work, b"")
            # Begun by a client that has yet to read it.
            crossing = idle.request("GET", "/")
            for one, stream in ((connection, at_work), (idle, crossing)):
                one.read_until(lambda: ping_of(one) is not None and end_of(one, stream) is not None, "response and PING")
                assert first_goaway(one) < end_of(one, stream) < ping_of(one), one.state()
                one.end(10)
                assert one.goaways == [(NO_STREAM, NO_ERROR), (stream, NO_ERROR)]

    again_if_late(act)


@http2
@pytest.mark.parametrize("number", [1, 15], ids=["HUP", "TERM"])
def test_what_was_begun_before_it_was_heard(own, combination, number):
    """GOAWAY, then the PING that tells when it was heard; and a moment after that for what another thread was at."""

    def act():
        server = own(combination.demo, model=combination.model, h2c=True)
        with connect(server) as connection:
            assert connection.get("/").status == 200
            connection.acknowledges = False
            begun = connection.request("GET", "/delay?s=1.5")
            connection.ping()
            server.tell(number)
            connection.read_until(lambda: ping_of(connection) is not None, "PING")
            assert first_goaway(connection) < ping_of(connection), connection.state()
            assert connection.goaways == [(NO_STREAM, NO_ERROR)]
            crossing = connection.request("GET", "/")
            assert connection.answer(crossing).status == 200
            connection.send(frame(PING, ACK, 0, connection.frames[ping_of(connection)].payload))
            connection.ping()
            late = connection.request("GET", "/")
            assert connection.answer(late).status == 200, connection.state()
            assert connection.answer(begun).status == 200
            connection.end(10)
            assert connection.goaways == [(NO_STREAM, NO_ERROR), (late, NO_ERROR)]

    again_if_late(act)


@http2
def test_content_that_comes_after_the_last_goaway(own, combination):
    """A POST that a client begins right after it has heard, as one of its other threads may, is served with all its content."""

    def act():
        server = own(combination.demo, model=combination.model, h2c=True)
        with connect(server) as connection:
            assert connection.get("/").status == 200
            connection.acknowledges = False
            server.tell(1)
            connection.read_until(lambda: ping_of(connection) is not None, "PING")
            crossing = connection.request("POST", "/echo", body=b"1" * 1000, end=False)
            connection.send(frame(PING, ACK, 0, connection.frames[ping_of(connection)].payload))
            connection.ping()
            late = connection.request("POST", "/echo", body=b"2" * 1000, end=False)
            connection.read_until(lambda: len(connection.goaways) == 2, "the last GOAWAY")
            assert connection.goaways == [(NO_STREAM, NO_ERROR), (late, NO_ERROR)]
            for stream, content in ((late, b"2"), (crossing, b"1")):
                connection.body(stream, content * 2000)
                answer = connection.answer(stream)
                assert (answer.status, bytes(answer.body)) == (200, content * 3000), connection.state()
            connection.end(10)
            assert all(answer.reset is None for answer in connection.answers.values())

    again_if_late(act)


@http2
def test_who_never_hears_it(own, combination):
    server = own(combination.demo, model=combination.model, h2c=True)
    with connect(server) as connection:
        assert connection.get("/").status == 200
        connection.acknowledges = False
        server.tell(15)
        connection.end(10)
        assert connection.goaways == [(NO_STREAM, NO_ERROR), (1, NO_ERROR)]
    server.ended_well()


@http2
def test_an_acknowledgement_of_nothing(own, combination):
    """A PING of its own, or an answer to none, is no sign that a client has heard."""

    def act():
        server = own(combination.demo, model=combination.model, h2c=True)
        with connect(server) as connection:
            connection.acknowledges = False
            connection.send(b"\0\0\x08\x06\x01\0\0\0\0" + bytes(8))
            assert connection.get("/").status == 200
            server.tell(15)
            connection.read_until(lambda: ping_of(connection) is not None, "PING")
            assert connection.get("/").status == 200
            connection.end(10)
            assert len(connection.goaways) == 2

    again_if_late(act)


@http2
def test_streams_beyond_the_last_that_cross_it(own, tmp_path, combination):
    """The client takes nothing, so that the last GOAWAY waits: what it begins meanwhile is not processed, as that says."""
    seen = Observed(own, tmp_path, combination.model, entry(combination.demo))
    with connect(seen.server, receive_buffer=4096, windows=False, initial_window_size=(1 << 31) - 1) as connection:
        connection.open_window(1 << 30, 0)
        connection.ping()
        connection.reads = False
        with connection.together():  # read in one turn, whatever room there is for answers
            begun = [connection.request("GET", "/large") for _ in range(20)]
        wait_for(lambda: seen.metrics.value("outrider_requests_in_flight") > len(begun) // 2, "requests at work")
        seen.server.tell(1)
        wait_for(lambda: seen.server.log.count(" serving ") == 2, lambda: seen.server.state(), 20)
        # The client says nothing of the first GOAWAY, and sees nothing: the second is queued two seconds later.
        time.sleep(6)
        late = [connection.request("GET", f"/late?{i}") for i in range(200)]
        time.sleep(0.5)
        connection.reads = True
        connection.end(30)
        assert connection.goaways == [(NO_STREAM, NO_ERROR), (begun[-1], NO_ERROR)], connection.state()
        assert all(connection.answers[stream].ended for stream in begun)
        for stream in late:
            answer = connection.answers[stream]
            assert answer.status is None and answer.reset in (None, REFUSED_STREAM)
    assert not any("/late" in str(line) for line in seen.lines(len(begun)))
