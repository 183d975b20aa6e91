"""Supervisor, master and workers: which processes run, which are replaced, and how all end."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import processes
from client import request
from matrix import INSPECT, Combination, keeping_alive, only
from observed import entry
from processes import kill, wait_for
from server import RELEASE
from slow_requests import begin_slow
from timing import of_the_shipped_server, scaled, seen

CRASHES = {"/crash": r"SIGSEGV|signal 11\b", "/abort": r"SIGABRT|signal 6\b", "/exit": r"(?i)exit\D*\b3\b"}


def in_flight(server, seconds):
    """A connection with a request that its handler is busy with for so long."""
    connection = server.connect()
    begin_slow(connection, seconds)
    return connection


def replaced(server, old, count):
    """Wait until the worker is gone and another has its place, which comes without delay after a first failure."""
    master = server.master()

    def new_ones():
        now = [p.pid for p in processes.children(master)]
        return now if old not in now and len(now) == count else None

    wait_for(new_ones, lambda: f"a worker in place of {old}; {server.state()}", timeout=5)
    assert re.search(rf"\(pid {old}\) .*; its replacement starts in (\d\d|1\d\d|200) ms", server.log), server.log


# Which processes there are


@of_the_shipped_server
@pytest.mark.parametrize("count", [1, 3])
def test_supervisor_master_workers(own, combination, count):
    server = own("-w", count, combination.demo, model=combination.model)
    workers = server.workers(count)
    master = server.master()
    everyone = {p.pid for p in processes.family(server.pid)}
    assert everyone == {server.pid, master, *workers}, server.state()
    assert processes.threads(server.pid) == 1, "the supervisor has one thread"
    assert processes.threads(master) == 1, "the master has one thread"
    if combination.model == "sync":
        # The first, which waits, the loop's, and one that looks after the handler.
        assert [processes.threads(pid) for pid in workers] == [3] * count
    assert server.get("/health").body == b"OK"
    assert server.workers(count) == workers


def test_a_terminals_interrupt_is_for_the_supervisor(own, model):
    """Ctrl-C reaches the whole group: masters and workers leave it to the supervisor."""
    server = own(INSPECT, model=model)
    master, (worker,) = server.master(), server.workers()
    os.kill(worker, signal.SIGINT)
    os.kill(master, signal.SIGINT)
    for _ in range(10):
        assert server.get("/").status == 200
    assert server.master() == master and server.workers() == [worker]


NAMESPACE = ["unshare", "--map-root-user", "--pid", "--fork"]
# The first thread that is asked has the number 0x7fff then, which is the upper half of addresses too: those are not random.
LIKE_ADDRESSES = ["setarch", "-R", "sh", "-c", 'echo $((0x7ffd)) >/proc/sys/kernel/ns_last_pid && exec "$0"']


@pytest.mark.parametrize(
    "launcher",
    [[], NAMESPACE, NAMESPACE + LIKE_ADDRESSES],
    ids=["", "as process 1", "with a number like an address"],
)
def test_threads_of_a_forked_process_share_locks(launcher):
    """What the runtime notes of a thread is not that of another after a fork: two would spin for ever."""
    subprocess.run([*launcher, RELEASE / "fork-locks"], check=True, timeout=scaled(60))


# Workers that end


def test_a_killed_worker_comes_back(own, combination):
    server = own("-w", 2, combination.demo, model=combination.model)
    victim = server.workers(2)[0]
    kill(victim)
    start = time.monotonic()
    while time.monotonic() - start < 0.3:
        assert server.get("/health").body == b"OK", "the other worker goes on"
    replaced(server, victim, 2)
    assert re.search(rf"\b{victim}\b", server.log) and re.search(r"(?i)SIGKILL|signal 9\b", server.log), (
        server.log
    )


def test_the_only_worker_comes_back(own, combination):
    server = own(combination.demo, model=combination.model)
    for _ in range(2):
        (victim,) = server.workers()
        kill(victim)
        wait_for(lambda: not ((process := processes.look(victim)) and process.alive), "its death")
        assert server.get("/health").body == b"OK", "who comes meanwhile waits in the backlog"
        replaced(server, victim, 1)


@pytest.mark.parametrize("path", CRASHES)
def test_a_crashing_plugin(own, combination, path):
    server = own(combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", path))
        answers = connection.end(timeout=5)
    assert not [answer for answer in answers if answer.complete and answer.status < 500]
    replaced(server, victim, 1)
    assert server.get("/").body == b"ok"
    lines = [line for line in server.log.splitlines() if re.search(rf"\b{victim}\b", line)]
    assert any(re.search(CRASHES[path], line) for line in lines), server.log
    assert "misbehaving" in server.log, "the log names the plugin"


def test_a_crash_leaves_other_workers_alone(own, combination):
    server = own("-w", 2, combination.misbehaving, model=combination.model)
    before = server.workers(2)
    with server.connect() as connection:
        connection.send(request("GET", "/crash"))
        connection.end(timeout=5)
    wait_for(
        lambda: len(set(server.workers(2)) & set(before)) == 1, lambda: f"one new worker; {server.state()}"
    )
    assert server.get("/").body == b"ok"


def test_a_crash_loop_does_not_spin(own, tmp_path):
    file = tmp_path / "outrider.toml"
    file.write_text(entry(Combination("async", "event").misbehaving, more="max_fails = 0"))  # it would be paused
    server = own("-c", file, model="async")
    start = time.monotonic()

    def delays():
        return [int(delay) for delay in re.findall(r"its replacement starts in (\d+) ms", server.log)]

    for count in range(1, 6):
        with server.connect() as connection:
            connection.send(request("GET", "/crash"))
            connection.end()
        wait_for(lambda: len(delays()) == count, server.state)
    assert server.get("/").body == b"ok"
    assert time.monotonic() - start >= sum(delays()) / 1000, "each is waited for"
    for count, delay in enumerate(delays()):
        assert 50 << count <= delay <= 100 << count, f"from 100 ms, doubling, half of it by chance: {delays()}"


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda s: s.name)
def test_an_idle_server_ends(own, combination, number):
    def stopped():
        server = own("-w", 2, combination.demo, model=combination.model)
        server.workers(2)
        start = time.monotonic()
        server.stop(number)
        took = time.monotonic() - start
        with socket.create_server(server.address):
            pass  # the port is free
        return took

    seen(stopped, lambda took: took < scaled(1.5))


def test_term_lets_requests_finish(own, combination):
    server = own(combination.demo, model=combination.model)
    with in_flight(server, 1) as connection:
        server.tell(signal.SIGTERM)
        answer = connection.final(timeout=3)
        assert answer.status == 200 and answer.get("x-request-path") == "/early-hints"
        connection.assert_closed()
    server.ended_well()


def test_term_lets_a_stream_finish(own, combination):
    server = own(combination.demo, model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", "/stream"))
        connection.head()
        server.tell(signal.SIGTERM)
        assert connection.final(timeout=3).body.endswith(b"chunk 9\n")
        if combination.keeps_alive:  # nobody has told the client that this was the last one

            def says_close():
                connection.send(request("GET", "/health"))
                answer = connection.final()
                assert answer.body == b"OK"
                return answer.says_close

            wait_for(says_close, server.state)  # the worker hears of the end a moment later
        connection.assert_closed()
    server.ended_well()


def test_term_serves_the_backlog(own, combination):
    """A client that has connected and sent a request before TERM is served, even if the worker serves one at a time."""
    server = own("--set", "server.worker_connections=3", combination.demo, model=combination.model)
    connections = [server.connect() for _ in range(6)]
    for connection in connections:
        connection.send(request("GET", "/delay?s=0.2"))
    server.tell(signal.SIGTERM)
    for connection in connections:
        assert connection.final(timeout=5).status == 200
        connection.close()
    server.ended_well()


def is_refused(server):
    try:
        server.connect().close()
    except OSError:
        return True


@only(lambda combination: combination.model != "sync")  # there the worker looks at nobody before the request has ended
def test_nobody_is_accepted_after_term(own, combination):
    server = own(combination.demo, model=combination.model)
    with in_flight(server, 4) as connection:
        server.tell(signal.SIGTERM)
        # Who comes before the worker knows is in the backlog, and served.
        wait_for(lambda: is_refused(server), "a refused connection")
        connection.assert_open(within=0.01)  # the last request is still running
        assert connection.final(timeout=3).status == 200
    server.ended_well()


@keeping_alive
def test_an_idle_connection_gets_one_more_answer(own, combination):
    """No client loses a request that was on its way when the server began to drain."""
    server = own("--set", "timeouts.keepalive=1m", combination.demo, model=combination.model)
    with server.connect() as idle, in_flight(server, 4) as busy:
        idle.send(request("GET", "/health"))
        assert not idle.final().says_close
        server.tell(signal.SIGTERM)
        wait_for(lambda: is_refused(server), "a refused connection: the worker knows of the end")
        idle.assert_open(within=0.3)
        idle.send(request("GET", "/health"))
        answer = idle.final()
        assert answer.body == b"OK" and answer.says_close
        idle.assert_closed()
        assert busy.final(timeout=3).status == 200
    server.ended_well()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=lambda s: s.name)
def test_int_ends_at_once(own, combination, number):
    def stopped():
        server = own(combination.demo, model=combination.model)
        with in_flight(server, 5) as connection:
            start = time.monotonic()
            server.stop(number)
            took = time.monotonic() - start
            assert took > 4 or not [answer for answer in connection.end() if answer.complete and answer.status == 200]
        return took

    seen(stopped, lambda took: took < scaled(1))


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda s: s.name)
def test_a_second_signal_means_now(own, model, second):
    def stopped():
        server = own(Combination(model, "event").demo, model=model)
        with in_flight(server, 5):
            server.tell(signal.SIGTERM)
            wait_for(lambda: "stopping: requests in flight" in server.log, server.state)
            with pytest.raises(AssertionError):
                server.wait(timeout=0.3)
            start = time.monotonic()
            server.stop(second)
            return time.monotonic() - start

    seen(stopped, lambda took: took < scaled(1))


def test_graceful_timeout(own, combination):
    def ended():
        server = own("--set", "server.graceful_timeout=3s", combination.demo, model=combination.model)
        with in_flight(server, 5):
            start = time.monotonic()
            server.tell(signal.SIGTERM)
            code, took = server.wait(), time.monotonic() - start
            server.assert_nothing_left()
            assert took >= 2.7
        return code, took

    # The handler has a twentieth of the time to see that it is not wanted, and looks every 50 ms.
    expected = (0, 70) if combination == Combination("sync", "blocking") else (0,)
    seen(ended, lambda found: found[0] in expected and found[1] < scaled(4.5))


def test_a_killed_supervisor_takes_all_with_it(own, combination):
    server = own("-w", 2, combination.demo, model=combination.model)
    server.workers(2)
    server.tell(signal.SIGKILL)
    server.wait()
    server.assert_nothing_left(timeout=5)
    with socket.create_server(server.address):
        pass  # the port is free


def test_a_killed_supervisor_lets_requests_finish(own, combination):
    server = own(combination.demo, model=combination.model)
    with in_flight(server, 1) as connection:
        server.tell(signal.SIGKILL)
        server.wait()
        assert connection.final(timeout=3).status == 200
    server.assert_nothing_left(timeout=5)


# Descriptors


def flags(pid, number):
    return int(Path(f"/proc/{pid}/fdinfo/{number}").read_text().partition("flags:")[2].split()[0], 8)


def is_end_of_a_line(pid, number):
    """A pipe that keeps messages apart: by it a process speaks to the one that has made it."""
    return flags(pid, number) & (os.O_DIRECT | os.O_WRONLY) == os.O_DIRECT | os.O_WRONLY


def shutdown_pipe(worker):
    """The pipe by which a supervisor tells workers whose master has died to leave: they can read it, it has the other end."""
    supervisor = processes.look(processes.look(worker).parent).parent
    written = [
        target
        for number, (target, _) in processes.descriptors(supervisor).items()
        if target.startswith("pipe:") and number > 2 and flags(supervisor, number) & os.O_ACCMODE == os.O_WRONLY
    ]
    (found,) = [
        (number, target)
        for number, (target, closes_on_exec) in processes.descriptors(worker).items()
        if target in written and closes_on_exec and flags(worker, number) & os.O_ACCMODE == os.O_RDONLY
    ]
    return found[0]


def strays(pid):
    """Descriptors of a worker that have no business there."""
    found, lines, shutdown = {}, 0, shutdown_pipe(pid)
    for number, (target, closes_on_exec) in processes.descriptors(pid).items():
        if target.startswith("pipe:") and is_end_of_a_line(pid, number):
            lines += 1
            if lines == 1 and closes_on_exec:
                continue
        known = (
            number <= 2
            or number == shutdown
            or target.startswith(("socket:", "/memfd:"))
            or target
            in (
                "anon_inode:[eventpoll]",
                "anon_inode:[eventfd]",
                "anon_inode:[timerfd]",
                "anon_inode:[signalfd]",
            )
        )
        if not known or (number > 2 and not closes_on_exec):
            found[number] = (target, "closes on exec" if closes_on_exec else "stays open on exec")
    return found


def test_descriptors_of_a_worker(own, combination):
    stray = os.memfd_create("stray", 0)
    file = os.open("/etc/hostname", os.O_RDONLY)
    reader, writer = os.pipe()
    own_pipe = os.readlink(f"/proc/self/fd/{reader}")
    try:
        server = own(combination.demo, model=combination.model, pass_fds=(stray, file, reader, writer))
    finally:
        for each in (stray, file, reader, writer):
            os.close(each)
    (worker,) = server.workers()
    assert server.get("/health").body == b"OK"
    assert not strays(worker), f"of {processes.descriptors(worker)}"
    for pid in (worker, server.master()):
        targets = [target for target, _ in processes.descriptors(pid).values()]
        assert not [t for t in targets if "stray" in t or t in ("/etc/hostname", own_pipe)], (
            targets
        )


def test_workers_share_only_the_listener(own, model):
    server = own("-w", 2, INSPECT, model=model)
    first, second = (
        {target for target, _ in processes.descriptors(pid).values() if target.startswith("socket:")}
        for pid in server.workers(2)
    )
    with open("/proc/net/tcp") as table:
        listeners = {
            f"socket:[{line.split()[9]}]"
            for line in table
            if line.split()[1].endswith(f":{server.port:04X}") and line.split()[3] == "0A"
        }
    assert first & second <= listeners, f"{first & second} are shared, the listener is {listeners}"


def test_descriptors_do_not_leak(own, combination):
    server = own(combination.demo, model=combination.model)
    (worker,) = server.workers()

    def sockets():
        return sorted(target.partition(":")[0] for target, _ in processes.descriptors(worker).values())

    server.get("/health")
    before = sockets()
    for place in range(100):
        with server.connect() as connection:
            connection.send(
                request("GET", "/large" if place % 10 == 0 else "/health") if place % 3 else b"GET / HT"
            )
            if place % 2:
                if place % 3:
                    connection.final()
            else:
                connection.abort()
    assert server.get("/health").body == b"OK"
    wait_for(lambda: len(sockets()) <= len(before), lambda: f"{before} has become {sockets()}", timeout=12)
