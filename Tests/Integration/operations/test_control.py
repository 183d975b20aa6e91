"""The control socket: permissions, the effect of each command, and malformed input."""

import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import time
import tomllib
from contextlib import ExitStack

import pytest

import processes
from client import Connection, request
from control import Control, outriderctl
from processes import kill, wait_for
from server import RELEASE
from service import CONFIGURED, DEMO, Service
from timing import of_the_shipped_server, scaled, scaled_timeout, seen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


@pytest.fixture
def service(own, tmp_path, path):
    service = Service(own, tmp_path)
    settings = f'[control]\nsocket = "{path}"\n'
    service.write_usual = service.write
    service.write = lambda **changes: service.write_usual(
        **changes | {"settings": settings + changes.get("settings", "")}
    )
    service.reload()
    return service


@pytest.fixture
def control(service, path):
    return Control(path)


def test_the_owner_alone_may_connect(service, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == os.getuid()
    if os.getuid() != 0:
        pytest.skip("another user is needed")
    path.parent.chmod(0o755)
    # Whatever is above it is open to all here, so that the socket's own mode decides.
    for folder in path.parents:
        folder.chmod(folder.stat().st_mode | 0o011)
    code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
    ended = subprocess.run(["python3", "-c", code], user=65534, group=65534, extra_groups=[], capture_output=True)
    assert b"PermissionError" in ended.stderr, ended


def flight_of(control, target):
    """The request for it, once a worker has it: one before may be counted still."""
    return wait_for(
        lambda: [f for worker in control.ask("workers") for f in worker["flights"] if f["path"] == target],
        lambda: control.ask("workers"),
    )[0]


def test_status(service, control):
    with service.server.connect() as connection:
        start = time.monotonic()
        connection.send(request("GET", "/demo/delay?s=5"))
        flight_of(control, "/demo/delay")
        wait_for(lambda: control.ask("status")["in_flight"] == 1, lambda: control.ask("status"))
        status = control.ask("status")
        assert status["pid"] == service.server.pid and status["ready"] is True
        (generation,) = status["generations"]
        assert generation["number"] == 2 and generation["stage"] == "serving" and generation["cause"] == "reload"
        assert generation["master"] == service.server.master()
        assert generation["workers"] == generation["ready_workers"] == 1
        assert 0 <= status["oldest_request_ms"] <= (time.monotonic() - start) * 1000
        assert status["last_reload"]["generation"] == 2 and status["last_reload"]["failure"] is None
        (worker,) = control.ask("workers")
        assert [worker["pid"]] == service.server.workers() and worker["state"] == "ready"
        (flight,) = worker["flights"]
        assert (flight["method"], flight["path"]) == ("GET", "/demo/delay") and flight["plugin"] == "demo_event"
        text = control.run("status")
        assert f"supervisor {service.server.pid}: ready" in text and "1 in flight" in text, text
        assert "GET /demo/delay" in control.run("workers")
    assert json.loads(control.run("--json", "status"))["pid"] == service.server.pid


def test_workers_of_a_generation_that_drains_are_leaving(service, control):
    with service.server.connect() as connection:
        connection.send(request("POST", "/demo/echo", "Content-Length: 4") + b"ab")
        flight_of(control, "/demo/echo")
        (before,) = service.server.workers()
        control.run("reload")
        states = wait_for(
            lambda: (found := {w["pid"]: w["state"] for w in control.ask("workers")}).get(before) == "leaving" and found,
            lambda: control.ask("workers"),
        )
        assert sorted(states.values()) == ["leaving", "ready"]
        generations = [(g["number"], g["stage"], g["ready_workers"]) for g in control.ask("status")["generations"]]
        assert sorted(generations) == [(2, "draining", 0), (3, "serving", 1)]
        connection.send(b"cd")


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "BREW", "A-METHOD-OF-20-BYTES"])
def test_a_request_in_flight_has_its_method(service, control, method):
    with service.server.connect() as connection:
        connection.send(request(method, "/demo/delay?s=5"))
        flight = flight_of(control, "/demo/delay")
        # So much of a name that is unknown as its record has room for.
        assert (flight["method"], flight["path"]) == (method[:16], "/demo/delay")


