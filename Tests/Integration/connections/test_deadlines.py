"""Deadlines while a plugin has a request: what the plugin is told, what the client gets, and that the server goes on.

A deadline may pass before the plugin has had its turn, and a client may be late: such a try is repeated (timing.punctual).
"""

import time
from contextlib import ExitStack, suppress

import pytest

import http2
from client import Closed, request
from matrix import H2C, blocking, event, http2_blocking, keeping_alive, only
from reports import E_CANCELLED, E_CLOSED, E_INVALID, E_THREAD, LogReport, read
from timing import in_time, Late, punctual, scaled

LIMIT = 0.4
EARLY = 0.02  # a clock may be read a little before the deadline is set
LATE = 2  # after a deadline: the wheel's tick, and a busy machine
KEEPALIVE = 1.0


def flags(*settings):
    return [word for setting in settings for word in ("--set", setting)]


# Without a spool handlers wait for their clients.
REQUEST = flags("timeouts.request=400ms", "limits.spool=0")
PROGRESS = flags(
    "timeouts.body=400ms", "timeouts.write=400ms", "timeouts.keepalive=1s", "limits.min_rate=1000", "limits.spool=0"
)
queued = only(lambda combination: str(combination) == "async-blocking")
direct = only(lambda combination: combination.style == "blocking" and combination.model != "async")


@pytest.fixture
def limited(shared, combination):
    """A server with a deadline for whole requests, which must answer as before after the test."""
    settings = REQUEST + flags("timeouts.keepalive=300ms")
    yield from going_on(shared(combination.misbehaving, combination.model, *settings))


@pytest.fixture
def limited_h2(shared, combination):
    """Likewise, with HTTP/2."""
    yield from going_on(shared(combination.misbehaving, combination.model, H2C, *REQUEST))


@pytest.fixture
def impatient(shared, combination):
    """A server whose clients have to make progress, which must answer as before after the test."""
    yield from going_on(shared(combination.misbehaving, combination.model, *PROGRESS))


@pytest.fixture
def impatient_h2(shared, combination):
    """Likewise, with HTTP/2."""
    yield from going_on(shared(combination.misbehaving, combination.model, H2C, *PROGRESS))


def going_on(server):
    yield server
    assert server.get("/").body == b"ok"


def ended(connection, timeout=3):
    """What the client has got at the end of the connection, however that came; the end must come."""
    with suppress(Closed):
        connection.end(timeout)
    return connection.finals


def assert_refused(connection, status):
    """One whole answer of the server's own, at the deadline, and nothing after it."""
    (answer,) = ended(connection)
    assert answer.status == status and answer.complete, connection.state()
    assert_at_deadline(answer.begun - connection.opened)


def assert_at_deadline(seconds, limit=LIMIT):
    assert seconds >= limit - EARLY
    in_time(seconds, limit + scaled(LATE))


def assert_told(log, **expected):
    """The plugin has reported this."""
    try:
        found = log.wait(*expected)
    except AssertionError as silence:
        raise Late(f"the plugin had no turn: {silence}") from None
    if found != expected:
        raise Late(f"{found}, not {expected}")


def assert_not_refused(answer):
    """It is the plugin's."""
    if answer.status in (408, 504):
        raise Late(f"a deadline has passed: {answer}")


# The whole request


@punctual
def test_a_handler_that_asks(limited, combination):
    """cancelled() tells of the deadline, a DISCONNECT likewise; what is answered then is not sent."""
    log = LogReport(limited)
    with limited.connect() as connection:
        connection.send(request("GET", "/unwanted"))
        assert_refused(connection, 504)
    assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)
    if combination.style == "blocking":
        assert_told(log, respond=E_CANCELLED)
        # It begins when the head has come, or later.
        in_time(LIMIT - 0.1, log.wait("waited")["waited"] / 1000, "of the deadline is left when it begins")
        in_time(log.wait("waited")["waited"] / 1000, LIMIT + scaled(LATE))


@queued
@punctual
def test_a_handler_that_oversleeps_on_a_thread(limited):
    """The client has its 504 at the deadline, not when the handler wakes up."""
    log, duration = LogReport(limited), scaled(1.2)
    with limited.connect() as connection:
        connection.send(request("GET", f"/oversleep?{int(1000 * duration)}", "Connection: close"))
        assert_refused(connection, 504)
        sleeps_on = "respond=" not in log.text
        assert_told(log, respond=E_CANCELLED, reason=E_CANCELLED)
        if not sleeps_on:
            raise Late("the handler was awake before the client had its answer")


