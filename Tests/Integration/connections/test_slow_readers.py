"""Slow, steady readers get their complete response; the bytes that they read count, not those that fit a socket."""

import contextlib
import struct
import time

import pytest

import http2
from client import request
from matrix import COMBINATIONS, only
from timing import Late, of_the_shipped_server, punctual, scaled

TIMEOUT = 2.0
FLAGS = ("--set", f"timeouts.write={int(TIMEOUT * 1000)}ms", "--set", "limits.min_rate=5000")
# The client's kernel takes some 300 kB at once, when half of its buffer is free. The server's holds up to 4 MB, of which a
# third is free after three seconds.
RECEIVE_BUFFER = 1 << 18
PACE = 400_000
SECONDS = 6.0
WHOLE = 8 << 20  # what /backpressure sends


each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
some = only(lambda combination: str(combination) in ("sync-blocking", "gthread-blocking", "async-blocking", "async-event"))
over_http2 = only(lambda combination: str(combination) in ("gthread-blocking", "async-event"))


def assert_steady(got, ended):
    """Neither side has stood still: a client that does is slow."""
    if ended or got <= PACE * SECONDS / 2:
        raise Late(f"{'ended' if ended else 'open'} after {got} bytes")


def read_all(sock, got):
    """The rest, all at once: a server that has given up has no more than what was on its way."""
    while got < WHOLE:
        piece = sock.recv(1 << 20)
        if not piece:
            raise Late(f"cut off after {got} bytes")
        got += len(piece)


def read_steadily(sock, seconds, pace):
    """Read `pace` bytes a second, twenty times a second; how many came, and whether the server has ended it."""
    got, start = 0, time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        due = int(pace * passed) - got
        if due > 0:
            try:
                piece = sock.recv(due)
            except (BlockingIOError, TimeoutError):
                piece = None
            except ConnectionResetError:
                return got, True
            if piece == b"":
                return got, True
            got += len(piece or b"")
        time.sleep(0.05)
    return got, False


@of_the_shipped_server
@each
@punctual
def test_a_steady_reader_is_served(own, combination):
    """For several times timeouts.write, of an answer that fills what the kernel holds."""
    server = own(*FLAGS, combination.misbehaving, model=combination.model)
    with server.connect(receive_buffer=RECEIVE_BUFFER) as connection:
        connection.socket.setblocking(True)
        connection.socket.settimeout(scaled(10))
        connection.socket.sendall(request("GET", "/backpressure"))
        got, ended = read_steadily(connection.socket, SECONDS, PACE)
        assert_steady(got, ended)
        read_all(connection.socket, got)


@of_the_shipped_server
@some
@punctual
def test_a_reader_below_the_rate_is_cut_off(own, combination):
    server = own(*FLAGS, "--set", "limits.min_rate=2000000", combination.misbehaving, model=combination.model)
    with server.connect(receive_buffer=RECEIVE_BUFFER) as connection:
        connection.socket.setblocking(True)
        connection.socket.settimeout(scaled(10))
        connection.socket.sendall(request("GET", "/backpressure"))
        got, _ = read_steadily(connection.socket, 3 * TIMEOUT, PACE)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.socket.recv(1 << 20):
                got += len(piece)
        if got >= WHOLE:
            raise Late("it got more than what was on its way")


@of_the_shipped_server
@over_http2
@pytest.mark.parametrize("window", [3 << 20, 1 << 24], ids=["window", "all"])
@punctual
def test_a_steady_reader_is_served_over_http2(own, combination, window):
    """Whether the socket holds back the connection, or the stream waits for a window while the socket drains."""
    server = own(*FLAGS, combination.misbehaving, model=combination.model, h2c=True)
    with http2.connect(
        server, windows=False, receive_buffer=RECEIVE_BUFFER, initial_window_size=window
    ) as connection:
        connection.open_window(window, 0)
        connection.request("GET", "/backpressure")
        connection.socket.setblocking(True)
        connection.socket.settimeout(scaled(10))
        got, ended = read_steadily(connection.socket, SECONDS, PACE)
        assert_steady(got, ended)
        for stream in (0, 1):
            connection.socket.sendall(http2.frame(http2.WINDOW_UPDATE, 0, stream, struct.pack(">I", WHOLE)))
        read_all(connection.socket, got)
