"""Clients over HTTP/2 that read nothing and reset their requests: their queued output is dropped."""

import array
import fcntl
import struct
import termios
import time

import hpack
import pytest

from http2 import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    RST_STREAM,
    WINDOW_UPDATE,
    Connection,
    connect,
    frame,
    request_fields,
)
from matrix import H2C
from server import TEST_PLUGINS
from soak import resident
from strace import Trace
from timing import growth, scaled, seen

LENDING = TEST_PLUGINS / "liblending.so"
CLIENTS, ROUNDS, STREAMS = 4, 12, 60
CANCELLED = b"\0\0\0\x08"
# What a client's connection may hold: limits.output (256 KiB), and http2.max_head_memory (2 MiB) for heads.
PER_CLIENT = 4 << 20
LARGE_HEAD = "/large-head?15000"  # within what each stream of a crowded connection may queue


class Reluctant(Connection):
    """Its windows are open, and it reads nothing."""

    def __init__(self, server):
        super().__init__(server.address, windows=False, initial_window_size=1 << 24)
        self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 28)))
        self.ping()
        encoder = hpack.Encoder()
        encoder.header_table_size = 0
        self.heads = {path: encoder.encode(request_fields("GET", path)) for path in ("/for-ever", LARGE_HEAD)}
        self.stream = 1

    def ask(self, path, count):
        """Unread; the streams' numbers."""
        streams = range(self.stream, self.stream + 2 * count, 2)
        self.stream += 2 * count
        self.push(frame(HEADERS, END_STREAM | END_HEADERS, stream, self.heads[path]) for stream in streams)
        return streams

    def cancel(self, streams):
        self.push(frame(RST_STREAM, 0, stream, CANCELLED) for stream in streams)

    def push(self, frames):
        self.socket.setblocking(True)
        self.socket.settimeout(self.timeout)
        self.socket.sendall(b"".join(frames))

    def unread(self):
        """How many bytes its socket holds."""
        count = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, count)
        return count[0]


def assert_all_is_taken(server):
    """The server has read what was sent before: requests sent later are answered."""
    for _ in range(3):
        with connect(server) as connection:
            assert connection.get("/").body == b"ok"


def wait_until_full(clients):
    """Their sockets take no more: for a while nothing has come."""
    counts, since = None, time.monotonic()
    while time.monotonic() - since < scaled(0.3):
        now = [client.unread() for client in clients]
        if now != counts:
            counts, since = now, time.monotonic()
        time.sleep(0.01)


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_heads_of_answers_that_nobody_reads(shared, model):
    server = shared(LENDING, model, "--set", "http2.max_resets_per_second=100000", H2C)
    (worker,) = server.workers()
    clients = [Reluctant(server) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.ask("/for-ever", 4)
        wait_until_full(clients)
        before, grown = resident(worker), []
        for _ in range(ROUNDS):
            asked = [(client, client.ask(LARGE_HEAD, STREAMS)) for client in clients]
            assert_all_is_taken(server)
            grown.append(resident(worker) - before)
            for client, streams in asked:
                client.cancel(streams)
            assert_all_is_taken(server)
            grown.append(resident(worker) - before)
        assert max(grown) < growth(CLIENTS * PER_CLIENT), grown
        assert grown[-1] - grown[ROUNDS] < growth(4 << 20), f"each round adds to it: {grown}"
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_worker_rests_while_nobody_reads(shared, model, tmp_path):
    """Heads that wait for a client are not looked at again and again."""
    server = shared(LENDING, model, "--set", "http2.max_resets_per_second=100000", H2C)
    client = Reluctant(server)
    try:
        client.ask("/for-ever", 4)
        client.ask(LARGE_HEAD, STREAMS)

        def calls():
            wait_until_full([client])
            with Trace(server.workers()[0], tmp_path / "trace") as trace:
                time.sleep(scaled(0.5))
            return trace.counts()

        seen(calls, lambda counts: counts.total() < 50, tries=3)
    finally:
        client.close()
