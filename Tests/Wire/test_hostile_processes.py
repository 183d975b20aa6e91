"""Plugins that attack the process above theirs: what a master's code can make the supervisor do, which is root, and what a
worker's can make the master do. Sources/README.md says who believes what of whom."""

import array
import fcntl
import json
import os
import pty
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time

import pytest

import client
import processes
from control import Control
from metrics import Metrics
from pace import soon
from processes import wait_for
from server import BINARY, TEST_PLUGINS, free_port, run
from visible import precious_file, visible_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")

HOSTILE = "libhostile.so"
NOBODY = pwd.getpwnam("nobody")

# The kinds of messages between master and supervisor, and between worker and master.
LISTENER, READY, SETTING, CONFIGURED, CLAIM, STEP, FAILED = 1, 3, 6, 7, 8, 9, 10
SCALE, SCOREBOARD, TICKET_KEYS, WORKER, PLUGIN, CONFIGURATION, UNKNOWN = 12, 13, 14, 16, 17, 18, 0xEE
WORKER_READY, WORKER_DRAIN = 1, 3


class Attacked:
    """A server of root's with `server.user = "nobody"`, the hostile plugin, a control socket and metrics."""

    def __init__(self, own, folder):
        self.own, self.folder = own, folder
        self.port = free_port()
        self.metrics_port = free_port()
        self.file = folder / "outrider.toml"
        self.control = Control(folder / "control.sock")
        self.trigger = folder / "go"
        self.server = None

    def write(self, *, server="", settings="", plugin=HOSTILE, listeners=None, bind=None, graceful="1s", **config):
        config = {"trigger": str(self.trigger)} | config
        lines = "".join(
            f"{key} = {json.dumps(value)}\n" for key, value in config.items()
        )
        self.file.write_text(
            f'[server]\nuser = "nobody"\ngraceful_timeout = "{graceful}"\n{server}\n{settings}\n'
            f'[control]\nsocket = "{self.control.path}"\n[metrics]\nbind = "127.0.0.1:{self.metrics_port}"\n'
            f'[[listener]]\nbind = "{bind or f"127.0.0.1:{self.port}"}"\n{listeners or ""}\n'
            f'[[plugin]]\npath = "{self.folder / plugin}"\nmax_fails = 0\n[plugin.config]\n{lines}'
        )

    def start(self, *, log_to=None, **changes):
        """log_to: a descriptor that is its standard error, or another place that the settings name."""
        self.write(**changes)
        where = {"logs_elsewhere": True, "stderr": log_to if isinstance(log_to, int) else None} if log_to else {}
        self.server = self.own("-c", self.file, bind=False, port=self.port, **where)
        wait_for(self.control.path.exists, lambda: self.server.state())

    @property
    def log(self):
        return self.server.log

    def go(self):
        """Let the child of the master begin."""
        self.trigger.touch()

    def wait_for(self, pattern, timeout=5.0):
        wait_for(lambda: re.search(pattern, self.log), lambda: f"{pattern}; {self.server.state()}", timeout)

    def done(self):
        self.wait_for("hostile: done")

    def hup(self):
        self.server.tell(signal.SIGHUP)

    def descriptors(self, pid=None):
        return len(processes.descriptors(pid or self.server.pid))

    def is_well(self):
        """The supervisor is the same process, answers, and a generation serves."""
        wait_for(lambda: self.server.alive and self.serves(), lambda: self.server.state(), 10)
        assert self.control.ask("status")["pid"] == self.server.pid

    def serves(self):
        try:
            return self.server.get("/").body == b"hello\n" and self.control.ask("status")["ready"]
        except (OSError, AssertionError):
            return False


@pytest.fixture
def folder():
    with visible_folder(HOSTILE, "libidentity.so") as folder:
        yield folder


@pytest.fixture
def attacked(own, folder):
    """Its end is an operator's; what the plugin has forked outlives that, and goes with the rest."""
    attacked = Attacked(own, folder)
    yield attacked
    if attacked.server and attacked.server.alive:
        attacked.server.tell(signal.SIGTERM)
        assert attacked.server.wait() == 0
    if attacked.server:
        attacked.server.kill()


@pytest.fixture
def precious(folder):
    return precious_file(folder, "secret = 1\n")


# A master, once plugins run in it: paths, numbers, listeners


