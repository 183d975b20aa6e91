"""Clients that vanish without closing their connection: the kernel probes them, on listeners of every kind."""

import ctypes
import os
import re
import socket
import subprocess
from contextlib import contextmanager

import pytest

from client import request
from matrix import COMBINATIONS
from metrics import Metrics
from server import RELEASE, free_port

each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
one = pytest.mark.parametrize("combination", [c for c in COMBINATIONS if str(c) == "async-event"], ids=str)


PIDFD_GETFD = 438


def copied(process, descriptor):
    """Another process's descriptor, as one of this process's."""
    library = ctypes.CDLL(None, use_errno=True)
    number = library.syscall(PIDFD_GETFD, process, descriptor, 0)
    if number < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return number


def timers(server):
    """What the kernel waits for on the server's side of its connections, with the seconds that are left."""
    text = subprocess.run(
        ["ss", "-tnoH", "state", "established", f"sport = :{server.port}"], capture_output=True, text=True, check=True
    ).stdout
    found = []
    for line in text.splitlines():
        timer = re.search(r"timer:\((\w+),([0-9.]+)(ms|sec|min)?", line)
        unit = {"ms": 0.001, "sec": 1, "min": 60}[timer[3]] if timer and timer[3] else 1
        found.append((timer[1], float(timer[2].rstrip(".")) * unit) if timer else None)
    return found


def metered(own, *arguments, **options):
    """A server of one worker, with its metrics."""
    metrics = Metrics(free_port())
    server = own("-w", 1, "--set", f"metrics.bind=127.0.0.1:{metrics.address[1]}", *arguments, **options)
    server.metrics = metrics
    return server


def waiting(server):
    """A connection whose exchange is silent."""
    connection = server.connect()
    connection.send(request("GET", "/delay?s=5"))
    server.metrics.wait(1, "outrider_requests_in_flight")
    return connection


def assert_probed(server, after):
    """The kernel looks for the client of a silent exchange after so many seconds."""
    with waiting(server):
        (timer,) = timers(server)
        assert timer is not None and timer[0] == "keepalive" and after - 10 < timer[1] <= after, timer


@contextmanager
def taken(server, client):
    """The worker's own end of a connection."""
    (worker,) = server.workers()
    process = os.pidfd_open(worker)
    try:
        for name in os.listdir(f"/proc/{worker}/fd"):
            if not os.readlink(f"/proc/{worker}/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=copied(process, int(name))) as end:
                if end.family == socket.AF_INET and peer(end) == client.socket.getsockname():
                    yield end
                    return
        raise AssertionError(f"worker {worker} has no such connection")
    finally:
        os.close(process)


def peer(end):
    try:
        return end.getpeername()
    except OSError:
        return None


@pytest.mark.parametrize("seconds, least, most", [(None, 60, 120), (20, 20, 120), (0, 0, 0)])
def test_what_a_vanished_client_does_not_acknowledge_is_given_up(own, model, seconds, least, most):
    """Probes are not sent as long as something is unacknowledged: TCP_USER_TIMEOUT bounds that."""
    flags = [] if seconds is None else ["--set", f"server.tcp_keepalive={seconds}s"]
    server = metered(own, *flags, RELEASE / "libdemo_blocking.so", model=model)
    with waiting(server) as client, taken(server, client) as end:
        timeout = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert least * 1000 <= timeout <= most * 1000, timeout


@each
def test_clients_are_probed(own, combination):
    assert_probed(metered(own, combination.demo, model=combination.model), after=60)


@one
def test_as_often_as_is_configured(own, combination):
    flags = ("--set", "server.tcp_keepalive=20s")
    assert_probed(metered(own, *flags, combination.demo, model=combination.model), after=20)


@one
def test_never_if_that_is_wanted(own, combination):
    server = metered(own, "--set", "server.tcp_keepalive=0", combination.demo, model=combination.model)
    with waiting(server):
        assert timers(server) == [None]
