"""A 100 (Continue) of a handler's thread is sent after responses of the loop that the client has yet to read."""

import select
import socket
import ssl
import time
from contextlib import suppress

import pytest

from client import request
from server import RELEASE, free_port
from timing import scaled, scaled_timeout

NOT_FOUND = request("GET", "/nope")  # below no mount: no plugin sees it
BODY = b"hello"
POST = request("POST", "/app/echo", "Expect: 100-continue", f"Content-Length: {len(BODY)}")
SMALL_BUFFER = 4096
PATIENCE = 0.2  # seconds without a byte taken, after which the server takes no more
WANTS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LateReader:
    """A client that asks for much, and reads when the server takes no more."""

    def __init__(self, server, data):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.socket.connect(server.address)
        if server.tls:
            self.socket = server.tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.setblocking(False)
        self.unsent = memoryview(data)
        self.received = bytearray()
        self.has_sent_body = self.ended = False

    def send(self):
        """Send what goes; whether anything did."""
        before = len(self.unsent)
        with suppress(*WANTS):
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent[:16384]) :]
        return len(self.unsent) < before

    def read(self):
        with suppress(*WANTS):
            while part := self.socket.recv(1 << 18):
                self.received += part
            self.ended = True
        if not self.has_sent_body and not self.unsent and b"HTTP/1.1 100 " in self.received[-SMALL_BUFFER:]:
            self.unsent, self.has_sent_body = memoryview(BODY), True
        self.ended |= self.received.endswith(b"\r\n\r\n" + BODY)

    def messages(self):
        return bytes(self.received).split(b"HTTP/1.1 ")[1:]


def send_all(clients):
    """Send until the server reads no more, or all is sent."""
    moved = time.monotonic()
    while time.monotonic() - moved < scaled(PATIENCE) and any(client.unsent for client in clients):
        if any([client.send() for client in clients]):
            moved = time.monotonic()
        else:
            time.sleep(0.005)


def read_all(clients, timeout=20):
    deadline = time.monotonic() + scaled_timeout(timeout)
    while (open_ := [client for client in clients if not client.ended]) and time.monotonic() < deadline:
        sending = [client.socket for client in open_ if client.unsent]
        select.select([client.socket for client in open_], sending, [], 0.1)
        for client in open_:
            client.read()
            client.send()


@pytest.fixture(params=["plain", "tls"])
def mounted(request, own, tmp_path, authority):
    """A blocking plugin below a mount, with threads to spare."""
    port = free_port()
    place = f"127.0.0.1:{port}"
    tls = request.param == "tls"
    listener = authority.listener(place) if tls else f'[[listener]]\nbind = "{place}"\n'
    file = tmp_path / "outrider.toml"
    file.write_text(f'{listener}[[plugin]]\npath = "{RELEASE}/libdemo_blocking.so"\nmount = "/app"\n')
    server = own("-c", file, "-k", "gthread", "--set", "server.threads=8", bind=False, port=port)
    server.tls = authority.client() if tls else None
    return server


def room_for(server):
    """How many requests are taken of a client that reads no answer."""
    client = LateReader(server, NOT_FOUND * 1_000_000)
    send_all([client])
    client.socket.close()
    assert client.unsent, "the server takes what comes, and holds all its answers"
    return (1_000_000 * len(NOT_FOUND) - len(client.unsent)) // len(NOT_FOUND)


def test_100_behind_answers_that_are_not_read(mounted):
    """As many as the socket takes, more, and fewer: each client sees all of them whole, then 100, then 200."""
    room = room_for(mounted)
    counts = [1, 10, 1000, *(room * sixteenths // 16 for sixteenths in (1, 5, 9, 13, 15, 17))]
    clients = [LateReader(mounted, NOT_FOUND * count + POST) for count in counts]
    try:
        send_all(clients)
        read_all(clients)
    finally:
        for client in clients:
            client.socket.close()
    for count, client in zip(counts, clients):
        messages = client.messages()
        statuses = [message[:3] for message in messages]
        assert statuses[:count] == [b"404"] * count and statuses[count:] == [b"100", b"200"]
        assert {len(message) for message in messages[:count]} == {len(messages[0])}, "one is within another"
        assert messages[0].endswith(b"\r\n\r\n404 Not Found\n") and messages[-1].endswith(b"\r\n\r\n" + BODY)
