"""What each signal to the supervisor does, beside those that end the server (test_processes) and HUP (test_reload)."""

import os
import re
import shutil
import signal
import socket
import time
from contextlib import ExitStack, suppress

import pytest

import client
import processes
from load import Load
from processes import TICKS_PER_SECOND, kill, wait_for
from server import BINARY, TEST_PLUGINS
from service import Service, is_loading
from slow_requests import begin_slow
from timing import scaled


@pytest.fixture
def service(own, tmp_path):
    return Service(own, tmp_path)


@pytest.fixture
def deployed(own, tmp_path, monkeypatch):
    """A service run from a binary of its own, by a symbolic link, which can lead elsewhere."""
    release = tmp_path / "release-1"
    release.mkdir()
    shutil.copy(BINARY, release / "outrider")
    (tmp_path / "current").symlink_to(release)
    monkeypatch.setattr("server.BINARY", tmp_path / "current" / "outrider")
    service = Service(own, tmp_path)
    service.binary = release / "outrider"
    return service


def replaced(service, before):
    """Replace the supervisor, which was replaced so often before, and wait for its successor."""
    service.server.tell(signal.SIGUSR2)
    wait_for_successor(service, before)


def wait_for_successor(service, before):
    wait_for(
        lambda: service.server.log.count("the supervisor has been replaced") > before,
        lambda: service.server.state(),
    )


def assert_untouched(service, master, workers):
    assert service.server.alive
    assert service.server.master() == master and service.server.workers() == workers
    assert service.serving() == service.number


# Signals that mean nothing


@pytest.mark.parametrize(
    "number",
    [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGUSR1],
    ids=lambda number: number.name,
)
def test_signals_without_effect(service, number):
    before = service.server.master(), service.server.workers()
    for pid in (service.server.pid, before[0]):
        os.kill(pid, number)
    assert_untouched(service, *before)


def test_a_stopped_and_continued_supervisor(service):
    processes.stop(service.server.pid)
    service.write()
    service.hup()
    assert service.serving() == 1
    os.kill(service.server.pid, signal.SIGCONT)
    service.wait_for_number()


def test_the_level_of_the_log_is_the_supervisors_too(service):
    service.reload(settings='[log]\nlevel = "warning"')
    before = len(service.server.log)
    service.reload(settings='[log]\nlevel = "warning"')
    service.server.tell(signal.SIGUSR2)
    service.reload(settings='[log]\nlevel = "warning"')
    assert "INFO" not in service.server.log[before:]
    service.file.write_text("nonsense")
    service.failed_reload()


# TTIN and TTOU: workers more and fewer


def test_one_worker_more_and_one_fewer(own, tmp_path, model):
    service = Service(own, tmp_path, model)
    server = service.server
    first = server.workers()
    with Load(server.address, pause=0.002) as load:
        for count in (2, 3, 4):
            server.tell(signal.SIGTTIN)
            assert set(first) < set(server.workers(count))
        for count in (3, 2, 1):
            server.tell(signal.SIGTTOU)
            server.workers(count)
        assert server.workers() == first
        server.tell(signal.SIGTTOU)  # the last one stays
        wait_for(lambda: processes.has_taken(server.pid, signal.SIGTTOU), server.state)
        assert service.serving() == 1
        server.tell(signal.SIGTTIN)  # and a try does not count
        server.workers(2)
    load.assert_well()


def test_their_number_is_kept_across_reloads(service):
    server = service.server
    server.tell(signal.SIGTTIN)
    server.workers(2)
    service.reload()
    server.workers(2)
    service.reload(server="workers = 3")
    server.workers(4)
    replaced(service, 0)
    server.tell(signal.SIGTTOU)
    server.workers(3)
    server.tell(signal.SIGTTOU)
    server.workers(2)
    service.reload(server="workers = 3")
    server.workers(2)
    kill(server.master())
    assert service.serving() == service.number
    service.wait_for_one_master()
    server.workers(2)
    service.reload(server="workers = 1")  # one at least
    server.workers(1)


def test_many_more_workers(service):
    for count in range(2, 9):
        service.server.tell(signal.SIGTTIN)
        service.server.workers(count)
    assert service.serving() == 1


