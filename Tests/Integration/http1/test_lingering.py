"""A response before the end of its request's body: a client that reads it after sending all gets it without a reset."""

import select
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

import processes
from client import request
from matrix import INSPECT, MODELS, blocking, every_way
from processes import wait_for
from server import RELEASE
from timing import again_if_late, scaled, scaled_timeout

DEMO = RELEASE / "libdemo_event.so"
MIB = 1 << 20
SMALL = ("--set", "limits.body=1KiB")


class Patient:
    """A client that sends first, and reads when it is done."""

    def __init__(self, server, head):
        self.socket = socket.create_connection(server.address, scaled(20))
        if server.tls:
            self.socket = server.tls.wrap_socket(
                self.socket, server_hostname="localhost", suppress_ragged_eofs=False
            )
        self.socket.settimeout(scaled(20))
        self.received = b""
        self.socket.sendall(head)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, size, piece=65536):
        for _ in range(0, size, piece):
            self.socket.sendall(b"x" * piece)

    def wait(self):
        """Wait until the answer begins. A socket of TLS can be readable without it."""
        self.received = self.socket.recv(65536)

    @property
    def sees_the_end(self):
        """The end of the server's side has come, though it may not have been read: what TCP calls CLOSE-WAIT."""
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 8

    def status(self):
        """Of the answer, which is read to the end of the connection."""
        received = self.received
        while part := self.socket.recv(65536):
            received += part
        assert received.count(b"HTTP/1.1 ") == 1, received
        assert b"\r\nconnection: close\r\n" in received.lower(), received
        return int(received.split(b" ")[1])


def lingering(server, state="fin-wait-2"):
    """How many connections the server has whose own side has ended."""
    text = subprocess.run(
        ["ss", "-tnH", "state", state, f"sport = :{server.port}"], capture_output=True, text=True, check=True
    ).stdout
    return len(text.splitlines())


def held(clients):
    """How many of their connections the server has yet to close: a socket without an owner has no inode."""
    ports = {f"{client.socket.getsockname()[1]:04X}" for client in clients}
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(words[2].partition(":")[2] in ports and words[9] != "0" for words in sockets)