@direct
@punctual
def test_a_handler_that_oversleeps(limited):
    """The client has its 504 when the handler returns, not the late answer."""
    log = LogReport(limited)
    with limited.connect() as connection:
        connection.send(request("GET", "/oversleep?800"))
        (answer,) = ended(connection)
        assert answer.status == 504 and answer.complete, connection.state()
        assert answer.begun - connection.opened >= 0.8 - EARLY
    assert_told(log, respond=E_CANCELLED, cancelled=E_CANCELLED)
    in_time(answer.begun - connection.opened, scaled(1.2))


@event
@punctual
def test_a_plugin_that_oversleeps(limited):
    log = LogReport(limited)
    with limited.connect() as connection:
        connection.send(request("GET", "/oversleep?800"))
        assert_refused(connection, 504)
    assert_told(log, reason=E_CANCELLED)


@punctual
def test_a_handler_in_time(limited):
    """A deadline that has not passed changes nothing."""
    with limited.connect() as connection:
        connection.send(request("GET", "/oversleep?100", "Connection: close"))
        (answer,) = ended(connection)
    assert_not_refused(answer)
    assert answer.status == 200 and answer.body == b"late\n"


@keeping_alive
@punctual
def test_each_request_has_its_own_deadline(limited):
    """The time of a connection's earlier requests does not count."""
    with limited.connect() as connection:
        for _ in range(3):
            connection.send(request("GET", "/oversleep?200"))
            answer = connection.final()
            assert_not_refused(answer)
            assert answer.status == 200


@keeping_alive
@punctual
def test_a_stream_that_oversleeps(limited_h2):
    """The stream has its 504 at the deadline, whatever the handler does; the connection serves on."""
    log, duration = LogReport(limited_h2), scaled(1.2)
    with http2.connect(limited_h2) as connection:
        began = time.monotonic()
        late = connection.request("GET", f"/oversleep?{int(1000 * duration)}")
        answer = connection.answer(late, timeout=3)
        assert answer.status == 504 and answer.ended and b"late" not in answer.body
        assert connection.get("/").body == b"ok" and connection.goaway is None
        assert_told(log, reason=E_CANCELLED)
        connection.ping()
        assert [frame.stream for frame in connection.frames if frame.kind == http2.HEADERS].count(late) == 1
        assert_at_deadline(answer.head.at - began)


@http2_blocking
@punctual
def test_what_a_late_stream_is_told(limited_h2):
    log = LogReport(limited_h2)
    with http2.connect(limited_h2) as connection:
        assert connection.get("/unwanted").status == 504
    assert_told(log, respond=E_CANCELLED, reason=E_CANCELLED)


@keeping_alive
@punctual
def test_a_stream_that_is_cut(limited_h2):
    """An answer that had begun does not end as if it were whole."""
    with http2.connect(limited_h2) as connection:
        answer = connection.answer(connection.request("GET", "/part"), timeout=3)
        assert_not_refused(answer)
        assert answer.status == 200 and answer.body == b"part\n"
        assert not answer.ended and answer.reset not in (None, http2.NO_ERROR)
        assert connection.get("/").body == b"ok"


@pytest.mark.parametrize("path", ["/part", "/part-of-length"])
@punctual
def test_an_answer_that_is_cut(limited, combination, path):
    """The handler takes its answer for whole; the client sees that it is not."""
    log = LogReport(limited)
    with limited.connect() as connection:
        connection.send(request("GET", path))
        assert_not_refused(connection.head(timeout=2))
        assert connection.head().status == 200
        connection.read_until(lambda: connection.messages[0].body, "begin of the body")
        (answer,) = ended(connection)
        seconds = time.monotonic() - connection.opened
    assert answer.body == b"part\n" and not answer.complete, connection.state()
    assert not connection.received.endswith(b"0\r\n\r\n")
    assert_told(log, reason=E_CANCELLED)
    if combination.style == "blocking":
        assert_told(log, write=E_CANCELLED)
    assert_at_deadline(seconds)


