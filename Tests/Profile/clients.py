"""What the trial run asks for: every route of the demo plugins, over HTTP/1.1 and HTTP/2, as clients mostly ask."""

import http.client
import socket
import ssl
import struct

TIMEOUT = 10.0
# How often for the plain page, and for each of the others: far more often than anything of a start, which must not stand
# among what every request needs.
PAGES, OTHERS = 3000, 200

ROUTES = ("/health", "/headers", "/version", "/large", "/status?code=404", "/style.css", "/nothing-here")
SLOW_ROUTES = ("/early-hints", "/early-hints-multiple", "/stream")

# Frames of HTTP/2 (RFC 9113 section 6).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY, WINDOW_UPDATE = 0x0, 0x1, 0x4, 0x7, 0x8
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
INITIAL_WINDOW_SIZE = 0x4
STREAMS_AT_ONCE = 32
STREAM_WINDOW, CONNECTION_WINDOW = 6 << 20, 15 << 20  # what a browser gives


def http1(port: int, security: ssl.SSLContext | None, slow: int) -> None:
    """Requests one after another, on one connection as long as the server keeps it; then, each on one of its own and
    all at once, those that take their time, so many times.
    """
    if security:
        client = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=security)
    else:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    fields = {"User-Agent": "trial/1.0", "Accept": "*/*", "Accept-Encoding": "gzip, br", "Cookie": "a=1; b=2"}

    def ask(method: str, target: str, body=None, chunked: bool = False) -> None:
        client.request(method, target, body, fields, encode_chunked=chunked)
        client.getresponse().read()

    for _ in range(PAGES):
        ask("GET", "/")
    for _ in range(OTHERS):
        for target in ROUTES:
            ask("GET", target)
        ask("HEAD", "/")
        ask("POST", "/echo", b"x" * 1000)
        ask("POST", "/echo", iter((b"one", b"two")), chunked=True)
    client.close()
    connections = []
    for target in SLOW_ROUTES * slow:
        connections.append(connect(port, security))
        connections[-1].sendall(f"GET {target} HTTP/1.1\r\nHost: trial\r\nConnection: close\r\n\r\n".encode())
    for connection in connections:
        with connection:
            while connection.recv(65536):
                pass


def http2(port: int, security: ssl.SSLContext | None, slow: int) -> None:
    """The same on the streams of one connection, many at once."""
    with connect(port, security) as connection:
        windows = frame(SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, STREAM_WINDOW))
        connection.sendall(PREFACE + windows + more_room(CONNECTION_WINDOW))
        stream = 1
        targets = ["/"] * PAGES + [*ROUTES] * OTHERS + [*SLOW_ROUTES] * slow
        for first in range(0, len(targets), STREAMS_AT_ONCE):
            batch = targets[first : first + STREAMS_AT_ONCE]
            frames = b""
            for target in batch:
                block = field_block("https" if security else "http", target)
                frames += frame(HEADERS, END_STREAM | END_HEADERS, stream, block)
                stream += 2
            connection.sendall(frames)
            await_ends(connection, len(batch))


def connect(port: int, security: ssl.SSLContext | None) -> socket.socket:
    """A connection to the server, with TLS if it is asked for."""
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return security.wrap_socket(connection) if security else connection


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field_block(scheme: str, target: str) -> bytes:
    """GET in HPACK (RFC 7541): entries of the static table, and literals that nobody needs to remember."""
    schemes = {"http": b"\x86", "https": b"\x87"}
    return b"\x82" + schemes[scheme] + b"\x04" + text(target) + b"\x01" + text("trial") + b"\x0f\x04" + text("*/*")


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def more_room(count: int) -> bytes:
    """So much more may come on the connection."""
    return frame(WINDOW_UPDATE, payload=struct.pack(">I", count))


def await_ends(connection: socket.socket, count: int) -> None:
    """Reads frames until so many streams have ended, and gives back the room of what has come."""
    read = 0
    while count:
        head = exactly(connection, 9)
        payload = exactly(connection, int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]
        if kind == GOAWAY:
            raise ConnectionError("the server has ended the connection")
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK))
        if kind == DATA:
            read += len(payload)
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            count -= 1
        if read >= STREAM_WINDOW or read and not count:
            connection.sendall(more_room(read))
            read = 0


def exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise ConnectionError("the server has closed the connection")
        received += part
    return received
