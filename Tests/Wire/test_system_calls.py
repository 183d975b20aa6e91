"""How many system calls a request costs, as strace counts them in the worker."""

import re
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack, contextmanager

from client import request
from matrix import only
from pace import of_the_shipped_server

AT_ONCE = 64
TURNS = 10

on_the_loop = only(lambda combination: combination.model == "async" and combination.style == "event")


@contextmanager
def traced(pid, path):
    """Counts the system calls of the process, by name, until the end; the count is there afterwards."""
    calls = Counter()
    tracer = subprocess.Popen(["strace", "-f", "-o", path, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in tracer.stderr.readline()
        yield calls
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)
    calls.update(re.findall(r"^\d+ +(\w+)\(", path.read_text(), re.MULTILINE))


def ask_all(connections):
    for connection in connections:
        connection.send(request("GET", "/health"))
    for connection in connections:
        assert connection.final().status == 200


@of_the_shipped_server
@on_the_loop
def test_keep_alive_requests(own, combination, tmp_path):
    """One to receive, one to send, and a share of one to wait. An access log would add to that, and is off."""
    server = own(combination.demo, model=combination.model)
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(AT_ONCE)]
        ask_all(connections)
        with traced(server.workers()[0], tmp_path / "trace") as calls:
            for _ in range(TURNS):
                ask_all(connections)
    requests = AT_ONCE * TURNS
    assert calls["recvfrom"] == calls["sendto"] == requests, calls
    assert calls.total() < 2.5 * requests, calls