def assert_late_body_is_refused(server, combination, sent, status):
    """Of a body only so much comes. What is gathered whole before its handler is called, no plugin hears of."""
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("POST", "/body", "Content-Length: 200000") + b"x" * sent)
        assert_refused(connection, status)
    if sent > 65536 or str(combination) != "gthread-blocking":
        assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)


@pytest.mark.parametrize("sent", [10, 100_000])
@punctual
def test_a_request_whose_body_is_late(limited, combination, sent):
    """A read ends at the deadline; a body that is gathered before its handler is called has the same one."""
    assert_late_body_is_refused(limited, combination, sent, 504)


@punctual
def test_an_answer_that_is_read_slowly(limited):
    """However steadily the client reads: at the deadline it is over."""
    log = LogReport(limited)
    with limited.connect(receive_buffer=4096) as connection:
        connection.send(request("GET", "/endless"))
        while "reason=" not in log.text and time.monotonic() - connection.opened < scaled(2):
            count = len(connection.received)
            connection.read_until(lambda: len(connection.received) > count, "piece")
            time.sleep(0.005)
        seconds = time.monotonic() - connection.opened
        (answer,) = ended(connection)
        assert not answer.complete, connection.state()
    assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)
    assert_at_deadline(seconds)


# The client's progress


@pytest.mark.parametrize("sent", [10, 100_000])
@punctual
def test_a_body_that_stalls(impatient, combination, sent):
    """Nothing was answered: 408; and the plugin is told that the host has ended it."""
    assert_late_body_is_refused(impatient, combination, sent, 408)


@punctual
def test_a_body_that_trickles(impatient):
    """Less than limits.min_rate is as good as nothing."""
    log = LogReport(impatient)
    with impatient.connect() as connection:
        connection.send(request("POST", "/body", "Content-Length: 200000") + b"x" * 100_000)
        impatient_since = time.monotonic()
        while not connection.finals and not connection.ended and time.monotonic() - impatient_since < scaled(2):
            connection.send(b"y", method=[])
            with suppress(AssertionError):
                connection.assert_open(within=0.05)
        (answer,) = ended(connection)
        assert answer.status == 408, connection.state()
    assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)
    in_time(answer.begun - impatient_since, 2 * LIMIT + scaled(LATE))


@punctual
def test_a_body_that_is_slow_enough(impatient):
    """It takes longer than timeouts.body and never stalls."""
    with impatient.connect() as connection:
        connection.send(request("POST", "/body", "Content-Length: 104000", "Connection: close") + b"x" * 100_000)
        for _ in range(8):
            time.sleep(0.1)
            connection.send(b"y" * 500, method=[])
        answer = connection.final()
        assert_not_refused(answer)
        assert answer.body == b"read\n"


@queued
@punctual
def test_a_rate_within_less_than_a_second(impatient):
    """Twice limits.min_rate is enough, however short the time over which it is averaged."""
    with impatient.connect() as connection:
        connection.send(request("POST", "/body", "Content-Length: 101600", "Connection: close") + b"x" * 100_000)
        for _ in range(8):
            time.sleep(0.1)
            connection.send(b"y" * 200, method=[])
        answer = connection.final()
        assert_not_refused(answer)
        assert answer.body == b"read\n"


@keeping_alive
@punctual
def test_a_stream_whose_body_stalls(impatient_h2):
    log = LogReport(impatient_h2)
    with http2.connect(impatient_h2) as connection:
        began = time.monotonic()
        answer = connection.answer(connection.request("POST", "/body", body=b"x" * 10, end=False), timeout=3)
        assert answer.status == 408
        assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)
        assert connection.get("/").body == b"ok"
        assert_at_deadline(answer.head.at - began)


@keeping_alive
@punctual
def test_a_stream_that_is_not_read(impatient_h2):
    """The client opens no window: the stream is cut after timeouts.write, and the connection serves on."""
    log = LogReport(impatient_h2)
    with http2.connect(impatient_h2, windows=False, initial_window_size=20_000) as connection:
        answer = connection.answer(connection.request("GET", "/endless"), timeout=3)
        assert not answer.ended and answer.reset not in (None, http2.NO_ERROR)
        assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)
        assert connection.get("/").body == b"ok"


