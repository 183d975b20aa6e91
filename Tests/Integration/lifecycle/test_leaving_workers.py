"""Workers that die while their generation ends: each death is reported with its lost requests, and the exit code
of a graceful end says that something was lost."""

import re
import signal
from contextlib import suppress

import pytest

import processes
from client import Closed, request
from control import Control
from matrix import COMBINATIONS, Combination
from processes import kill, wait_for
from server import TEST_PLUGINS
from service import Service
from slow_requests import begin_slow

FAILED = 70
BRIEF = ("--set", "server.graceful_timeout=1s")
asynchronous = Combination("async", "event")


def told(server, pattern):
    """A line of the log, once it is there."""
    line = re.compile(pattern)
    return wait_for(lambda: line.search(server.log), lambda: f"{pattern}; {server.state()}")


def begin(connection, path, name):
    """All of a request's head but its end: the worker waits for that."""
    connection.send(request("GET", path, f"X-Request-ID: {name}")[:-2])
    connection.assert_open(within=0.2)


def wait_until_it_leaves(server, master):
    """Its master has been told: a worker that dies now is not replaced. It has closed the listeners then."""

    def listeners():
        with open("/proc/net/tcp") as table:
            return {f"socket:[{line.split()[9]}]" for line in table if line.split()[3] == "0A"}

    wait_for(lambda: not listeners() & {target for target, _ in processes.descriptors(master).values()}, server.state)


def finish(connection):
    connection.send(b"\r\n")
    with suppress(Closed, OSError):
        connection.end(timeout=5)


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_crash_after_term(own, combination):
    server = own(combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    master = server.master()
    with server.connect() as connection:
        begin(connection, "/crash", "late-1")
        server.tell(signal.SIGTERM)
        told(server, "stopping: requests in flight")
        wait_until_it_leaves(server, master)
        finish(connection)
    assert server.wait() == FAILED, server.log
    server.assert_nothing_left()
    assert re.search(
        rf"worker 0 \(pid {victim}\) was killed by SIGSEGV while serving GET /crash plugin=misbehaving_\w+ "
        r"request=late-1 for \d+ ms$",
        server.log,
        re.M,
    ), server.log
    assert re.search(r"thread \d+ got the signal at libmisbehaving_\w+\.so\+0x", server.log), server.log


def test_a_crash_after_a_reload(own, tmp_path):
    """The generation that took over has nothing to do with it: the service goes on, and ends well."""
    service = Service(own, tmp_path)
    service.reload(more=f'[[plugin]]\npath = "{asynchronous.misbehaving}"\nmount = "/bad"\n')
    (victim,) = service.server.workers()
    with service.server.connect() as connection:
        connection.send(request("GET", "/bad/"))  # the victim has accepted it
        assert connection.final().status == 200
        begin(connection, "/bad/crash", "late-2")
        service.write()
        service.hup()
        service.wait_for_number()
        finish(connection)
    told(service.server, rf"worker 0 \(pid {victim}\) was killed by SIGSEGV while serving GET /bad/crash .*late-2")
    service.wait_for_one_master()
    assert service.serving() == service.number
    service.server.stop()


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, FAILED), (signal.SIGINT, 0)], ids=["TERM", "INT"])
def test_a_crash_of_worker_stop(own, number, code):
    server = own(TEST_PLUGINS / "libstop_crashes.so")
    (victim,) = server.workers()
    server.tell(number)
    assert server.wait() == code, server.log
    told(server, rf"worker 0 \(pid {victim}\) was killed by SIGABRT")


def test_a_crash_of_worker_stop_after_a_reload(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload(more=f'[[plugin]]\npath = "{TEST_PLUGINS}/libstop_crashes.so"\nmount = "/stop"\n')
    (victim,) = service.server.workers()
    service.reload()
    told(service.server, rf"worker 0 \(pid {victim}\) was killed by SIGABRT")
    service.server.stop()


def test_a_worker_that_overstays(own):
    """Its loop stands still. Told twice: that it is killed, and what it took along."""
    server = own(*BRIEF, "--threads", 1, TEST_PLUGINS / "libmisbehaving_event.so", model="async")
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/hang", "X-Request-ID: long-1"))
        Control.of(server).wait_for_requests(1)
        server.tell(signal.SIGTERM)
        assert server.wait() == FAILED, server.log
    worker = rf"worker 0 \(pid {victim}\)"
    told(server, rf"ERROR.* {worker} has not finished within server\.graceful_timeout; killing it")
    told(server, rf"{worker} was killed by SIGKILL while serving GET /hang plugin=misbehaving_\w+ request=long-1 ")
    server.assert_nothing_left()


def test_a_relieved_worker_that_overstays(own, tmp_path):
    """One that was replaced is killed at the end of its time, while its generation serves on."""
    control = tmp_path / "control.sock"
    plugin = TEST_PLUGINS / "libmisbehaving_event.so"
    server = own(*BRIEF, "--threads", 1, "--set", f"control.socket={control}", plugin, model="async")
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/hang", "X-Request-ID: long-2"))
        wait_for(Control(control).takes_clients, server.state)
        Control(control).wait_for_requests(1)
        Control(control).ask("retire", pid=victim)
        worker = rf"worker 0 \(pid {victim}\)"
        told(server, rf"{worker} has not finished within server\.graceful_timeout; killing it")
        told(server, rf"{worker} was killed by SIGKILL while serving GET /hang .*request=long-2 ")
    assert server.get("/").body == b"ok"
    server.stop()


def test_who_has_to_leave_at_once_takes_requests_along(own):
    """That is what was asked for: it is told, and no failure."""
    server = own("--threads", 1, TEST_PLUGINS / "libmisbehaving_event.so", model="async")
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/hang", "X-Request-ID: cut-1"))
        Control.of(server).wait_for_requests(1)
        server.tell(signal.SIGINT)
        assert server.wait() == 0, server.log
    told(server, rf"worker 0 \(pid {victim}\) was killed by SIGKILL while serving GET /hang .*request=cut-1 ")


def test_a_worker_that_leaves_well_is_not_told_of(own):
    server = own(asynchronous.demo)
    server.tell(signal.SIGTERM)
    server.ended_well()
    assert not re.search(r"ERROR|CRITICAL|worker \d+ \(pid", server.log), server.log


def test_a_master_that_dies_while_it_finishes(own):
    """Nobody knows then whether its workers have ended well."""
    server = own(asynchronous.demo)
    master = server.master()
    with server.connect() as connection:
        begin_slow(connection, 5)
        server.tell(signal.SIGTERM)
        told(server, "stopping: requests in flight")
        kill(master)
        assert server.wait() == FAILED, server.log
    told(server, rf"master {master} of generation 1 was killed by SIGKILL while it was leaving")
