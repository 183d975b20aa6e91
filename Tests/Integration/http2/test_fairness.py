"""One HTTP/2 connection beside others, and one stream beside others: threads, memory and windows are shared fairly."""

import struct
import subprocess
import time

import pytest

from http2 import HEADERS, WINDOW_UPDATE, connect, frame
from matrix import H2C, http2, http2_blocking
from processes import wait_for
from server import RELEASE
from timing import of_the_shipped_server, scaled, scaled_timeout

FOUR_THREADS = ("--set", "server.threads=4")
SMALL = scaled(0.05)  # seconds that another connection's small request may take


@pytest.fixture
def server(shared, combination):
    return shared(combination.demo, combination.model, *FOUR_THREADS, H2C)


def waits(connection, enough, until):
    """How long small requests take, one after the other, sorted; until there are enough, and the load is over."""
    times = []
    while len(times) < enough and not until():
        started = time.monotonic()
        assert connection.get("/").status == 200
        times.append(time.monotonic() - started)
    return sorted(times)


def window(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


# Others' connections


@http2
@of_the_shipped_server
def test_100_downloads_do_not_starve_another_connection(server):
    url = f"http://127.0.0.1:{server.port}/large"
    load = ["h2load", "-c1", "-m100", "-w24", "-W30", "-n3000", url]
    began = time.monotonic()
    hungry = subprocess.Popen(load, stdout=subprocess.PIPE, text=True)
    try:
        with connect(server) as modest:
            modest.get("/")
            times = waits(modest, 300, lambda: hungry.poll() is not None)
        output, _ = hungry.communicate(timeout=scaled_timeout(60))
        took = time.monotonic() - began
    finally:
        hungry.kill()
        hungry.wait()
    assert "3000 succeeded" in output, output
    # Behind the hundred each would take a thirtieth of the time of the three thousand.
    assert len(times) >= 60, "both were served at the same time"
    assert times[int(len(times) * 0.9) - 1] < max(SMALL, took / 50)


@http2
def test_100_slow_requests_do_not_starve_another_connection(server, combination):
    """Each of them holds its handler: small requests have their answers before the last of these."""
    path = "/delay?s=4" if combination.style == "event" else "/delay?s=0.2"  # all at the same time, or three
    with connect(server) as hungry, connect(server) as modest:
        modest.get("/")
        streams = [hungry.request("GET", path) for _ in range(100)]
        hungry.ping()
        for _ in range(20):
            assert modest.get("/").status == 200
        with connect(server) as late:
            assert late.get("/").status == 200, "accepted though more than server.queue wait"
        hungry.ping()
        assert not all(hungry.answers[stream].ended for stream in streams)
        assert all(hungry.answer(stream).status == 200 for stream in streams), "nor is their own forgotten"


@http2_blocking
def test_two_connections_take_turns(shared, combination):
    """With one thread there is none to spare, but a turn comes after each request."""
    server = shared(combination.demo, combination.model, "--set", "server.threads=1", H2C)
    with connect(server) as hungry, connect(server) as modest:
        modest.get("/")
        streams = [hungry.request("GET", "/delay?s=0.05") for _ in range(90)]
        hungry.ping()
        for _ in range(10):
            assert modest.get("/").status == 200
        hungry.ping()
        assert not hungry.answers[streams[-1]].ended, "all ten were behind the other's ninety"
        assert all(hungry.answer(stream).status == 200 for stream in streams)


@http2
def test_downloads_that_nobody_takes_leave_a_thread(server):
    with connect(server, windows=False, initial_window_size=0) as stuck, connect(server) as modest:
        modest.get("/")
        streams = [stuck.request("GET", "/large") for _ in range(20)]
        stuck.read_until(lambda: any(stuck.answers[s].head for s in streams), "first head")
        stuck.ping()
        for _ in range(50):
            assert modest.get("/").status == 200
        stuck.ping()
        assert all(stuck.answers[s].reset is None for s in streams), "none was given up for these"


@http2
def test_downloads_that_nobody_takes_are_given_up(shared, combination):
    """What bounds them is timeouts.write; then the thread has the next."""
    server = shared(combination.demo, combination.model, *FOUR_THREADS, "--set", "timeouts.write=500ms", H2C)
    with connect(server, windows=False, initial_window_size=0) as stuck:
        streams = [stuck.request("GET", "/large") for _ in range(6)]
        assert [stuck.answer(stream).reset for stream in streams] == [8] * 6
        wait_for(lambda: "reset to 127.0.0.1:" in server.log, lambda: server.log)
        assert "400 to" not in server.log, "as it was"
        with stuck.together():
            stuck.send(window(0, 1 << 20))
            last = stuck.request("GET", "/")
            stuck.send(window(last, 100))
        assert stuck.answer(last).status == 200


# Memory


def memory(server):
    """The resident set of the worker, in bytes."""
    (worker,) = server.workers()
    with open(f"/proc/{worker}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@http2
@of_the_shipped_server
def test_streams_share_the_bound_of_their_connection(shared, combination):
    """A hundred answers of 8 MiB to shut windows: what is held is a connection's, not a hundred times that."""
    server = shared(combination.misbehaving, combination.model, *FOUR_THREADS, "--set", "limits.output=4MiB", H2C)
    with connect(server) as connection:
        assert connection.get("/").status == 200
    before = memory(server)
    with connect(server, windows=False, initial_window_size=0) as connection:
        connection.ping()
        streams = [connection.request("GET", "/backpressure") for _ in range(100)]
        # Blocking handlers hold all threads but one.
        begun = 100 if combination.style == "event" else 3
        connection.read_until(
            lambda: sum(1 for s in streams if connection.answers[s].head) >= begun, "heads of the answers"
        )
        connection.ping()
        assert memory(server) - before < 16 << 20
        # Those that the client does take go on, by pieces of a stream's share.
        first = [s for s in streams if connection.answers[s].head][:3]
        connection.send(window(0, 1 << 30) + b"".join(window(s, 1 << 24) for s in first))
        for stream in first:
            answer = connection.answer(stream, timeout=30)
            assert answer.ended and len(answer.body) == 512 * 16384, connection.state()
        assert memory(server) - before < 20 << 20
    with connect(server) as connection:
        assert connection.get("/").status == 200


@http2
def test_a_crowded_connection_recovers(shared, combination):
    """When what was in the way is gone, the streams that waited get on."""
    server = shared(combination.misbehaving, combination.model, *FOUR_THREADS, "--set", "limits.output=256KiB", H2C)
    with connect(server, windows=False, initial_window_size=0) as connection:
        streams = [connection.request("GET", "/backpressure") for _ in range(12)]
        connection.read_until(
            lambda: sum(1 for s in streams if connection.answers[s].head) >= 3, "heads of the answers"
        )
        connection.ping()
        connection.send(window(0, 1 << 30))
        for stream in streams[2:]:
            connection.send(frame(3, 0, stream, b"\0\0\0\x08"))
        connection.send(window(streams[0], 1 << 24) + window(streams[1], 1 << 24))
        for stream in streams[:2]:
            assert len(connection.answer(stream, timeout=30).body) == 512 * 16384


# Bodies of requests


@http2
@pytest.mark.parametrize("size", [65536, 1 << 20])
def test_a_window_opens_only_as_the_handler_reads(shared, combination, size):
    """A handler that is at something else: the client's window stays shut at the announced size."""
    server = shared(
        combination.demo, combination.model, *FOUR_THREADS, "--set", f"http2.initial_window_size={size}", H2C
    )
    with connect(server) as connection:
        connection.ping()  # by now the server's window counts
        stream = connection.request("POST", "/delay?s=0.6", end=False)
        connection.body(stream, b"x" * size, end=False)
        answer = connection.answer(stream)
        assert answer.status == 200
        connection.ping()
        of_stream = [f for f in connection.frames if f.stream == stream]
        opened = [i for i, f in enumerate(of_stream) if f.kind == WINDOW_UPDATE]
        head = next(i for i, f in enumerate(of_stream) if f.kind == HEADERS)
        assert all(i > head for i in opened), "not while the handler is at it"
        total = sum(int.from_bytes(of_stream[i].payload, "big") for i in opened)
        assert total <= 65536, "limits.drain, for what nobody reads any more"


@http2
@pytest.mark.parametrize("size", [1024, 65536, 200_000])
def test_a_body_of_many_windows(shared, combination, size):
    """What the handler reads opens the window, whatever its size: an echo of 20 of them, no faster than they open."""
    server = shared(
        combination.demo, combination.model, *FOUR_THREADS, "--set", f"http2.initial_window_size={size}", H2C
    )
    with connect(server) as connection:
        connection.ping()
        stream = connection.request("POST", "/echo", end=False)
        answer = connection.answers[stream]
        total, sent, credit, seen, begun = 20 * size, 0, size, 0, time.monotonic()
        while sent < total:
            assert time.monotonic() - begun < scaled_timeout(20), connection.state()
            for f in connection.frames[seen:]:
                if f.kind == WINDOW_UPDATE and f.stream == stream:
                    credit += struct.unpack(">I", f.payload)[0]
            seen = len(connection.frames)
            piece = min(16384, credit, total - sent)
            if piece == 0:
                connection.read_until(lambda: len(connection.frames) > seen, "WINDOW_UPDATE")
                continue
            credit -= piece
            sent += piece
            connection.body(stream, b"x" * piece, end=sent == total)
        assert connection.answer(stream).ended and len(answer.body) == total


# Given up in the line


def test_streams_that_are_reset_in_the_line_are_not_handled(shared):
    """A handler's work is not done for those that have left before its turn came."""
    server = shared(RELEASE / "libdemo_blocking.so", "async", "--set", "server.threads=1", H2C)
    with connect(server) as connection:
        first = connection.request("GET", "/delay?s=3")
        connection.ping()
        begun = time.monotonic()
        for stream in [connection.request("GET", "/delay?s=1") for _ in range(30)]:
            connection.send(frame(3, 0, stream, b"\0\0\0\x08"))
        assert connection.get("/").status == 200
        assert time.monotonic() - begun < 3 + 30 / 5, "thirty seconds of work"
        assert connection.answers[first].status == 200