def test_what_serves(service, control):
    assert [entry["name"] for entry in control.ask("listeners")] == service.listeners
    place = service.listeners[0]
    (listener,) = control.ask("listeners")
    assert listener == {
        "name": place, "bind": place, "address": place, "origin": "bound", "backlog": 2048, "waiting": 0
    }  # fmt: skip
    head, line = control.run("listeners").splitlines()
    assert head.split() == ["LISTENER", "ADDRESS", "ORIGIN", "BACKLOG", "WAITING"]
    assert line.split() == [place, place, "bound", "2048", "0"]
    plugins = {entry["name"]: entry for entry in control.ask("plugins")}
    assert set(plugins) == {"configured", "demo_event"}
    assert plugins["demo_event"]["mount"] == "/demo" and plugins["demo_event"]["styles"] == "event"
    assert plugins["demo_event"]["path"] == str(DEMO) and plugins["configured"]["requests"] > 0
    assert "/demo" in control.run("plugins")
    effective = tomllib.loads(control.run("config"))
    assert effective["control"]["socket"] == str(control.path) and effective["plugin"][0]["path"] == str(CONFIGURED)
    assert "\noutrider_generation 2\n" in control.run("metrics")


def test_listeners_of_every_kind(service, control, tmp_path):
    """Port 0 twice: the kernel's choice is told, and which is which; sockets of systemd are in test_activation."""
    listeners = ["127.0.0.1:0", "127.0.0.1:0", f"unix:{tmp_path}/a#b"]
    service.reload(listeners=[*service.listeners, *listeners])
    told = {entry["name"]: entry for entry in control.ask("listeners")}
    first, second, unix = told["127.0.0.1:0"], told["127.0.0.1:0#2"], told[f"unix:{tmp_path}/a#b"]
    assert first["bind"] == second["bind"] == "127.0.0.1:0" and first["address"] != second["address"]
    for entry in (first, second):
        host, _, port = entry["address"].rpartition(":")
        assert service.serving(lambda: Connection((host, int(port)))) == service.number
    assert unix["bind"] == unix["address"] == f"unix:{tmp_path}/a#b" and unix["waiting"] is None


def test_log_files_are_reopened(service, control, tmp_path):
    log = tmp_path / "error.log"
    service.reload(settings=f'[log]\nerror = "{log}"\n')
    master = service.server.master()
    for order in (lambda: control.ask("reopen"), lambda: control.run("reopen")):
        old = tmp_path / f"error.log.{time.monotonic_ns()}"
        log.rename(old)
        answer = order()
        assert answer is None or answer == "log files reopened\n"
        assert "log files have been reopened" in log.read_text(), "done before it is answered"
        assert service.serving() == service.number
        wait_for(lambda: os.readlink(f"/proc/{master}/fd/2") == str(log), "the master in the new file")
        size = old.stat().st_size
        kill(service.server.workers()[0])
        wait_for(lambda: "SIGKILL" in log.read_text(), "the master's line in the new file")
        assert old.stat().st_size == size
        service.server.workers()


def three_at_once(service, control, command):
    """The results of three orders that the supervisor finds all when it goes on."""
    with ExitStack() as stack:
        processes.stop(service.server.pid)
        clients = [stack.enter_context(control.connect()) for _ in range(3)]
        for client in clients:
            client.sendall(json.dumps({"command": command}).encode() + b"\n")
        os.kill(service.server.pid, signal.SIGCONT)
        answers = [json.loads(client.makefile("rb").readline()) for client in clients]
    assert all(answer["ok"] for answer in answers), answers
    return [answer["result"] for answer in answers]


