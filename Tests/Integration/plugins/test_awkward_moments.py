"""Plugins that are called, interrupted, ended or refused at awkward moments."""

import re
import signal
import time

import pytest

from lifecycle_edges import EDGES, REQUEST_TIMEOUT, assert_refused, assert_resumed_with_room, assert_whole
import processes
from client import Connection, request
from matrix import STYLES
from metrics import Metrics
from processes import wait_for
from reports import E_CANCELLED, E_CLOSED, OK, LogReport
from server import TEST_PLUGINS, free_port
from timing import Late, punctual, scaled, scaled_timeout

SMALL_BUFFER = 4096


def setting(name, milliseconds):
    return ("--set", f"{name}={milliseconds:.0f}ms")


def tell_workers(server, hook, what):
    """What this hook of workers to come does; nothing special if `what` is empty."""
    (server.folder / hook).write_text(what)


def whose(server, text):
    """The pids of the processes that said so, in the order of their words."""
    return [int(pid) for pid in re.findall(rf"\[(\d+)\] \[\w+\] [^\n]*{re.escape(text)}", server.log)]


def is_gone(pid):
    process = processes.look(pid)
    return process is None or not process.alive


# What a worker shares with its master


@pytest.mark.parametrize("end", ["crash", "kill", "on"])
def test_a_plugin_that_writes_over_the_scoreboard(own, end):
    """Whatever it leaves there, and whether it dies of it: master and supervisor live on, and requests are answered."""
    metrics = Metrics(free_port())
    server = own(
        "-w", 2, *setting("timeouts.worker", scaled(4000)), "--set", f"metrics.bind=127.0.0.1:{metrics.address[1]}",
        EDGES["blocking"],
    )  # fmt: skip
    log, master = LogReport(server), server.master()
    before = set(server.workers(2))
    with server.connect() as connection:
        connection.send(request("GET", f"/wreck?{end}"))
        assert log.wait("wrecked")["wrecked"] >= 1
        (victim,) = whose(server, "wrecked=")
        if end != "on":
            connection.end(timeout=2)
            wait_for(lambda: is_gone(victim), server.state)
    until = time.monotonic() + scaled(2)  # in which the workers are looked at several times
    while time.monotonic() < until:
        assert server.get("/").body == b"ok"
    assert (server.alive, server.master()) == (True, master), server.state()
    assert before & set(server.workers(2)), server.state()
    assert metrics.get("/metrics").status == 200


# Replacements that do not come


@pytest.mark.parametrize("act", ["refuse", "crash"])
def test_replacements_that_do_not_start(own, act):
    """They are tried less and less often, and the worker that is worn goes on serving."""
    server = own(
        "--set", "server.max_requests=3", "--set", "server.restart_backoff=200ms", EDGES["blocking"]
    )
    (worn,) = server.workers()
    tell_workers(server, "worker_start", act)

    def tries():
        return len(whose(server, f"worker_start is to {act}"))

    until = time.monotonic() + 2
    while time.monotonic() < until or tries() < 2:
        assert server.get("/").body == b"ok"
        assert time.monotonic() < until + scaled_timeout(5), server.state()
        time.sleep(0.02)
    assert tries() < 15, f"{tries()} were started"
    assert not is_gone(worn)


def wait_for_the_hung(server):
    """The pid of the one worker that hangs in worker_start."""
    text = "worker_start is to hang"
    (pid,) = wait_for(lambda: whose(server, text), server.state)
    return pid


def test_a_replacement_that_hangs_and_hears_no_signal(own):
    """It is aborted once, and then killed."""
    server = own(
        "--set", "server.max_requests=1", *setting("server.boot_timeout", scaled(3000)),
        *setting("timeouts.worker", scaled(4000)), EDGES["blocking"],
    )  # fmt: skip
    tell_workers(server, "worker_start", "hang")
    assert server.get("/").body == b"ok"
    hung = wait_for_the_hung(server)
    tell_workers(server, "worker_start", "")
    wait_for(lambda: is_gone(hung), server.state, timeout=8)
    assert server.get("/").body == b"ok"
    assert len(re.findall(rf"pid {hung}\b.*; aborting", server.log)) == 1, server.log


