"""A raw HTTP/1 client: it sends given bytes in given pieces, and parses responses strictly."""

import random
import select
import socket
import ssl
import struct
import time
import zlib
from contextlib import suppress
from itertools import pairwise

from http1 import Parser, ProtocolError
from timing import scaled_timeout

TIMEOUT = 10.0
SPLITS = ("whole", "bytes", "random")


class Timeout(AssertionError):
    """The awaited event did not occur in time."""


class Closed(AssertionError):
    """The server closed the connection before the awaited event."""


def request(method="GET", target="/", *fields, version="1.1", host="localhost", body=None):
    """The bytes of a request; fields are "Name: value". Host and Content-Length are added.

    host=None leaves Host out; HTTP/1.0 has none anyway.
    """
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None and version != "1.0":
        lines.append(f"Host: {host}")
    lines += fields
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(*pieces, extension="", trailers=()):
    """A body in chunked coding, one chunk for each piece."""
    data = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension.encode(), piece) for piece in pieces if piece)
    return data + b"0\r\n" + "".join(f"{line}\r\n" for line in trailers).encode("latin-1") + b"\r\n"


def client_hello(context, session=None):
    """The first bytes of a TLS handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost", session=session)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


# Of longer data, so many bytes are sent one by one, half of them at each end; the middle is repetitive filler.
BYTE_BY_BYTE = 2048
FILLER = 13  # bytes of it at a time, so that pieces end at all places of what repeats


def cut(data, split):
    """The data in pieces according to one of SPLITS; the same data is always split in the same way."""
    if split == "whole":
        return [data]
    if split == "bytes":
        first = min(len(data), BYTE_BY_BYTE // 2)
        last = max(first, len(data) - BYTE_BY_BYTE // 2)
        starts = [*range(first), *range(first, last, FILLER), *range(last, len(data))]
        return [data[start:end] for start, end in pairwise([*starts, len(data)])]
    random_sizes = random.Random(zlib.crc32(data))
    pieces, start = [], 0
    while start < len(data):
        size = random_sizes.randint(1, random_sizes.choice((2, 7, max(1, len(data) // 3))))
        pieces.append(data[start : start + size])
        start += size
    return pieces


class Connection:
    """One connection to the server; a context manager.

    address is (host, port) or the path of a unix socket. tls is an ssl.SSLContext for a connection through TLS, and
    name the host that it asks for.
    """

    def __init__(self, address, timeout=TIMEOUT, receive_buffer=None, tls=None, name="localhost", session=None):
        self.timeout = timeout
        self.parser = Parser()
        self.received = bytearray()
        self.ended = False  # the server's end of stream was seen
        self.reset = False  # and it was a reset
        self.truncated = False  # or TLS without its close_notify
        self.refused = False  # the server took no more of what was sent
        self.taken = 0
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(
                self.socket, server_hostname=name, session=session, suppress_ragged_eofs=False
            )
        self.socket.setblocking(False)
        self.opened = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Close with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def finish_sending(self):
        """Half-close: the server sees the end of the stream, and the client continues to read."""
        try:
            # The plain socket: Python's TLS would close both directions.
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
        except OSError:
            self.refused = True

    @property
    def packets(self):
        """The number of TCP segments received so far."""
        return struct.unpack_from("=I", self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144), 140)[0]

    @property
    def messages(self):
        return self.parser.messages

    @property
    def finals(self):
        return [message for message in self.messages if message.is_final]

    def send(self, data, method=None, split="whole"):
        """Send bytes, reading meanwhile.

        method is that of the request in them, or a list, one for each: responses to HEAD look different.
        Without it one request is taken for what it is, and several for GETs.
        """
        if method is not None:
            for one in [method] if isinstance(method, str) else method:
                self.parser.request(one)
        elif data[:5] == b"HEAD ":
            self.parser.request("HEAD")
        elif b" HTTP/1.0\r\n" in data[:8192] and b" HTTP/1.1\r\n" not in data[:8192]:
            self.parser.request(data.split(b" ")[0].decode("latin-1"), version_1_0=True)
        pieces = cut(data, split)
        pause = 0.0001 if 1 < len(pieces) <= 600 else 0
        for piece in pieces:
            self._send_piece(piece)
            if self.refused:
                return
            if pause:
                time.sleep(pause)

    def _send_piece(self, piece):
        deadline = time.monotonic() + scaled_timeout(self.timeout)
        view = memoryview(piece)
        while view:
            readers = [] if self.ended else [self.socket]
            readable, writable, _ = select.select(
                readers, [self.socket], [], max(0, deadline - time.monotonic())
            )
            if readable:
                self._read()
            if writable:
                try:
                    view = view[self.socket.send(view) :]
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
                except OSError:
                    self.refused = True
                    return
            if time.monotonic() > deadline:
                raise Timeout(f"the server takes no bytes: {len(view)} of a piece are left; {self.state()}")

    def _read(self):
        # Bytes that TLS has read ahead do not make the socket readable. Nothing more is read: a test that reads late
        # needs a full socket.
        while self._read_once() and isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            pass

    def _read_once(self):
        """Read what is available; whether there may be more."""
        try:
            data = self.socket.recv(262144)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except ssl.SSLEOFError:
            self.truncated, data = True, b""
        except ConnectionError:
            self.reset, data = True, b""
        now = time.monotonic()
        if data:
            self.received += data
            self.parser.feed(data, now)
        else:
            self.ended = True
            self.parser.end(now)
        return bool(data)

    def read_until(self, condition, what, timeout=None):
        """Read until condition() is true or the server ends the stream; returns the last value of the condition."""
        deadline = time.monotonic() + scaled_timeout(timeout or self.timeout)
        while not (value := condition()) and not self.ended:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout(f"no {what} within {scaled_timeout(timeout or self.timeout)} s; {self.state()}")
            if select.select([self.socket], [], [], left)[0]:
                self._read()
        return value

    def _next(self, condition):
        for place in range(self.taken, len(self.messages)):
            if condition(self.messages[place]):
                return place + 1
        return 0

    def head(self, timeout=None):
        """The next final response as soon as its head has arrived. It is not consumed: final() returns it again."""
        place = self.read_until(lambda: self._next(lambda m: m.is_final), "final head", timeout)
        if not place:
            raise Closed(f"no final response; {self.state()}")
        return self.messages[place - 1]

    def final(self, timeout=None):
        """The next final response, complete."""
        place = self.read_until(
            lambda: self._next(lambda m: m.is_final and m.complete), "final response", timeout
        )
        if not place:
            raise Closed(f"no whole final response; {self.state()}")
        self.taken = place
        return self.messages[place - 1]

    def informational(self, timeout=None):
        """The next informational response; an error if a final one comes first."""
        place = self.read_until(lambda: self._next(lambda m: True), "informational response", timeout)
        if not place:
            raise Closed(f"no informational response; {self.state()}")
        message = self.messages[place - 1]
        assert not message.is_final, f"a final response instead of an informational one: {message.raw!r}"
        self.taken = place
        return message

    def end(self, timeout=None):
        """Read to the end of the stream; the final responses that were not consumed."""
        self.read_until(lambda: False, "end of the connection", timeout)
        rest = [m for m in self.messages[self.taken :] if m.is_final]
        self.taken = len(self.messages)
        return rest

    def assert_closed(self, timeout=2.0):
        """The server closes the connection cleanly, without sending anything more."""
        rest = self.end(timeout)
        assert not rest and not self.parser.rest, f"more than the answer came; {self.state()}"
        assert not self.reset, f"the connection was reset instead of closed; {self.state()}"
        assert not self.truncated, f"the connection ended without a close_notify; {self.state()}"

    def assert_open(self, within=0.15):
        """The server neither sends nor closes for a short time."""
        count = len(self.received)
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0 and not self.ended:
            if select.select([self.socket], [], [], left)[0]:
                self._read()
        assert not self.ended, f"the server closed the connection; {self.state()}"
        assert len(self.received) == count, f"bytes that nobody asked for; {self.state()}"

    def state(self):
        """What was received so far, for failure messages."""
        seen = [f"{m.status}{'' if m.complete else ' (cut)'}" for m in self.messages]
        tail = bytes(self.received[-300:])
        how = "reset" if self.reset else "closed" if self.ended else "open"
        return f"connection {how}, responses {seen}, {len(self.received)} bytes, the last: {tail!r}"


def fetch(address, data, method=None, split="whole", timeout=None, tls=None):
    """Send one request on a connection of its own; its final response."""
    with Connection(address, timeout or TIMEOUT, tls=tls) as connection:
        connection.send(data, method, split)
        return connection.final()


__all__ = [
    "Connection",
    "Closed",
    "ProtocolError",
    "SPLITS",
    "TIMEOUT",
    "Timeout",
    "chunked",
    "cut",
    "fetch",
    "request",
]
