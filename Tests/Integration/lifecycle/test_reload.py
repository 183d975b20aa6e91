"""Reload: HUP starts a new generation; the old one serves until it is ready, and goes on if it fails."""

import os
import re
import shutil
import signal
import socket
import stat
import threading
import time
from itertools import count

import pytest

import client
import processes
from load import Load
from processes import kill, wait_for
from server import BINARY, TEST_PLUGINS, free_port
from service import CONFIGURED, Service, is_loading, memory
from slow_requests import begin_slow
from timing import growth, of_the_shipped_server, scaled, seen


@pytest.fixture
def service(own, tmp_path, model):
    return Service(own, tmp_path, model)


@pytest.fixture
def deployed(own, tmp_path, monkeypatch):
    """A service run from a binary of its own, which can be replaced."""
    binary = tmp_path / "outrider"
    shutil.copy(BINARY, binary)
    monkeypatch.setattr("server.BINARY", binary)
    service = Service(own, tmp_path)
    service.binary = binary
    return service


def replace(path, content, mode=0o755):
    """As install(1) does: by rename."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.chmod(mode)
    new.rename(path)


# New generations


def test_new_code_serves(service):
    pid, master = service.server.pid, service.server.master()
    workers = service.server.workers()
    service.write()
    service.hup()
    service.wait_for_number()
    assert service.wait_for_one_master() != master
    assert service.server.workers() != workers
    assert service.server.pid == pid and service.server.alive
    assert "generation 2" in service.server.log


def test_plugins_are_unloaded_at_the_end_alone(service):
    """The end of a generation is not the end of the service."""
    for _ in range(2):
        service.reload()
    assert "unload of" not in service.server.log
    service.server.tell(signal.SIGTERM)
    service.server.ended_well()
    assert re.findall(r"unload of (\d+)", service.server.log) == [str(service.number)]


def test_new_code_serves_soon(service, own, tmp_path):
    """As soon as the code of a new server, where the machine is busy with other things."""
    turns = count()

    def both():
        service.write()
        service.hup()
        reload = service.wait_for_number()
        service.wait_for_one_master()
        (folder := tmp_path / str(next(turns))).mkdir()
        began = time.monotonic()
        other = Service(own, folder, service.model)
        other.wait_for_number()
        start = time.monotonic() - began
        other.server.stop()
        return reload, start

    seen(both, lambda found: found[0] <= max(scaled(0.1), found[1]))


def test_a_new_plugin_file(service, tmp_path):
    plugin = tmp_path / "plugin.so"
    shutil.copy(CONFIGURED, plugin)
    service.reload(plugin=plugin)
    replace(plugin, (TEST_PLUGINS / "libmisbehaving_event.so").read_bytes())
    service.hup()
    wait_for(lambda: service.server.get("/").body == b"ok", lambda: service.server.state())


def test_requests_in_flight_finish(service):
    with service.server.connect() as connection:
        begin_slow(connection, 1, "/demo")
        service.write()
        service.hup()
        if service.model != "sync":  # its one worker takes no other, and new ones come from the new generation
            service.wait_for_number()
        assert connection.final(timeout=3).status == 200
        connection.assert_closed()
    service.wait_for_one_master()


def test_the_old_generation_has_graceful_timeout(service):
    service.reload(server='graceful_timeout = "2s"')
    with service.server.connect() as connection:
        begin_slow(connection, 5, "/demo")
        start = time.monotonic()
        service.hup()
        wait_for(lambda: "generation 3 serves, generation 2 finishes" in service.server.log, service.server.state)
        service.wait_for_one_master()
        assert time.monotonic() - start > 1.7
        assert [answer.status for answer in connection.end()] == [503]


def test_an_old_generation_that_does_not_leave_is_killed(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload(server='graceful_timeout = "200ms"')
    old = service.server.master()
    with processes.held(old):
        service.hup()
        wait_for(
            lambda: os.waitpid(old, os.WNOHANG)[0] == old,
            lambda: f"the end of {old}; {service.server.state()}",
            timeout=6,
        )
    wait_for(lambda: processes.look(old) is None, lambda: service.server.state())
    assert f"master {old} of generation 2 did not end in time; killing it" in service.server.log
    assert service.serving() == service.number


@of_the_shipped_server
def test_flags_hold_over_reloads(own, tmp_path):
    service = Service(own, tmp_path)
    server = own(
        "-c",
        service.file,
        "-w",
        2,
        "--set",
        "timeouts.keepalive=300ms",
        model="gthread",
        env={"OUTRIDER_CMD_ARGS": "--threads 3"},
    )
    before = processes.threads(server.workers(2)[0])
    server.tell(signal.SIGHUP)
    wait_for(lambda: "generation 2 serves" in server.log, lambda: server.state())
    wait_for(lambda: len(processes.children(server.pid)) == 1, lambda: server.state())
    # The first and the loop's; the plugin that has handle() is not thread-safe, and has no use for a second of its own.
    assert processes.threads(server.workers(2)[0]) == before == 2 + 1
    assert server.get("/").status == 200, "the address of the flag"


def test_a_hup_during_a_reload_is_not_lost(own, tmp_path):
    service = Service(own, tmp_path)
    for _ in range(10):
        service.write()
        service.hup()
    service.wait_for_number()
    service.wait_for_one_master()


def test_a_hup_during_a_failing_reload_is_not_lost(own, tmp_path):
    service = Service(own, tmp_path)
    service.write(plugin=TEST_PLUGINS / "libload_hangs.so", server='boot_timeout = "4s"')
    service.hup()
    wait_for(lambda: is_loading(service, "libload_hangs.so"), "a reload that has begun")
    service.write()
    service.hup()
    service.wait_for_number()
    assert len(service.failures()) == 1


def test_a_hup_during_the_start_is_not_lost(own, tmp_path):
    """The configuration is a pipe: the test says when the first generation gets it."""
    port, file = free_port(), tmp_path / "outrider.toml"
    os.mkfifo(file)

    def give(number, signal_before=None):
        with open(file, "w") as out:  # waits for the reader
            if signal_before:
                (master,) = processes.users(file)
                os.kill(processes.look(master).parent, signal_before)
            out.write(
                f'[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\npath = "{CONFIGURED}"\n'
                f"[plugin.config]\nnumber = {number}\n"
            )

    def operate():
        give(1, signal.SIGHUP)
        wait_for(lambda: not processes.users(file), "the end of the reading")
        give(2)

    operator = threading.Thread(target=operate)
    operator.start()
    server = own("-c", file, port=port, bind=False)
    operator.join(timeout=60)
    wait_for(lambda: b"loaded=2" in server.get("/").body, lambda: server.state())


# Broken deploys

PLUGINS = {
    "load_refuses": r"the moon is in the wrong phase",
    "load_crashes": r"SIGSEGV.* loading plugin load_crashes",
    "load_exits": r"exited with 0.* loading plugin load_exits",
    "load_hangs": r"boot_timeout.* loading plugin load_hangs",
    "start_refuses": r"finds no database",
    "start_crashes": r"SIGABRT",
    "start_hangs": r"boot_timeout",
    "starts_thread": r"thread",
    "missing": r"missing\.so",
}


def break_plugin(service, name):
    hangs = 'boot_timeout = "3s"' if name.endswith("hangs") else ""
    service.write(plugin=TEST_PLUGINS / f"lib{name}.so", server=hangs)


def assert_untouched(service, master, workers, number):
    assert service.serving() == number
    assert service.wait_for_one_master() == master
    assert service.server.workers() == workers
    assert service.server.alive


@pytest.mark.parametrize("name", PLUGINS)
def test_a_broken_plugin_changes_nothing(own, tmp_path, name):
    service = Service(own, tmp_path)
    before = service.server.master(), service.server.workers(), service.number
    break_plugin(service, name)
    line = service.failed_reload()
    assert re.search(PLUGINS[name], line), line
    assert "generation 1 goes on serving" in line
    assert_untouched(service, *before)
    service.reload()


def test_a_worker_that_has_not_served_ends_with_its_master(own, tmp_path):
    service = Service(own, tmp_path)
    service.write(plugin=TEST_PLUGINS / "libstart_hangs.so", server='boot_timeout = "1m"')
    service.hup()

    def starting():
        masters = processes.children(service.server.pid)
        return [(master, worker) for master in masters for worker in processes.children(master.pid)
                if processes.has_mapped(master.pid, "libstart_hangs.so")]

    ((master, worker),) = wait_for(starting, lambda: service.server.state())
    kill(master.pid)
    # It has nobody to finish for: others have graceful_timeout for that, 30 s.
    wait_for(lambda: not processes.still_there([worker]), lambda: processes.describe(worker.pid), timeout=3)
    assert service.serving() == 1


@pytest.mark.parametrize(
    "text, reason",
    [("[server\n", r"outrider\.toml:1:\d+: "), ("workers = 1\n", r"unknown key"), ("", r"no \[\[plugin\]\]")],
    ids=["no TOML", "unknown key", "empty"],
)
def test_a_broken_file_changes_nothing(own, tmp_path, text, reason):
    service = Service(own, tmp_path)
    before = service.server.master(), service.server.workers(), service.number
    service.file.write_text(text)
    assert re.search(reason, service.failed_reload()), service.server.log
    assert_untouched(service, *before)


def test_a_missing_file_changes_nothing(own, tmp_path):
    service = Service(own, tmp_path)
    before = service.server.master(), service.server.workers(), service.number
    service.file.unlink()
    assert re.search(r"outrider\.toml: No such file", service.failed_reload()), service.server.log
    assert_untouched(service, *before)


BINARIES = {
    "missing": (None, r"outrider: No such file"),
    "empty": (b"", r"Exec format error"),
    "not executable": (b"\x7fELF", r"Permission denied"),
    "cut": ("cut", r"SIGSEGV|SIGBUS|SIGKILL|Exec format|exited with 127"),
    "exits": (b"#!/bin/sh\nexit 0\n", r"exited with 0 while starting"),
    "exits 3": (b"#!/bin/sh\nexit 3\n", r"exited with 3 while starting"),
}


@pytest.mark.parametrize("name", BINARIES)
def test_a_broken_binary_changes_nothing(deployed, name):
    before = deployed.server.master(), deployed.server.workers(), deployed.number
    content, reason = BINARIES[name]
    good = deployed.binary.read_bytes()
    if content is None:
        deployed.binary.unlink()
    else:
        content = good[:300_000] if content == "cut" else content
        replace(deployed.binary, content, 0o644 if name == "not executable" else 0o755)
    assert re.search(reason, deployed.failed_reload()), deployed.server.log
    assert_untouched(deployed, *before)
    replace(deployed.binary, good)
    deployed.reload()


def test_a_binary_that_hangs_changes_nothing(deployed):
    deployed.reload(server='boot_timeout = "3s"')
    before = deployed.server.master(), deployed.server.workers(), deployed.number
    replace(deployed.binary, b"#!/bin/sh\nexec sleep 30\n")
    assert re.search(r"boot_timeout", deployed.failed_reload()), deployed.server.log
    assert_untouched(deployed, *before)


def test_masters_run_the_new_binary(deployed):
    old = os.stat(f"/proc/{deployed.server.master()}/exe")
    replace(deployed.binary, deployed.binary.read_bytes())
    deployed.reload()
    new = os.stat(f"/proc/{deployed.server.master()}/exe")
    assert new.st_ino == deployed.binary.stat().st_ino != old.st_ino


# Listeners


def test_a_listener_is_added_and_removed(own, tmp_path):
    service = Service(own, tmp_path)
    second = free_port()
    both = [*service.listeners, f"127.0.0.1:{second}"]
    service.reload(listeners=both)
    assert service.serving(lambda: client.Connection(("127.0.0.1", second))) == service.number
    service.reload()
    with pytest.raises(ConnectionRefusedError):
        client.Connection(("127.0.0.1", second))
    with socket.create_server(("127.0.0.1", second)):
        pass


def test_a_failed_reload_keeps_no_listener(own, tmp_path):
    service = Service(own, tmp_path)
    second, path = free_port(), tmp_path / "second"
    service.write(
        listeners=[*service.listeners, f"127.0.0.1:{second}", f"unix:{path}"],
        plugin=TEST_PLUGINS / "libload_refuses.so",
    )
    service.failed_reload()
    with pytest.raises(ConnectionRefusedError):
        client.Connection(("127.0.0.1", second))
    assert not path.exists()


def test_an_address_in_use_fails_the_reload(own, tmp_path):
    service = Service(own, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        service.write(listeners=[*service.listeners, f"127.0.0.1:{other.getsockname()[1]}"])
        assert re.search(r"in use", service.failed_reload())
    assert service.serving() == service.number - 1


def test_a_listener_that_stays_is_the_same_socket(own, tmp_path):
    service = Service(own, tmp_path)

    def inode():
        with open("/proc/net/tcp") as table:
            return [
                line.split()[9]
                for line in table
                if line.split()[1].endswith(f":{service.port:04X}") and line.split()[3] == "0A"
            ]

    before = inode()
    service.reload()
    service.reload(listeners=[*service.listeners, f"127.0.0.1:{free_port()}"])
    assert inode() == before and len(before) == 1


def test_many_listeners(own, tmp_path):
    path = tmp_path / "s"
    service = Service(own, tmp_path)
    many = service.listeners + [f"unix:{path}{index}" for index in range(150)]
    service.reload(listeners=many)
    service.reload(listeners=many)
    for index in (0, 77, 149):
        assert service.serving(lambda: client.Connection(f"{path}{index}")) == service.number
    service.server.stop()
    assert not list(tmp_path.glob("s[0-9]*"))


def test_a_unix_socket_that_stays(own, tmp_path):
    path = tmp_path / "socket"
    service = Service(own, tmp_path)
    listeners = [*service.listeners, f"unix:{path}"]
    service.reload(listeners=listeners)
    before = path.stat().st_ino
    assert stat.S_ISSOCK(path.stat().st_mode)
    with Load(str(path), keeping=1, opening=1, pause=0.001) as load:
        for _ in range(5):
            service.reload(listeners=listeners)
    load.assert_well()
    assert path.stat().st_ino == before
    service.reload()
    assert not path.exists(), "a socket that is not served any more is removed"


# Under load


def test_fifty_reloads_under_load(own, tmp_path, model):
    service = Service(own, tmp_path, model)
    service.reload(server="workers = 2")
    supervisor = service.server.pid

    before, after = [], []  # in several places: a former generation may be just leaving
    with Load(service.server.address, keeping=2, opening=1, pause=0.001) as load:
        for number in range(50):
            service.reload(server="workers = 2")
            if 5 <= number < 10 or number >= 45:
                found = processes.fewest_descriptors(supervisor), memory(supervisor)
                (before if number < 10 else after).append(found)
    load.assert_well(least=500)
    assert min(after)[0] == min(before)[0], f"descriptors: {processes.descriptors(supervisor)}"
    kept, now = (min(memory for _, memory in found) for found in (before, after))
    assert now <= kept + growth(32), f"memory in KiB: {kept} has become {now}"
    assert service.server.pid == supervisor and service.server.alive


def test_reloads_faster_than_they_drain(own, tmp_path):
    """Generations that hold a request drain side by side; each request is answered."""
    service = Service(own, tmp_path)
    connections = []
    for _ in range(5):
        connection = service.server.connect()
        connection.send(client.request("POST", "/demo/echo", "Content-Length: 4") + b"ab")
        connection.head()
        connections.append(connection)
        service.write()
        service.hup()
        service.wait_for_number()
    assert len(processes.children(service.server.pid)) == 6
    for connection in connections:
        connection.send(b"cd", method=[])
        assert connection.final(timeout=5).body == b"abcd"
        connection.close()
    service.wait_for_one_master()
