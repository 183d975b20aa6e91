"""[control] socket and outriderctl: who may connect, what each order does, and what garbage comes to."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import tomllib
from contextlib import ExitStack, contextmanager

import pytest

import processes
from client import Connection, request
from control import Control, outriderctl
from matrix import Combination
from pace import of_the_shipped_server, soon
from processes import wait_for
from server import RELEASE, TEST_PLUGINS
from service import CONFIGURED, DEMO, Service
from visible import visible_folder


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


def test_status(service, control):
    with service.server.connect() as connection:
        connection.send(request("GET", "/demo/delay?s=2"))
        wait_for(lambda: control.ask("status")["in_flight"] == 1, lambda: control.ask("status"))
        status = control.ask("status")
        assert status["pid"] == service.server.pid and status["ready"] is True
        (generation,) = status["generations"]
        assert generation["number"] == 2 and generation["stage"] == "serving" and generation["cause"] == "reload"
        assert generation["master"] == service.server.master()
        assert generation["workers"] == generation["ready_workers"] == 1
        assert 0 <= status["oldest_request_ms"] < 2000
        assert status["last_reload"]["generation"] == 2 and status["last_reload"]["failure"] is None
        (worker,) = control.ask("workers")
        assert [worker["pid"]] == service.server.workers() and worker["state"] == "ready"
        (flight,) = worker["flights"]
        assert (flight["method"], flight["path"]) == ("GET", "/demo/delay") and flight["plugin"] == "demo_event"
        text = control.run("status")
        assert f"supervisor {service.server.pid}: ready" in text and "1 in flight" in text, text
        assert "GET /demo/delay" in control.run("workers")
    assert json.loads(control.run("--json", "status"))["pid"] == service.server.pid


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "BREW", "A-METHOD-OF-20-BYTES"])
def test_a_request_in_flight_has_its_method(service, control, method):
    with service.server.connect() as connection:
        connection.send(request(method, "/demo/delay?s=2"))
        wait_for(lambda: control.ask("status")["in_flight"] == 1, lambda: control.ask("status"))
        (flight,) = control.ask("workers")[0]["flights"]
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
        assert answer is None or answer == "log files are reopened\n"
        assert "log files have been reopened" in log.read_text(), "done before it is answered"
        assert service.serving() == service.number
        wait_for(lambda: os.readlink(f"/proc/{master}/fd/2") == str(log), "the master in the new file")
        size = old.stat().st_size
        os.kill(service.server.workers()[0], signal.SIGKILL)
        wait_for(lambda: "SIGKILL" in log.read_text(), "the master's line in the new file")
        assert old.stat().st_size == size
        service.server.workers()


def test_reload_tells_its_result(service, control):
    service.write()
    assert re.fullmatch(r"generation 3 serves, after \d+ ms\n", control.run("reload"))
    assert service.serving() == service.number
    service.write(plugin="/nowhere.so")
    ended = outriderctl("-s", control.path, "reload")
    assert ended.returncode == 70 and "reload failed: " in ended.stderr and "/nowhere.so" in ended.stderr, ended
    assert "last reload: failed: " in control.run("status")
    assert len(processes.children(service.server.pid)) == 1
    service.write()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(control.ask("reload"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3 and {answer["generation"] for answer in answers} <= {5, 6}, answers
    assert service.serving() == service.number


def test_workers_more_and_fewer(service, control):
    control.run("scale", "+2")
    service.server.workers(3)
    control.run("scale", "-1")
    service.server.workers(2)
    assert control.ask("status")["scale"] == 1


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
        start = time.monotonic()
        assert control.ask("status")["ready"] and service.serving() == service.number
        assert time.monotonic() - start < soon(2)
        assert len(processes.descriptors(service.server.pid)) < 60


def test_no_socket_is_a_warning(own, tmp_path):
    service = Service(own, tmp_path)
    service.write(settings='[control]\nsocket = "/nowhere/control.sock"\n')
    service.hup()
    service.wait_for_number()
    wait_for(lambda: "there is no control socket" in service.server.log, service.server.state)
    assert "/nowhere/control.sock: No such file or directory" in service.server.log


# outriderctl


def test_nobody_there(tmp_path):
    ended = outriderctl("-s", tmp_path / "none", "status")
    assert ended.returncode == 69 and "No such file or directory" in ended.stderr and "-s" in ended.stderr, ended


@pytest.mark.parametrize(
    "arguments",
    [["halt"], ["scale"], ["scale", "0"], ["scale", "x"], ["retire"], ["status", "x"], ["--now", "status"], ["inspect"], []],
)
def test_usage(arguments):
    ended = outriderctl(*arguments)
    assert ended.returncode == 64 and ended.stderr, ended


@of_the_shipped_server
@pytest.mark.parametrize("style", ["blocking", "event"])
def test_inspect(style):
    plugin = Combination("async", style).demo
    ended = outriderctl("inspect", plugin)
    assert ended.returncode == 0, ended
    assert re.search(rf"^styles +{style}$", ended.stdout, re.M) and re.search(r"^ABI +1\.\d+", ended.stdout, re.M)
    description = json.loads(outriderctl("--json", "inspect", plugin).stdout)
    assert description["styles"] == [style] and description["host_abi"].startswith("1.")


@pytest.mark.parametrize(
    "plugin, reason",
    [
        ("libload_crashes.so", "was killed by SIG"),
        ("libload_refuses.so", "load refused"),
        ("libno_symbol.so", "no symbol outrider_plugin_v1"),
    ],
)
def test_inspect_what_does_not_load(plugin, reason):
    path = TEST_PLUGINS / plugin
    if not path.exists():
        pytest.fail(f"{path} is missing: {sorted(p.name for p in TEST_PLUGINS.iterdir())}")
    ended = outriderctl("inspect", path)
    assert ended.returncode == 78 and reason in ended.stderr, ended


def test_inspect_without_a_file(tmp_path):
    assert outriderctl("inspect", tmp_path / "none.so").returncode == 66


def test_inspect_does_not_run_as_root():
    if os.getuid() != 0:
        pytest.skip("this is for root")
    ended = outriderctl("inspect", TEST_PLUGINS / "libidentity.so")
    assert "identity load: uids=65534,65534,65534" in ended.stderr and "uids=0" not in ended.stderr, ended


# Another who answers


@contextmanager
def answering(path, result, key="result", user=None):
    """A process at this path, of another user if so, that answers whatever it is asked."""
    answer = json.dumps({"ok": key == "result", key: result}) + "\n"
    code = (
        "import os, socket, sys\n"
        "server = socket.socket(socket.AF_UNIX)\n"
        "server.bind(sys.argv[1])\n"
        "os.chmod(sys.argv[1], 0o666)\n"
        "if sys.argv[3]: os.setgroups([]), os.setuid(int(sys.argv[3]))\n"
        "server.listen()\n"
        "print(flush=True)\n"
        "client, _ = server.accept()\n"
        "client.recv(4096)\n"
        "client.sendall(sys.argv[2].encode())\n"
    )
    fake = subprocess.Popen([sys.executable, "-c", code, path, answer, str(user or "")], stdout=subprocess.PIPE)
    try:
        fake.stdout.readline()
        yield
    finally:
        fake.kill()
        fake.wait()
        fake.stdout.close()
        path.unlink()


CONTROLS = "\x1b]0;owned\x07\x9b31m\u202e\r\x7f"


@pytest.mark.parametrize("format", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize(
    "order, key, result",
    [
        ("status", "error", CONTROLS),
        ("config", "result", f"a = 1\n\tb = 2\n{CONTROLS}\n"),
        ("metrics", "result", f"a 1\n{CONTROLS}\n"),
        ("status", "result", {"worker_restarts": {CONTROLS + "\n": 1}, "pid": CONTROLS}),
        ("workers", "result", [{"pid": CONTROLS, "path": CONTROLS}]),
        ("reload", "result", {"generation": CONTROLS, CONTROLS: CONTROLS}),
    ],
)
def test_an_answer_that_controls_the_terminal(path, order, key, result, format):
    with answering(path, result, key):
        ended = outriderctl("-s", path, *format, order)
    said = ended.stdout + ended.stderr
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", said), ascii(said)
    assert "owned" in said
    if format and key == "result":
        assert json.loads(ended.stdout) == result
    elif order == "config":
        assert ended.stdout.startswith("a = 1\n\tb = 2\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_a_server_of_another_user(path):
    """Nobody but root listens to it; root manages everybody's."""
    DAEMON, NOBODY = 1, 65534
    with visible_folder() as folder:
        path = folder / "control.sock"
        shutil.copy(RELEASE / "outriderctl", folder)
        command = [folder / "outriderctl", "-s", path, "config"]
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "capture_output": True, "text": True}
        with answering(path, "news", user=DAEMON):
            ended = subprocess.run(command, **other)
        assert ended.returncode == 77 and "neither root's nor yours" in ended.stderr, ended
        for user, caller in ((NOBODY, other), (None, other), (DAEMON, {"capture_output": True, "text": True})):
            with answering(path, "news", user=user):
                ended = subprocess.run(command, **caller)
            assert (ended.returncode, ended.stdout) == (0, "news\n"), ended