@pytest.mark.parametrize("when", ["load", "later"])
@pytest.mark.parametrize("key", ["log.error", "log.access", "pidfile", "control.socket"])
def test_a_setting_after_plugins_are_loaded(attacked, precious, key, when):
    """The supervisor opens no path that plugin code names, and makes no file."""
    made = precious.parent / "made"
    target = precious if key.startswith("log.") else made
    attacked.write(where=when, what="say", kind=SETTING, text=f"{key}={target}")
    if when == "load":
        # A master that says such a thing while it starts does not come to serve.
        result = run("-c", attacked.file)
        assert result.returncode != 0 and re.search(r'sends "setting" after plugins were loaded', result.stderr), result
    else:
        attacked.start(where=when, what="say", kind=SETTING, text=f"{key}={target}")
        attacked.go()
        attacked.done()
        attacked.wait_for(r'ERROR\] supervisor: generation 1: its master \d+ sends "setting" after plugins were loaded')
        attacked.server.tell(signal.SIGUSR1)
        attacked.wait_for("log files have been reopened")
        attacked.trigger.unlink()
        attacked.is_well()
    assert precious.read_text() == "secret = 1\n" and not made.exists()


def test_a_path_is_not_opened_for_a_master(attacked, precious):
    """What a master does with descriptors of the error log, it does with those that the configuration names."""
    attacked.start(where="later", what="say", kind=SETTING, text=f"log.access={precious}")
    attacked.go()
    attacked.done()
    attacked.server.tell(signal.SIGUSR1)
    attacked.wait_for("log files have been reopened")
    for process in processes.family(attacked.server.pid):
        assert str(precious) not in [target for target, _ in processes.descriptors(process.pid).values()]


@pytest.mark.parametrize(
    "kind, text",
    [
        (SETTING, "boot_timeout=1"),
        (CONFIGURED, ""),
        (CLAIM, "5 511 0 0 unix:/etc/passwd"),
        (SCALE, "1"),
        (READY, ""),
        (CONFIGURATION, ""),
        (LISTENER, "127.0.0.1:1"),
    ],
)
def test_words_that_are_not_a_loaded_masters(attacked, kind, text):
    attacked.start(where="later", what="say", kind=kind, text=text)
    master = [processes.look(attacked.server.master())]
    attacked.go()
    attacked.done()
    attacked.wait_for(r"generation 1: its master \d+ sends .*: that is not believed, it is killed")
    wait_for(lambda: not processes.still_there(master), "the end of that master")
    attacked.trigger.unlink()
    attacked.is_well()


@pytest.mark.parametrize("what", ["say", "hand"])
def test_a_successor_of_the_supervisor_believes_no_more(attacked, precious, what):
    """What its predecessor had sealed stays so."""
    attacked.start(where="later", what=what, kind=SETTING, text=f"log.access={precious}", thing="null", descriptors=3)
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    before = attacked.descriptors()
    attacked.go()
    attacked.done()
    attacked.wait_for(r'sends "setting" after plugins were loaded: that is not believed')
    assert "socket: sent" not in attacked.log
    attacked.server.tell(signal.SIGUSR1)
    attacked.wait_for("log files have been reopened")
    attacked.trigger.unlink()
    attacked.is_well()
    assert precious.read_text() == "secret = 1\n"
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**40, 8])
def test_a_number_of_workers_that_a_master_tells(attacked, number):
    """A number that plugin code tells is nobody's wish: it is not shown, and no later generation begins with it."""
    attacked.start(where="later", what="say", kind=SETTING, text=f"scale={number}")
    attacked.go()
    attacked.done()
    attacked.is_well()
    assert attacked.control.ask("status")["scale"] == 0
    attacked.server.tell(signal.SIGTTIN)
    wait_for(lambda: attacked.control.ask("status")["scale"] == 1, lambda: attacked.server.state())
    attacked.server.workers(3)  # beside the child that has spoken
    attacked.write(plugin="libidentity.so")
    attacked.hup()
    attacked.wait_for("generation 2 serves")
    wait_for(lambda: len(processes.children(attacked.server.pid)) == 1, "one master")
    assert attacked.control.ask("status")["scale"] == 1 and len(attacked.server.workers(2)) == 2