UPLOAD = request("POST", "/", f"Content-Length: {20 * MIB}")
# What is refused while there is more to come, by status.
REFUSED = {
    413: (UPLOAD, b"x" * MIB),
    414: (b"GET /" + b"a" * 9000, b"a" * MIB),
    431: (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000, b"a" * MIB),
    400: (b"GET  / HTTP/1.1\r\n\r\n", b"x" * MIB),
    501: (b"A" * 30 + b" / HTTP/1.1\r\n\r\n", b"x" * MIB),
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", REFUSED)
def test_a_refusal_is_read(pool, secure_pool, model, tls, status):
    """20 MB behind it, as fast as they go: the client that has sent them finds the answer."""
    server = (secure_pool if tls else pool).get((INSPECT, model, *SMALL))
    head, more = REFUSED[status]
    with Patient(server, head) as client:
        for _ in range(20):
            client.socket.sendall(more)
        assert client.status() == status
    assert server.get("/").status == 200


@every_way
def test_an_answer_that_did_not_wait_is_read(reach, way):
    server = reach(way.demo)
    with Patient(server, request("POST", "/health", f"Content-Length: {20 * MIB}")) as client:
        client.send(20 * MIB)
        assert client.status() == 200
    with Patient(server, request("POST", "/health", "Transfer-Encoding: chunked")) as client:
        for _ in range(20):
            client.socket.sendall(b"%x\r\n" % MIB + b"x" * MIB + b"\r\n")
        assert client.status() == 200


def early_answers(server, head, attempts=5):
    """Clients that have received the beginning of an answer to this head. Several attempts, because a slow machine may
    also have delivered the end."""
    for _ in range(attempts):
        with Patient(server, head) as client:
            client.wait()
            yield client


@every_way
@pytest.mark.parametrize("framing", ["length", "chunked", "413"])
def test_our_side_ends_when_the_request_has(reach, way, framing):
    """Proxies that still send, hitch for one, drop what they have yet to pass on of an answer when the connection ends."""
    server = reach(way.demo, *(SMALL if framing == "413" else ()))
    size = 2 * MIB
    head = request("POST", "/health", "Transfer-Encoding: chunked" if framing == "chunked" else f"Content-Length: {size}")
    begun, rest = b"x" * 70_000, b"x" * (size - 70_000)
    if framing == "chunked":
        begun, rest = b"%x\r\n" % size + begun, rest + b"\r\n0\r\n\r\n"
    for client in early_answers(server, head + begun):
        waits = not client.sees_the_end
        client.socket.sendall(rest)
        assert client.status() == (413 if framing == "413" else 200)
        if waits:
            return
    raise AssertionError("the end comes with the answer, while the client is sending")


@every_way
def test_our_side_does_not_wait_for_ever(reach, way):
    """For a client that sends nothing more, and for one that does not stop."""
    server = reach(way.demo)
    with Patient(server, request("POST", "/health", f"Content-Length: {MIB}") + b"x" * 70_000) as client:
        assert client.status() == 200
    with Patient(server, request("POST", "/health", f"Content-Length: {1 << 30}") + b"x" * 70_000) as client:
        client.wait()
        begun = time.monotonic()
        while not client.sees_the_end and time.monotonic() - begun < scaled(20):
            client.socket.sendall(b"x" * 1000)
            time.sleep(0.05)
        assert client.sees_the_end
        assert client.status() == 200


@every_way
def test_our_side_waits_for_nothing_that_is_there(reach, way):
    """What has come with the head is no reason to wait, nor is what the client keeps back."""
    server = reach(way.demo)
    small = request("POST", "/health", "Connection: close", body=b"x" * 100)
    chunked = request("POST", "/health", "Connection: close", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"
    kept = request("POST", "/health", "Connection: close", "Expect: 100-continue", f"Content-Length: {MIB}")
    for head in (small, chunked, kept):
        with Patient(server, head) as client:
            begun = time.monotonic()
            assert client.status() == 200
            took = time.monotonic() - begun
        if took < 0.2:
            continue
        # Somebody else may have had the processor: of the next ones not all can be late.
        times = []
        for _ in range(5):
            with Patient(server, head) as client:
                begun = time.monotonic()
                assert client.status() == 200
                times.append(time.monotonic() - begun)
        assert min(times) < 0.2, times


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("model", MODELS)
def test_a_timeout_is_read(own, authority, model, tls):
    """408: the client is late, and goes on sending."""
    flags = ("--set", "timeouts.head=3s", "--set", "timeouts.body=300ms")  # a handshake has the time of a head
    server = own(*flags, INSPECT, model=model, tls=authority if tls else None)
    for head in (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", request("POST", "/", f"Content-Length: {8 * MIB}")):
        with Patient(server, head) as client:
            client.wait()
            client.send(4 * MIB)
            assert client.status() == 408


@pytest.mark.parametrize("model", MODELS)
def test_a_slow_upload_is_read_to_its_end(own, model):
    """It takes longer than any pause may last; none of its own is as long."""
    server = own(*SMALL, INSPECT, model=model)
    pause = 0.5
    with Patient(server, UPLOAD) as client:
        wait_for(lambda: lingering(server) == 1, lambda: f"{lingering(server)} linger; {server.state()}")
        for _ in range(14):
            time.sleep(pause)
            client.socket.sendall(b"x" * 50_000)
            assert lingering(server) == 1
        assert client.status() == 413


@pytest.mark.parametrize("model", MODELS)
def test_others_are_served_meanwhile(own, model):
    """No client waits for lingering connections, even if a sync worker has more of them than places."""
    server = own("-w", 1, *SMALL, INSPECT, model=model)
    clients = [Patient(server, UPLOAD) for _ in range(80)]
    try:
        for client in clients:
            assert select.select([client.socket], [], [], scaled_timeout(5))[0], "no answer"
        # Those that have waited least are still listened to.
        listened = clients[-60:]
        for _ in range(20):
            for client in listened:
                client.socket.sendall(b"x" * 1000)  # who sends nothing for five seconds is left
            assert server.get("/").status == 200
        for client in listened:
            client.send(MIB)
            assert client.status() == 413
    finally:
        for client in clients:
            client.socket.close()


@blocking
@pytest.mark.parametrize("lingerers", [8])
def test_no_thread_is_held(own, combination, lingerers):
    """More clients linger than there are threads, after answers of a handler that has read nothing."""
    server = own("-w", 1, "--set", "server.threads=2", combination.demo, model=combination.model)
    clients = [Patient(server, request("POST", "/health", f"Content-Length: {20 * MIB}")) for _ in range(lingerers)]
    try:
        for client in clients:
            client.send(2 * 65536)  # gthread wants some of the body before a thread gets the request
            assert select.select([client.socket], [], [], scaled_timeout(5))[0], "no answer"
        for _ in range(20):
            for client in clients:
                client.socket.sendall(b"x" * 1000)  # who sends nothing for five seconds is left
            assert server.get("/health").body == b"OK"
        for client in clients:
            client.send(MIB)
            assert client.status() == 200
    finally:
        for client in clients:
            client.socket.close()


@pytest.mark.parametrize("model", MODELS)
def test_who_sends_nothing_is_left_soon(own, model):
    """After five seconds without a byte; and one that sends less than limits.min_rate in as many."""
    server = own(*SMALL, "--set", "limits.min_rate=100000", INSPECT, model=model)
    (worker,) = server.workers()
    begun = time.monotonic()
    with Patient(server, UPLOAD) as silent, Patient(server, UPLOAD) as trickling:
        wait_for(lambda: lingering(server) == 2, lambda: f"{lingering(server)} linger; {server.state()}")
        # Who goes on is left after thirty.
        while (left := held([silent, trickling])) > 0 and time.monotonic() - begun < scaled(25):
            assert left == 2 or time.monotonic() - begun > 4, "too early"
            with suppress(ConnectionError):
                trickling.socket.send(b"x")
            time.sleep(0.2)
        assert left == 0, server.state()
        assert silent.socket.recv(65536).startswith(b"HTTP/1.1 413 ")
    assert processes.look(worker).alive


def test_who_goes_on_for_ever_is_left_after_all(own):
    """After half a minute, however steadily it sends; the answer has come before."""
    servers = [own(*SMALL, INSPECT, model=model) for model in MODELS]
    uploads = [Patient(server, request("POST", "/", f"Content-Length: {1 << 40}")) for server in servers]
    begun, left = time.monotonic(), [None] * len(uploads)
    try:
        while None in left and time.monotonic() - begun < scaled(45):
            for number, client in enumerate(uploads):
                if left[number] is None:
                    try:
                        client.socket.sendall(b"x" * 10_000)
                    except OSError:
                        left[number] = time.monotonic() - begun
            time.sleep(0.2)
        assert all(seconds is not None and seconds > 25 for seconds in left), left
    finally:
        for client in uploads:
            client.socket.close()


@pytest.mark.parametrize("model", MODELS)
def test_what_comes_while_lingering_is_no_request(own, model):
    """A refusal is terminal: bytes behind it are forgotten, whatever they look like."""
    server = own(*SMALL, INSPECT, model=model)
    with Patient(server, UPLOAD) as client:
        for _ in range(50):
            client.socket.sendall(request("GET", "/smuggled") * 100)
        assert client.status() == 413
    with Patient(server, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n") as client:
        client.socket.sendall(request("GET", "/smuggled") * 100)
        assert client.status() == 400


@pytest.mark.parametrize("model", MODELS)
def test_a_worker_that_is_to_leave_does_not_wait_long(own, model):
    server = own(*SMALL, INSPECT, model=model)
    with Patient(server, UPLOAD) as client:
        client.send(MIB)
        begun = time.monotonic()
        server.stop()
        # A lingering connection may stay for 30 s.
        assert time.monotonic() - begun < scaled(15)
        assert client.status() == 413


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_the_rest_of_a_body_when_requests_are_cut(own, model):
    """A client that keeps sending unread content after its response gets no reset."""

    def send_late():
        server = own("--set", "server.graceful_timeout=6s", DEMO, model=model)
        with server.connect() as connection:
            connection.send(request("POST", "/health", "Content-Length: 1000") + b"x" * 500)
            answer = connection.final()
            assert answer.status == 200 and not answer.says_close
            server.tell(signal.SIGTERM)
            connection.assert_closed(timeout=scaled(8))
            connection.socket.sendall(b"x" * 500)
            connection.socket.shutdown(socket.SHUT_WR)
            server.ended_well()
            assert connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

    again_if_late(send_late)


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_those_that_linger_make_room(own, model):
    """Where all places are taken, newcomers come first."""
    server = own("-w", 1, *SMALL, "--set", "server.worker_connections=8", INSPECT, model=model)
    clients = [Patient(server, UPLOAD) for _ in range(8)]
    try:
        wait_for(lambda: lingering(server) == 8, lambda: f"{lingering(server)} linger; {server.state()}")
        for _ in range(5):
            assert server.get("/").status == 200
        assert lingering(server) >= 1
    finally:
        for client in clients:
            client.socket.close()
