"""sd_notify: what the service manager hears, by a real datagram socket."""

import os
import re
import signal
import socket
import time

import pytest

import client
import processes
from pace import soon
from processes import wait_for
from server import RELEASE, TEST_PLUGINS, run
from service import Service


class Manager:
    """The end of NOTIFY_SOCKET that systemd would hold."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.messages = []  # (when, {name: value})

    def read(self):
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except BlockingIOError:
                return self.messages
            pairs = dict(line.split("=", 1) for line in text.splitlines())
            self.messages.append((time.monotonic(), pairs))

    def wait(self, count=1, timeout=5.0, **wanted):
        """Wait for so many messages that have these values (True: any); the last of them."""

        def found():
            hits = [
                pairs
                for _, pairs in self.read()
                if all(name in pairs and value in (True, pairs[name]) for name, value in wanted.items())
            ]
            return hits[count - 1 :]

        return wait_for(found, lambda: f"{count} × {wanted} among {self.messages}", timeout)[0]

    def states(self):
        """READY, RELOADING, STOPPING in their order."""
        return [name for _, pairs in self.read() for name in ("READY", "RELOADING", "STOPPING") if name in pairs]


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
    os.kill(service.server.master(), signal.SIGKILL)
    wait_for(
        lambda: [p for _, p in manager.read() if "SIGKILL" in p.get("STATUS", "")], lambda: f"{manager.messages}"
    )
    assert "generation 2" in manager.wait(READY="1", count=2)["STATUS"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_comes_first(service, manager, number):
    manager.wait(READY="1")
    with service.server.connect() as connection:
        connection.send(client.request("GET", "/demo/delay?s=1"))
        connection.assert_open(within=0.2)
        start = time.monotonic()
        service.server.tell(number)
        manager.wait(STOPPING="1", timeout=0.5)
        assert time.monotonic() - start < soon(0.5)


def test_it_goes_on_after_the_replacement_of_the_supervisor(service, manager):
    manager.wait(READY="1")
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in service.server.log, lambda: service.server.state())
    service.reload()
    manager.wait(READY="1", count=2)


# The watchdog


def watched(own, tmp_path, manager, interval="400000", pid=None, **options):
    launcher = ["sh", "-c", 'export WATCHDOG_PID=${WATCHDOG_PID:-$$}; exec "$@"', "sh"]
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": interval}
    if pid:
        env["WATCHDOG_PID"] = pid
    return Service(own, tmp_path, env=env, launcher=launcher, **options)


def beats(manager, seconds):
    """The moments of WATCHDOG=1 in this time."""
    manager.read()  # what was sent before
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        manager.read()
        time.sleep(0.01)
    return [when for when, pairs in manager.read() if "WATCHDOG" in pairs and when >= start]


def test_the_watchdog_hears_twice_an_interval(own, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager)
    manager.wait(READY="1")
    found = beats(manager, 2)
    assert 8 <= len(found) <= 11, found
    assert max(b - a for a, b in zip(found, found[1:])) < soon(0.35)
    service.reload()
    assert len(beats(manager, 1)) >= 4


def test_the_watchdog_of_another_process(own, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    watched(own, tmp_path, manager, pid="1")
    manager.wait(READY="1")
    assert not beats(manager, 0.5)


def test_the_watchdog_hears_nothing_without_workers(own, tmp_path):
    """No generation can start: the manager is left to act."""
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager)
    manager.wait(READY="1")
    good = service.file.read_text()
    service.file.write_text("nonsense")
    os.kill(service.server.master(), signal.SIGKILL)
    wait_for(lambda: "did not start" in service.server.log, lambda: service.server.state())
    assert not beats(manager, 0.6)
    service.file.write_text(good)
    service.hup()
    assert service.serving() and beats(manager, 0.6)


def test_the_watchdog_hears_nothing_of_a_worker_that_hangs(own, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    service = watched(own, tmp_path, manager, model="sync")
    blocking = f'[[plugin]]\npath = "{RELEASE / "libdemo_blocking.so"}"\nmount = "/blocking"\n'
    service.reload(settings='[timeouts]\nworker = "400ms"', more=blocking)
    master = service.server.master()
    with processes.held(master):  # it would replace the worker
        with service.server.connect() as connection:
            connection.send(client.request("GET", "/blocking/delay?s=3"))
            assert not beats(manager, 2)[4:], "none after the first time out"
            assert connection.final().status == 200
        assert beats(manager, 0.6)
