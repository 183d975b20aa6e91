"""sd_notify: the messages to the service manager, on a real datagram socket."""

import os
import re
import signal
import socket
import time
from itertools import pairwise

import pytest

import client
from notify import Manager, beats, watched
import processes
from processes import kill, wait_for
from server import TEST_PLUGINS, run
from service import Service
from slow_requests import begin_slow
from timing import scaled, seen


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    manager = Manager(str(tmp_path / "notify") if request.param == "path" else f"@outrider-{os.getpid()}-{id(tmp_path)}")
    yield manager
    manager.socket.close()


@pytest.fixture
def service(own, tmp_path, manager):
    return Service(own, tmp_path, env={"NOTIFY_SOCKET": manager.address})


def test_start_reload_stop(service, manager):
    assert "serving" in manager.wait(READY="1")["STATUS"]
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    service.reload()
    reloading = manager.wait(RELOADING="1")
    assert before * 1e6 <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    assert "generation 2" in reloading["STATUS"]
    assert "generation 2" in manager.wait(READY="1", count=2)["STATUS"]
    service.server.stop()
    assert "stopping" in manager.wait(STOPPING="1")["STATUS"]
    assert manager.states() == ["READY", "RELOADING", "READY", "STOPPING"]


def test_ready_comes_after_a_reload_that_failed(service, manager):
    service.write(plugin=TEST_PLUGINS / "libload_refuses.so")
    service.failed_reload()
    answer = manager.wait(READY="1", count=2)
    assert re.match(r"Reload failed: .*the moon is in the wrong phase.*generation 1 goes on", answer["STATUS"])
    assert manager.states() == ["READY", "RELOADING", "READY"]
    service.file.write_text("nonsense")
    service.failed_reload()
    assert "Reload failed" in manager.wait(READY="1", count=3)["STATUS"]


def test_ready_means_that_workers_are_ready(own, tmp_path):
    """worker_start() takes for ever: there is no READY, and the status says why it ended."""
    manager = Manager(str(tmp_path / "notify"))
    plugin = TEST_PLUGINS / "libstart_hangs.so"
    result = run(
        "-b", "127.0.0.1:0", "--set", "server.boot_timeout=300ms", plugin, env={"NOTIFY_SOCKET": manager.address}
    )
    assert result.returncode == 70
    assert "boot_timeout" in manager.wait(STATUS=True)["STATUS"] and not manager.states()


def test_the_status_tells_of_a_lost_master(service, manager):
    manager.wait(READY="1")
    kill(service.server.master())
    wait_for(
        lambda: [p for _, p in manager.read() if "SIGKILL" in p.get("STATUS", "")], lambda: f"{manager.messages}"
    )
    assert "generation 2" in manager.wait(READY="1", count=2)["STATUS"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_comes_first(service, manager, number):
    manager.wait(READY="1")
    with service.server.connect() as connection:
        begin_slow(connection, 5, "/demo")
        service.server.tell(number)
        manager.wait(STOPPING="1")
        if number == signal.SIGTERM:  # the other ends requests at once
            connection.assert_open(within=0.01)


def test_it_goes_on_after_the_replacement_of_the_supervisor(service, manager):
    manager.wait(READY="1")
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in service.server.log, lambda: service.server.state())
    service.reload()
    manager.wait(READY="1", count=2)


# The watchdog


def test_the_watchdog_hears_twice_an_interval(own, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager)
    manager.wait(READY="1")
    seen(
        lambda: beats(manager, 2),
        lambda found: 8 <= len(found) <= 11 and max(b - a for a, b in pairwise(found)) < scaled(0.35),
    )
    service.reload()
    seen(lambda: beats(manager, 1), lambda found: len(found) >= 4)


def test_the_watchdog_of_another_process(own, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    watched(own, tmp_path, manager, pid="1")
    manager.wait(READY="1")
    assert not beats(manager, 0.5)


def test_the_watchdog_hears_nothing_without_workers(own, tmp_path):
    """No generation can start, and no worker is left: the manager is left to act."""
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager)
    manager.wait(READY="1")
    good = service.file.read_text()
    service.file.write_text("nonsense")
    master = service.server.master()
    kill(master)
    wait_for(lambda: "did not start" in service.server.log, lambda: service.server.state())
    manager.read()
    manager.wait_for_beat()  # its worker serves still
    for worker in processes.orphans(service.server.pid, master):
        kill(worker.pid)
    wait_for(lambda: "its last worker has gone" in service.server.log, lambda: service.server.state())
    assert not beats(manager, 0.6)
    service.file.write_text(good)
    service.hup()
    assert service.serving()
    manager.wait_for_beat()


def test_the_watchdog_hears_nothing_of_a_worker_that_hangs(own, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager, model="sync")
    blocking = f'[[plugin]]\npath = "{TEST_PLUGINS / "libmisbehaving_blocking.so"}"\nmount = "/bad"\n'
    service.reload(settings='[timeouts]\nworker = "3s"', more=blocking)
    master = service.server.master()
    with processes.held(master):  # it would replace the worker
        with service.server.connect() as connection:
            connection.send(client.request("GET", "/bad/oversleep?12000"))
            manager.wait_for_beat()
            wait_for(lambda: not beats(manager, 1), "an end of the signs of life after timeouts.worker")
            connection.assert_open(within=0.01)
            assert connection.final().status == 200
        manager.wait_for_beat()
