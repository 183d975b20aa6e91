"""Responses that clients do not take wait in files: their handlers' threads serve others meanwhile."""

import hashlib
import os
from contextlib import ExitStack

import pytest

import http2
from client import request
from matrix import Combination
from metrics import Metrics
from pace import of_the_shipped_server, soon
from processes import wait_for
from server import TEST_PLUGINS, free_port

GENEROUS = TEST_PLUGINS / "libgenerous.so"
SIZE = 8 << 20
THREADS = 4
pooled = pytest.mark.parametrize(
    "combination", [Combination("gthread", "blocking"), Combination("async", "blocking")], ids=str
)
PATHS = ("/whole", "/parts", "/pieces")


def content():
    """What the plugin sends."""
    number, parts = 1, bytearray(SIZE)
    for index in range(SIZE):
        number = (number * 1103515245 + 12345) & 0xFFFFFFFF
        parts[index] = number >> 16 & 0xFF
    return hashlib.sha256(parts).hexdigest()


@pytest.fixture(scope="module")
def digest():
    return content()


def start(own, combination, *flags, **options):
    return own("--threads", THREADS, *flags, GENEROUS, model=combination.model, **options)


def deleted_files(pid):
    """The files without a name that a process has open."""
    names = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
    return [name for name in names if name.startswith("/") and name.endswith("(deleted)") and "memfd" not in name]


@pooled
@pytest.mark.parametrize("path", PATHS)
def test_readers_that_take_nothing_hold_no_thread(own, combination, path, digest):
    """As many as there are threads; and each of them gets all of its response, when it wants it."""
    server = start(own, combination)
    with ExitStack() as stack:
        readers = [stack.enter_context(server.connect(receive_buffer=4096)) for _ in range(THREADS)]
        for reader in readers:
            reader.send(request("GET", path))
        for reader in readers:
            reader.head()
        assert server.get("/").body == b"ok"
        (worker,) = server.workers()
        assert deleted_files(worker)
        for reader in readers[:2]:
            assert hashlib.sha256(reader.final(timeout=soon(20)).body).hexdigest() == digest
            # The connection goes on.
            reader.send(request("GET", "/"))
            assert reader.final().body == b"ok"
    wait_for(lambda: not deleted_files(worker), lambda: f"{deleted_files(worker)}; {server.state()}")


@pooled
def test_streams_that_are_not_read_hold_no_thread(own, combination, digest):
    server = start(own, combination, h2c=True)
    with http2.connect(server, windows=False) as slow:
        streams = [slow.request("GET", path) for path in PATHS]
        with http2.connect(server) as other:
            assert other.get("/").body == b"ok"
        slow.windows = True
        for stream in [0, *streams]:
            slow.send(http2.frame(http2.WINDOW_UPDATE, 0, stream, (1 << 20).to_bytes(4, "big")))
        for stream in streams:
            answer = slow.answer(stream, timeout=soon(20))
            assert answer.ended and hashlib.sha256(answer.body).hexdigest() == digest


@pooled
def test_requests_behind_an_unread_response_wait(own, combination):
    """A client that pipelines and reads nothing has one response made for it, not twenty."""
    port = free_port()
    server = start(own, combination, "--set", f'metrics.bind="127.0.0.1:{port}"')
    with ExitStack() as stack:
        for _ in range(THREADS):
            reader = stack.enter_context(server.connect(receive_buffer=4096))
            reader.send(request("GET", "/whole") * 20)
            reader.head()
        for _ in range(5):
            assert server.get("/").body == b"ok"
        spooled = Metrics(port).value("outrider_spooled_bytes_total")
        assert 0 < spooled <= THREADS * SIZE


@of_the_shipped_server
@pooled
def test_without_a_spool_handlers_wait(own, combination):
    server = start(own, combination, "--set", "limits.spool=0")
    with ExitStack() as stack:
        readers = [stack.enter_context(server.connect(receive_buffer=4096)) for _ in range(THREADS)]
        for reader in readers:
            reader.send(request("GET", "/whole"))
            reader.head()
        with server.connect() as other:
            other.send(request("GET", "/"))
            other.assert_open(within=0.5)
            assert not other.finals
            readers[0].close()
            assert other.final(timeout=soon(5)).body == b"ok"
        (worker,) = server.workers()
        assert not deleted_files(worker)


def test_what_has_no_room_waits(own, digest):
    """Beyond limits.spool the handler waits for its client, who gets the whole response all the same."""
    server = own("--threads", 1, "--set", "limits.spool=1MiB", GENEROUS, model="async")
    with server.connect(receive_buffer=4096) as reader, server.connect() as other:
        reader.send(request("GET", "/pieces"))
        reader.head()
        other.send(request("GET", "/"))
        other.assert_open(within=0.5)
        assert not other.finals
        assert hashlib.sha256(reader.final(timeout=soon(20)).body).hexdigest() == digest
        assert other.final(timeout=soon(5)).body == b"ok"


def test_a_folder_that_is_not_there(own, digest):
    """It is told once, and handlers wait as they do without a spool."""
    server = own("--threads", 2, GENEROUS, model="gthread", env={"TMPDIR": "/nowhere"})
    with ExitStack() as stack:
        readers = [stack.enter_context(server.connect(receive_buffer=4096)) for _ in range(2)]
        for reader in readers:
            reader.send(request("GET", "/whole"))
        for reader in readers:
            assert hashlib.sha256(reader.final(timeout=soon(20)).body).hexdigest() == digest
    assert server.log.count("handlers wait for clients that do not take their responses") <= 1