@pytest.mark.parametrize(
    "kind, text",
    [
        (TICKET_KEYS, "no keys"),
        (TICKET_KEYS, "18446744073709551615 " + "a" * 160 + "\n"),
        (WORKER, "65535 1 0 ready"),
        (WORKER, "0 99999999999999999999 0 ready"),
        (PLUGIN, "one line"),
        (STEP, "x" * 4000),
    ],
)
def test_texts_of_another_form(attacked, kind, text):
    attacked.start(where="later", what="say", kind=kind, text=text)
    attacked.go()
    attacked.done()
    if kind != STEP:
        attacked.wait_for("that is not believed")
    attacked.trigger.unlink()
    attacked.is_well()


@pytest.mark.parametrize("kind", [STEP, FAILED])
def test_a_text_forges_no_line(attacked, kind):
    """What a master says of its steps and its failure is in one line of the log, whatever is in it."""
    attacked.start(plugin="libidentity.so")
    text = "nothing\n[1] [INFO] supervisor: all is \x1b[31mwell\r"
    attacked.write(where="load", what="say", kind=kind, text=text, hangs=1, server='boot_timeout = "1s"')
    attacked.hup()
    attacked.wait_for("reload failed: .*all is .*well")
    assert "\n[1] [INFO]" not in attacked.log and "\x1b" not in attacked.log and "\r" not in attacked.log


def test_a_reload_that_attacks_leaves_the_old_generation(attacked):
    attacked.start(plugin="libidentity.so")
    attacked.write(where="load", what="say", kind=CLAIM, text="5 511 0 0 unix:/etc/passwd")
    attacked.hup()
    attacked.wait_for(r"reload failed: its master sends \"claim\" after plugins were loaded; generation 1 goes on serving")
    assert b"identity handle" in attacked.server.get("/").body
    attacked.write(plugin="libidentity.so")
    attacked.hup()
    attacked.wait_for("generation 3 serves")


# Descriptors


@pytest.mark.parametrize("thing", ["path", "pipe", "folder", "null", "linger", "board"])
@pytest.mark.parametrize("kind", [SCOREBOARD, CONFIGURATION, LISTENER])
def test_descriptors_that_a_loaded_master_hands_over(attacked, precious, kind, thing):
    """None comes through, the supervisor waits for none, reads none and keeps none."""
    attacked.start(where="later", what="hand", kind=kind, thing=thing, text=str(precious))
    before = attacked.descriptors()
    attacked.go()
    start = time.monotonic()
    attacked.wait_for("hostile: uid")
    assert "socket: sent" not in attacked.log, "the kernel refuses what the socket would carry"
    # The pipe takes the message, without anything: that is a fault.
    attacked.wait_for("that is not believed")
    attacked.wait_for("starting another")
    attacked.trigger.unlink()
    attacked.is_well()
    assert time.monotonic() - start < soon(10)
    assert "secret" not in attacked.control.ask("config")
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")
    Metrics(attacked.metrics_port).read()


def test_many_descriptors_in_one_message(attacked):
    attacked.start(where="later", what="hand", kind=UNKNOWN, thing="null", descriptors=60, count=50)
    before = attacked.descriptors()
    attacked.go()
    attacked.done()
    attacked.trigger.unlink()
    attacked.is_well()
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")


def test_memory_between_processes_is_sealed(attacked):
    """Whoever has it can't cut it short under a reader."""
    attacked.start(plugin="libidentity.so")
    boards = [
        number
        for number, (target, _) in processes.descriptors(attacked.server.pid).items()
        if "outrider-scoreboard" in target
    ]
    assert len(boards) == 1
    with open(f"/proc/{attacked.server.pid}/fd/{boards[0]}", "rb+") as board:
        for size in (0, 1 << 30):
            with pytest.raises(PermissionError):
                os.ftruncate(board.fileno(), size)


# Floods


@pytest.mark.parametrize("kind", [UNKNOWN, STEP, WORKER])
def test_a_master_that_floods(attacked, kind):
    """Others have their turn meanwhile, and soon there is an end of it."""
    attacked.start(where="later", what="flood", kind=kind)
    attacked.go()
    attacked.wait_for("that is not believed")
    attacked.trigger.unlink()
    attacked.is_well()


def test_last_words_have_an_end(attacked):
    """A child of a master holds its line, and goes on after it has ended."""
    attacked.start(where="later", what="flood", kind=STEP)
    master = attacked.server.master()
    attacked.go()
    os.kill(master, signal.SIGKILL)
    attacked.trigger.unlink()
    attacked.is_well()


# A text that is one Character for Swift: to find that out, and to put its marks in order, takes a thousand times as long
# as to read its bytes.
ONE_CHARACTER = "a" + "\u0301\u0316" * 1000


