"""A look at a whole response with all that comes before and after it, which most clients keep to themselves."""

import struct
from contextlib import contextmanager
from dataclasses import dataclass

import client
import http2

# What browsers say when they ask for a page.
NAVIGATION = ("sec-fetch-mode", "navigate")


@dataclass(frozen=True)
class Hint:
    """An informational response."""

    status: int
    fields: list
    at: float

    @property
    def links(self):
        return [value for name, value in self.fields if name.lower() == "link"]


@dataclass(frozen=True)
class Seen:
    version: str
    status: int
    fields: list
    at: float  # when its head had come
    body: bytes
    hints: list
    trailers: list

    def get(self, name):
        values = [value for key, value in self.fields if key.lower() == name]
        return values[0] if values else None


class Streams(http2.Connection):
    """Sends content as the windows of stream and connection allow, and leaves off when the response has ended: its client
    does not mind a reset without an error behind that (RFC 9113 section 8.1)."""

    def __init__(self, *arguments, **options):
        self.room = {}
        self.first_room = 65535
        super().__init__(*arguments, **options)

    def _take(self, got):
        super()._take(got)
        if got.kind == http2.WINDOW_UPDATE:
            self.room[got.stream] = self.room_of(got.stream) + int.from_bytes(got.payload, "big")
        elif got.kind == http2.SETTINGS and not got.flags & http2.ACK:
            for kind, value in struct.iter_unpack(">HI", got.payload):
                if kind == 4:
                    self.room = {k: v + value - self.first_room for k, v in self.room.items() if k} | {0: self.room_of(0)}
                    self.first_room = value

    def room_of(self, stream):
        return self.room.get(stream, self.first_room if stream else 65535)

    def upload(self, method, path, data, *fields):
        """A request with content, and its response."""
        stream = self.request(method, path, *fields, end=False)
        answer, sent = self.answers[stream], 0

        def over():
            return answer.ended or answer.reset is not None

        while sent < len(data) and not over():
            room = min(self.room_of(0), self.room_of(stream), 16384, len(data) - sent)
            if room <= 0:
                self.read_until(lambda: over() or min(self.room_of(0), self.room_of(stream)) > 0, "window or response")
                continue
            for place in (0, stream):
                self.room[place] = self.room_of(place) - room
            sent += room
            flags = http2.END_STREAM if sent == len(data) else 0
            self.send(http2.frame(http2.DATA, flags, stream, data[sent - room : sent]))
        if sent < len(data) and answer.reset is None:
            self.cancel(stream)
        return of_stream(self.answer(stream, 15))


@contextmanager
def connection(site, speaks_http2=True):
    """A connection of Tests/Integration's clients to the site."""
    if speaks_http2:
        context = site.authority and site.authority.client(protocols=("h2",))
        wrap = context and (lambda plain: context.wrap_socket(plain, server_hostname="localhost"))
        with Streams(site.address, timeout=15, wrap=wrap) as opened:
            yield opened
    else:
        with client.Connection(site.address, timeout=15, tls=site.authority and site.authority.client()) as opened:
            yield opened


def of_stream(answer):
    """What an answer over HTTP/2 is."""
    assert answer.head and (answer.reset is None or answer.ended and answer.reset == http2.NO_ERROR), f"no response: {answer}"
    hints = [Hint(block.status, block.fields[1:], block.at) for block in answer.informational]
    trailers = answer.trailers.fields if answer.trailers else []
    fields = answer.head.fields[1:]
    return Seen("HTTP/2", answer.status, fields, answer.head.at, bytes(answer.body), hints, trailers)


def of_message(message):
    """What an answer over HTTP/1 is."""
    hints = [Hint(one.status, one.fields, one.at) for one in message.informational]
    return Seen(message.version, message.status, message.fields, message.at, message.body, hints, message.trailers)


def look(site, path, *fields, method="GET", body=None, speaks_http2=True):
    """One request on a connection of its own; fields are pairs."""
    with connection(site, speaks_http2) as opened:
        if speaks_http2:
            return of_stream(opened.answer(opened.request(method, path, *fields, body=body), 15))
        lines = [f"{name}: {value}" for name, value in fields]
        opened.send(client.request(method, path, *lines, body=body), method)
        return of_message(opened.final(15))
