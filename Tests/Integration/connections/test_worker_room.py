"""The room of a worker: connections, requests that wait for a thread, and slow clients."""

import os
import random
import signal
import time
from contextlib import ExitStack

import pytest

from client import chunked, request
from matrix import Combination, keeping_alive, only
from metrics import Metrics
from observed import entry
from processes import wait_for
from server import free_port
from service import memory
from timing import growth, scaled, scaled_timeout, seen

OPEN = "outrider_connections_open"
PAUSES = "outrider_accept_pauses_total"
IN_FLIGHT = "outrider_requests_in_flight"
FOR_LONG = ("--set", "timeouts.keepalive=60s")
ONE_THREAD = ("--threads", 1, "--set", "server.queue=2", *FOR_LONG)
pooled = only(lambda combination: combination.style == "blocking" and combination.model != "sync")
gathering = only(lambda combination: str(combination) == "gthread-blocking")


@pytest.fixture
def metered(own):
    """metered(plugin, *flags, model=...): a server whose first connection is over, and its metrics."""

    def start(plugin, *flags, **options):
        port = free_port()
        server = own("--set", f'metrics.bind="127.0.0.1:{port}"', *flags, plugin, **options)
        metrics = Metrics(port)
        metrics.wait(1, "outrider_connections_total")
        metrics.wait(0, OPEN)
        return server, metrics

    return start


@pytest.fixture
def stack():
    """Closes at the test's end what was entered into it."""
    with ExitStack() as stack:
        yield stack


def ask(stack, server, target="/health"):
    """A connection that has sent a request."""
    connection = stack.enter_context(server.connect())
    connection.send(request("GET", target))
    return connection


def begin(stack, server):
    """A connection that has sent half a head."""
    connection = stack.enter_context(server.connect())
    connection.send(b"GET /health HTTP/1.1\r\n", method=[])
    return connection


def occupy(stack, server):
    """A connection whose handler, once it runs, says 100 and waits for the body."""
    connection = stack.enter_context(server.connect())
    connection.send(request("POST", "/echo", "Expect: 100-continue", "Content-Length: 1"))
    return connection


def is_at_work(connection):
    return connection.informational().status == 100


def let_go(connection):
    """Send the body that the handler waits for; that of the answer."""
    connection.send(b"x", method=[])
    return connection.final().body


# Connections


@keeping_alive
def test_worker_connections(metered, stack, combination):
    """A client that connects when there is no room waits in the backlog until there is."""
    server, metrics = metered(
        combination.demo, "--set", "server.worker_connections=3", *FOR_LONG, model=combination.model
    )
    first, second, third = (begin(stack, server) for _ in range(3))
    metrics.wait(3, OPEN)
    fourth, fifth = (ask(stack, server) for _ in range(2))
    for waiting in (fourth, fifth):
        waiting.assert_open()
    wait_for(lambda: metrics.value(PAUSES) > 0, server.state)
    assert metrics.value(OPEN) == 3
    second.close()
    assert fourth.final().body == b"OK"
    assert fifth.final().body == b"OK", "the fourth is idle"
    metrics.wait(3, OPEN)
    for connection in (first, third):
        connection.send(b"Host: a\r\n\r\n", method=["GET"])
        assert connection.final().body == b"OK", "a request that has begun is served"


# Requests that wait for a thread


@pooled
def test_busy_threads_do_not_pause_accepting(metered, stack, combination):
    server, metrics = metered(combination.demo, *ONE_THREAD, model=combination.model)
    running = occupy(stack, server)
    assert is_at_work(running)
    waiting = ask(stack, server)
    for _ in range(10):
        stack.enter_context(server.connect())
    metrics.wait(12, OPEN)
    assert metrics.value(PAUSES) == 0
    waiting.assert_open()
    assert let_go(running) == b"x" and waiting.final().body == b"OK"


@pooled
def test_a_full_queue_pauses_accepting(metered, stack, combination):
    server, metrics = metered(combination.demo, *ONE_THREAD, model=combination.model)
    running = occupy(stack, server)
    assert is_at_work(running)
    next_one, last = occupy(stack, server), occupy(stack, server)
    metrics.wait(1, PAUSES)
    late = ask(stack, server)
    late.assert_open(within=0.2)
    assert metrics.value(OPEN) == 3, "the late one is not accepted"
    assert let_go(running) == b"x"
    metrics.wait(4, OPEN)
    assert is_at_work(next_one)
    late.assert_open()
    assert let_go(next_one) == let_go(last) == b"x"
    assert late.final().body == b"OK"


