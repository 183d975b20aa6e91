"""A plugin that attacks from its master: what a master's code can make the supervisor do, which is root.
Sources/Trust.md says who believes what of whom."""

import os
import re
import signal
import time

import pytest

import messages
import processes
from attacked import attacked, folder, precious  # noqa: F401
from metrics import Metrics
from processes import kill, wait_for
from server import run
from timing import scaled, scaled_timeout

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")


# A master, once plugins run in it: paths, numbers, listeners

CLAIM = messages.fields(name="unix:/etc/passwd", backlog=5, mode=511, owner=0, group=0)


@pytest.mark.parametrize("when", ["load", "later"])
@pytest.mark.parametrize("key", ["log.error", "log.access", "pidfile", "control.socket"])
def test_a_setting_after_plugins_are_loaded(attacked, precious, key, when):
    """The supervisor opens no path that plugin code names, and makes no file."""
    made = precious.parent / "made"
    target = precious if key.startswith("log.") else made
    attacked.write(where=when, what="say", kind=messages.SETTING, text=messages.fields((key, target)))
    if when == "load":
        # A master that says such a thing while it starts does not come to serve.
        result = run("-c", attacked.file)
        assert result.returncode != 0 and re.search(r'sends "setting" after plugins were loaded', result.stderr), result
    else:
        attacked.start(where=when, what="say", kind=messages.SETTING, text=messages.fields((key, target)))
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
    attacked.start(where="later", what="say", kind=messages.SETTING, text=messages.fields(("log.access", precious)))
    attacked.go()
    attacked.done()
    attacked.server.tell(signal.SIGUSR1)
    attacked.wait_for("log files have been reopened")
    for process in processes.family(attacked.server.pid):
        assert str(precious) not in [target for target, _ in processes.descriptors(process.pid).values()]


@pytest.mark.parametrize(
    "kind, text",
    [
        (messages.SETTING, messages.fields(boot_timeout=1)),
        (messages.CONFIGURED, ""),
        (messages.CLAIM, CLAIM),
        (messages.SCALE, messages.fields(by=1)),
        (messages.READY, ""),
        (messages.CONFIGURATION, ""),
        (messages.LISTENER, messages.fields(name="127.0.0.1:1")),
    ],
)
def test_words_that_are_not_a_loaded_masters(attacked, kind, text):
    attacked.start(where="later", what="say", kind=kind, text=text)
    master = [processes.look(attacked.server.master())]
    attacked.go()
    attacked.done()
    attacked.wait_for(r"generation 1: its master \d+ sends .*; killing it")
    wait_for(lambda: not processes.still_there(master), "the end of that master")
    attacked.trigger.unlink()
    attacked.is_well()


@pytest.mark.parametrize("what", ["say", "hand"])
def test_a_successor_of_the_supervisor_believes_no_more(attacked, precious, what):
    """What its predecessor had sealed stays so."""
    attacked.start(where="later", what=what, kind=messages.SETTING, text=messages.fields(("log.access", precious)), thing="null", descriptors=3)
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    before = attacked.descriptors()
    attacked.go()
    attacked.done()
    attacked.wait_for(r'sends "setting" after plugins were loaded; killing it')
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
    attacked.start(where="later", what="say", kind=messages.SETTING, text=messages.fields(scale=number))
    attacked.go()
    attacked.done()
    attacked.wait_for('sends "setting" after plugins were loaded')
    attacked.trigger.unlink()
    attacked.is_well()
    attacked.wait_for("generation 2 serves")
    assert attacked.control.ask("status")["scale"] == 0
    attacked.server.tell(signal.SIGTTIN)
    wait_for(lambda: attacked.control.ask("status")["scale"] == 1, lambda: attacked.server.state())
    attacked.server.workers(3)  # beside the child that waits to speak
    attacked.write(plugin="libidentity.so")
    attacked.hup()
    wait_for(lambda: b"identity handle" in attacked.server.get("/").body, lambda: attacked.server.state())
    wait_for(lambda: len(processes.masters(attacked.server.pid)) == 1, "one master")
    assert attacked.control.ask("status")["scale"] == 1 and len(attacked.server.workers(2)) == 2


