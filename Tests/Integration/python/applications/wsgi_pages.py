"""A WSGI application for the tests: each path is one behaviour of PEP 3333."""

import gc
import json
import logging
import os
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs
from wsgiref.validate import validator

PLAIN = [("Content-Type", "text/plain")]
LINK = ("Link", "</style.css>; rel=preload; as=style")
closed = []


class Closing:
    """An iterable that notes its close()."""

    def __init__(self, blocks, name, fails=False):
        self.blocks, self.name, self.fails = iter(blocks), name, fails

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.blocks)

    def close(self):
        closed.append(self.name)
        if self.fails:
            raise OSError("close() fails")


def number(environ, name="n", default="0"):
    return int(parse_qs(environ["QUERY_STRING"]).get(name, [default])[0])


def hello(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"Hello"]


def environ_page(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({key: value if isinstance(value, (str, bool)) else repr(value) for key, value in environ.items()}).encode()]


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN + [("Content-Length", str(len(body)))])
    return [body]


def echo_parts(environ, start_response):
    start_response("200 OK", PLAIN)
    stream = environ["wsgi.input"]
    while block := stream.read(number(environ, default="1000")):
        yield block


def reads(environ, start_response):
    """Each way to read, as JSON."""
    stream, found = environ["wsgi.input"], []
    found.append(stream.read(0))
    found.append(stream.read(3))
    found.append(stream.readline())
    found.append(stream.readline(4))
    found.append(stream.readline(None))
    found += stream.readlines(1)
    found.append(next(stream))
    found += list(stream)
    found += [stream.read(), stream.read(7), stream.readline(), *stream.readlines()]
    start_response("200 OK", PLAIN)
    return [json.dumps([part.decode() for part in found]).encode()]


def writes(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"one,")
    write(b"")
    write(b"two,")
    return [b"three"]


def generator(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b""
    yield b"one,"
    yield b"two"


def stream(environ, start_response):
    """Two blocks, the second when the client has shown that it has the first: it opens a connection for /go."""
    start_response("200 OK", PLAIN)
    yield b"first"
    released.wait(10)
    yield b"second"


released = threading.Event()


def go(environ, start_response):
    released.set()
    return hello(environ, start_response)


def big(environ, start_response):
    size = number(environ)
    start_response("200 OK", PLAIN + [("Content-Length", str(size))])
    return [b"x" * size]


def blocks(environ, start_response):
    start_response("200 OK", PLAIN)
    return (b"%0999d\n" % i for i in range(number(environ)))


def several(environ, start_response):
    start_response("200 OK", PLAIN)
    return (b"one,", b"two,", b"three")


def file_page(environ, start_response):
    """A file from `from` on, by wsgi.file_wrapper; with `length`, so many bytes of it."""
    content = b"".join(b"%07d\n" % i for i in range(20000))
    file = tempfile.TemporaryFile()
    file.write(content)
    file.seek(number(environ, "from"))
    headers = list(PLAIN)
    if number(environ, "length"):
        headers.append(("Content-Length", str(number(environ, "length"))))
    start_response("200 OK", headers)
    return environ["wsgi.file_wrapper"](file, 4096)


def not_a_file(environ, start_response):
    class Reader:
        def __init__(self):
            self.left = [b"one,", b"two"]

        def read(self, size):
            return self.left.pop(0) if self.left else b""

        def close(self):
            closed.append("reader")

    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Reader())


def closes(environ, start_response):
    start_response("200 OK", PLAIN)
    return [json.dumps(closed).encode()]


def closing(environ, start_response):
    start_response("200 OK", PLAIN)
    return Closing([b"body"], "closing")


def close_fails(environ, start_response):
    start_response("200 OK", PLAIN)
    return Closing([b"body"], "close-fails", fails=True)


def fails(environ, start_response):
    raise ValueError("the handler fails")


def fails_after_start(environ, start_response):
    start_response("200 OK", PLAIN)
    raise ValueError("fails after start_response")


def fails_within(environ, start_response):
    def body():
        yield b"part"
        raise ValueError("fails within the body")

    start_response("200 OK", PLAIN)
    return Closing(body(), "fails-within")


def fails_in_chain(environ, start_response):
    try:
        raise KeyError("the cause")
    except KeyError as error:
        raise RuntimeError("the effect") from error


def exc_info_before(environ, start_response):
    start_response("200 OK", PLAIN)
    try:
        raise ValueError("replaced")
    except ValueError:
        start_response("503 Service Unavailable", PLAIN + [("X-Replaced", "yes")], sys.exc_info())
    return [b"an error page"]


def exc_info_after(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"part")
    try:
        raise ValueError("too late")
    except ValueError:
        start_response("503 Service Unavailable", PLAIN, sys.exc_info())
    return [b"never"]