def test_reload_tells_its_result(service, control):
    service.write()
    assert re.fullmatch(r"generation 3 serves, after \d+ ms\n", control.run("reload"))
    service.wait_for_number()  # who was in the backlog meets the former one
    service.write(plugin="/nowhere.so")
    ended = outriderctl("-s", control.path, "reload")
    assert ended.returncode == 70 and "reload failed: " in ended.stderr and "/nowhere.so" in ended.stderr, ended
    assert "last reload: failed: " in control.run("status")
    service.wait_for_one_master()
    service.write()
    answers = three_at_once(service, control, "reload")
    assert {answer["generation"] for answer in answers} <= {5, 6}, answers
    service.wait_for_number()


def test_workers_more_and_fewer(service, control):
    control.run("scale", "+2")
    service.server.workers(3)
    control.run("scale", "-1")
    service.server.workers(2)
    assert control.ask("status")["scale"] == 1


def test_a_number_of_workers(service, control):
    """`scale 3` is three workers, whatever there were; with a sign so many more or fewer."""
    assert control.run("scale", "3") == "3 worker(s) wanted: 1 configured, scaled by +2\n"
    service.server.workers(3)
    assert control.ask("scale", to=3) == {"configured": 1, "scale": 2, "wanted": 3}
    assert control.run("scale", "-1") == "2 worker(s) wanted: 1 configured, scaled by +1\n"
    service.server.workers(2)
    status = control.ask("status")
    assert status["workers"] == {"configured": 1, "scale": 1, "wanted": 2} and status["scale"] == 1
    assert "\n2 worker(s) wanted: 1 configured, scaled by +1\n" in control.run("status")
    assert control.run("scale", "1") == "1 worker(s) wanted: 1 configured\n"
    service.server.workers(1)
    assert "\n1 worker(s) wanted: 1 configured\n" in control.run("status")
    control.run("scale", "2")
    service.reload(server="workers = 3")
    service.server.workers(4)
    assert control.ask("status")["workers"] == {"configured": 3, "scale": 1, "wanted": 4}
    assert control.ask("scale", by=-3) == {"configured": 3, "scale": -2, "wanted": 1}
    service.server.workers(1)


def test_a_number_of_workers_that_can_not_be(service, control):
    control.run("scale", "2")
    service.server.workers(2)
    for change, reason in (
        ("-9", "scale: at least one worker has to stay, and there are 2"),
        ("-2", "scale: at least one worker has to stay, and there are 2"),
        ("18", "has room for 17 workers; for more set server.workers, and reload"),
        ("+16", "has room for 17 workers; for more set server.workers, and reload"),
    ):
        ended = outriderctl("-s", control.path, "scale", change)
        assert ended.returncode == 70 and reason in ended.stderr and not ended.stdout, ended
    assert control.ask("status")["workers"] == {"configured": 1, "scale": 1, "wanted": 2}
    assert len(service.server.workers(2)) == 2
    control.run("scale", "17")
    service.server.workers(17, timeout=scaled(20.0))


def test_another_supervisor_by_order(service, control):
    """The client is told when the new supervisor has taken over; masters and workers are not affected."""
    pid, master, workers = service.server.pid, service.server.master(), service.server.workers()
    assert control.run("upgrade") == "outrider 0.1.0 has taken over, with 1 generation(s)\n"
    assert service.server.log.count("the supervisor has been replaced") == 1
    answers = three_at_once(service, control, "upgrade")
    assert answers == [{"version": "0.1.0", "pid": pid, "generations": 1}] * 3
    assert service.server.log.count("the supervisor has been replaced") in (2, 3, 4)
    assert (service.server.pid, service.server.master(), service.server.workers()) == (pid, master, workers)
    assert control.ask("status")["pid"] == pid and service.serving() == service.number
    assert len(processes.descriptors(pid)) < 40