def test_a_new_generation_that_hangs_and_hears_no_signal(own):
    server = own(*setting("server.boot_timeout", scaled(3000)), EDGES["blocking"])
    master, workers = server.master(), server.workers()
    tell_workers(server, "worker_start", "hang")
    server.tell(signal.SIGHUP)
    hung = wait_for_the_hung(server)
    wait_for(lambda: is_gone(hung), server.state, timeout=8)
    wait_for(lambda: len(processes.children(server.pid)) == 1, server.state)
    assert server.log.count("reload failed") == 1, server.log
    assert (server.master(), server.workers()) == (master, workers)
    assert server.get("/").body == b"ok"


# Ends


def test_a_long_worker_stop_is_no_hang(own):
    """A worker that was relieved has graceful_timeout for its plugins' last hook."""
    server = own(
        "--set", "server.max_requests=1", "--set", "server.graceful_timeout=20s", *setting("timeouts.worker", 4000),
        EDGES["blocking"],
    )  # fmt: skip
    (relieved,) = server.workers()
    tell_workers(server, "worker_stop", "6000")
    assert server.get("/").body == b"ok"
    wait_for(lambda: relieved in whose(server, "worker_stop begins"), server.state)
    tell_workers(server, "worker_stop", "")
    wait_for(lambda: is_gone(relieved), server.state, timeout=10)
    assert relieved in whose(server, "worker_stop ends"), server.log
    assert "unresponsive" not in server.log and "ERROR" not in server.log, server.log


@pytest.mark.parametrize("model", ["gthread", "async"])
@punctual
def test_term_in_the_midst_of_a_file(own, model):
    """After graceful_timeout a client that does not read holds nothing up any more."""
    server = own(
        "--set", "server.graceful_timeout=5s", "--set", "timeouts.write=5m", EDGES["blocking"], model=model
    )
    with Connection(server.address, receive_buffer=SMALL_BUFFER) as connection:
        connection.send(request("GET", "/file"))
        connection.head()
        server.tell(signal.SIGTERM)
        server.wait()
    if "killing it" in server.log:
        raise Late("a worker that stands still at the end is killed")
    server.ended_well()
    assert "worker_stop ends" in server.log


# No room, and no reader


def test_room_is_told_when_there_is_some(own, model):
    """A BODY that had no room, while little is queued before it: RESUME waits until the client reads."""
    server = own(EDGES["event"], model=model)
    log = LogReport(server)
    with Connection(server.address, receive_buffer=SMALL_BUFFER) as connection:
        connection.send(request("GET", "/retry"))
        log.wait("stalled")
        time.sleep(1)
        answer = connection.final(timeout=2)
    assert_whole(answer.body)
    assert_resumed_with_room(log)


# What is sent too late


@pytest.fixture
def timed(shared, model):
    """timed(style): the plugin behind a short timeouts.request."""
    return lambda style: shared(EDGES[style], model, *REQUEST_TIMEOUT)


def test_events_after_the_client_has_left(shared, model):
    server = shared(EDGES["event"], model)
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("GET", "/late"))
        log.wait("begun")
        connection.abort()
    assert_refused(log, "event", E_CLOSED)


@pytest.mark.parametrize("style", STYLES)
def test_what_comes_after_the_deadline(timed, style):
    server = timed(style)
    log = LogReport(server)

    def has_begun():
        """Its deadline may pass before the plugin has its turn."""
        assert server.get("/late").status == 504
        return "begun=" in log.text

    wait_for(has_begun, server.state)
    assert_refused(log, style, E_CANCELLED)


def test_onlookers_change_nothing(own, model):
    """Other threads of a plugin ask and log about exchanges that end meanwhile: neither is the next one cancelled, nor is
    an answer refused that the loop sends at the same time."""
    server = own(*setting("timeouts.request", 20), EDGES["event"], model=model)
    # On a busy machine a deadline passes before the plugin has its turn.
    wait_for(lambda: server.get("/onlookers").body == b"ok", server.state)
    until, count, served = time.monotonic() + 1, 0, 0
    while time.monotonic() < until or count <= 5 or served <= 5:
        assert time.monotonic() < until + scaled_timeout(10), f"{served} answers; {server.state()}"
        count += 1
        assert server.get("/overdue").status == 504
        for _ in range(20):
            # Where the machine has let the deadline pass, the plugin says so, or has not had its turn: what was refused
            # in time, it says as well.
            late = server.log.count("late=1")
            answer = server.get("/watched")
            served += answer.body == b"ok"
            assert answer.body == b"ok" or answer.status == 504 or server.log.count("late=1") > late, server.log
    assert "born cancelled" not in server.log and "refused" not in server.log, server.log
