"""Plugins that are asked, cut short, ended or refused at awkward moments."""

import re
import signal
import time

import pytest

import processes
from client import Connection, request
from matrix import STYLES
from metrics import Metrics
from pace import soon
from processes import wait_for
from reports import E_CANCELLED, E_CLOSED, OK, LogReport
from server import TEST_PLUGINS, free_port

EDGES = {style: TEST_PLUGINS / f"libedges_{style}.so" for style in STYLES}
SENDS = ("informational", "start", "body", "file", "trailers", "response", "abort")
ACTS = ("informational", "start", "write", "sendfile", "trailers", "respond")
LATE = {
    "event": [f"{where}.{name}" for where in ("loop", "thread") for name in SENDS],
    "blocking": [f"io.{name}" for name in ACTS] + [f"send.{name}" for name in SENDS],
}
SMALL_BUFFER = 4096
# What the plugin sends at once, and again until it is taken.
WHOLE = 256 << 10
REQUEST_TIMEOUT = ("--set", "timeouts.request=500ms")


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


def assert_refused(log, style, reason):
    """All that the plugin tried after the end was refused, and the reason is that of the end."""
    statuses = log.wait("reason", *LATE[style])
    assert statuses == dict.fromkeys(statuses, reason), log.text


def assert_whole(body):
    """Pieces as they went, and behind them the whole that had to wait."""
    assert body.endswith(b"w" * WHOLE) and body == b"p" * (len(body) - WHOLE) + b"w" * WHOLE


def assert_resumed_with_room(log):
    """RESUME came when there was room, not as long as there was none."""
    statuses = log.wait("refusals", "resumes", "whole")
    assert statuses["whole"] == OK
    assert 1 <= statuses["refusals"] <= statuses["resumes"] < 20, log.text


# What a worker shares with its master


@pytest.mark.parametrize("end", ["crash", "kill", "on"])
def test_a_plugin_that_writes_over_the_scoreboard(own, end):
    """Whatever it leaves there, and whether it dies of it: master and supervisor live on, and requests are answered."""
    metrics = Metrics(free_port())
    server = own(
        "-w", 2, *setting("timeouts.worker", soon(400)), "--set", f"metrics.bind=127.0.0.1:{metrics.address[1]}",
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
    until = time.monotonic() + 0.5  # in which the workers are looked at several times
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
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert server.get("/").body == b"ok"
        time.sleep(0.02)
    tries = len(whose(server, f"worker_start is to {act}"))
    assert 2 <= tries < 15, f"{tries} were started"
    assert not is_gone(worn)


def wait_for_the_hung(server):
    """The pid of the one worker that hangs in worker_start."""
    text = "worker_start is to hang"
    (pid,) = wait_for(lambda: whose(server, text), server.state, timeout=1)
    return pid


def test_a_replacement_that_hangs_and_hears_no_signal(own):
    """It is aborted once, and then killed."""
    server = own(
        "--set", "server.max_requests=1", *setting("server.boot_timeout", soon(500)),
        *setting("timeouts.worker", soon(800)), EDGES["blocking"],
    )  # fmt: skip
    tell_workers(server, "worker_start", "hang")
    assert server.get("/").body == b"ok"
    hung = wait_for_the_hung(server)
    tell_workers(server, "worker_start", "")
    wait_for(lambda: is_gone(hung), server.state, timeout=3.2)
    assert server.get("/").body == b"ok"
    assert len(re.findall(rf"pid {hung}\b.* it is aborted", server.log)) == 1, server.log


def test_a_new_generation_that_hangs_and_hears_no_signal(own):
    server = own(*setting("server.boot_timeout", soon(500)), EDGES["blocking"])
    master, workers = server.master(), server.workers()
    tell_workers(server, "worker_start", "hang")
    server.tell(signal.SIGHUP)
    hung = wait_for_the_hung(server)
    wait_for(lambda: is_gone(hung), server.state, timeout=3)
    wait_for(lambda: len(processes.children(server.pid)) == 1, server.state, timeout=1)
    assert server.log.count("reload failed") == 1, server.log
    assert (server.master(), server.workers()) == (master, workers)
    assert server.get("/").body == b"ok"


# Ends


def test_a_long_worker_stop_is_no_hang(own):
    """A worker that was relieved has graceful_timeout for its plugins' last hook."""
    server = own(
        "--set", "server.max_requests=1", "--set", "server.graceful_timeout=5s", *setting("timeouts.worker", 400),
        EDGES["blocking"],
    )  # fmt: skip
    (relieved,) = server.workers()
    tell_workers(server, "worker_stop", "1500")
    assert server.get("/").body == b"ok"
    wait_for(lambda: relieved in whose(server, "worker_stop begins"), server.state, timeout=1)
    tell_workers(server, "worker_stop", "")
    wait_for(lambda: is_gone(relieved), server.state, timeout=2.5)
    assert relieved in whose(server, "worker_stop ends"), server.log
    assert "hangs" not in server.log and "ERROR" not in server.log, server.log


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_term_in_the_midst_of_a_file(own, model):
    """After graceful_timeout a client that does not read holds nothing up any more."""
    server = own("--set", "server.graceful_timeout=1s", EDGES["blocking"], model=model)
    with Connection(server.address, receive_buffer=SMALL_BUFFER) as connection:
        connection.send(request("GET", "/file"))
        connection.head()
        server.tell(signal.SIGTERM)
        server.ended_well(timeout=soon(1.6))
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


def test_events_after_the_client_has_left(timed):
    server = timed("event")
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("GET", "/late"))
        log.wait("begun")
    assert_refused(log, "event", E_CLOSED)


@pytest.mark.parametrize("style", STYLES)
def test_what_comes_after_the_deadline(timed, style):
    server = timed(style)
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("GET", "/late"))
        assert_refused(log, style, E_CANCELLED)


def test_onlookers_change_nothing(own, model):
    """Other threads of a plugin ask and log about exchanges that end meanwhile: neither is the next one cancelled, nor is
    an answer refused that the loop sends at the same time."""
    server = own(*setting("timeouts.request", 20), EDGES["event"], model=model)
    assert server.get("/onlookers").body == b"ok"
    until, count = time.monotonic() + 1, 0
    while time.monotonic() < until or count <= 5:
        count += 1
        assert server.get("/overdue").status == 504
        for _ in range(20):
            # Where the machine has let the deadline pass, the plugin says so.
            late = server.log.count("late=1")
            assert server.get("/watched").body == b"ok" or server.log.count("late=1") > late, server.log
    assert "born cancelled" not in server.log and "refused" not in server.log, server.log
