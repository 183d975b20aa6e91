"""Workers that hang, die or reach their limits: their log lines, and the effect on clients."""

import re
import signal
import threading
import time
from contextlib import ExitStack

import pytest

import processes
from client import Closed, Connection, request
from matrix import COMBINATIONS, Combination, only
from processes import kill, wait_for
from slow_requests import begin_slow
from timing import fewer, scaled, scaled_timeout

LIMIT = 3  # seconds: a worker that a busy machine lets stand still for a while is no other case of this
WORKER_TIMEOUT = ("--set", f"timeouts.worker={LIMIT}s")
pooled = only(lambda combination: combination.style == "blocking" and combination.model != "sync")


def successor(server, old, timeout=5):
    """The worker that has the place of one that is gone."""

    def new():
        now = [p.pid for p in processes.children(server.master())]
        return now if len(now) == 1 and now[0] != old else None

    return wait_for(new, lambda: f"a worker in place of {old}; {server.state()}", timeout)[0]


def lines(server, pid):
    return [line for line in server.log.splitlines() if re.search(rf"\b{pid}\b", line)]


# Hanging


def test_a_handler_that_hangs(own, combination):
    """The log names request and plugin and shows where the handler stands; somebody else serves on."""
    server = own(*WORKER_TIMEOUT, "--threads", 1, combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    start = time.monotonic()
    with server.connect() as connection:
        connection.send(request("GET", "/hang", "X-Request-ID: hung-1"))
        with pytest.raises((Closed, OSError)):
            connection.final()
    assert time.monotonic() - start > LIMIT * 0.9
    successor(server, victim)
    assert server.get("/").body == b"ok"
    story = "\n".join(lines(server, victim))
    (silence,) = re.findall(r"unresponsive \(.* (\d+) ms\)", story)
    assert LIMIT * 1000 <= int(silence) < scaled(LIMIT * 2000) and "SIGABRT" in story, server.log
    assert re.search(r"GET /hang plugin=misbehaving_\w+ request=hung-1", story), server.log
    assert re.search(r"thread \d+.* at .*libmisbehaving_\w+\.so\+0x", story), server.log


@pooled
def test_one_busy_thread_is_no_hang(own, combination):
    server = own(*WORKER_TIMEOUT, "--threads", 2, combination.demo, model=combination.model)
    workers = server.workers()
    assert server.get("/delay?s=5").status == 200
    assert server.workers() == workers


@only(lambda combination: combination.style == "event")
def test_waiting_for_a_timer_is_no_hang(own, combination):
    server = own(*WORKER_TIMEOUT, combination.demo, model=combination.model)
    workers = server.workers()
    assert server.get("/delay?s=5").status == 200
    assert server.workers() == workers


def test_an_idle_worker_is_no_hang(own, combination):
    server = own(*WORKER_TIMEOUT, combination.demo, model=combination.model)
    workers = server.workers()
    time.sleep(LIMIT * 2)
    assert server.workers() == workers and "unresponsive" not in server.log


@only(lambda combination: combination.style == "blocking")
def test_a_slow_reader_is_no_hang(own, combination):
    """The handler waits in write() longer than timeouts.worker: it is the client who is slow."""
    server = own(*WORKER_TIMEOUT, "--threads", 1, combination.demo, model=combination.model)
    workers = server.workers()
    with Connection(server.address, receive_buffer=4096) as connection:
        connection.send(request("GET", "/large"))
        connection.head()
        time.sleep(LIMIT * 1.5)
        assert len(connection.final(timeout=5).body) == 1 << 20
    assert server.workers() == workers


def test_a_stopped_worker(own, combination):
    """A stopped process gives no heartbeats either. Clients that connect meanwhile are not lost with it: they wait in
    the backlog, and none of its threads accepts them while it dies."""
    servers = [
        own(*WORKER_TIMEOUT, "--threads", 16, combination.demo, model=combination.model) for _ in range(fewer(5))
    ]
    victims = [server.workers()[0] for server in servers]
    with ExitStack() as stack:
        waiting = []
        for server, victim in zip(servers, victims):
            processes.stop(victim)
            waiting.append([stack.enter_context(server.connect()) for _ in range(20)])
            for connection in waiting[-1]:
                connection.send(request("GET", "/health"))
        for server, connections in zip(servers, waiting):
            answers = [connection.final(timeout=10).body for connection in connections]
            assert answers == [b"OK"] * len(connections), server.log
    for server, victim in zip(servers, victims):
        assert successor(server, victim) != victim
        server.kill()


def test_zero_is_for_ever(own, combination):
    server = own("--set", "timeouts.worker=0s", "--threads", 1, combination.misbehaving, model=combination.model)
    workers = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/hang"))
        connection.assert_open(within=1)
    assert server.workers() == workers
    server.stop(signal.SIGINT)


# Dying


@only(lambda combination: combination.model != "sync")
def test_what_dies_with_a_crash(own, combination):
    """Other requests of the worker are lost with it, and named."""
    server = own("--threads", 2, combination.demo, model=combination.model)
    (victim,) = server.workers()
    with server.connect() as one, server.connect() as other:
        begin_slow(one, 5, "", "X-Request-ID: lost-1")
        begin_slow(other, 5, "", "X-Request-ID: lost-2")
        kill(victim)
        successor(server, victim)
    story = "\n".join(lines(server, victim))
    assert "SIGKILL" in story, server.log
    for name in ("lost-1", "lost-2"):
        assert re.search(rf"GET /early-hints plugin=demo_\w+ request={name} for \d+ ms", story), server.log
    assert "s=5" not in story, "queries do not reach the log"


def test_a_crash_shows_where(own, combination):
    server = own(combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/crash", "X-Request-ID: crash-1"))
        connection.end(timeout=5)
    successor(server, victim)
    story = "\n".join(lines(server, victim))
    assert re.search(r"SIGSEGV while serving GET /crash plugin=misbehaving_\w+ request=crash-1", story), server.log
    assert re.search(r"thread \d+ got the signal at libmisbehaving_\w+\.so\+0x", story), server.log


def test_abi_checks(own, combination):
    """For plugin authors: the first misuse ends the worker where it happens."""
    server = own("--set", "debug.abi_checks=true", combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/double-start"))
        connection.end(timeout=5)
    successor(server, victim)
    story = "\n".join(lines(server, victim))
    assert re.search(r"OUTRIDER_E_STATE.*debug\.abi_checks", story), server.log
    assert re.search(r"thread \d+ got the signal at .*libmisbehaving_\w+\.so\+0x", story), server.log


# Wearing out


class Load:
    """Clients that send one request after the other until told to stop, each on a connection of its own or anew."""

    def __init__(self, server, path="/health", clients=4, keep_alive=False):
        self.faults, self.count = [], 0
        self.stopping = False
        target = self.kept if keep_alive else self.fresh
        self.threads = [threading.Thread(target=target, args=(server, path)) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def fresh(self, server, path):
        while not self.stopping:
            try:
                assert server.fetch(request("GET", path), timeout=5).status == 200
                self.count += 1
            except Exception as fault:
                self.faults.append(repr(fault))
                return

    def kept(self, server, path):
        while not self.stopping:
            try:
                with server.connect() as connection:
                    while not self.stopping:
                        connection.send(request("GET", path))
                        answer = connection.final(timeout=5)
                        assert answer.status == 200
                        self.count += 1
                        if answer.says_close:
                            break
            except Exception as fault:
                self.faults.append(repr(fault))
                return

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(10)
        assert not self.faults, self.faults
        return self.count


@pytest.mark.parametrize("keep_alive", [False, True], ids=["fresh", "kept"])
def test_max_requests(own, combination, keep_alive):
    """Workers are replaced after so many requests, one at a time, and no client notices."""
    server = own(
        "-w", 2, "--set", "server.max_requests=50", "--set", "server.max_requests_jitter=10",
        combination.demo, model=combination.model,
    )  # fmt: skip
    before = set(server.workers(2))
    load = Load(server, keep_alive=keep_alive)
    try:
        wait_for(
            lambda: not before & {p.pid for p in processes.children(server.master())},
            lambda: f"new workers; {server.state()}",
            timeout=10,
        )
    finally:
        load.stop()
    assert load.count >= 100
    assert server.log.count("server.max_requests") >= 2
    assert "ERROR" not in server.log and "CRITICAL" not in server.log, server.log
    wait_for(lambda: len(processes.children(server.master())) == 2, server.state)


def test_memory_limit(own, combination):
    server = own("--set", "server.memory_limit=96MiB", combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    load = Load(server, path="/", clients=1)
    try:
        assert server.get("/grow").body == b"grown" and server.get("/grow").body == b"grown"
        successor(server, victim)
    finally:
        load.stop()
    assert "server.memory_limit" in server.log
    assert "ERROR" not in server.log, server.log


def test_relief_is_one_at_a_time(own, model):
    """However fast they wear out: never more that finish than serve, and one that comes."""
    server = own("-w", 3, "--set", "server.max_requests=30", Combination(model, "event").demo, model=model)
    load, most = Load(server), 0
    try:
        ready, until = 0, time.monotonic() + 2
        while time.monotonic() < until or ready <= 3 and time.monotonic() < until + scaled_timeout(5):
            ready = server.log.count("; replacing it")
            most = max(most, len(processes.children(server.master())))
            time.sleep(0.005)
    finally:
        load.stop()
    assert ready > 3
    assert most <= 3 + 3 + 1
