"""Partly written lines of the access log, as on a full disk: later writes begin a new line.

The disk is RLIMIT_FSIZE of one worker, which the test sets and lifts.
"""

import os
import re
import resource
import signal

import pytest

import processes
from client import request
from metrics import Metrics
from processes import wait_for
from server import RELEASE, free_port

CUT = 8
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "access.log"


@pytest.fixture
def logging(own, tmp_path, log):
    def start(workers=1):
        port, metrics = free_port(), free_port()
        file = tmp_path / "outrider.toml"
        file.write_text(
            f'[server]\nworkers = {workers}\n[log]\naccess = "{log}"\naccess_format = "%(p)s %(U)s end"\n'
            f'[metrics]\nbind = "127.0.0.1:{metrics}"\n[[listener]]\nbind = "127.0.0.1:{port}"\n'
            f'[[plugin]]\npath = "{RELEASE / "libdemo_event.so"}"\n'
        )
        server = own("-c", file, bind=False, port=port)
        server.metrics = Metrics(metrics)
        return server

    return start


def ask(connection, *paths):
    """Requests at once, and their answers: their lines are gathered together."""
    connection.send(b"".join(request("GET", path) for path in paths))
    for _ in paths:
        connection.final()


def wait_for_text(log, text):
    wait_for(lambda: log.exists() and text in log.read_text(), lambda: f"{text} in {log.read_text()!r}")


def cut_next(pid, log):
    """The next line of that worker is cut."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size + CUT, resource.RLIM_INFINITY))
    return log.stat().st_size + CUT


def begin(server, connection, log, *paths):
    """A line that is there, and requests of which the first has its line cut; the worker."""
    (pid,) = server.workers()
    ask(connection, "/first")
    wait_for_text(log, "/first end\n")
    size = cut_next(pid, log)
    ask(connection, *paths)
    wait_for(lambda: log.stat().st_size == size, "a part of the line")
    return pid


def lost(server):
    return server.metrics.value("outrider_access_lines_lost_total")


def test_what_follows_a_cut_line(logging, log):
    server = logging()
    with server.connect() as connection:
        pid = begin(server, connection, log, "/cut", "/waits")
        ask(connection, "/waits-too")
        wait_for(lambda: lost(server) == 1, "the lost line")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)
        wait_for_text(log, "/waits-too end\n")
        ask(connection, "/last")
        wait_for_text(log, "/last end\n")
    assert log.read_text().splitlines() == [
        f"<{pid}> /first end", f"<{pid}> /cut end"[:CUT], f"<{pid}> /waits end", f"<{pid}> /waits-too end",
        f"<{pid}> /last end",
    ]  # fmt: skip
    assert lost(server) == 1


@pytest.mark.parametrize("file", ["another", "the same"])
def test_a_cut_line_is_not_continued_in_a_new_file(logging, log, tmp_path, file):
    server = logging()
    with server.connect() as connection:
        pid = begin(server, connection, log, "/cut", "/waits")
    before = [f"<{pid}> /first end", f"<{pid}> /cut end"[:CUT]]
    if file == "another":
        log.rename(tmp_path / "old")
    server.tell(signal.SIGUSR1)
    wait_for(lambda: "reopened" in server.log, lambda: server.log)
    # The worker has it a moment later; until then it would go on with the old file.
    wait_for(lambda: str(log) in [path for path, _ in processes.descriptors(pid).values()], server.state)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)
    wait_for_text(log, "/waits end\n")
    if file == "another":
        assert (tmp_path / "old").read_text().splitlines() == before
        before = []
    assert log.read_text().splitlines() == [*before, f"<{pid}> /waits end"]


def test_lines_that_a_worker_takes_with_it_are_counted(logging, log):
    server = logging()
    with server.connect() as connection:
        pid = begin(server, connection, log, "/cut", "/lost", "/lost")
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: server.workers() != [pid], "the next worker")
    wait_for(lambda: lost(server) == 3, lambda: f"{lost(server)} lost lines")


def test_another_workers_line_is_not_appended_to_a_cut_one(logging, log):
    """One that has not met the full disk, and had nothing to say meanwhile."""
    server = logging(workers=2)
    connections = {}
    for count in range(1, 101):
        connection = server.connect()
        ask(connection, "/first")
        wait_for(lambda: log.exists() and log.read_text().count("\n") == count, "its line")
        pid = int(re.match(r"<(\d+)>", log.read_text().splitlines()[-1])[1])
        if connections.setdefault(pid, connection) is not connection:
            connection.close()
        if len(connections) == 2:
            break
    one, other = connections
    before = log.read_text().splitlines()
    size = cut_next(one, log)
    ask(connections[one], "/cut")
    wait_for(lambda: log.stat().st_size == size, "a part of the line")
    ask(connections[other], "/other")
    wait_for_text(log, "/other end\n")
    resource.prlimit(one, resource.RLIMIT_FSIZE, UNLIMITED)
    ask(connections[one], "/last")
    wait_for_text(log, "/last end\n")
    assert log.read_text().splitlines() == [
        *before, f"<{one}> /cut end"[:CUT], f"<{other}> /other end", f"<{one}> /last end"
    ]  # fmt: skip
    for connection in connections.values():
        connection.close()
