"""Clients that read slowly and steadily get all of their answer; it is judged by what they take, not by what fits a socket."""

import contextlib
import time

import pytest

import http2
from client import request
from matrix import COMBINATIONS
from matrix import http2 as http2_models
from pace import of_the_shipped_server, soon

TIMEOUT = 1.0
FLAGS = ("--set", f"timeouts.write={int(TIMEOUT * 1000)}ms", "--set", "limits.min_rate=5000")
# Far more than the client's own buffer, less than a window's worth of room in the server's.
PACE = 100_000
SECONDS = 4.0
WHOLE = 8 << 20  # what /backpressure sends


each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)


def read_steadily(sock, seconds, pace, kept=None):
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
            if kept is not None:
                kept += piece or b""
        time.sleep(0.05)
    return got, False


@of_the_shipped_server
@each
def test_a_steady_reader_is_served(own, combination):
    """For several times timeouts.write, of an answer that fills what the kernel holds."""
    server = own(*FLAGS, combination.misbehave, model=combination.model)
    with server.connect(receive_buffer=1 << 14) as connection:
        connection.socket.setblocking(True)
        connection.socket.settimeout(soon(2))
        connection.socket.sendall(request("GET", "/backpressure"))
        got, ended = read_steadily(connection.socket, SECONDS, PACE)
        assert not ended, f"cut off after {got} bytes"
        assert got > PACE * SECONDS / 2


@of_the_shipped_server
@each
def test_a_reader_below_the_rate_is_cut_off(own, combination):
    server = own(*FLAGS, "--set", "limits.min_rate=200000", combination.misbehave, model=combination.model)
    with server.connect(receive_buffer=1 << 14) as connection:
        connection.socket.setblocking(True)
        connection.socket.settimeout(soon(2))
        connection.socket.sendall(request("GET", "/backpressure"))
        got, _ = read_steadily(connection.socket, 3 * TIMEOUT, 50_000)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.socket.recv(1 << 20):
                got += len(piece)
        assert got < WHOLE, "it got no more than what was on its way"


@of_the_shipped_server
@http2_models
@pytest.mark.parametrize("window", [1 << 20, 1 << 24], ids=["window", "all"])
def test_a_steady_reader_is_served_over_http2(own, combination, window):
    """Whether the socket holds back the connection, or the stream waits for a window while the socket drains."""
    server = own(*FLAGS, combination.misbehave, model=combination.model, h2c=True)
    with http2.connect(
        server, windows=False, receive_buffer=1 << 14, initial_window_size=window
    ) as connection:
        connection.open_window(window, 0)
        connection.request("GET", "/backpressure")
        connection.socket.setblocking(True)
        connection.socket.settimeout(soon(2))
        received = bytearray(connection.received)
        got, ended = read_steadily(connection.socket, SECONDS, PACE, received)
        assert not ended, f"cut off after {got} bytes"
        assert got > PACE * SECONDS / 2
        # What is on its way says nothing else either.
        kinds = {kind for kind, _ in frames(received)}
        assert kinds <= {http2.DATA, http2.HEADERS, http2.SETTINGS, http2.WINDOW_UPDATE, http2.PING}, kinds


def frames(received):
    """The kinds and streams of whole frames."""
    place = 0
    while place + 9 <= len(received):
        length = int.from_bytes(received[place : place + 3], "big")
        yield received[place + 3], int.from_bytes(received[place + 5 : place + 9], "big")
        place += 9 + length