@pytest.mark.parametrize(
    "kind, text",
    [
        (messages.TICKET_KEYS, messages.fields(keys="no keys")),
        (messages.TICKET_KEYS, messages.fields(keys="18446744073709551615 " + "a" * 160 + "\n")),
        (messages.TICKET_KEYS, ""),
        (messages.WORKER, messages.worker(slot=65535)),
        (messages.WORKER, messages.worker(pid=99999999999999999999)),
        (messages.WORKER, messages.worker(state="asleep")),
        (messages.WORKER, "0 1 0 ready"),
        (messages.WORKER, messages.worker() + messages.worker()),
        (messages.WORKER, messages.worker()[:-1]),
        (messages.PLUGIN, messages.fields(name="name")),
        (messages.PAUSED, messages.pause(99, 1)),
        (messages.PAUSED, messages.pause(0, -1)),
        (messages.PAUSED, messages.fields(plugin=0)),
        (messages.STEP, messages.fields(text="x" * 4000)),
    ],
)
def test_texts_of_another_form(attacked, kind, text):
    attacked.start(where="later", what="say", kind=kind, text=text)
    attacked.go()
    attacked.done()
    if kind != messages.STEP:
        attacked.wait_for("; killing it")
        attacked.wait_for("starting another")
    attacked.trigger.unlink()
    attacked.is_well()


@pytest.mark.parametrize("kind", [messages.STEP, messages.FAILED])
def test_a_text_forges_no_line(attacked, kind):
    """What a master says of its steps and its failure is in one line of the log, whatever is in it."""
    attacked.start(plugin="libidentity.so")
    text = "nothing\n[1] [INFO] supervisor: all is \x1b[31mwell\r"
    attacked.write(where="load", what="say", kind=kind, text=messages.fields(text=text, reason=text), hangs=1, server='boot_timeout = "5s"')
    attacked.hup()
    attacked.wait_for("reload failed: .*all is .*well")
    assert "\n[1] [INFO]" not in attacked.log and "\x1b" not in attacked.log and "\r" not in attacked.log


def test_a_reload_that_attacks_leaves_the_old_generation(attacked):
    attacked.start(plugin="libidentity.so")
    attacked.write(where="load", what="say", kind=messages.CLAIM, text=CLAIM)
    attacked.hup()
    attacked.wait_for(r"reload failed: its master sends \"claim\" after plugins were loaded; generation 1 goes on serving")
    assert b"identity handle" in attacked.server.get("/").body
    attacked.write(plugin="libidentity.so")
    attacked.hup()
    attacked.wait_for("generation 3 serves")


# Descriptors


@pytest.mark.parametrize("thing", ["path", "pipe", "folder", "null", "linger", "board"])
@pytest.mark.parametrize("kind", [messages.SCOREBOARD, messages.CONFIGURATION, messages.LISTENER])
def test_descriptors_that_a_loaded_master_hands_over(attacked, precious, kind, thing):
    """None comes through, the supervisor waits for none, reads none and keeps none."""
    # The plugin opens the text as a path, if that is the thing.
    text = str(precious) if thing == "path" else messages.fields(name=precious)
    attacked.start(where="later", what="hand", kind=kind, thing=thing, text=text)
    before = attacked.descriptors()
    attacked.go()
    start = time.monotonic()
    attacked.wait_for("hostile: uid")
    assert "socket: sent" not in attacked.log, "the kernel refuses what the socket would carry"
    # The pipe takes the message, without anything: that is a fault.
    attacked.wait_for("; killing it")
    attacked.wait_for("starting another")
    attacked.trigger.unlink()
    attacked.is_well()
    assert time.monotonic() - start < scaled_timeout(10)
    assert "secret" not in attacked.control.ask("config")
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")
    Metrics(attacked.metrics_port).read()