def test_a_worker_that_is_not_wanted_finishes(own, tmp_path, model):
    service = Service(own, tmp_path, model)
    server = service.server
    server.tell(signal.SIGTTIN)
    server.workers(2)
    connections = [server.connect() for _ in range(4)]
    for connection in connections[: 2 if model == "sync" else 4]:
        begin_slow(connection, 1, "/demo")
    server.tell(signal.SIGTTOU)
    for connection in connections[: 2 if model == "sync" else 4]:
        assert connection.final(timeout=4).status == 200
        connection.close()
    server.workers(1)


# USR2: the supervisor is replaced in place


def test_the_supervisor_is_replaced(deployed, tmp_path):
    before = deployed.server.master(), deployed.server.workers()
    old = os.stat(f"/proc/{deployed.server.pid}/exe").st_ino
    new = tmp_path / "release-2"
    shutil.copytree(tmp_path / "release-1", new)
    (tmp_path / "next").symlink_to(new)
    (tmp_path / "next").rename(tmp_path / "current")
    with Load(deployed.server.address, pause=0.001) as load:
        replaced(deployed, 0)
        assert_untouched(deployed, *before)
    load.assert_well()
    assert os.stat(f"/proc/{deployed.server.pid}/exe").st_ino == (new / "outrider").stat().st_ino != old
    deployed.reload()
    assert deployed.server.master() != before[0]
    assert "generation 2 serves, generation 1 finishes" in deployed.server.log
    deployed.server.stop()


def test_it_is_replaced_many_times(service, tmp_path):
    path = tmp_path / "socket"
    service.reload(listeners=[*service.listeners, f"unix:{path}"])
    before = service.server.master(), service.server.workers()
    with Load(str(path), pause=0.001) as load:
        for count in range(12):
            replaced(service, count)
            descriptors = processes.descriptors(service.server.pid)
            if count == 2:
                known = processes.fewest_descriptors(service.server.pid)
            strays = {n: t for n, (t, closes) in descriptors.items() if n > 2 and not closes}
            assert not strays, f"these would be seen by children: {strays}"
    load.assert_well()
    wait_for(lambda: len(processes.descriptors(service.server.pid)) <= known, service.server.state)
    assert_untouched(service, *before)
    environment = set(open(f"/proc/{service.wait_for_one_master()}/environ").read().split("\0"))
    assert not [name for name in environment if name.startswith("OUTRIDER_STATE")]
    service.server.stop()
    assert not path.exists(), "the successor removes the socket at the end"


def test_signals_during_the_replacement_count(service):
    for count in range(5):
        service.write()
        service.server.tell(signal.SIGUSR2)
        service.hup()
        service.wait_for_number()
        wait_for_successor(service, count)
        service.wait_for_one_master()
    assert service.server.alive and not service.failures()


def test_generations_that_drain_survive_the_replacement(service):
    service.reload(server='graceful_timeout = "8s"')
    with service.server.connect() as short, service.server.connect() as long:
        long.send(client.request("GET", "/demo/"))  # its worker has accepted it
        assert long.final().status == 200
        long.send(client.request("POST", "/demo/echo", "Content-Length: 4"))
        begin_slow(short, 1, "/demo")
        service.write()
        service.hup()
        service.wait_for_number()
        replaced(service, 0)
        assert len(processes.children(service.server.pid)) == 2
        assert short.final(timeout=3).status == 200
        service.wait_for_one_master(timeout=4)  # bounded as before
        assert [answer.status for answer in long.end()] == [503]


def test_a_master_that_dies_after_the_replacement_is_started_again(service):
    replaced(service, 0)
    kill(service.server.master())
    assert service.serving() == service.number
    wait_for(lambda: "SIGKILL" in service.server.log, lambda: service.server.state())


def test_a_term_after_the_replacement(service):
    replaced(service, 0)
    with service.server.connect() as connection:
        begin_slow(connection, 1, "/demo")
        service.server.tell(signal.SIGTERM)
        assert connection.final(timeout=3).status == 200
    service.server.ended_well()


def test_the_replacement_reads_no_configuration(service):
    before = service.server.master(), service.server.workers()
    service.file.unlink()
    replaced(service, 0)
    assert_untouched(service, *before)


BINARIES = {
    "missing": None,
    "empty": b"",
    "cut": "cut",
    "fails": b"#!/bin/sh\nexit 3\n",
    "not executable": b"\x7fELF",
}