@punctual
def test_a_client_that_does_not_read(impatient):
    """The answer is cut after timeouts.write, by the host."""
    log = LogReport(impatient)
    with impatient.connect(receive_buffer=4096) as connection:
        connection.send(request("GET", "/endless"))
        connection.head()
        assert_told(log, reason=E_CANCELLED, cancelled=E_CANCELLED)
        seconds = time.monotonic() - connection.opened
        (answer,) = ended(connection)
        assert not answer.complete, connection.state()
    assert seconds >= LIMIT - EARLY
    in_time(seconds, 2 * LIMIT + scaled(LATE))


# Clients that leave


@punctual
def test_a_client_that_leaves_while_it_waits(impatient):
    log = LogReport(impatient)
    with impatient.connect() as connection:
        connection.send(request("GET", "/unwanted"))
        connection.assert_open(within=0.1)
        connection.abort()
    left = time.monotonic()
    assert_told(log, reason=E_CLOSED, cancelled=E_CLOSED)
    in_time(time.monotonic() - left, scaled(LATE))


@punctual
def test_a_client_that_leaves_within_an_answer(impatient):
    log = LogReport(impatient)
    with impatient.connect(receive_buffer=4096) as connection:
        connection.send(request("GET", "/endless"))
        connection.head()
        connection.abort()
    assert_told(log, reason=E_CLOSED, cancelled=E_CLOSED)


@punctual
def test_a_client_that_leaves_within_its_body(impatient, combination):
    """A read may tell that the body is cut short, a DISCONNECT that the client has left."""
    log = LogReport(impatient)
    with impatient.connect() as connection:
        connection.send(request("POST", "/body", "Content-Length: 200000") + b"x" * 100_000)
        connection.assert_open(within=0.1)
        connection.abort()
    told = {E_CLOSED} if combination.style == "event" else {E_CLOSED, E_INVALID}
    try:
        reason = log.wait("reason")["reason"]
    except AssertionError as silence:
        raise Late(f"the plugin had no turn: {silence}") from None
    if reason not in told:
        raise Late(f"{reason}, not one of {told}")


# Between requests


@keeping_alive
@punctual
def test_keepalive(impatient):
    """An idle connection is closed soon after its time, which begins with the end of the latest answer."""
    with impatient.connect() as used, impatient.connect() as twice, impatient.connect() as once:
        idle = {used: ask(used)}
        for _ in range(2):
            time.sleep(0.2)
            idle[used] = ask(used)
        ask(twice)
        idle |= {connection: ask(connection) for connection in (once, twice)}
        for connection, (asked, answered) in idle.items():
            connection.assert_closed(timeout=3)
            closed = time.monotonic()
            assert closed - asked >= KEEPALIVE - EARLY
            in_time(closed - answered, scaled(1.5 * KEEPALIVE))


def ask(connection):
    """A request that is answered at once; when it was sent, and when it was answered."""
    asked = time.monotonic()
    connection.send(request("GET", "/"))
    try:
        assert connection.final().status == 200
    except Closed as fault:
        raise Late(f"it was closed: {fault}") from None
    return asked, time.monotonic()


# After it


@blocking
@punctual
def test_threads_are_free_again(limited, combination):
    """More requests than there are threads are past their deadline, and then the next is served as ever."""
    with ExitStack() as stack:
        late = [stack.enter_context(limited.connect()) for _ in range(2 if combination.model == "sync" else 5)]
        for connection in late:
            connection.send(request("GET", "/oversleep?500"))
        for connection in late:
            assert [answer.status for answer in ended(connection)] == [504], connection.state()
            connection.close()
    start = time.monotonic()
    with limited.connect() as connection:
        connection.send(request("GET", "/outside?read", "Connection: close"))
        answer = connection.final()
        assert_not_refused(answer)
        assert read(answer.body) == {"outside": E_THREAD}
    in_time(time.monotonic() - start, scaled(LATE))


@punctual
def test_a_refused_client_that_stays_holds_nobody_up(limited):
    """Its request was read to the end: under sync nothing of it is waited for while the next client comes."""
    with limited.connect() as late, limited.connect() as next_one:
        late.send(request("GET", "/oversleep?500"))
        assert late.final().status == 504
        start = time.monotonic()
        next_one.send(request("GET", "/"))
        answer = next_one.final()
        assert_not_refused(answer)
        assert answer.body == b"ok"
        in_time(time.monotonic() - start, scaled(LATE))