def test_texts_that_take_long(attacked):
    attacked.start(where="later", what="press", kind=STEP, text=ONE_CHARACTER, count=12_000)
    before = processes.ticks(attacked.server.pid)
    attacked.go()
    attacked.wait_for("hostile: said it 12000 times", 15)
    spent = (processes.ticks(attacked.server.pid) - before) / processes.TICKS_PER_SECOND
    assert spent < soon(5)
    attacked.is_well()


def test_last_words_that_take_long(attacked):
    attacked.start(where="later", what="press", kind=STEP, text=ONE_CHARACTER, count=16_000)
    master = attacked.server.master()
    attacked.go()
    time.sleep(0.05)
    os.kill(master, signal.SIGKILL)
    attacked.trigger.unlink()
    start = time.monotonic()
    attacked.control.ask("status")
    assert time.monotonic() - start < soon(2)
    attacked.is_well()


def test_more_said_of_plugins_than_anybody_has(attacked):
    text = "\n".join(["name", "/", "/x.so", "title", "\\" * 4000])
    attacked.write(where="load", what="press", kind=PLUGIN, text=text, count=70)
    result = run("-c", attacked.file)
    assert result.returncode != 0 and "tells more of its plugins than 262144 bytes" in result.stderr, result
    # What is allowed is no hindrance to a replacement.
    attacked.start(where="load", what="press", kind=PLUGIN, text=text, count=60)
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    attacked.is_well()


# A worker


@pytest.mark.parametrize(
    "config, says",
    [
        ({"what": "hand", "kind": UNKNOWN, "thing": "null", "descriptors": 2}, "sends a message of kind 238"),
        ({"what": "hand", "kind": WORKER_READY, "thing": "linger"}, "pipe: sent|socket: sent"),
        ({"what": "say", "kind": WORKER_DRAIN}, r"sends \"drain\", which is a master's word"),
        ({"what": "say", "kind": WORKER_READY, "count": 2}, r"says \"ready\" twice"),
        ({"what": "flood", "kind": UNKNOWN}, "sends a message of kind 238"),
        ({"what": "flood", "kind": WORKER_READY}, r"says \"ready\" twice"),
    ],
    ids=str,
)
def test_a_worker_that_attacks_its_master(attacked, config, says):
    """It is said, the worker is aborted, reported and replaced; the master is as it was, without a descriptor more."""
    attacked.start(where="worker", **config)
    master, (worker,) = attacked.server.master(), attacked.server.workers()
    before = attacked.descriptors(master)
    attacked.go()
    os.kill(worker, signal.SIGKILL)
    attacked.wait_for(says)
    attacked.trigger.unlink()
    attacked.is_well()
    # The master waits for nothing: it sees a worker's end at once.
    (worker,) = attacked.server.workers()
    os.kill(worker, signal.SIGKILL)
    attacked.wait_for(rf"\(pid {worker}\) was killed by SIGKILL")
    attacked.is_well()
    assert attacked.server.master() == master
    wait_for(lambda: attacked.descriptors(master) <= before, lambda: f"{processes.descriptors(master)}")


def test_a_worker_that_hands_over_descriptors_by_thousands(attacked):
    """Each message had left one in the master, until no replacement could start."""
    attacked.start(where="worker", what="hand", kind=UNKNOWN, thing="null", descriptors=2, count=3000)
    master, (worker,) = attacked.server.master(), attacked.server.workers()
    before = attacked.descriptors(master)
    attacked.go()
    os.kill(worker, signal.SIGKILL)
    attacked.wait_for("hostile: done|aborted")
    attacked.trigger.unlink()
    attacked.is_well()
    wait_for(lambda: attacked.descriptors(master) <= before, lambda: f"{len(processes.descriptors(master))}")


def test_a_worker_that_scribbles_over_its_scoreboard(attacked):
    """Whatever is in it, readers find numbers; when the worker dies the master reports it as it is."""
    attacked.start(where="worker", what="scribble", settings='[timeouts]\nworker = "0s"')
    attacked.wait_for("hostile: scribbles over")
    metrics = Metrics(attacked.metrics_port)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert metrics.get("/metrics").status == 200
        assert metrics.get("/status").status == 200
        for order in ("workers", "status", "plugins"):
            attacked.control.ask(order)
    master = attacked.server.master()
    for _ in range(3):
        (worker,) = attacked.server.workers()
        # The report of its end is made from what is left.
        os.kill(worker, signal.SIGABRT)
        wait_for(lambda: worker not in [p.pid for p in processes.children(master)], "the worker's end")
        wait_for(lambda: f"(pid {worker}) was killed by SIGABRT" in attacked.log, lambda: attacked.server.state())
        attacked.server.workers()
    assert attacked.server.master() == master
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", attacked.log)


