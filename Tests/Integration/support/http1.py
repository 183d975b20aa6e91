"""An HTTP/1 response parser for tests: incremental, strict, and it keeps what it saw.

Each response, informational ones included, is a Message with its raw head and its times of arrival. Anything that a
careful client could misread is a ProtocolError: bare LF, folded fields, two lengths, an unterminated chunk.
"""

import re
from collections import deque
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
    rb"[\x21-\x7e\x80-\xff])?)?[ \t]*"
)
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
BARE_LF = re.compile(rb"(?<!\r)\n")
HEAD_MAX = 256 * 1024


class ProtocolError(AssertionError):
    """The server sent something other than HTTP/1."""


@dataclass
class Message:
    """One response as received. Times are those of time.monotonic()."""

    method: str  # of the request it answers
    raw: bytes  # the head with its blank line
    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]
    begun: float  # the head's first byte
    at: float  # the head's last byte
    parts: list[bytes] = field(default_factory=list)  # of the body, as they came
    chunks: list[tuple[bytes, float]] = field(
        default_factory=list
    )  # of the chunked coding, with their arrival
    framing: str = "none"  # none, length, chunked, close
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False
    ended: float = 0.0
    informational: list["Message"] = field(default_factory=list)  # what came before this final response

    def all(self, name):
        """All values of the field, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        """The only value of the field, or None."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolError(f"{name} stands {len(values)} times in {self.raw!r}")
        return values[0] if values else None

    @property
    def body(self):
        if len(self.parts) != 1:
            self.parts[:] = [b"".join(self.parts)]
        return self.parts[0]

    @property
    def text(self):
        return self.body.decode("latin-1")

    @property
    def is_final(self):
        return self.status >= 200 or self.status == 101

    @property
    def says_close(self):
        tokens = ",".join(self.all("connection")).lower().split(",")
        return "close" in [token.strip() for token in tokens]


def parse_fields(lines, what):
    """Field lines without their CRLF, as (name, value) pairs."""
    fields = []
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        if not match:
            raise ProtocolError(f"a malformed field line in {what}: {line!r}")
        fields.append((match[1].decode("latin-1"), (match[2] or b"").decode("latin-1")))
    return fields


