"""Clients that vanish without a word: the kernel looks for them, on listeners of every kind."""

import re
import subprocess

import pytest

from client import request
from matrix import COMBINATIONS

each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
one = pytest.mark.parametrize("combination", [c for c in COMBINATIONS if str(c) == "async-event"], ids=str)


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


def waiting(server):
    """A connection whose exchange is silent."""
    connection = server.connect()
    connection.send(request("GET", "/delay?s=2"))
    connection.assert_open(within=0.3)
    return connection


@each
def test_clients_are_probed(own, combination):
    server = own("-w", 1, combination.demo, model=combination.model)
    with waiting(server):
        (timer,) = timers(server)
        assert timer is not None and timer[0] == "keepalive" and 50 < timer[1] <= 60, timer


@one
def test_as_often_as_is_configured(own, combination):
    server = own("-w", 1, "--set", "server.tcp_keepalive=20s", combination.demo, model=combination.model)
    with waiting(server):
        (timer,) = timers(server)
        assert timer is not None and timer[0] == "keepalive" and 10 < timer[1] <= 20, timer


@one
def test_never_if_that_is_wanted(own, combination):
    server = own("-w", 1, "--set", "server.tcp_keepalive=0", combination.demo, model=combination.model)
    with waiting(server):
        assert timers(server) == [None]