def test_who_waits_for_a_reload_is_answered_by_the_next_supervisor(service, control):
    """As many generations finish as may at once: the reload follows when one of them has ended."""
    service.reload(server='graceful_timeout = "10m"', settings='[timeouts]\nbody = "10m"\n')
    with ExitStack() as stack:
        busy = []
        while control.run("status").count("draining") < 16:
            assert len(busy) < 32
            busy.append(stack.enter_context(service.server.connect()))
            busy[-1].send(request("POST", "/demo/echo", "Content-Length: 4") + b"ab")
            assert select.select([busy[-1].socket], [], [], scaled_timeout(5))[0], "the handler echoes as it reads"
            control.run("reload")
        with control.connect() as client:
            client.sendall(b'{"command":"reload"}\n')
            wait_for(lambda: "reload queued behind" in service.server.log, service.server.state)
            service.server.tell(signal.SIGUSR2)
            wait_for(lambda: "the supervisor has been replaced" in service.server.log, service.server.state)
            busy[0].close()
            answer = json.loads(client.makefile("rb").readline())
        assert answer["ok"] is True and answer["result"]["generation"] > 16, answer


def test_nothing_follows_an_upgrade_on_its_connection(service, control):
    """It is told, and what was sent behind it is not an order of anybody."""
    with control.connect() as client:
        file = client.makefile("rb")
        client.sendall(b'{"command":"upgrade"}\n{"command":"stop"}\n')
        assert json.loads(file.readline())["ok"] is True
        assert file.readline() == b""
    assert control.ask("status")["ready"] and service.serving() == service.number


@of_the_shipped_server
def test_a_program_that_can_not_take_over(own, tmp_path, path):
    """The supervisor stays, and says why."""
    shutil.copy(RELEASE / "outrider", tmp_path / "outrider")
    plugin = CONFIGURED
    script = 'program="$1"; shift 2; exec "$program" "$@"'
    server = own(
        "--set", f"control.socket={path}", plugin,
        launcher=["sh", "-c", script, "sh", tmp_path / "outrider"],
    )  # fmt: skip
    control = Control(path)
    wait_for(control.takes_clients, server.state)
    (tmp_path / "new").write_text("#!/bin/sh\necho something else\n")
    (tmp_path / "new").chmod(0o755)
    (tmp_path / "new").rename(tmp_path / "outrider")
    ended = outriderctl("-s", path, "upgrade")
    assert ended.returncode == 70 and "upgrade failed: " in ended.stderr, ended
    assert 'it is not outrider, it says "something else"' in ended.stderr, ended
    assert "the supervisor is not replaced" in server.log and control.ask("status")["ready"]
    ended = outriderctl("-s", path, "--json", "upgrade")
    assert ended.returncode == 70 and "upgrade failed: " in json.loads(ended.stdout)["error"], ended


def test_a_retired_worker_is_replaced(service, control):
    (old,) = service.server.workers()
    control.run("retire", old)
    new = wait_for(
        lambda: [p.pid for p in processes.children(service.server.master()) if p.pid != old], service.server.state
    )
    wait_for(lambda: service.server.workers() == new, service.server.state)
    wait_for(lambda: [w["pid"] for w in control.ask("workers")] == new, lambda: control.ask("workers"))
    assert control.ask("status")["worker_restarts"]["retired"] == 1
    ended = outriderctl("-s", control.path, "retire", service.server.pid)
    assert ended.returncode == 70 and "is not a worker" in ended.stderr


@pytest.mark.parametrize("now", [False, True])
def test_stop(service, control, now):
    family = processes.family(service.server.pid)
    control.run("stop", *(["--now"] if now else []))
    assert service.server.wait() == 0
    wait_for(lambda: not processes.still_there(family), "all have ended")
    assert not control.path.exists()


def test_another_supervisor_keeps_the_socket(service, control):
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "the supervisor has been replaced" in service.server.log, service.server.state)
    before = control.ask("workers")
    assert [worker["pid"] for worker in before] == service.server.workers()
    assert len(control.ask("plugins")) == 2 and "[control]" in control.ask("config")
    assert processes.threads(service.server.pid) == 1