@pooled
def test_accepting_goes_on_as_soon_as_there_is_room(metered, stack, combination):
    """Even if nothing else wakes the loop: threads give back answers that need no more work without a word."""
    server, metrics = metered(combination.demo, *ONE_THREAD, model=combination.model)
    running = ask(stack, server, "/delay?s=3")
    metrics.wait(1, IN_FLIGHT)
    waiting = [ask(stack, server) for _ in range(2)]
    metrics.wait(1, PAUSES)
    late = [ask(stack, server) for _ in range(6)]
    assert running.final().status == 200
    start = time.monotonic()
    assert [connection.final().body for connection in waiting + late] == [b"OK"] * 8
    assert time.monotonic() - start < scaled(5)  # the heartbeat would wake the loop after 7.5 s


@pooled
def test_accepting_goes_on_when_threads_have_taken_what_waited(metered, stack, combination):
    """Two that come in one turn of the loop are more than may wait, until idle threads have taken them."""
    server, metrics = metered(
        combination.demo, "--threads", 3, "--set", "server.queue=1", *FOR_LONG, model=combination.model
    )
    slow = [stack.enter_context(server.connect()) for _ in range(2)]
    metrics.wait(2, OPEN)
    (worker,) = server.workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        for connection in slow:
            connection.send(request("GET", "/delay?s=5"))
    finally:
        os.kill(worker, signal.SIGCONT)
    metrics.wait(2, IN_FLIGHT)
    assert server.fetch(request("GET", "/health"), timeout=scaled(1.2)).body == b"OK"
    assert metrics.value(IN_FLIGHT) == 2, "the slow ones are still at work"
    assert [connection.final().status for connection in slow] == [200, 200]


@pooled
@pytest.mark.parametrize("threads", [1, 2])
def test_a_busy_worker_leaves_newcomers_to_an_idle_one(own, stack, combination, threads):
    """If one worker has no free thread, no client waits for it while another worker has one."""
    server = own("-w", 2, "--threads", threads, combination.demo, model=combination.model)
    slow = []
    for _ in range(2 * threads - 1):
        slow.append(ask(stack, server, "/delay?s=3"))
        time.sleep(0.05)  # so that the workers take turns
    for _ in range(12):
        assert server.fetch(request("GET", "/health"), timeout=scaled(1.2)).body == b"OK"
    assert [connection.final().status for connection in slow] == [200] * len(slow)


def test_a_dead_worker_has_no_room(own, stack, tmp_path):
    """Its fellow, whose one thread is busy, leaves no newcomers to it: for 50 ms, each second."""
    port = free_port()
    demo, bad = Combination("async", "event").demo, Combination("async", "event").misbehaving
    file = tmp_path / "outrider.toml"
    file.write_text(
        '[server]\nworkers = 2\nthreads = 1\nrestart_backoff = "30s"\n'
        f'[[listener]]\nbind = "127.0.0.1:{port}"\n'
        + entry(demo) + entry(Combination("async", "blocking").demo, "/blocking") + entry(bad, "/bad")
    )
    server = own("-c", file, port=port, bind=False)
    with server.connect() as connection:
        connection.send(request("GET", "/bad/crash"))
        connection.end()
    server.workers(1)
    busy = stack.enter_context(server.connect())
    busy.send(request("POST", "/blocking/echo", "Expect: 100-continue", "Content-Length: 1"))
    assert is_at_work(busy)

    def waited():
        time.sleep(1.1)  # in which the fellow forgets that it was left in the lurch
        start = time.monotonic()
        assert server.get("/health").body == b"OK"
        return time.monotonic() - start

    seen(waited, lambda seconds: seconds < scaled(0.04))
    assert let_go(busy) == b"x"


