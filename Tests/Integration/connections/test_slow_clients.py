"""Clients that are slow, silent or absurd are bounded, and the others are served meanwhile."""

import contextlib
import os
import random
import time

import pytest

import processes
from client import Closed, request
from matrix import COMBINATIONS, each_transport
from timing import in_time, Late, punctual, scaled

pytestmark = each_transport

SETTINGS = (
    "timeouts.head=1s",
    "timeouts.body=1s",
    "timeouts.write=1s",
    "timeouts.keepalive=1s",
    "limits.min_rate=1000",
)


@pytest.fixture(params=COMBINATIONS, ids=str)
def patient(request, own):
    """A server with short deadlines; sync has workers to spare, since each slow client takes one."""
    combination = request.param
    flags = [word for setting in SETTINGS for word in ("--set", setting)]
    workers = 4 if combination.model == "sync" else 1
    server = own(*flags, "-w", workers, combination.demo, model=combination.model)
    server.workers(workers)
    return server


def others_are_served(server, seconds):
    """For so long, each new client gets its answer before a slow one's time is over, and nearly all within 0.3 s."""
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        start = time.monotonic()
        assert server.get("/health").body == b"OK"
        times.append(time.monotonic() - start)
        time.sleep(0.02)
    times.sort()
    in_time(times[-1], scaled(0.8))
    in_time(times[len(times) * 3 // 4], scaled(0.3))


def ended_within(connection, seconds):
    """The server ends the connection by then; what it said before."""
    with contextlib.suppress(Closed, OSError):
        return connection.end(timeout=max(0.1, seconds))
    return []


@punctual
def test_slow_heads(patient):
    connections = [patient.connect() for _ in range(2)]
    try:
        for connection in connections:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        others_are_served(patient, 0.6)
        for connection in connections:
            connection.send(b"more")
        for connection in connections:
            answers = ended_within(connection, 2)
            if connection.refused or connection.reset:
                raise Late("it was ended before it had said more")
            assert [answer.status for answer in answers] == [408]
            in_time(time.monotonic() - connection.opened, scaled(2.5))
    finally:
        for connection in connections:
            connection.close()


@punctual
def test_a_body_that_stalls(patient):
    with patient.connect() as connection:
        connection.send(request("POST", "/echo", "Content-Length: 100000") + b"x" * 10)
        others_are_served(patient, 0.6)
        answers = ended_within(connection, 3)
        assert not [answer for answer in answers if answer.status == 200 and answer.complete]
        in_time(time.monotonic() - connection.opened, scaled(3))


@punctual
def test_a_body_that_trickles(patient):
    """A byte now and then does not satisfy limits.min_rate."""
    with patient.connect() as connection:
        connection.send(request("POST", "/echo", "Content-Length: 100000") + b"x")
        start = time.monotonic()
        with contextlib.suppress(OSError, Closed):
            while time.monotonic() - start < 5 and not connection.ended:
                connection.send(b"y")
                with contextlib.suppress(Exception):
                    connection.assert_open(within=0.2)
        in_time(time.monotonic() - start, 4, "10 bytes in 2 s are less than 1000 a second")


@punctual
def test_a_reader_that_does_not_read(patient):
    """Its answers are larger than what the kernel and the server hold."""
    with patient.connect() as connection:
        connection.send(request("GET", "/large") * 8)
        others_are_served(patient, 1.5)
    assert patient.alive


@punctual
def test_silence(patient):
    with patient.connect() as connection:
        others_are_served(patient, 0.5)
        ended_within(connection, 2)
        in_time(time.monotonic() - connection.opened, scaled(2.5))


def test_garbage(patient):
    generator = random.Random(7)
    for _ in range(20):
        with patient.connect() as connection:
            with contextlib.suppress(OSError, Closed):
                connection.send(generator.randbytes(4000), "GET")
            answers = ended_within(connection, 2)
            assert all(answer.status in (400, 414, 431, 501, 505) for answer in answers)
    assert patient.get("/health").body == b"OK"


@punctual
def test_a_hundred_thousand_fields(patient):
    data = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 100_000 + b"\r\n"
    with patient.connect() as connection:
        start = time.monotonic()
        with contextlib.suppress(OSError, Closed):
            connection.send(data, "GET")
        answers = ended_within(connection, 3)
        assert not answers or [answer.status for answer in answers] == [431]
        in_time(time.monotonic() - start, scaled(3))
    assert patient.get("/health").body == b"OK"


def test_half_closed(patient):
    """The request is answered, and the connection ends."""
    with patient.connect() as connection:
        connection.send(request("GET", "/delay?s=0.2"))
        connection.finish_sending()
        assert [answer.status for answer in ended_within(connection, 2)] == [200]
        assert connection.ended
    assert patient.get("/health").body == b"OK"


def test_clients_that_reset_leave_nothing_behind(patient):
    """Within a head, within a body, within an answer: each connection ends in the worker too."""
    (worker, *_) = patient.workers(len(processes.children(patient.master())))
    before = len(os.listdir(f"/proc/{worker}/fd"))
    beginnings = [
        b"GET / HTTP/1.1\r\nHost:",
        request("POST", "/echo", "Content-Length: 1000") + b"x" * 10,
        request("POST", "/echo", "Transfer-Encoding: chunked") + b"1000\r\nabc",
        request("POST", "/echo", "Content-Length: 300000") + b"x" * 200_000,
        request("GET", "/large"),
        request("GET", "/stream"),
        request("GET", "/delay?s=0.3"),
    ]
    for data in beginnings * 3:
        with patient.connect() as connection:
            with contextlib.suppress(OSError, Closed):
                connection.send(data, "GET")
            time.sleep(0.01)
            connection.abort()
    processes.wait_for(
        lambda: len(os.listdir(f"/proc/{worker}/fd")) <= before,
        lambda: f"{before} descriptors again: {os.listdir(f'/proc/{worker}/fd')}",
        timeout=15,
    )
    assert patient.get("/health").body == b"OK"