@pytest.mark.parametrize("name", BINARIES)
def test_a_broken_binary_replaces_nothing(deployed, name):
    before = deployed.server.master(), deployed.server.workers()
    good, content = deployed.binary.read_bytes(), BINARIES[name]
    deployed.binary.unlink()
    if content is not None:
        deployed.binary.write_bytes(good[:300_000] if content == "cut" else content)
        deployed.binary.chmod(0o644 if name == "not executable" else 0o755)
    deployed.server.tell(signal.SIGUSR2)
    wait_for(lambda: "the supervisor is not replaced: " in deployed.server.log, lambda: deployed.server.state())
    assert_untouched(deployed, *before)
    deployed.binary.unlink(missing_ok=True)
    deployed.binary.write_bytes(good)
    deployed.binary.chmod(0o755)
    replaced(deployed, 0)
    assert_untouched(deployed, *before)
    deployed.reload()


PROGRAMS = {
    "true": ("/bin/true", 'it is not outrider, it says "true .*"'),
    "silent": ("#!/bin/sh\nexit 0\n", "it does not say that it is outrider"),
    "garbage": ("#!/bin/sh\nprintf 'outrider \\033[2Jtwo\\n'\n", r'it is not outrider, it says "outrider \S*two"'),
    "another": ("#!/bin/sh\necho GNU bash, version 5.2\n", 'it is not outrider, it says "GNU bash, version 5.2"'),
    "former": (
        "#!/bin/sh\nprintf 'outrider 0.0.9\\nplugin ABI 1.0\\n'\n",
        "outrider 0.0.9 does not tell which state of a supervisor it understands; this one leaves 3: "
        "to change to it, restart the service",
    ),
    "before keys": (
        "#!/bin/sh\nprintf 'outrider 0.1.0\\nsupervisor state 2\\n'\n",
        "outrider 0.1.0 understands the state 2 of a supervisor; this one leaves 3: to change to it, restart the service",
    ),
    "later": (
        "#!/bin/sh\nprintf 'outrider 3.0.0\\nsupervisor state 4\\n'\n",
        "outrider 3.0.0 understands the state 4 of a supervisor; this one leaves 3: to change to it, restart the service",
    ),
    "endless": ("#!/bin/sh\nexec yes outrider 1.0.0\n", "it has not ended within 10 s"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_can_not_take_over_replaces_nothing(deployed, tmp_path, name):
    """However well it ends: with it the service would be gone."""
    before = deployed.server.master(), deployed.server.workers()
    content, says = PROGRAMS[name]
    new, old = tmp_path / "new", tmp_path / "old"
    shutil.copy(deployed.binary, old)
    if content.startswith("/"):
        shutil.copy(content, new)
    else:
        new.write_text(content)
        new.chmod(0o755)
    new.rename(deployed.binary)
    deployed.server.tell(signal.SIGUSR2)
    refusal = re.compile(rf"ERROR\] supervisor: the supervisor is not replaced: \S+ --version: {says}$", re.M)
    wait_for(lambda: refusal.search(deployed.server.log), lambda: deployed.server.state(), timeout=15)
    assert_untouched(deployed, *before)
    old.rename(deployed.binary)
    replaced(deployed, 0)
    assert_untouched(deployed, *before)


# Masters that end by themselves


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda n: n.name)
def test_a_master_killed_by_hand_is_replaced(own, tmp_path, model, number):
    service = Service(own, tmp_path, model)
    master = service.server.master()
    with service.server.connect() as busy:
        begin_slow(busy, 5, "/demo")
        os.kill(master, number)
        assert service.serving() == 1, "who comes meanwhile waits in the backlog"
        busy.assert_open(within=0.01)
        assert busy.final(timeout=4).status == 200, "what the workers hold they finish"
    assert service.wait_for_one_master() != master
    assert service.server.alive
    assert re.search(rf"\b{master}\b.*starting another", service.server.log)


def test_masters_killed_again_and_again_under_load(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload()
    # It has heard that they serve: a start that fails is another matter.
    wait_for(lambda: "generation 2 serves" in service.server.log, lambda: service.server.log)
    with Load(service.server.address, keeping=0, opening=2, pause=0.001) as load:
        for _ in range(3):
            kill(service.wait_for_one_master())
            assert service.serving() == service.number
        service.wait_for_one_master()
    load.assert_well()


def test_a_restart_that_fails_backs_off(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload(server='restart_backoff = "50ms"')
    master = service.server.master()
    good = service.file.read_text()
    service.file.write_text("nonsense")
    pause = re.compile(r"(?:starting another|trying again) in (\d+) ms")

    def spent():
        """By the supervisor and the children it has reaped, in clock ticks."""
        return sum(int(word) for word in open(f"/proc/{service.server.pid}/stat").read().split()[13:17])

    before, start = spent(), time.monotonic()
    kill(master)
    wait_for(lambda: len(pause.findall(service.server.log)) >= 7, service.server.state)
    pauses, took = [int(found) for found in pause.findall(service.server.log)], time.monotonic() - start
    for number, found in enumerate(pauses):
        assert 25 << number <= found <= 50 << number, f"from 50 ms, doubling, half of it by chance: {pauses}"
    assert took >= sum(pauses[:6]) / 1000, "each is waited for"
    assert spent() - before < scaled(0.7) * took * TICKS_PER_SECOND, "neither the supervisor nor its children are busy"
    service.file.write_text(good)
    service.hup()  # whoever has mended it does not have to wait
    wait_for(lambda: service.server.log.count("reloading: generation") == 2, service.server.state)
    service.wait_for_one_master()
    assert service.serving() == service.number


def test_a_master_killed_during_a_reload(own, tmp_path):
    """The new generation takes over then; if it fails, the old one is started again."""
    service = Service(own, tmp_path)
    master = service.server.master()
    service.write()
    service.hup()
    kill(master)
    service.wait_for_number()
    service.wait_for_one_master()
    master = service.server.master()
    service.write(plugin=TEST_PLUGINS / "libload_hangs.so", server='boot_timeout = "4s"')
    service.hup()
    wait_for(lambda: is_loading(service, "libload_hangs.so"), "a reload that has begun")
    kill(master)
    service.write()
    service.wait_for_number()
    assert len(service.failures()) == 1


# A supervisor that is killed


def test_a_killed_supervisor_leaves_no_idle_connections(own, tmp_path, model):
    service = Service(own, tmp_path, model)
    service.reload(settings='[timeouts]\nkeepalive = "30s"')
    address = service.server.address
    with ExitStack() as stack:
        if model != "sync":
            idle = stack.enter_context(client.Connection(address))
            idle.send(client.request("GET", "/"))
            assert not idle.final().says_close
        busy = stack.enter_context(client.Connection(address))
        begin_slow(busy, 5, "/demo")
        service.server.tell(signal.SIGKILL)
        if model != "sync":  # within a second, long before the other is done
            idle.assert_closed(timeout=2)
            busy.assert_open(within=0.01)
        assert busy.final(timeout=4).status == 200
    service.server.wait()
    service.server.assert_nothing_left(timeout=1.5)


def test_a_killed_supervisor_ends_requests_after_graceful_timeout(own, tmp_path, model):
    service = Service(own, tmp_path, model)
    service.reload(server='graceful_timeout = "500ms"')
    with service.server.connect() as busy:
        begin_slow(busy, 5, "/demo")
        service.server.tell(signal.SIGKILL)
        service.server.wait()
        service.server.assert_nothing_left(timeout=3)
        assert not [answer for answer in busy.end() if answer.complete and answer.status == 200]


def can_bind(address):
    with suppress(OSError), socket.create_server(address):
        return True


def test_all_killed_at_random(own, tmp_path):
    """Supervisor, masters and workers die in any order: nothing is left, and the address is free."""
    import random

    chance = random.Random(5)
    for _ in range(4):
        service = Service(own, tmp_path)
        service.reload(server='workers = 3\ngraceful_timeout = "1s"')
        server = service.server
        server.workers(3)
        everyone = [p.pid for p in processes.family(server.pid)]
        server.family = processes.family(server.pid)
        chance.shuffle(everyone)
        for pid in everyone[: everyone.index(server.pid) + 1]:
            with suppress(ProcessLookupError):  # workers whose master is gone leave when another one is ready
                kill(pid)
        server.wait()
        server.assert_nothing_left(timeout=6)
        wait_for(lambda: can_bind(server.address), "a free address: a worker that was made meanwhile ends, too")