def test_many_descriptors_in_one_message(attacked):
    attacked.start(where="later", what="hand", kind=messages.UNKNOWN, thing="null", descriptors=60, count=50)
    before = attacked.descriptors()
    attacked.go()
    attacked.done()
    attacked.trigger.unlink()
    attacked.is_well()
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")


def test_memory_between_processes_is_sealed(attacked):
    """A process with a descriptor can't truncate it while another reads it."""
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


@pytest.mark.parametrize("kind", [messages.UNKNOWN, messages.STEP, messages.WORKER])
def test_a_master_that_floods(attacked, kind):
    """Others have their turn meanwhile, and soon there is an end of it."""
    attacked.start(where="later", what="flood", kind=kind)
    attacked.go()
    attacked.wait_for("was killed by SIGKILL")
    attacked.trigger.unlink()
    attacked.is_well()


def test_last_words_have_an_end(attacked):
    """A child of a master holds its line, and goes on after it has ended."""
    attacked.start(where="later", what="flood", kind=messages.STEP)
    master = attacked.server.master()
    attacked.go()
    attacked.wait_for("hostile: begins")
    kill(master)
    attacked.trigger.unlink()
    attacked.is_well()


# A text that is one Character for Swift: to find that out, and to put its marks in order, takes a thousand times as long
# as to read its bytes.
ONE_CHARACTER = "a" + "\u0301\u0316" * 1000


def test_texts_that_take_long(attacked):
    attacked.start(where="later", what="press", kind=messages.STEP, text=messages.fields(text=ONE_CHARACTER), count=12_000)
    before = processes.ticks(attacked.server.pid)
    attacked.go()
    attacked.wait_for("hostile: said it 12000 times", 15)
    spent = (processes.ticks(attacked.server.pid) - before) / processes.TICKS_PER_SECOND
    assert spent < scaled(5)
    attacked.is_well()


def test_last_words_that_take_long(attacked):
    attacked.start(where="later", what="press", kind=messages.STEP, text=messages.fields(text=ONE_CHARACTER), count=16_000)
    master = attacked.server.master()
    attacked.go()
    attacked.wait_for("hostile: begins")
    kill(master)
    attacked.trigger.unlink()
    before = processes.ticks(attacked.server.pid)
    attacked.control.ask("status")
    spent = (processes.ticks(attacked.server.pid) - before) / processes.TICKS_PER_SECOND
    assert spent < scaled(2)
    attacked.is_well()


def test_more_said_of_plugins_than_anybody_has(attacked):
    text = messages.plugin("\\" * 1950)
    attacked.write(where="load", what="press", kind=messages.PLUGIN, text=text, count=70)
    result = run("-c", attacked.file)
    assert result.returncode != 0 and "reports more than 262144 bytes on its plugins" in result.stderr, result
    # What is allowed is no hindrance to a replacement.
    attacked.start(where="load", what="press", kind=messages.PLUGIN, text=text, count=60)
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    attacked.is_well()


def test_a_name_that_is_more_than_a_name(attacked, precious):
    """What the supervisor leaves to its successor is its own, whatever a plugin writes where its name stood."""
    attacked.start(where="load", what="rename", text=f"x\naccess_log={precious}\n[supervisor]\nworker_delta=7\n")
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    attacked.server.tell(signal.SIGUSR1)
    attacked.wait_for("log files have been reopened")
    attacked.is_well()
    assert attacked.control.ask("status")["scale"] == 0

    def plugins():
        samples = Metrics(attacked.metrics_port).read()
        return {dict(labels)["plugin"] for name, labels in samples if name == "outrider_requests_total"}

    wait_for(plugins, "a request that is counted")
    assert plugins() == {"hostile"}


@pytest.mark.parametrize("end", ["\r", "\r\r", "\x0b", " \u0301"], ids=repr)
def test_a_text_that_ends_a_line_halfway(attacked, end):
    """With a line's end a carriage return is one Character: the next line of the state had been a part of it."""
    attacked.start(where="load", what="say", kind=messages.PLUGIN, text=messages.plugin("title", end))
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
