"""Processes that are stopped together, as in a frozen container or on a stalled machine, miss no deadline by that."""

import os
import signal
import time
from contextlib import suppress

import pytest

import client
from notify import Manager, watched
import processes
from processes import wait_for
from server import RELEASE, TEST_PLUGINS
from service import Service, is_loading
from slow_requests import begin_slow


def send(number, *pids):
    for pid in pids:
        with suppress(ProcessLookupError):  # a generation may have ended meanwhile
            os.kill(pid, number)


def everyone(server):
    return [p.pid for p in processes.family(server.pid)]


def freeze(server, seconds):
    """Stop all its processes for so long, the supervisor first: it continues masters that are stopped."""
    pids = sorted(everyone(server), key=lambda pid: pid != server.pid)
    send(signal.SIGSTOP, *pids)
    time.sleep(seconds)
    return pids


@pytest.mark.parametrize("first", ["master", "worker"])
def test_workers_that_were_stopped_with_their_master_live_on(own, combination, first):
    """Whoever wakes first: what the master did not see it can't judge."""
    server = own("-w", 3, "--set", "timeouts.worker=4s", combination.demo, model=combination.model)
    master, workers = server.master(), server.workers(3)
    with server.connect() as connection:
        begin_slow(connection, 1)
        freeze(server, 6.5)
        if first == "master":
            send(signal.SIGCONT, server.pid, master)
            time.sleep(0.2)
        send(signal.SIGCONT, *workers)
        send(signal.SIGCONT, master, server.pid)
        assert connection.final().status == 200
    time.sleep(1.5)  # in which they are looked at several times
    assert server.master() == master and sorted(server.workers(3)) == sorted(workers), server.state()
    assert "unresponsive" not in server.log


def test_a_worker_that_hangs_after_that_is_found(own):
    server = own("--set", "timeouts.worker=1s", TEST_PLUGINS / "libmisbehaving_event.so", model="async")
    (worker,) = server.workers()
    send(signal.SIGCONT, *freeze(server, 2.5))
    with server.connect() as connection:
        connection.send(client.request("GET", "/hang"))
        wait_for(lambda: f"(pid {worker}) unresponsive" in server.log, server.state)
    wait_for(lambda: "its replacement starts" in server.log, server.state)


def test_a_start_that_was_stopped_has_its_time(own, tmp_path):
    """boot_timeout passes meanwhile, for the supervisor as for the master."""
    service = Service(own, tmp_path)
    slow = f'[[plugin]]\npath = "{TEST_PLUGINS}/libload_slow.so"\nmount = "/slow"\n'
    service.write(server='boot_timeout = "4s"', more=slow)
    service.hup()
    wait_for(lambda: is_loading(service, "libload_slow.so"), "a reload that has begun")
    pids = freeze(service.server, 6.5)
    send(signal.SIGCONT, service.server.pid)
    time.sleep(0.2)
    send(signal.SIGCONT, *pids)
    service.wait_for_number()
    assert not service.failures(), service.server.log


def test_requests_of_an_end_that_was_stopped_have_their_time(own, combination):
    """graceful_timeout passes meanwhile, for the worker's loop and for a handler that waits for its client."""
    server = own("--set", "server.graceful_timeout=6s", combination.misbehaving, model=combination.model)
    with server.connect() as connection:
        connection.send(client.request("POST", "/body", "Content-Length: 2") + b"x")
        connection.assert_open(within=0.2)
        server.tell(signal.SIGTERM)
        wait_for(lambda: "stopping: requests in flight" in server.log, server.state)
        send(signal.SIGCONT, *freeze(server, 9))
        connection.assert_open(within=0.8)
        connection.send(b"y", method=[])
        assert connection.final().status == 200
    server.ended_well()
    assert "killed" not in server.log


def test_what_a_stopped_worker_alone_does_not_notice(own, combination):
    """Its master has not stood still: the request ends at graceful_timeout, not later, and nobody is killed for it."""
    server = own("--set", "server.graceful_timeout=5s", combination.misbehaving, model=combination.model)
    (worker,) = server.workers()
    with server.connect() as connection:
        connection.send(client.request("POST", "/body", "Content-Length: 2") + b"x")
        connection.assert_open(within=0.2)
        server.tell(signal.SIGTERM)
        wait_for(lambda: "stopping: requests in flight" in server.log, server.state)
        processes.stop(worker)
        time.sleep(2)
        send(signal.SIGCONT, worker)
        assert connection.final().status == 503
    server.ended_well()
    assert "killed" not in server.log


def test_an_end_that_was_stopped_is_not_killed(own):
    """Nor is its handler cut off, which has all its time."""
    server = own("--set", "server.graceful_timeout=5s", RELEASE / "libdemo_blocking.so", model="sync")
    with server.connect() as connection:
        begin_slow(connection, 1)
        server.tell(signal.SIGTERM)
        wait_for(lambda: "stopping: requests in flight" in server.log, server.state)
        pids = freeze(server, 8)
        send(signal.SIGCONT, server.pid)
        time.sleep(0.2)
        send(signal.SIGCONT, *pids)
        assert connection.final(timeout=4).status == 200
    server.ended_well()
    assert "killed" not in server.log


def test_the_watchdog_hears_of_a_service_that_was_stopped(own, tmp_path):
    """The supervisor has nothing to say against workers that it has not seen."""
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager, model="sync")
    manager.wait(READY="1")
    blocking = f'[[plugin]]\npath = "{RELEASE / "libdemo_blocking.so"}"\nmount = "/blocking"\n'
    service.reload(settings='[timeouts]\nworker = "3s"', more=blocking)
    with service.server.connect() as connection:
        # The worker is not idle: it has shown a sign of life, which gets old.
        begin_slow(connection, 1, "/blocking")
        pids = freeze(service.server, 5)
        manager.read()
        send(signal.SIGCONT, service.server.pid)
        manager.wait_for_beat()  # though the worker may stand still
        send(signal.SIGCONT, *pids)
        assert connection.final().status == 200