# Listeners


@pytest.mark.parametrize("how", ["reload", "restart"])
@pytest.mark.parametrize("path", ["/deaf", "/linger"])
def test_a_listener_that_listens_no_more(attacked, path, how):
    """A worker can end the socket that all have. It does not stay so: the next generation binds it anew."""
    attacked.start()
    before = attacked.descriptors()
    assert attacked.server.get(path).body == b"hello\n"
    with pytest.raises(OSError):
        attacked.server.get("/")
    if how == "reload":
        attacked.hup()
    else:
        os.kill(attacked.server.master(), signal.SIGKILL)
    attacked.wait_for(rf"127.0.0.1:{attacked.port} listens no more, .*it is bound anew")
    attacked.is_well()
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")


@pytest.mark.parametrize("path", ["/deaf", "/linger"])
def test_the_end_waits_for_no_listener(attacked, path):
    attacked.start()
    assert attacked.server.get(path).body == b"hello\n"
    attacked.server.tell(signal.SIGSTOP)
    os.kill(attacked.server.master(), signal.SIGKILL)
    os.kill(attacked.server.pid, signal.SIGTERM)
    time.sleep(0.3)
    os.kill(attacked.server.pid, signal.SIGCONT)
    assert attacked.server.wait(soon(5)) == 0


def test_a_unix_listener_that_listens_no_more(attacked, folder):
    path = folder / "socket"
    attacked.write(bind=f"unix:{path}")
    attacked.server = attacked.own("-c", attacked.file, bind=False, address=str(path))
    wait_for(attacked.control.path.exists, lambda: attacked.server.state())
    assert attacked.server.get("/deaf").body == b"hello\n"
    with pytest.raises(OSError):
        attacked.server.get("/")
    attacked.hup()
    attacked.wait_for(rf"{path} listens no more, .*it is bound anew")
    attacked.is_well()


def test_generations_that_finish_are_bounded(attacked):
    """A reload waits for room; a master that says that it leaves does not, so the oldest makes room."""
    attacked.start(graceful="1h")
    held = []

    def hold():
        """The generation that serves has a request; one before it may take a few still."""
        master = attacked.control.ask("status")["generations"][-1]["master"]
        while f"hostile: holds below {master}\n" not in attacked.log:
            held.append(attacked.server.connect())
            held[-1].send(client.request("GET", "/hold"))
            wait_for(lambda: attacked.log.count("hostile: holds") == len(held), lambda: attacked.server.state())
        return master

    for number in range(2, 18):
        hold()
        attacked.hup()
        attacked.wait_for(rf"generation {number} serves")
    stages = [generation["stage"] for generation in attacked.control.ask("status")["generations"]]
    assert stages == ["draining"] * 16 + ["serving"]
    os.kill(hold(), signal.SIGTERM)
    attacked.wait_for(r"generation 1 has to end now: more than 16 finish at once")
    attacked.is_well()

    def numbers():
        return [generation["number"] for generation in attacked.control.ask("status")["generations"]]

    wait_for(lambda: numbers() == list(range(2, 19)), lambda: f"{numbers()}")
    for connection in held:
        connection.close()
    attacked.server.tell(signal.SIGINT)
    assert attacked.server.wait() == 0


# Waiting for others


def attack_in_a_worker(attacked):
    """The next worker attacks as it starts."""
    attacked.go()
    os.kill(attacked.server.workers()[0], signal.SIGKILL)


def unread(pipe):
    room = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, room)
    return room[0]


def goes_on_without_a_log(attacked):
    """The supervisor writes lines, and waits for none of them."""
    attacked.trigger.unlink()
    attacked.hup()
    wait_for(lambda: attacked.control.ask("status")["generations"][-1]["number"] == 2, "the next generation", 10)
    attacked.is_well()
    attacked.server.tell(signal.SIGTERM)
    assert attacked.server.wait() == 0


