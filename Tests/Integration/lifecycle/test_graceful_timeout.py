"""At the end of server.graceful_timeout, clients without a response and handlers are told; logs and metrics show it."""

import re
import signal
from contextlib import suppress

import http2
from client import request
from matrix import blocking, event, http2 as over_http2, only
from observed import entry
from processes import wait_for
from server import TEST_PLUGINS

# A twentieth of it is what handlers have to return, and worker_stop has as much.
BRIEF = 'graceful_timeout = "4s"'
LONGER = 'graceful_timeout = "8s"'
HOOKS = {style: TEST_PLUGINS / f"libhooks_{style}.so" for style in ("blocking", "event")}
stuck_beside_others = only(lambda combination: combination.style == "blocking" and combination.model != "sync")


def start(observed, combination, *more, server=BRIEF):
    """The misbehaving plugin on /, for which a worker that leaves has little time."""
    return observed(combination.model, entry(combination.misbehaving, name="it"), *more, server=server)


def send(it, connection, path, method="GET", *fields):
    """A request whose handler is busy with it."""
    connection.send(request(method, path, "X-Request-ID: stays", *fields))
    it.wait_for_requests(1)


def assert_cancelled(it, status=503):
    """Both logs and the metrics tell of one request that was ended so."""
    (line,) = it.lines()
    assert (line["request_id"], line["status"], line["outcome"], line["plugin"]) == ("stays", status, "cancelled", "it")
    it.metrics.wait(1, "outrider_refusals_total", reason="graceful_timeout", status="503")
    it.wait_for_outcomes(cancelled=1)
    it.wait_for_count(1, plugin="it")
    assert it.requests() == 1
    (told,) = it.told("not answered when server.graceful_timeout was over")
    assert "plugin=it" in told and "request=stays" in told


def assert_nothing_was_killed(it):
    assert not re.search(r"SIGKILL|signal 9|killed", it.server.log), it.server.log


# Not answered


def test_who_waits_gets_a_503(observed, combination):
    """Of a generation that a reload has replaced: the counts are there to be read. The handler is told in time."""
    it = start(observed, combination)
    with it.server.connect() as connection:
        send(it, connection, "/unwanted")
        it.server.tell(signal.SIGHUP)
        answer = connection.final(timeout=4)
        assert (answer.status, answer.get("connection")) == (503, "close")
        connection.assert_closed()
    assert_cancelled(it)
    it.told("cancelled=-4", "request=stays")
    it.told("reason=-4", "request=stays")
    assert_nothing_was_killed(it)


@over_http2
def test_a_stream_that_waits_gets_a_503(observed, combination):
    it = start(observed, combination)
    with http2.connect(it.server) as connection:
        stream = connection.request("GET", "/unwanted", ("x-request-id", "stays"))
        it.wait_for_requests(1)
        it.server.tell(signal.SIGHUP)
        answer = connection.answer(stream, timeout=4)
        assert (answer.status, answer.ended, answer.get("connection")) == (503, True, None)
        connection.end(timeout=4)
    assert_cancelled(it)
    it.told("reason=-4", "request=stays")


@event
def test_the_end_of_the_server_is_told_the_same(observed, combination):
    it = start(observed, combination)
    with it.server.connect() as connection:
        send(it, connection, "/unwanted")
        it.server.tell(signal.SIGTERM)
        assert connection.final(timeout=4).status == 503
    it.server.ended_well()
    (line,) = it.lines()
    assert (line["status"], line["outcome"]) == (503, "cancelled")
    it.told("not answered when server.graceful_timeout was over", "plugin=it", "request=stays")
    assert_nothing_was_killed(it)


# Begun


def test_a_response_that_has_begun_is_cut_off(observed, combination):
    it = start(observed, combination)
    with it.server.connect() as connection:
        send(it, connection, "/part")
        connection.read_until(lambda: b"part\n" in connection.received, "a part")
        it.server.tell(signal.SIGHUP)
        with suppress(OSError):
            connection.end(timeout=4)
        assert [(m.status, m.complete) for m in connection.finals] == [(200, False)]
    assert_cancelled(it, status=200)
    it.told("answer cut off to", "request=stays")


@over_http2
def test_a_stream_that_has_begun_is_reset(observed, combination):
    it = start(observed, combination, server=LONGER)
    with http2.connect(it.server) as connection:
        stream = connection.request("GET", "/part", ("x-request-id", "stays"))
        connection.read_until(lambda: connection.answers[stream].body, "a part")
        it.server.tell(signal.SIGHUP)
        connection.read_until(lambda: connection.answers[stream].reset is not None, "its end", timeout=6)
        assert connection.answers[stream].status == 200 and not connection.answers[stream].ended
    assert_cancelled(it, status=200)
    it.told("answer cut off to", "request=stays")


