"""A plugin that attacks from its worker: what a worker's code can make its master do, and the supervisor."""

import array
import fcntl
import os
import re
import select
import signal
import termios
import time

import pytest

import messages
import processes
from attacked import NOBODY, attacked, folder  # noqa: F401
from metrics import Metrics
from processes import kill, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")


# A worker


@pytest.mark.parametrize(
    "config, says",
    [
        ({"what": "hand", "kind": messages.UNKNOWN, "thing": "null", "descriptors": 2}, "sends a message of kind 238"),
        ({"what": "hand", "kind": messages.WORKER_READY, "thing": "linger"}, "pipe: sent|socket: sent"),
        ({"what": "say", "kind": messages.WORKER_DRAIN}, r"sends \"drain\", which only a master sends"),
        ({"what": "say", "kind": messages.WORKER_READY, "count": 2}, r"sends \"ready\" twice"),
        ({"what": "flood", "kind": messages.UNKNOWN}, "sends a message of kind 238"),
        ({"what": "flood", "kind": messages.WORKER_READY}, r"sends \"ready\" twice"),
    ],
    ids=str,
)
def test_a_worker_that_attacks_its_master(attacked, config, says):
    """It is said, the worker is aborted, reported and replaced; the master is as it was, without a descriptor more."""
    attacked.start(where="worker", **config)
    master, (worker,) = attacked.server.master(), attacked.server.workers()
    before = attacked.descriptors(master)
    attacked.go()
    kill(worker)
    attacked.wait_for(says)
    attacked.trigger.unlink()
    if attacker := re.search(rf"\(pid (\d+)\) (?:{says})", attacked.log):
        wait_for(lambda: processes.look(int(attacker[1])) is None, lambda: f"its end; {attacked.server.state()}")
    attacked.is_well()
    # The master waits for nothing: it sees a worker's end at once.
    (worker,) = attacked.server.workers()
    kill(worker)
    attacked.wait_for(rf"\(pid {worker}\) was killed by SIGKILL")
    attacked.is_well()
    assert attacked.server.master() == master
    wait_for(lambda: attacked.descriptors(master) <= before, lambda: f"{processes.descriptors(master)}")


def test_a_worker_that_hands_over_descriptors_by_thousands(attacked):
    """Each message had left one in the master, until no replacement could start."""
    attacked.start(where="worker", what="hand", kind=messages.UNKNOWN, thing="null", descriptors=2, count=3000)
    master, (worker,) = attacked.server.master(), attacked.server.workers()
    before = attacked.descriptors(master)
    attacked.go()
    kill(worker)
    attacked.wait_for("hostile: done|aborting")
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
    # The numbers may say that the last worker crashed as the service ended, which is told with 70.
    attacked.ends_with = {0, 70}


# A master that stands still


def test_a_master_that_is_stopped_goes_on(attacked):
    attacked.start(where="worker", what="stop")
    master = attacked.server.master()
    attack_in_a_worker(attacked)
    attacked.wait_for(rf"master {master} of generation 1 was stopped by SIGSTOP; continuing it")
    attacked.trigger.unlink()
    attacked.is_well()
    # It heeds its workers.
    kill(attacked.server.workers()[0])
    attacked.is_well()
    assert attacked.server.master() == master


def test_a_master_that_is_stopped_again_and_again_is_replaced(attacked):
    attacked.start(where="worker", what="stop", count=30)
    master = attacked.server.master()
    attack_in_a_worker(attacked)
    wait_for(lambda: "continuing it" in attacked.log, lambda: attacked.server.state())
    attacked.trigger.unlink()
    attacked.wait_for(rf"master {master} of generation 1 was stopped by SIGSTOP again and again; killing it")
    wait_for(lambda: attacked.server.master() != master, attacked.server.state)
    attacked.is_well()


# Logs that nobody reads


def attack_in_a_worker(attacked):
    """The next worker attacks as it starts."""
    attacked.go()
    kill(attacked.server.workers()[0])


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
