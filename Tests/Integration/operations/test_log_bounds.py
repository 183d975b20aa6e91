"""Log lines that clients cause: a few of each kind a second, all counted, with a note for those left out."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import time

import pytest

import http2
import processes
from client import request
from matrix import COMBINATIONS
from metrics import Metrics
from observed import entry
from processes import wait_for
from server import free_port

MANY = 300
MALFORMED = "method is not a token"
HELD_BACK = re.compile(r"\(and (\d+) more like it\)|: (\d+) more like it")
each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
one = pytest.mark.parametrize("combination", [c for c in COMBINATIONS if str(c) == "async-event"], ids=str)


def told(server, what):
    """How many lines say it, and how many events they stand for."""
    lines = [line for line in server.log.splitlines() if what in line]
    events = 0
    for line in lines:
        held = HELD_BACK.search(line)
        events += int(held[1] or held[2]) if held else 0
        events += not (held and held[2])
    return len(lines), events


def provoke(server, data, times=MANY):
    for _ in range(times):
        with socket.create_connection(server.address) as connection:
            connection.sendall(data)
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1000)


def assert_few(server, what, start):
    """So many lines of one kind at most: five for each second that has begun, and one for what each held back."""
    lines, events = told(server, what)
    assert lines <= 6 * (int(time.monotonic() - start) + 2) and lines < events, (lines, events)


@each
def test_refusals_do_not_fill_the_log(own, combination):
    server = own("-w", 1, combination.demo, model=combination.model)
    start = time.monotonic()
    provoke(server, b"BAD\r\n\r\n")
    wait_for(lambda: told(server, MALFORMED)[1] >= MANY, lambda: f"all are told of: {told(server, MALFORMED)}")
    assert told(server, MALFORMED)[1] == MANY
    assert_few(server, MALFORMED, start)


@one
def test_each_kind_for_itself(own, combination):
    """A flood of one does not hide another."""
    server = own("-w", 1, combination.demo, model=combination.model)
    provoke(server, b"BAD\r\n\r\n", 50)
    provoke(server, b"GET / HTTP/1.1\r\n\r\n", 1)
    wait_for(lambda: told(server, "request without Host") == (1, 1), lambda: server.log)


@one
def test_the_end_of_a_worker_says_the_rest(own, combination):
    server = own("-w", 1, combination.demo, model=combination.model)
    provoke(server, b"BAD\r\n\r\n", 50)
    server.child.terminate()
    server.wait()
    assert told(server, MALFORMED)[1] == 50


@one
def test_failed_handshakes_do_not_fill_the_log(secure, combination):
    server = secure("-w", 1, combination.demo, model=combination.model)
    start = time.monotonic()
    # A record of TLS that is no ClientHello.
    provoke(server, b"\x16\x03\x01\x00\x05hello", 100)
    wait_for(lambda: told(server, "TLS handshake failed")[1] == 100, lambda: f"{told(server, 'TLS handshake failed')}")
    assert_few(server, "TLS handshake failed", start)


@one
def test_http2_faults_do_not_fill_the_log(own, combination):
    server = own("-w", 1, combination.demo, model=combination.model, h2c=True)
    start = time.monotonic()
    bad = http2.frame(http2.DATA, 0, 0, b"x")
    provoke(server, http2.PREFACE + http2.settings() + bad, 100)
    what = "HTTP/2 protocol error"
    wait_for(lambda: told(server, what)[1] == 100, lambda: f"{told(server, what)}")
    assert_few(server, what, start)


@each
@pytest.mark.parametrize("path, what", [("/too-few", "answer cut off"), ("/negative", "failed to answer")])
def test_faults_of_a_plugin_do_not_fill_the_log(own, combination, path, what):
    server = own("-w", 1, combination.misbehaving, model=combination.model)
    start = time.monotonic()
    provoke(server, request("GET", path, "Connection: close"), 100)
    wait_for(lambda: told(server, what)[1] == 100, lambda: f"{told(server, what)}")
    assert_few(server, what, start)


# Descriptors


def limited(soft, hard):
    return ("bash", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "-")


def soft_limit(pid):
    with open(f"/proc/{pid}/limits") as limits:
        return int(re.search(r"^Max open files +(\d+)", limits.read(), re.M)[1])


@one
def test_the_soft_limit_of_descriptors_is_raised(own, combination):
    server = own("-w", 1, combination.demo, model=combination.model, launcher=limited(64, 4096))
    (worker,) = server.workers()
    wait_for(lambda: soft_limit(worker) > 1000, lambda: f"{soft_limit(worker)}")
    assert "RLIMIT_NOFILE" not in server.log


@one
def test_a_hard_limit_that_is_too_low_is_told_once(own, combination):
    """And the worker, when it has no descriptor left, says so now and then, not with each try."""
    server = own("-w", 2, combination.demo, model=combination.model, launcher=limited(64, 64))
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(server.address))
        wait_for(lambda: "accept: Too many open files" in server.log, lambda: server.log)
        time.sleep(1.5)  # some thirty tries of two workers
        # Each of two workers says it once in ten seconds.
        most = 2 * (1 + int(time.monotonic() - start) // 10)
        assert server.log.count("accept: Too many open files") <= most
    assert server.log.count("RLIMIT_NOFILE") == 1
    wait_for(lambda: server.get("/health").body == b"OK", lambda: "served again")


# One file


@one
def test_both_logs_in_one_file(own, combination, tmp_path):
    """As `outrider … > both 2>&1` has it: every line is whole, and none is lost."""
    both = tmp_path / "both"
    server = own(
        "-w", 2, "--set", 'log.access="stdout"', combination.demo, model=combination.model, logs_elsewhere=True,
        launcher=("bash", "-c", f'exec "$@" > {both} 2>&1', "-"),
    )  # fmt: skip
    for number in range(3):
        assert server.get(f"/health?{number}").status == 200
        # The access log is written a second later; the next error line would go where that is by then.
        wait_for(lambda: f"?{number} " in both.read_text(), lambda: both.read_text())
        provoke(server, b"BAD\r\n\r\n", 3)
    server.stop()
    lines = both.read_text().splitlines()
    error = re.compile(r"\[[-0-9: +]+\] \[\d+\] \[[A-Z]+\] (supervisor|master|worker \d): .+")
    access = re.compile(r'127\.0\.0\.1 - - \[[^]]+\] "[^"]*" \d+ .+')
    strange = [line for line in lines if not error.fullmatch(line) and not access.fullmatch(line)]
    assert not strange
    for number in range(3):
        assert sum(f'"GET /health?{number} HTTP/1.1" 200' in line for line in lines) == 1
    assert sum(MALFORMED in line for line in lines) == sum('"-" 400' in line for line in lines) == 9
    assert any("supervisor: stopping" in line for line in lines)


# A log that nobody reads


@pytest.fixture
def unread():
    """A pipe in place of standard error, which is full already."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, b"x" * 4096):
            pass
    os.set_blocking(writer, True)
    yield writer
    os.close(writer)
    os.close(reader)