def test_a_log_that_nobody_reads_any_more(attacked, folder):
    """The owner of the log's folder puts a pipe in its place; a worker fills it, and lets writers wait."""
    logs = folder / "logs"
    logs.mkdir()
    os.chown(logs, NOBODY.pw_uid, NOBODY.pw_gid)
    path = logs / "error.log"
    attacked.start(where="worker", what="fill", log_to=path, settings=f'[log]\nerror = "{path}"')
    path.rename(logs / "before")
    os.mkfifo(path, 0o600)
    os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        attacked.control.ask("reopen")
        attack_in_a_worker(attacked)
        wait_for(lambda: unread(pipe) > 60_000, lambda: f"{unread(pipe)} bytes")
        goes_on_without_a_log(attacked)
    finally:
        os.close(pipe)


@pytest.mark.parametrize("what", ["fill", "silence"])
def test_standard_error_that_nobody_reads_any_more(attacked, what):
    """A pipe or a terminal that the server was started with, and that masters and workers have as well."""
    theirs, ours = os.pipe() if what == "fill" else os.openpty()
    try:
        attacked.start(where="worker", what=what, log_to=ours)
        attack_in_a_worker(attacked)
        if what == "fill":
            wait_for(lambda: unread(theirs) > 60_000, lambda: f"{unread(theirs)} bytes")
        else:
            wait_for(lambda: not select.select([], [ours], [], 0)[1], "the terminal's end")
        goes_on_without_a_log(attacked)
    finally:
        os.close(theirs)
        os.close(ours)


# A master that stands still


def test_a_master_that_is_stopped_goes_on(attacked):
    attacked.start(where="worker", what="stop")
    master = attacked.server.master()
    attack_in_a_worker(attacked)
    attacked.wait_for(rf"master {master} of generation 1 was stopped by SIGSTOP: it is continued")
    attacked.trigger.unlink()
    attacked.is_well()
    # It heeds its workers.
    os.kill(attacked.server.workers()[0], signal.SIGKILL)
    attacked.is_well()
    assert attacked.server.master() == master


def test_a_master_that_is_stopped_again_and_again_is_replaced(attacked):
    attacked.start(where="worker", what="stop", count=30)
    master = attacked.server.master()
    attack_in_a_worker(attacked)
    wait_for(lambda: "it is continued" in attacked.log, lambda: attacked.server.state())
    attacked.trigger.unlink()
    attacked.wait_for(rf"master {master} of generation 1 was stopped by SIGSTOP, again and again: it is killed")
    attacked.is_well()
    assert attacked.server.master() != master


def test_a_name_that_is_more_than_a_name(attacked, precious):
    """What the supervisor leaves to its successor is its own, whatever a plugin writes where its name stood."""
    attacked.start(where="load", what="rename", text=f"x\naccess-log {precious}\nscale 7\n")
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    attacked.server.tell(signal.SIGUSR1)
    attacked.wait_for("log files have been reopened")
    attacked.is_well()
    assert attacked.control.ask("status")["scale"] == 0
    samples = Metrics(attacked.metrics_port).read()
    assert {dict(labels)["plugin"] for name, labels in samples if name == "outrider_requests_total"} == {"hostile"}


@pytest.mark.parametrize("end", ["\r", "\r\r", "\x0b", " \u0301"], ids=repr)
def test_a_text_that_ends_a_line_halfway(attacked, end):
    """With a line's end a carriage return is one Character: the next line of the state had been a part of it."""
    attacked.start(where="load", what="say", kind=PLUGIN, text=f"name\n/\n/x.so\ntitle\n{end}")
    before = attacked.control.ask("plugins")
    assert len(before) == 2
    for _ in range(2):
        log = attacked.log.count("has been replaced")
        attacked.server.tell(signal.SIGUSR2)
        wait_for(lambda: attacked.log.count("has been replaced") > log, lambda: attacked.server.state())
    assert [plugin | {"requests": 0} for plugin in attacked.control.ask("plugins")] == [
        plugin | {"requests": 0} for plugin in before
    ]
    attacked.is_well()


def test_a_scoreboard_whose_head_has_changed(attacked):
    """A successor of the supervisor knows where things stand from its predecessor, not from the memory."""
    attacked.start(where="load", what="disorder")
    attacked.is_well()
    names = ("outrider_requests_total", "outrider_workers")
    before = [(name, labels) for name, labels in Metrics(attacked.metrics_port).read() if name in names]
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    attacked.is_well()
    after = [(name, labels) for name, labels in Metrics(attacked.metrics_port).read() if name in names]
    assert before == after and any(dict(labels).get("plugin") == "hostile" for _, labels in after)
    assert attacked.control.ask("workers")[0]["requests"] > 0