class Parser:
    """Call feed() with received bytes and end() at the end of the stream; read `messages`."""

    def __init__(self):
        self.messages = []
        self.buffer = bytearray()
        self.methods = deque()  # methods of requests whose final response has not begun
        self.version_1_0 = deque()  # for the same requests: whether they were HTTP/1.0
        self.step = self._head
        self.now = 0.0
        self.begun = None
        self.message = None
        self.left = 0

    def request(self, method, version_1_0=False):
        """Note that a request was sent: the form of its response depends on it."""
        self.methods.append(method)
        self.version_1_0.append(version_1_0)

    def feed(self, data, now):
        self.now = now
        self.buffer += data
        while self.step():
            pass

    def end(self, now):
        """The stream has ended. An open message remains incomplete, unless the end of the stream completes it."""
        self.now = now
        if self.message and self.message.framing == "close":
            self._finish()

    @property
    def rest(self):
        """Received bytes that belong to no message."""
        return bytes(self.buffer) if self.step == self._head else b""

    def _line(self, limit=HEAD_MAX):
        end = self.buffer.find(b"\n")
        if end < 0:
            if len(self.buffer) > limit:
                raise ProtocolError(f"a line without end: {bytes(self.buffer[:80])!r}")
            return None
        line = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        if not line.endswith(b"\r\n"):
            raise ProtocolError(f"a line ends in a bare LF: {line!r}")
        return line[:-2]

    def _head(self):
        if not self.buffer:
            return False
        if self.begun is None:
            self.begun = self.now
        if not b"HTTP/1."[: len(self.buffer)] == self.buffer[:7]:
            raise ProtocolError(f"not the begin of a response: {bytes(self.buffer[:200])!r}")
        end = self.buffer.find(b"\r\n\r\n")
        if BARE_LF.search(self.buffer, 0, end if end >= 0 else len(self.buffer)):
            raise ProtocolError(f"a bare LF in a head: {bytes(self.buffer[:200])!r}")
        if end < 0:
            if len(self.buffer) > HEAD_MAX:
                raise ProtocolError(f"a head without end: {bytes(self.buffer[:200])!r}")
            return False
        raw = bytes(self.buffer[: end + 4])
        del self.buffer[: end + 4]
        lines = raw[:-4].split(b"\r\n")
        for line in lines:
            if b"\r" in line:
                raise ProtocolError(f"a bare CR in a head: {raw!r}")
        match = STATUS_LINE.fullmatch(lines[0])
        if not match:
            raise ProtocolError(f"a malformed status line: {lines[0]!r}")
        message = Message(
            method="GET",
            raw=raw,
            version=match[1].decode(),
            status=int(match[2]),
            reason=match[3].decode("latin-1"),
            fields=parse_fields(lines[1:], repr(raw)),
            begun=self.begun,
            at=self.now,
        )
        self.begun = None
        self._begin(message)
        return True

    def _begin(self, message):
        if not message.is_final:
            message.method = self.methods[0] if self.methods else "GET"
            if message.all("content-length") or message.all("transfer-encoding"):
                raise ProtocolError(f"an informational response with a body length: {message.raw!r}")
            if self.version_1_0 and self.version_1_0[0]:
                raise ProtocolError(f"an informational response to HTTP/1.0: {message.raw!r}")
            message.complete, message.ended = True, self.now
            self.messages.append(message)
            return
        message.method = self.methods.popleft() if self.methods else "GET"
        to_1_0 = self.version_1_0.popleft() if self.version_1_0 else False
        for earlier in reversed(self.messages):
            if earlier.is_final:
                break
            message.informational.insert(0, earlier)
        self.messages.append(message)
        self.message = message
        self._choose_framing(message, to_1_0)

    def _choose_framing(self, message, to_1_0):
        coding, length = message.get("transfer-encoding"), message.get("content-length")
        if coding is not None and length is not None:
            raise ProtocolError(f"Transfer-Encoding and Content-Length: {message.raw!r}")
        if coding is not None and (coding.lower() != "chunked" or to_1_0 or message.version == "HTTP/1.0"):
            raise ProtocolError(f"Transfer-Encoding {coding!r} has no place here: {message.raw!r}")
        if length is not None and not re.fullmatch("[0-9]{1,18}", length):
            raise ProtocolError(f"Content-Length {length!r}")
        if message.status == 204 and (coding is not None or length is not None):
            raise ProtocolError(f"204 with a body length (RFC 9110 8.6): {message.raw!r}")
        if message.method == "HEAD" or message.status in (101, 204, 304):
            self._finish()
        elif coding is not None:
            message.framing, self.step = "chunked", self._chunk_size
        elif length is not None:
            message.framing, self.left, self.step = "length", int(length), self._length
        else:
            message.framing, self.step = "close", self._until_close

    def _finish(self):
        self.message.complete, self.message.ended = True, self.now
        self.message, self.step = None, self._head

    def _take(self):
        data = bytes(memoryview(self.buffer)[: self.left])
        del self.buffer[: self.left]
        self.left -= len(data)
        self.message.parts.append(data)
        return data

    def _length(self):
        self._take()
        if self.left:
            return False
        self._finish()
        return True

    def _until_close(self):
        self.left = len(self.buffer)
        self._take()
        return False

    def _chunk_size(self):
        line = self._line(limit=64)
        if line is None:
            return False
        if not CHUNK_SIZE.fullmatch(line):
            raise ProtocolError(f"a malformed chunk size: {line!r}")
        self.left = int(line, 16)
        self.chunk = []
        self.step = self._chunk_data if self.left else self._trailers
        return True

    def _chunk_data(self):
        self.chunk.append(self._take())
        if self.left or len(self.buffer) < 2:
            return False
        if self.buffer[:2] != b"\r\n":
            raise ProtocolError(f"no CRLF after a chunk, but {bytes(self.buffer[:40])!r}")
        del self.buffer[:2]
        self.message.chunks.append((b"".join(self.chunk), self.now))
        self.step = self._chunk_size
        return True

    def _trailers(self):
        line = self._line()
        if line is None:
            return False
        if line:
            self.message.trailers += parse_fields([line], "trailers")
        else:
            self._finish()
        return True
