"""A WebSocket client that sees frames: over a connection of client.py or a stream of HTTP/2."""

import base64
import os
import struct

import client
import http2

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", *, final=True, masked=True, reserved=0, mask=None, length_bytes=None):
    """The bytes of a frame. length_bytes: the form of the length, 0, 2 or 8, instead of the shortest one."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    length = len(payload)
    form = length_bytes if length_bytes is not None else 0 if length < 126 else 2 if length < 1 << 16 else 8
    head = bytes([first, (0x80 if masked else 0) | {0: length, 2: 126, 8: 127}[form]])
    head += {0: b"", 2: struct.pack("!H", length & 0xFFFF), 8: struct.pack("!Q", length)}[form]
    if not masked:
        return head + payload
    mask = os.urandom(4) if mask is None else mask
    return head + mask + masked_bytes(payload, mask)


def masked_bytes(payload, mask):
    """The payload with the mask on it: as two numbers, since tests mask megabytes."""
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(len(payload))


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def handshake(path="/echo", *fields, version=13, key=None):
    key = key or base64.b64encode(os.urandom(16)).decode()
    return client.request(
        "GET",
        path,
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Version: {version}",
        *fields,
    )


class Frames:
    """The frames of a WebSocket, whatever carries them: `send`, and `_more`, which adds to `buffer`."""

    def text(self, text):
        self.send(frame(TEXT, text.encode()))

    def frame(self):
        """The next frame: (final, opcode, payload). None: the server has ended its side."""
        if not self.buffer and not self._more():
            return None
        first, second = self._take(2)
        assert not second & 0x80, "a server's frames are not masked"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        return bool(first & 0x80), first & 0x7F, self._take(length)

    def message(self):
        """The next message, of one frame: its bytes."""
        final, opcode, payload = self.frame()
        assert final and opcode in (TEXT, BINARY), (final, opcode, payload)
        return payload

    def closing(self):
        """The Close that comes next: (code, reason)."""
        final, opcode, payload = self.frame()
        assert final and opcode == CLOSE, (final, opcode, payload)
        return (struct.unpack("!H", payload[:2])[0], payload[2:].decode()) if payload else (None, "")

    def ended(self):
        return self.frame() is None

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise EOFError(f"the server has ended within a frame: {bytes(self.buffer)!r}")
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


class WebSocket(Frames):
    """An accepted WebSocket over HTTP/1.1."""

    def __init__(self, server, path="/echo", *fields, timeout=client.TIMEOUT, **options):
        self.connection = server.connect(timeout=timeout, **options)
        self.socket = self.connection.socket
        self.socket.settimeout(timeout)
        self.buffer = bytearray()
        self.send(handshake(path, *fields))
        head = self._head()
        self.status = int(head[0].split(" ")[1])
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        assert self.status == 101, head

    def send(self, data):
        self.socket.sendall(data)

    def leave(self):
        self.connection.close()

    def _head(self):
        while b"\r\n\r\n" not in self.buffer:
            assert self._more(), f"the server has closed the connection: {bytes(self.buffer)!r}"
        end = self.buffer.index(b"\r\n\r\n") + 4
        return self._take(end).decode("latin-1").split("\r\n")[:-2]

    def _more(self):
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return bool(data)


class WebSocketOverHTTP2(Frames):
    """An accepted WebSocket on a stream of an HTTP/2 connection (RFC 8441)."""

    def __init__(self, server, path="/echo", *fields, connection=None):
        self.connection = connection or http2.connect(server)
        self.stream = self.connection.request(
            "CONNECT", path, (":protocol", "websocket"), ("sec-websocket-version", "13"), *pairs(fields), end=False
        )
        self.answer = self.connection.answers[self.stream]
        self.buffer = self.answer.body
        self.connection.read_until(lambda: self.answer.head or self._is_over, "response to the handshake")
        self.status = self.answer.status
        self.fields = dict(self.answer.head.fields) if self.answer.head else {}
        assert self.status == 200 and not self.answer.ended, self.connection.state()

    def send(self, data):
        # After each round trip the server has opened the window again.
        for start in range(0, len(data), 32768):
            self.connection.body(self.stream, data[start : start + 32768], end=False)
            if len(data) > 32768:
                self.connection.ping()

    def leave(self):
        self.connection.cancel(self.stream)

    @property
    def _is_over(self):
        return self.answer.ended or self.answer.reset is not None

    def _more(self):
        count = len(self.buffer)
        self.connection.read_until(lambda: len(self.buffer) > count or self._is_over, "frame")
        return len(self.buffer) > count


def pairs(lines):
    return [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
