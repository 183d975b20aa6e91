"""The notes application of examples/notes.md: a server of it, and a client over either protocol."""

import json
import struct
from dataclasses import dataclass

import http2
from client import Connection, request
from server import Server

HTTP1, HTTP2 = "http1", "http2"
# Each worker model with each protocol that it speaks.
WAYS = [("sync", HTTP1), *((model, protocol) for model in ("gthread", "async") for protocol in (HTTP1, HTTP2))]


@dataclass
class Answer:
    """A response, whichever protocol it came over."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    hints: list[list[tuple[str, str]]]  # the fields of each 103 before it

    def get(self, name):
        """The only value of the field, or None."""
        values = [value for key, value in self.fields if key.lower() == name]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def media_type(self):
        return (self.get("content-type") or "").partition(";")[0]

    @property
    def json(self):
        assert self.media_type == "application/json", self
        return json.loads(self.body)


class Notes:
    """A running notes application."""

    def __init__(self, plugin, model, folder, *flags, workers=2):
        self.model = model
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        self.server = Server(
            plugin, "-w", str(workers), *flags, "-c", f"database={folder}/notes.db", "-c", f"uploads={self.uploads}",
            model=model, h2c=model != "sync")  # fmt: skip

    def files(self, hidden=False):
        """The names of what is in the folder for uploads."""
        return sorted(path.name for path in self.uploads.iterdir() if path.name.startswith(".") == hidden)

    def client(self, protocol):
        return {HTTP1: OverHTTP1, HTTP2: OverHTTP2}[protocol](self)


class Client:
    """Sends each request on a connection of its own."""

    def __init__(self, notes):
        self.notes = notes
        self.server = notes.server

    def add(self, text):
        """The id of a new note."""
        answer = self.ask("POST", "/notes", body=json.dumps({"text": text}).encode())
        assert answer.status == 201, answer
        return answer.json["id"]

    def listed(self):
        """The notes, by id."""
        return {note["id"]: note["text"] for note in self.ask("GET", "/notes").json}


class OverHTTP1(Client):
    """A client of HTTP/1.1."""

    def ask(self, method, target, *fields, body=None):
        with self.server.connect() as connection:
            connection.send(request(method, target, *(f"{name}: {value}" for name, value in fields), body=body))
            message = connection.final()
            hints = [hint.fields for hint in message.informational if hint.status == 103]
            return Answer(message.status, message.fields, message.body, hints)

    def events(self):
        """The response of /events, and when each piece of it came."""
        with self.server.connect() as connection:
            connection.send(request("GET", "/events"))
            message = connection.final()
            return Answer(message.status, message.fields, message.body, []), [at for _, at in message.chunks]

    def begin_upload(self, name):
        """An upload of which only a part is sent: more than gthread gathers before it calls the handler."""
        connection = Connection(self.server.address)
        connection.send(request("PUT", f"/upload/{name}", "Content-Length: 3000000") + b"x" * 2_000_000)
        return connection

    def cut(self, upload):
        upload.abort()


class OverHTTP2(Client):
    """A client of HTTP/2."""

    def ask(self, method, target, *fields, body=None):
        with http2.connect(self.server) as connection:
            length = [] if body is None else [("content-length", str(len(body)))]
            stream = connection.request(
                method, target, *((name.lower(), value) for name, value in fields), *length, end=body is None)
            if body is not None:
                Content(connection, stream, body).send()
            answer = connection.answer(stream)
            assert answer.ended, connection.state()
            hints = [block.fields[1:] for block in answer.informational if block.status == 103]
            return Answer(answer.status, answer.head.fields, bytes(answer.body), hints)

    def events(self):
        with http2.connect(self.server) as connection:
            stream = connection.request("GET", "/events")
            answer = connection.answer(stream)
            came = [frame.at for frame in connection.frames if frame.kind == http2.DATA and frame.payload]
            return Answer(answer.status, answer.head.fields, bytes(answer.body), []), came

    def begin_upload(self, name):
        """The part fits into the window that a stream begins with."""
        connection = http2.connect(self.server)
        stream = connection.request("PUT", f"/upload/{name}", ("content-length", "3000000"), end=False)
        connection.body(stream, b"x" * 20_000, end=False)
        return connection

    def cut(self, upload):
        upload.cancel(1)
        upload.close()


class Content:
    """The content of a request, sent as the windows of the connection and of its stream allow (RFC 9113 section 5.2)."""

    def __init__(self, connection, stream, data):
        self.connection, self.stream, self.data = connection, stream, data
        self.seen = 0  # frames
        self.initial = 65535  # of the stream's window
        self.windows = {0: 65535, stream: 65535}

    def send(self):
        sent = 0
        while sent < len(self.data):
            self.connection.read_until(lambda: self.room() > 0 or self.is_answered, "room in the windows")
            if self.is_answered:
                return  # the rest is not wanted
            piece = self.data[sent : sent + self.room()]
            sent += len(piece)
            self.windows[0] -= len(piece)
            self.windows[self.stream] -= len(piece)
            self.connection.body(self.stream, piece, end=sent == len(self.data))
        if not self.data:
            self.connection.body(self.stream, b"")

    @property
    def is_answered(self):
        answer = self.connection.answers[self.stream]
        return answer.ended or answer.reset is not None

    def room(self):
        """The number of bytes that may be sent now."""
        for frame in self.connection.frames[self.seen :]:
            if frame.kind == http2.WINDOW_UPDATE and frame.stream in self.windows:
                self.windows[frame.stream] += struct.unpack(">I", frame.payload)[0]
            elif frame.kind == http2.SETTINGS and not frame.flags & http2.ACK:
                self.take_settings(frame.payload)
        self.seen = len(self.connection.frames)
        return min(self.windows.values())

    def take_settings(self, payload):
        for number, value in struct.iter_unpack(">HI", payload):
            if number == 4:  # SETTINGS_INITIAL_WINDOW_SIZE changes windows that are open
                self.windows[self.stream] += value - self.initial
                self.initial = value