@pooled
def test_when_all_workers_are_busy_nobody_is_left_waiting_outside(metered, stack, combination):
    """They are still accepted, and those whose requests need no thread are served."""
    server, metrics = metered(combination.demo, "-w", 2, "--threads", 1, *FOR_LONG, model=combination.model)
    slow = [ask(stack, server, "/delay?s=5") for _ in range(4)]
    metrics.wait(4, IN_FLIGHT)
    newcomers = [ask(stack, server) for _ in range(6)]
    metrics.wait(10, OPEN)
    assert [connection.final().status for connection in slow + newcomers] == [200] * 10


@pooled
def test_queue_time(metered, stack, combination):
    """Two requests of 200 ms for one thread: the first does not wait, the second waits for the first."""
    server, metrics = metered(combination.demo, *ONE_THREAD, model=combination.model)
    def waited():
        """How long both have waited, and how long all took."""
        before = [metrics.value(f"outrider_queue_seconds_{what}") for what in ("count", "sum")]
        began = time.monotonic()
        requests = [ask(stack, server, "/delay?s=0.2") for _ in range(2)]
        assert [connection.final().status for connection in requests] == [200, 200]
        took = time.monotonic() - began
        assert metrics.value("outrider_queue_seconds_count") - before[0] == 2
        return metrics.value("outrider_queue_seconds_sum") - before[1], took

    # The second has its own 200 ms behind that.
    seen(waited, lambda found: 0.15 <= found[0] < found[1] - 0.1)


# Clients that are slow


def others_are_served_at_once(stack, server, requests, answers):
    """While clients have sent half of their requests; with the rest of them they are served too."""
    slow = [(stack.enter_context(server.connect()), data[: len(data) // 2]) for data in requests]
    for connection, half in slow:
        connection.send(half, method=half.split()[0].decode())
    for connection, _ in slow:
        connection.assert_open(within=0.01)
    start = time.monotonic()
    assert server.get("/health").body == b"OK"
    assert time.monotonic() - start < scaled_timeout(1)  # less than their time
    for (connection, half), data, answer in zip(slow, requests, answers, strict=True):
        connection.send(data[len(half) :], method=[])
        assert connection.final().body == answer


@pooled
def test_half_a_head_holds_no_thread(own, stack, combination):
    server = own(*ONE_THREAD, combination.demo, model=combination.model)
    others_are_served_at_once(stack, server, [request("GET", "/health")] * 10, [b"OK"] * 10)


@gathering
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_half_a_body_holds_no_thread(own, stack, combination, coding):
    """As long as the whole of it is no more than what is gathered first."""
    server = own(*ONE_THREAD, combination.demo, model=combination.model)
    body = random.Random(6).randbytes(60_000)
    post = request("POST", "/echo", body=body)
    if coding == "chunked":
        post = request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(body[:20_000], body[20_000:])
    requests, answers = [post] * 5 + [request("GET", "/health")] * 5, [body] * 5 + [b"OK"] * 5
    others_are_served_at_once(stack, server, requests, answers)


def swallow(connection):
    """Take the rest of a chunked answer, which must have its end."""
    connection.socket.settimeout(scaled_timeout(5))
    tail = b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        piece = connection.socket.recv(1 << 18)
        assert piece, "the answer is cut off"
        tail = tail[-7:] + piece


@keeping_alive
def test_readers_that_do_not_read(metered, stack, combination):
    """Without a spool each blocks its own handler, and of its 8 MiB no more is held than fits the bounded buffers."""
    server, metrics = metered(
        combination.misbehaving, "--threads", 4, "--set", "limits.spool=0", model=combination.model
    )
    (worker,) = server.workers()
    assert server.get("/").body == b"ok"
    before = memory(worker)
    slow = [stack.enter_context(server.connect(receive_buffer=1 << 16)) for _ in range(3)]
    for connection in slow:
        connection.send(request("GET", "/backpressure"))
        assert connection.head().status == 200
    for _ in range(20):
        start = time.monotonic()
        assert server.get("/").body == b"ok"
        assert time.monotonic() - start < scaled_timeout(0.5)
        time.sleep(0.01)
    assert metrics.value(IN_FLIGHT) == 3
    assert memory(worker) - before < growth(8 << 10)
    for connection in slow:
        swallow(connection)
    metrics.wait(0, IN_FLIGHT)
    assert server.workers() == [worker]
