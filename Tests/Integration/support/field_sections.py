"""HTTP/2 requests whose fields have a given size, and the report that the inspect plugin should give."""

import json


AUTHORITIES = ["a", "localhost", "authority-0123.example.org:8443", "long-name." * 20 + "example"]
LONGEST = 8000  # length of a field


def content(tag, size):
    """Text of this length that no other request contains."""
    word = f"{tag}."
    return (word * (size // len(word) + 1))[:size]


def filler(tag, size):
    """Fields whose names and values have this total size."""
    fields = []
    while size > 0:
        part = size if size <= LONGEST else min(LONGEST, size - 8)
        name = f"x-{len(fields)}"[:part]
        fields.append((name, content(tag, part - len(name))))
        size -= part
    return fields


class Request:
    """A request whose method, path, authority and fields have this size; with trailers of this size if requested."""

    def __init__(self, kind, size):
        tag = f"{kind}{size}"
        self.path, self.query = f"/{tag}", f"q={tag}"
        self.authority = AUTHORITIES[size % len(AUTHORITIES)] if size > 400 else "a"
        self.trailers = filler(tag, size) if kind == "trailers" else []
        hosts = [("host", self.authority)] if kind in ("host", "both") else []
        target = f"{self.path}?{self.query}"
        self.pseudo = [(":method", "POST"), (":scheme", None), (":path", target)]
        if kind != "host":
            self.pseudo.append((":authority", self.authority))
        given = sum(len(value or "") for _, value in self.pseudo) + sum(len(n) + len(v) for n, v in hosts)
        more = filler(tag, 8 if kind == "trailers" else size - given)
        self.fields = more[:1] + hosts + more[1:]
        self.told = {
            "method": "POST",
            "target": target,
            "path": self.path,
            "query": self.query,
            "authority": self.authority,
            "headers": [list(pair) for pair in ([] if hosts else [("host", self.authority)]) + self.fields],
            "trailers": [list(pair) for pair in self.trailers],
            "body_b64": "Ym9keQ==",
        }

    def begin(self, connection):
        """Sends the head; the stream remains open."""
        fields = [(name, value or connection.scheme) for name, value in self.pseudo] + self.fields
        return open_stream(connection, fields)

    def finish(self, connection, stream):
        connection.body(stream, b"body", end=not self.trailers)
        if self.trailers:
            connection.headers(self.trailers, stream)


def open_stream(connection, fields, end=False):
    stream = connection.expect()
    connection.headers(fields, stream, end=end)
    return stream


def differences(answer, told):
    """The difference between the plugin's report and what was sent; None if they agree."""
    if answer.status != 200:
        return f"status {answer.status}, reset {answer.reset}"
    seen = json.loads(answer.body)
    wrong = {key: seen[key] for key in told if seen[key] != told[key]}
    return f"{wrong}"[:300] if wrong else None