@each
def test_a_log_that_nobody_reads_stops_nobody(own, combination, unread, tmp_path):
    """All have something to say: workers of bad requests, the master of a crash, the supervisor of a reload and the end."""
    file = tmp_path / "outrider.toml"
    file.write_text(entry(combination.misbehaving, more="max_fails = 0"))  # so many crashes would pause it
    server = own("-w", 2, "-c", file, model=combination.model, stderr=unread, logs_elsewhere=True)
    before = server.workers(2)
    for _ in range(20):
        assert server.fetch(b"BAD\r\n\r\n").status == 400

    def are_replaced():
        with server.connect() as connection, contextlib.suppress(OSError):
            connection.send(request("GET", "/crash"))
            connection.end()
        return not set(before) & set(server.workers(2))

    wait_for(are_replaced, server.state)
    assert server.get("/").body == b"ok"
    master = server.master()
    server.tell(signal.SIGHUP)
    wait_for(lambda: (left := processes.masters(server.pid)) and len(left) == 1 and left[0].pid != master, server.state)
    assert server.get("/").body == b"ok"
    server.stop()


# Lost lines


@one
def test_lost_lines_are_counted(own, combination):
    """Standard error is a pipe that nobody reads for a while."""
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        port = free_port()
        server = own(
            "-w", 1, "--set", f'metrics.bind="127.0.0.1:{port}"', "--set", "control.socket=", combination.demo,
            model=combination.model, stderr=writer, logs_elsewhere=True,
        )  # fmt: skip
        metrics = Metrics(port)
        metrics.wait(1, "outrider_connections_total")
        os.set_blocking(reader, False)
        said = []
        # With it a start has said all: nothing else takes the room, or is lost.
        wait_for(lambda: said.append(drain(reader)) or " serving " in "".join(said), lambda: f"{said}")
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writer, b"x" * 4096):
                pass
        os.set_blocking(writer, True)
        for target in (b"BAD", b"GET / HTTP/1.1", b"GET /\x01 HTTP/1.1\r\nHost: a"):
            provoke(server, target + b"\r\n\r\n", 1)
        metrics.wait(3, "outrider_log_lines_lost_total")
        drain(reader)
        provoke(server, b"BAD\r\n\r\n", 1)
        said = []
        wait_for(lambda: said.append(drain(reader)) or MALFORMED in "".join(said), lambda: f"{said}")
        lines = "".join(said).splitlines()
        assert "3 lines of the log are lost: standard error had no room" in lines[0] and MALFORMED in lines[1], lines
    finally:
        os.close(writer)
        os.close(reader)


def drain(reader):
    text = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(reader, 1 << 16):
            text += piece
    return text.decode()
