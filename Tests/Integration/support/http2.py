"""A raw HTTP/2 client: it sends given frames, and records received frames.

Only HPACK is from a library (the hpack package). SETTINGS and PING are acknowledged and windows opened automatically,
unless a test does that itself.
"""

import select
import socket
import ssl
import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import hpack

from timing import scaled_timeout

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED = range(6)
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(6, 12)
TIMEOUT = 10.0


def frame(kind, flags=0, stream=0, payload=b""):
    """The bytes of one frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    """A SETTINGS frame; names are those of RFC 9113 section 6.5.2 in lower case."""
    numbers = {
        "header_table_size": 1,
        "enable_push": 2,
        "max_concurrent_streams": 3,
        "initial_window_size": 4,
        "max_frame_size": 5,
        "max_header_list_size": 6,
    }
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", numbers[k], v) for k, v in values.items()))


def request_fields(method="GET", path="/", *more, authority="localhost", scheme="http"):
    fields = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [pair for pair in fields if pair[1] is not None] + list(more)


class Literal:
    """An encoder that does not use the dynamic table: names and values are literals of any size."""

    @staticmethod
    def _integer(value, bits, first):
        most = (1 << bits) - 1
        if value < most:
            return bytes([first | value])
        data, value = bytes([first | most]), value - most
        while value >= 128:
            data, value = data + bytes([value & 127 | 128]), value >> 7
        return data + bytes([value])

    def string(self, text):
        data = text if isinstance(text, bytes) else text.encode("latin-1")
        return self._integer(len(data), 7, 0) + data

    def encode(self, fields, huffman=False):
        """Always without Huffman coding."""
        return b"".join(b"\0" + self.string(name) + self.string(value) for name, value in fields)

    def indexed(self, name, value):
        """A field that is added to the dynamic table as its newest entry, number 62."""
        return b"\x40" + self.string(name) + self.string(value)


@dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes
    at: float
    fields: list | None = None  # of a complete header block, on its last frame


@dataclass
class Block:
    """One header block of a response."""

    fields: list
    at: float
    ends: bool
    frames: int

    @property
    def status(self):
        return int(self.get(":status"))

    def get(self, name):
        values = [value for key, value in self.fields if key == name]
        return values[0] if values else None


@dataclass
class Answer:
    """The response on one stream."""

    informational: list = field(default_factory=list)
    head: Block | None = None
    body: bytearray = field(default_factory=bytearray)
    trailers: Block | None = None
    ended: bool = False
    reset: int | None = None
    data_frames: int = 0

    @property
    def status(self):
        return self.head.status if self.head else None

    def get(self, name):
        return self.head.get(name)


class Connection:
    """One HTTP/2 connection; a context manager."""

    def __init__(
        self, address, *, timeout=TIMEOUT, hello=True, windows=True, wrap=None, receive_buffer=None, **first_settings
    ):
        self.timeout = timeout
        self.reads = True  # reads automatically
        self.gathered = None  # frames to be sent together
        self.windows = windows  # opened as bytes come
        self.received = bytearray()
        self.frames = []
        self.answers = {}
        self.goaway = None
        self.goaways = []
        self.sending = False
        self.replies = bytearray()  # acknowledgements and window updates to be sent
        self.ended = False
        self.acknowledges = True
        self.block = b""
        self.block_frames = 0
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 22
        self.next_stream = 1
        self.scheme = "https" if wrap else "http"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if wrap:
            self.socket = wrap(self.socket)
        self.socket.setblocking(False)
        self.opened = time.monotonic()
        if hello:
            self.send(PREFACE + settings(**first_settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Sending

    def send(self, data):
        """Send bytes, reading meanwhile; bytes that the server no longer accepts are dropped."""
        if self.gathered is not None:
            self.gathered += data
            return
        view = memoryview(bytes(self.replies) + data)
        self.replies.clear()
        deadline = time.monotonic() + scaled_timeout(self.timeout)
        self.sending = True
        while view and not self.ended:
            readable, writable, _ = select.select([self.socket] if self.reads else [], [self.socket], [], 1)
            if readable:
                self._read()
            if writable:
                try:
                    view = view[self.socket.send(view) :]
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
                except OSError:
                    self._read_last()
            assert time.monotonic() < deadline, f"the server takes no bytes; {self.state()}"
        self.sending = False
        self._reply()

    @contextmanager
    def together(self):
        """Everything sent within the block is sent in one piece."""
        self.gathered = bytearray()
        try:
            yield
        finally:
            data, self.gathered = bytes(self.gathered), None
        self.send(data)

    def open_window(self, increment, *streams):
        """Opens the windows of these streams; 0 is the connection."""
        self.send(b"".join(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment)) for stream in streams))

    def cancel(self, *streams):
        """Resets the streams with CANCEL."""
        self.send(b"".join(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)) for stream in streams))

    def headers(self, fields, stream, *, end=True, extra=b""):
        """Send HEADERS, with CONTINUATION if one frame is not enough."""
        # Huffman-coding large fields would dominate the time of the test.
        block = self.encoder.encode(fields, huffman=sum(len(value) for _, value in fields) < 1000)
        flags = END_STREAM if end else 0
        pieces = [block[i : i + 16384] for i in range(0, len(block), 16384)] or [b""]
        frames = b""
        for i, piece in enumerate(pieces):
            last = END_HEADERS if i == len(pieces) - 1 else 0
            frames += frame(CONTINUATION if i else HEADERS, (0 if i else flags) | last, stream, piece)
        self.send(frames)  # in one go: nothing may come between

    def expect(self):
        """The ID of the next stream, whose response will be recorded."""
        stream = self.next_stream
        self.next_stream += 2
        self.answers[stream] = Answer()
        return stream

    def request(self, method="GET", path="/", *more, body=None, end=True, **options):
        """Begin a request; returns its stream ID."""
        stream = self.expect()
        options.setdefault("scheme", self.scheme)
        self.headers(request_fields(method, path, *more, **options), stream, end=body is None and end)
        if body is not None:
            self.body(stream, body, end=end)
        return stream

    def body(self, stream, data, end=True):
        """Send DATA frames, ignoring windows: for bodies that fit."""
        pieces = [data[i : i + 16384] for i in range(0, len(data), 16384)] or [b""]
        for i, piece in enumerate(pieces):
            self.send(frame(DATA, END_STREAM if end and i == len(pieces) - 1 else 0, stream, piece))

    # Reading

    def _read(self):
        self._receive()
        if not self.sending:  # not within a frame
            self._reply()

    def _read_last(self):
        """The server takes no more: what it has sent before that is here still."""
        while not self.ended and select.select([self.socket], [], [], 0)[0]:
            self._receive()
        self.ended = True

    def _reply(self):
        """Send acknowledgements and window updates; the rest is sent later."""
        if self.replies and not self.ended:
            with suppress(OSError):
                del self.replies[: self.socket.send(self.replies)]

    def _receive(self):
        try:
            data = self.socket.recv(262144)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as fault:
            if "did not complete" in str(fault):
                return  # TLS needs more bytes
            data = b""
        if not data:
            self.ended = True
            return
        self.received += data
        self._parse()

    def _parse(self):
        now = time.monotonic()
        while len(self.received) >= 9:
            size = int.from_bytes(self.received[:3], "big")
            if len(self.received) < 9 + size:
                return
            kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
            got = Frame(kind, flags, stream & 0x7FFFFFFF, bytes(self.received[9 : 9 + size]), now)
            del self.received[: 9 + size]
            self.frames.append(got)
            self._take(got)

    def _take(self, got):
        answer = self.answers.get(got.stream)
        if got.kind in (HEADERS, CONTINUATION):
            if got.kind == HEADERS:
                self.block, self.block_frames, self.block_ends = b"", 0, bool(got.flags & END_STREAM)
            self.block += got.payload
            self.block_frames += 1
            if got.flags & END_HEADERS:
                got.fields = self.decoder.decode(self.block)
                self._take_block(answer, Block(got.fields, got.at, self.block_ends, self.block_frames))
        elif got.kind == DATA and answer:
            assert answer.head and not answer.ended, "DATA where none may be"
            answer.body += got.payload
            answer.data_frames += 1
            answer.ended = bool(got.flags & END_STREAM)
            if self.windows and got.payload:
                increment = struct.pack(">I", len(got.payload))
                self.replies += frame(WINDOW_UPDATE, 0, 0, increment)
                if not answer.ended:
                    self.replies += frame(WINDOW_UPDATE, 0, got.stream, increment)
        elif got.kind == RST_STREAM and answer:
            answer.reset = int.from_bytes(got.payload, "big")
        elif got.kind == GOAWAY:
            self.goaway = struct.unpack(">I", got.payload[4:8])[0]
            self.goaways.append((int.from_bytes(got.payload[:4], "big"), self.goaway))
        elif got.kind in (SETTINGS, PING) and not got.flags & ACK and self.acknowledges:
            self.replies += frame(got.kind, ACK, 0, got.payload if got.kind == PING else b"")

    def _take_block(self, answer, block):
        if answer is None:
            return
        assert not answer.ended, "HEADERS after the end of the stream"
        if answer.head:
            assert block.ends, "trailers must end the stream"
            answer.trailers, answer.ended = block, True
        elif 100 <= block.status < 200:
            assert not block.ends, "an informational response must not end the stream"
            answer.informational.append(block)
        else:
            answer.head, answer.ended = block, block.ends

    def read_until(self, condition, what, timeout=None):
        deadline = time.monotonic() + scaled_timeout(timeout or self.timeout)
        while not condition() and not self.ended:
            left = deadline - time.monotonic()
            assert left > 0, f"no {what} within {scaled_timeout(timeout or self.timeout)} s; {self.state()}"
            # What did not go when it was due goes when there is room: the server may wait for a window.
            writers = [self.socket] if self.replies else []
            ready = getattr(self.socket, "pending", int)() or select.select([self.socket], writers, [], left)[0]
            self._read() if ready else self._reply()
        assert condition(), f"no {what} before the end; {self.state()}"

    def answer(self, stream, timeout=None):
        """The response on a stream: complete, or as far as it came before a reset."""
        answer = self.answers[stream]
        self.read_until(lambda: answer.ended or answer.reset is not None, f"answer on {stream}", timeout)
        return answer

    def get(self, path="/", *more, **options):
        """Send a request; its response."""
        return self.answer(self.request(options.pop("method", "GET"), path, *more, **options))

    def end(self, timeout=None):
        """Read until the server closes."""
        self.read_until(lambda: self.ended, "end of the connection", timeout)

    def ping(self, timeout=None):
        """A round trip: the server has processed everything sent before."""
        count = sum(1 for f in self.frames if f.kind == PING and f.flags & ACK)
        self.send(frame(PING, payload=b"12345678"))
        self.read_until(
            lambda: sum(1 for f in self.frames if f.kind == PING and f.flags & ACK) > count, "PING's answer", timeout
        )

    def state(self):
        seen = [(f.kind, f.flags, f.stream, len(f.payload)) for f in self.frames[-20:]]
        begun = f"{len(self.received)} bytes of a frame that begins {bytes(self.received[:40])}"
        return f"{'ended' if self.ended else 'open'}, GOAWAY {self.goaways}, last frames {seen}, {begun}"


def connect(server, kind=Connection, **options):
    """A connection with prior knowledge, or by ALPN if the server uses TLS."""
    if server.authority:
        context = server.authority.client(protocols=("h2",))
        options = {"wrap": lambda plain: context.wrap_socket(plain, server_hostname="localhost")} | options
    return kind(server.address, **options)