# In a call


@only(lambda combination: combination.model != "gthread")  # its loop gathers the body before the handler
def test_who_reads_is_told(observed, combination):
    it = start(observed, combination)
    with it.server.connect() as connection:
        send(it, connection, "/body", "POST", "Content-Length: 5")
        it.server.tell(signal.SIGHUP)
        assert connection.final(timeout=4).status == 503
    assert_cancelled(it)
    it.told("reason=-4", "request=stays")


def test_who_writes_is_told(observed, combination):
    """The client takes nothing, and nothing of the response may wait in a file."""
    it = start(observed, combination, '[limits]\nspool = "0"\n')
    with it.server.connect(receive_buffer=4096) as connection:
        send(it, connection, "/endless")
        it.server.tell(signal.SIGHUP)
        assert_cancelled(it, status=200)
        it.told("answer cut off to", "request=stays")
        it.told("reason=-4", "request=stays")
    assert_nothing_was_killed(it)


@only(lambda combination: str(combination) == "sync-blocking")
def test_a_late_request_is_refused_at_once(observed, combination):
    """It is taken from the backlog when the handler before it has been told: it waits for nothing, nor is it left behind."""
    it = start(observed, combination, server='graceful_timeout = "8s"')
    with it.server.connect(receive_buffer=4096) as first, it.server.connect() as late:
        send(it, first, "/endless")
        late.send(request("POST", "/body", "Content-Length: 5"))
        it.server.tell(signal.SIGTERM)
        assert late.final(timeout=12).status == 503
    it.server.ended_well()
    assert [(line["status"], line["outcome"]) for line in it.lines(2)] == [(200, "cancelled"), (503, "cancelled")]


# Stuck


@blocking
def test_a_handler_that_does_not_come_back(observed, combination):
    """It hears of nothing: its client is answered without it, and the worker leaves it behind."""
    it = start(observed, combination)
    (worker,) = it.server.workers()
    with it.server.connect() as connection:
        send(it, connection, "/hang")
        it.server.tell(signal.SIGHUP)
        answer = connection.final(timeout=4)
        assert (answer.status, answer.get("connection")) == (503, "close")
        connection.end()
    assert_cancelled(it)
    it.told("plugin it: handle() has not returned, so that worker_stop is not called")
    wait_for(lambda: [worker] != it.server.workers(), it.server.state)
    assert_nothing_was_killed(it)


def assert_ended_with_a_loss(it):
    """The server's exit code says that a handler was left behind."""
    assert it.server.wait() == 70, it.server.state()
    it.server.assert_nothing_left()


@stuck_beside_others
def test_a_stream_whose_handler_does_not_come_back(observed, combination):
    it = start(observed, combination)
    with http2.connect(it.server) as connection:
        stream = connection.request("GET", "/hang", ("x-request-id", "stays"))
        it.wait_for_requests(1)
        it.server.tell(signal.SIGTERM)
        assert connection.answer(stream, timeout=4).status == 503
    assert_ended_with_a_loss(it)
    (line,) = it.lines()
    assert (line["status"], line["outcome"]) == (503, "cancelled")
    it.told("plugin it: handle() has not returned, so that worker_stop is not called")
    assert_nothing_was_killed(it)


# worker_stop


def assert_stopped(it):
    """worker_stop had time left as it began, and has come to its end."""
    (begun,), _ = it.told("worker_stop left="), it.told("worker_stop done")
    assert int(re.search(r"left=(-?\d+)", begun)[1]) > 0, begun
    assert_nothing_was_killed(it)


@event
def test_worker_stop_has_its_share_of_the_time(observed, combination):
    """After an exchange that was never answered, it takes half of a tenth of graceful_timeout."""
    it = observed(combination.model, entry(HOOKS["event"], name="hooks", stop_ms=100), server=LONGER)
    with it.server.connect() as connection:
        connection.send(request("GET", "/stay"))
        it.wait_for_requests(1)
        it.server.tell(signal.SIGTERM)
        assert connection.final(timeout=4).status == 503
    it.server.ended_well()
    assert_stopped(it)


@stuck_beside_others
def test_other_plugins_are_stopped_beside_a_stuck_one(observed, combination):
    hooks = entry(HOOKS["blocking"], "/hooks", "hooks", stop_ms=100)
    it = start(observed, combination, hooks, server=LONGER)
    with it.server.connect() as connection:
        send(it, connection, "/hang")
        it.server.tell(signal.SIGTERM)
        assert connection.final(timeout=4).status == 503
    assert_ended_with_a_loss(it)
    it.told("plugin it: handle() has not returned, so that worker_stop is not called")
    assert_stopped(it)