# The terminal


def test_a_terminal_is_out_of_reach(attacked):
    """Whoever starts the server in a terminal has it to himself: no plugin types into it. Ctrl-C still ends all."""
    attacked.write(where="load", what="type", text="echo typed\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(BINARY, [BINARY, "-c", str(attacked.file)])
    said, family = bytearray(), []

    def has(pattern):
        while select.select([terminal], [], [], 0.05)[0]:
            try:
                said.extend(os.read(terminal, 65536))
            except OSError:
                break  # nobody has it any more
        return re.search(pattern, said)

    try:
        wait_for(lambda: has(rb"hostile: typed \d+"), lambda: f"an attempt: {said}")
        wait_for(lambda: has(rb" serving "), lambda: f"a start: {said}")
        family = processes.family(pid)
        assert b"typed 0 characters" in said and b"echo" not in said, said
        for process in family[1:]:
            assert process.session not in (pid, os.getsid(0))
            assert os.readlink(f"/proc/{process.pid}/fd/0") == "/dev/null"
        os.write(terminal, b"\x03")
        wait_for(lambda: has(rb"stopping now"), lambda: f"what Ctrl-C brings: {said}")
        wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "the end")
        wait_for(lambda: not processes.still_there(family), "the end of all")
    finally:
        for process in processes.still_there(family):
            os.kill(process.pid, signal.SIGKILL)
        os.close(terminal)


# The environment


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("OUTRIDER_CHANNEL", "99", "OUTRIDER_CHANNEL"),
        ("OUTRIDER_CHANNEL", "3", "OUTRIDER_CHANNEL"),
        ("OUTRIDER_CHANNEL", "99999999999999999999", "OUTRIDER_CHANNEL"),
        ("OUTRIDER_STATE", "99", "OUTRIDER_STATE"),
        ("OUTRIDER_STATE", "3", "OUTRIDER_STATE"),
        ("LISTEN_FDS", "2147483647", "LISTEN_FDS"),
        ("LISTEN_FDS", "-1", "LISTEN_FDS"),
        ("LISTEN_FDS", "1", "LISTEN_FDS"),
    ],
)
def test_numbers_in_the_environment(tmp_path, name, value, says):
    """A descriptor that is not what it should be is refused with a line; here 3 is /dev/null."""
    code = (
        "import os, sys\n"
        "os.dup2(os.open('/dev/null', os.O_RDONLY), 3)\n"
        "os.environ[sys.argv[1]] = sys.argv[2]\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "os.execv(sys.argv[3], sys.argv[3:])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, name, value, BINARY, "-b", "127.0.0.1:0", TEST_PLUGINS / "libconfigured.so"],
        capture_output=True,
        text=True,
        timeout=soon(10),
        start_new_session=True,
        close_fds=True,
    )
    assert result.returncode > 0 and says in result.stderr, result
    assert len(result.stderr.splitlines()) == 1


def test_a_state_with_numbers_that_trap(tmp_path):
    """What a former supervisor left is read as anything else: numbers out of range, pids of others."""
    state = (
        f"program -1 {BINARY}\ncount 9223372036854775807\nscale 9223372036854775807\nrestarts 9223372036854775807 1 1 1\n"
        "reloads 9223372036854775807 9223372036854775807\ntotals 9223372036854775807 1\n"
        "generation {number} {pid} start serving 1 18446744073709551615 -1 -1 1 1 1 1 1 \n"
    )
    code = (
        "import os, sys\n"
        "fd = os.memfd_create('state', 0)\n"
        "os.write(fd, sys.argv[1].encode())\n"
        "os.set_inheritable(fd, True)\n"
        "os.environ['OUTRIDER_STATE'] = str(fd)\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )
    for number, pid in ((-1, os.getpid()), (1, -1), (1, 1), (9223372036854775807, os.getpid())):
        result = subprocess.run(
            [sys.executable, "-c", code, state.format(number=number, pid=pid), BINARY, "-c", "/nowhere"],
            capture_output=True,
            text=True,
            timeout=soon(10),
            start_new_session=True,
        )
        assert result.returncode == 71 and "OUTRIDER_STATE" in result.stderr, result
