"""Processes that stand still together, as in a frozen container or on a machine that stalls: nobody is late for that."""

import os
import signal
import time
from contextlib import suppress

import pytest

import client
import processes
from processes import wait_for
from server import RELEASE, TEST_PLUGINS
from service import Service, is_loading
from test_notify import Manager, beats, watched


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
    server = own("-w", 3, "--set", "timeouts.worker=1s", combination.demo, model=combination.model)
    master, workers = server.master(), server.workers(3)
    with server.connect() as connection:
        connection.send(client.request("GET", "/delay?s=1"))
        connection.assert_open(within=0.2)
        freeze(server, 2.5)
        if first == "master":
            send(signal.SIGCONT, server.pid, master)
            time.sleep(0.2)
        send(signal.SIGCONT, *workers)
        send(signal.SIGCONT, master, server.pid)
        assert connection.final().status == 200
    time.sleep(1.5)  # in which they are looked at several times
    assert server.master() == master and sorted(server.workers(3)) == sorted(workers), server.state()
    assert "hangs" not in server.log


def test_a_worker_that_hangs_after_that_is_found(own):
    server = own("--set", "timeouts.worker=1s", TEST_PLUGINS / "libmisbehave_event.so", model="async")
    (worker,) = server.workers()
    send(signal.SIGCONT, *freeze(server, 2.5))
    with server.connect() as connection:
        connection.send(client.request("GET", "/hang"))
        wait_for(lambda: f"(pid {worker}) hangs" in server.log, server.state)


def test_a_start_that_was_stopped_has_its_time(own, tmp_path):
    """boot_timeout passes meanwhile, for the supervisor as for the master."""
    service = Service(own, tmp_path)
    slow = f'[[plugin]]\npath = "{TEST_PLUGINS}/libload_slow.so"\nmount = "/slow"\n'
    service.write(server='boot_timeout = "1500ms"', more=slow)
    service.hup()
    wait_for(lambda: is_loading(service, "libload_slow.so"), "a reload that has begun")
    pids = freeze(service.server, 4)
    send(signal.SIGCONT, service.server.pid)
    time.sleep(0.2)
    send(signal.SIGCONT, *pids)
    service.wait_for_number()
    assert not service.failures(), service.server.log


def test_an_end_that_was_stopped_is_not_killed(own):
    """graceful_timeout passes meanwhile, and the worker ends what it has by itself: nobody is killed for that."""
    server = own("--set", "server.graceful_timeout=2s", RELEASE / "libdemo_blocking.so", model="sync")
    with server.connect() as connection:
        connection.send(client.request("GET", "/delay?s=1"))
        connection.assert_open(within=0.2)
        server.tell(signal.SIGTERM)
        wait_for(lambda: "stopping: requests in flight" in server.log, server.state)
        pids = freeze(server, 5)
        send(signal.SIGCONT, server.pid)
        time.sleep(0.2)
        send(signal.SIGCONT, *pids)
        assert connection.final(timeout=4).status == 503
    assert server.wait() == 70, server.log
    server.assert_nothing_left()
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
        connection.send(client.request("GET", "/blocking/delay?s=1"))
        connection.assert_open(within=0.2)
        pids = freeze(service.server, 5)
        send(signal.SIGCONT, service.server.pid)
        assert beats(manager, 0.6), "at once, though the worker may stand still"
        send(signal.SIGCONT, *pids)
        assert connection.final().status == 200