def test_refusals_of_the_server_are_json_if_answers_are(service, control):
    for order in (["retire", "1"], ["scale", "-9"]):
        ended = outriderctl("-s", control.path, "--json", *order)
        failure = json.loads(ended.stdout)
        assert ended.returncode == 70 and failure["ok"] is False and f"{order[0]}: " in failure["error"], ended
        assert not ended.stderr, ended


# What nobody should send


@pytest.mark.parametrize(
    "line, reason",
    [
        (b"\n", "not JSON"),
        (b"hello\n", "not JSON"),
        (b"\xff\xfe\x00\n", "not JSON"),
        (b"[]\n", "expected one JSON object"),
        (b"{}\n", "expected \"command\""),
        (b'{"command":"halt"}\n', 'unknown command "halt"'),
        (b'{"command":"status","x":1}\n', 'unknown parameter "x"'),
        (b'{"command":"scale","by":99999}\n', "scale: expected"),
        (b'{"command":"scale","to":0}\n', "scale: expected"),
        (b'{"command":"scale","to":-1}\n', "scale: expected"),
        (b'{"command":"scale","to":2,"by":1}\n', 'scale: unknown parameter "to"'),
        (b'{"command":"scale"}\n', "scale: expected"),
        (b'{"command":"upgrade","now":true}\n', 'upgrade: unknown parameter "now"'),
        (b'{"command":"retire","pid":1}\n', "1 is not a worker"),
        (b"[" * 4000 + b"\n", "nested too deeply"),
        (b"a" * 5000, "longer than 4096 bytes"),
        (b"a" * 5000 + b"\n", "longer than 4096 bytes"),
    ],
)
def test_garbage(service, control, line, reason):
    answer = control.send(line)
    assert answer["ok"] is False and reason in answer["error"], answer
    assert control.ask("status")["ready"]


def test_several_orders_on_one_connection(service, control):
    with control.connect() as client:
        client.sendall(b'{"command":"status"}\n{"command":"halt"}\n{"command":"plugins"}\n')
        file = client.makefile("rb")
        answers = [json.loads(file.readline()) for _ in range(3)]
    assert [answer["ok"] for answer in answers] == [True, False, True]


@pytest.mark.parametrize(
    "line", [b"x", b"[]", b'"\\u-000"', b'{"command":"status"', b'{"command":"scale","by":1}}', b"a" * 5000],
    ids=lambda line: line[:24].decode(),
)
def test_nothing_follows_a_line_that_is_no_order(service, control, line):
    """Neither what comes behind it, nor a part of it, is an order: here, to stop."""
    with control.connect() as client:
        file = client.makefile("rb")
        client.sendall(line + b'\n{"command":"stop"}\n')
        assert json.loads(file.readline())["ok"] is False
        assert file.readline() == b"", "nothing more is answered"
    assert control.ask("status")["ready"] and control.ask("status")["scale"] == 0
    assert service.serving() == service.number


def test_silent_and_slow_clients(service, control):
    """They hold up nobody: neither others at the socket, nor requests."""
    with ExitStack() as stack:
        for number in range(60):
            client = stack.enter_context(control.connect())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.sendall([b"", b"{", b'{"command":"metrics"}\n' * 50][number % 3])

        def answered():
            start = time.monotonic()
            assert control.ask("status")["ready"] and service.serving() == service.number
            return time.monotonic() - start

        seen(answered, lambda took: took < scaled(2))
        assert len(processes.descriptors(service.server.pid)) < 60


def test_no_socket_is_a_warning(own, tmp_path):
    service = Service(own, tmp_path)
    service.write(settings='[control]\nsocket = "/nowhere/control.sock"\n')
    service.hup()
    service.wait_for_number()
    wait_for(lambda: "there is no control socket" in service.server.log, service.server.state)
    assert "/nowhere/control.sock: No such file or directory" in service.server.log
