"""Responses that clients do not read wait in files, so that their handlers' threads serve others."""

import hashlib
import os
import socket
import time
from contextlib import ExitStack

import pytest

import http2
from client import request
from matrix import Combination
from metrics import Metrics
from processes import wait_for
from server import TEST_PLUGINS, free_port
from timing import of_the_shipped_server, scaled

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
        number = number * 0xC64E6D + 12345 & 0xFFFFFF  # the plugin's numbers have more bits, which change none of these
        parts[index] = number >> 16
    return hashlib.sha256(parts).hexdigest()


@pytest.fixture(scope="module")
def digest():
    return content()


def taken(reader):
    """What a reader gets that has taken nothing until now, with room for more than a few packets from now on."""
    reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return hashlib.sha256(reader.final(timeout=scaled(20)).body).hexdigest()


# A client that takes a long time over 8 MiB is not to find its connection idle for too long.
PATIENT = ("--set", "timeouts.keepalive=60s")


def start(own, combination, *flags, **options):
    return own("--threads", THREADS, *PATIENT, *flags, GENEROUS, model=combination.model, **options)


def deleted_files(pid):
    """The files without a name that a process has open."""
    names = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
    return [name for name in names if name.startswith("/") and name.endswith("(deleted)") and "memfd" not in name]


def spooled(pid):
    """How many bytes of disk they take."""
    paths = (f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd"))
    return sum(os.stat(path).st_blocks * 512 for path in paths if os.readlink(path) in deleted_files(pid))


@pooled
@pytest.mark.parametrize("path", PATHS)
def test_readers_that_take_nothing_hold_no_thread(own, combination, path, digest):
    """As many as there are threads; and each of them gets all of its response, when it wants it."""
    server = start(own, combination, "--set", "timeouts.keepalive=60s")
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
            assert taken(reader) == digest
            # The connection goes on.
            reader.send(request("GET", "/"))
            assert reader.final().body == b"ok"
    wait_for(lambda: not deleted_files(worker), lambda: f"{deleted_files(worker)}; {server.state()}")


@of_the_shipped_server
@pooled
def test_a_client_has_its_keep_alive_time_when_it_has_been_sent_all(own, combination):
    """That its handler has returned long before is not the client's doing."""
    # What waits is looked at every 4 s.
    server = start(own, combination, "--set", "timeouts.keepalive=10s", "--set", "timeouts.write=16s")
    with server.connect(receive_buffer=4096) as client:
        reader = client.socket
        reader.setblocking(True)
        reader.settimeout(20)
        reader.sendall(request("GET", "/whole"))
        time.sleep(10.5)
        received = bytearray()
        while len(received) < SIZE or len(received) < SIZE + received.index(b"\r\n\r\n") + 4:
            part = reader.recv(1 << 20)
            assert part, f"closed after {len(received)} bytes"
            received += part
        time.sleep(4.5)
        reader.sendall(request("GET", "/"))
        assert reader.recv(4096).startswith(b"HTTP/1.1 200 ")


@pooled
def test_a_response_has_no_deadline_of_a_former_connection(own, combination, tmp_path, digest):
    """Records of connections are used again."""
    file, port = tmp_path / "outrider.toml", free_port()
    file.write_text(
        f'[server]\nworkers = 1\nthreads = {THREADS}\n[timeouts]\nwrite = "12s"\n[[listener]]\nbind = "127.0.0.1:{port}"\n'
        f'[[plugin]]\npath = "{GENEROUS}"\nname = "hurried"\nmount = "/hurried"\nrequest_timeout = "3s"\n'
        f'[[plugin]]\npath = "{GENEROUS}"\nname = "patient"\nmount = "/patient"\n'
    )
    server = own("-c", file, model=combination.model, bind=False, port=port)
    with server.connect(receive_buffer=4096) as hurried:
        hurried.send(request("GET", "/hurried/whole"))
        wait_for(lambda: "within timeouts.request" in server.log, server.state)
    with server.connect(receive_buffer=4096) as patient:
        patient.send(request("GET", "/patient/whole"))
        patient.head()
        time.sleep(4)  # it is looked at every three seconds
        assert taken(patient) == digest


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
            answer = slow.answer(stream, timeout=scaled(20))
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
            assert other.final(timeout=scaled(5)).body == b"ok"
        (worker,) = server.workers()
        assert not deleted_files(worker)


def test_what_has_no_room_waits(own, digest):
    """Beyond limits.spool the handler waits for its client, which still gets the whole response."""
    server = own("--threads", 1, "--set", "limits.spool=1MiB", GENEROUS, model="async")
    with server.connect(receive_buffer=4096) as reader, server.connect() as other:
        reader.send(request("GET", "/pieces"))
        reader.head()
        other.send(request("GET", "/"))
        other.assert_open(within=0.5)
        assert not other.finals
        assert taken(reader) == digest
        assert other.final(timeout=scaled(5)).body == b"ok"


@pooled
def test_a_worker_has_one_room_for_all(own, combination, digest):
    """limits.worker_spool bounds all responses together, of which each would have more: so all their handlers wait."""
    server = start(own, combination, "--set", "limits.worker_spool=2MiB")
    with ExitStack() as stack:
        readers = [stack.enter_context(server.connect(receive_buffer=4096)) for _ in range(THREADS)]
        other = stack.enter_context(server.connect())
        for reader in readers:
            reader.send(request("GET", "/pieces"))
            reader.head()
        (worker,) = server.workers()
        wait_for(lambda: spooled(worker), server.state)
        other.send(request("GET", "/"))
        other.assert_open(within=0.5)
        assert spooled(worker) < 3 << 20  # files take whole blocks
        assert taken(readers[0]) == digest
        assert other.final(timeout=scaled(5)).body == b"ok"


def test_a_folder_that_is_not_there(own, digest):
    """It is told once, and handlers wait as they do without a spool."""
    server = own("--threads", 2, GENEROUS, model="gthread", env={"TMPDIR": "/nowhere"})
    with ExitStack() as stack:
        readers = [stack.enter_context(server.connect(receive_buffer=4096)) for _ in range(2)]
        for reader in readers:
            reader.send(request("GET", "/whole"))
        for reader in readers:
            assert taken(reader) == digest
    assert server.log.count("handlers wait for clients that do not take their responses") <= 1