def starts_twice(environ, start_response):
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN)
    return [b"never"]


def never_starts(environ, start_response):
    return [b"body"]


def returns_none(environ, start_response):
    start_response("200 OK", PLAIN)


def text_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return ["text"]


def too_long(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "5")])
    return [b"12345", b"6789"]


def too_short(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "10")])
    return [b"12345"]


BAD_HEADS = {
    "status": ("OK", PLAIN),
    "status-type": (200, PLAIN),
    "status-1xx": ("103 Early Hints", PLAIN),
    "line-feed": ("200 OK", [("X-Field", "a\r\nSet-Cookie: b")]),
    "name": ("200 OK", [("X Field", "a")]),
    "value-type": ("200 OK", [("X-Field", 5)]),
    "beyond-latin-1": ("200 OK", [("X-Field", "\u20ac")]),
    "pair": ("200 OK", ["X-Field"]),
    "length": ("200 OK", [("Content-Length", "many")]),
}


def bad_head(environ, start_response):
    status, headers = BAD_HEADS[environ["QUERY_STRING"]]
    start_response(status, headers)
    return [b"never"]


def hop_by_hop(environ, start_response):
    start_response("200 OK", PLAIN + [("Connection", "close"), ("Keep-Alive", "timeout=5"), ("Transfer-Encoding", "chunked")])
    return [b"body"]


def cookies(environ, start_response):
    start_response("200 OK", PLAIN + [("Set-Cookie", "a=1"), ("Set-Cookie", "b=\xe9")])
    return [b"body"]


def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"1"')])
    return [b"ignored"]


def hints(environ, start_response):
    environ["wsgi.early_hints"]([LINK, ("Link", "</app.js>; rel=preload; as=script")])
    if environ["QUERY_STRING"] == "wait":
        released.wait(10)
    return hello(environ, start_response)


def many_hints(environ, start_response):
    for i in range(number(environ)):
        environ["wsgi.early_hints"]([("Link", f"</{i}>; rel=preload")])
    return hello(environ, start_response)


def late_hint(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"part,")
    environ["wsgi.early_hints"]([LINK])
    return [b"rest"]


BAD_HINTS = {
    "line-feed": [("Link", "</a>\r\nX: b")],
    "name": [("Li nk", "</a>")],
    "type": [("Link", 5)],
    "content-length": [("Content-Length", "5")],
}


def bad_hint(environ, start_response):
    try:
        environ["wsgi.early_hints"](BAD_HINTS[environ["QUERY_STRING"]])
    except (ValueError, TypeError) as error:
        start_response("200 OK", PLAIN)
        return [type(error).__name__.encode()]
    return hello(environ, start_response)


def logs(environ, start_response):
    environ["wsgi.errors"].write("a line of wsgi.errors\nwithout an end")
    logging.getLogger("shop").warning("a record of %s", "logging")
    return hello(environ, start_response)


def thread(environ, start_response):
    start_response("200 OK", PLAIN)
    return [f"{os.getpid()} {threading.get_ident()}".encode()]


meeting = threading.Barrier(2)


def meets(environ, start_response):
    """Returns when two requests are here at once."""
    meeting.wait(10)
    return hello(environ, start_response)


def sleeps(environ, start_response):
    time.sleep(number(environ) / 1000)
    return hello(environ, start_response)


def kept_stream(environ, start_response):
    """Reads the input of the request before."""
    streams.append(environ["wsgi.input"])
    try:
        streams[0].read(1)
        text = "read"
    except ValueError as error:
        text = str(error)
    start_response("200 OK", PLAIN)
    return [text.encode()]


streams = []


@validator
def valid(environ, start_response):
    """What wsgiref's checker sees nothing wrong with."""
    body = environ["wsgi.input"].read(5)
    environ["wsgi.errors"].flush()
    start_response("200 OK", PLAIN)
    return [b"valid " + body]


def objects(environ, start_response):
    """How many blocks of memory Python has given out: exact, unlike the process's size."""
    gc.collect()
    start_response("200 OK", PLAIN)
    return [str(sys.getallocatedblocks()).encode()]


PAGES = {
    name.replace("_", "-"): page
    for name, page in list(globals().items())
    if callable(page) and name not in ("Closing", "number", "validator", "parse_qs")
}
PAGES |= {"": hello, "environ": environ_page, "file": file_page}


def app(environ, start_response):
    return PAGES[environ["PATH_INFO"].strip("/")](environ, start_response)


def create_app(name="factory"):
    def made(environ, start_response):
        start_response("200 OK", PLAIN)
        return [name.encode()]

    return made


def path_info(environ, start_response):
    start_response("200 OK", PLAIN)
    return [f"{environ['SCRIPT_NAME']!r} {environ['PATH_INFO']!r}".encode()]
