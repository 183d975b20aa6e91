"""A refusal is terminal: no byte of a message that is refused at any point is read as another message.

After each refusal come bytes that a parser would take for a request if it continued, at whatever position and in
whatever state: GET /hidden. There is at most one response, the connection ends, and the access log has no such request.
This holds in every model and style, with and without TLS, whether the handler reads the body, ignores it, or has
responded before.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import chunked, request
from field_sections import Request, content, differences
from http2 import END_HEADERS, HEADERS, WINDOW_UPDATE, Literal, connect, frame, request_fields
from malformed import TABLE
from matrix import H2C, every_way, http2_ways
from processes import wait_for
from reports import LogReport

LIMIT = 64 << 10
AT_ONCE = 6  # connections
FLAGS = (
    "--set", "log.access=stdout", "--set", "log.access_format=json", "--set", f"limits.body={LIMIT}",
    "--set", "http2.max_resets_per_second=10000",
)  # fmt: skip
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n"
# Bytes that may precede a request for a parser that is inside a line, a chunk, a body or a section.
APPROACHES = [
    b"", b"\r\n", b"\n", b"\r\n\r\n", b"0\r\n\r\n", b"\r\n0\r\n\r\n", b"X\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n",
]  # fmt: skip
TAILS = [approach + HIDDEN * 3 for approach in APPROACHES]
HELLO = b"5\r\nhello\r\n"
BEGINNINGS = {"at first": b"", "after a chunk": HELLO, "after many": HELLO * 40}


def disguised(start, size):
    """A line that begins so and has as many bytes as it says that its chunk has, and data that hide a request: who takes
    the line for the data takes the data for the rest of the stream."""
    line = b"%x" % size + start
    line += b"A" * (size - len(line))
    data = b"0\r\n\r\n" + HIDDEN + HIDDEN[:-2] + b"X: "
    return line + b"\r\n" + data + b"p" * (size - len(data) - 4) + b"\r\n\r\n" + b"\r\n0\r\n\r\n"


# Chunked bodies, up to where they are refused and a little further.
REFUSED = {
    "a size that is none": b"zz\r\n",
    "a size with a letter behind": b"5g\r\nhello\r\n",
    "an empty size": b"\r\nhello\r\n",
    "a size without end": b"0" * 40,
    "a size that wraps": b"10000000000000005\r\nhello\r\n",
    "a size beyond all": b"ffffffffffffffff\r\nhello\r\n",
    "a size near 2^60": b"fffffffffffffff\r\nhello\r\n",
    "a size over the limit": b"%x\r\nhello\r\n" % (LIMIT + 1),
    "a size with CR alone": b"5\rhello\r\n",
    "a size with LF alone": b"5\nhello\r\n",
    "a line that is too long": b"5;" + b"A" * 1100 + b"\r\nhello\r\n",
    "a line with a control": b"5;a\x01\r\nhello\r\n",
    "white space without extension": b"5 x\r\nhello\r\n",
    "lines that are too long together": (b"5;" + b"A" * 300 + b"\r\nhello\r\n") * 5,
    "data without CR": b"5\r\nhelloX\r\n",
    "data without LF": b"5\r\nhello\rX",
    "a last line that is none": b"0x\r\n",
    "a last line without LF": b"0\rX",
    "a trailer that is forbidden": b"0\r\nContent-Length: 5\r\n\r\n",
    "a trailer that frames": b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a trailer with a control": b"0\r\nX: a\x01b\r\n\r\n",
    "a trailer without a name": b"0\r\n: x\r\n\r\n",
    "a trailer that is folded": b"0\r\nX: a\r\n b\r\n\r\n",
    "a trailer that ends in CR": b"0\r\nX: a\rb\r\n\r\n",
    "a trailer that is too long": b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "trailers that are too many": b"0\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(101)) + b"\r\n",
    "trailers that are too long together": b"0\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 7000) for i in range(5)) + b"\r\n",
}
DISGUISED = {
    "a disguised line that is too long": disguised(b";", 1100),
    "a disguised line that is much too long": disguised(b";", 9000),
    "a disguised line with a control": disguised(b";a\x01", 300),
    "a disguised line with a control, late": disguised(b";" + b"a" * 290 + b"\x01", 300),
    "a disguised line with a quote and a control": disguised(b';a="\x7f', 300),
    "a disguised line with white space": disguised(b"  x", 300),
    "a disguised size over the limit": disguised(b"", LIMIT + 1),
}
HANDLERS = {
    "reads it": ("inspect", "/"),
    "reads on": ("misbehaving", "/read-on"),
    "has begun to answer": ("demo", "/echo"),
    "leaves it": ("demo", "/health"),
}


def messages(path, tls):
    """Each with its name, in pieces: up to the refusal, it, and what follows. Connections through TLS are dear: fewer."""
    head = request("POST", path, "Transfer-Encoding: chunked")
    for place, beginning in BEGINNINGS.items():
        for name, data in DISGUISED.items():
            yield f"{name} {place}", [head + beginning + data]
            yield f"{name} {place}, apart", [head + beginning, data]
        for turn, (name, data) in enumerate(REFUSED.items()):
            tails = TAILS if beginning == HELLO else TAILS[turn % len(TAILS) :][:1]
            for tail in tails[:: 4 if tls else 1]:
                yield f"{name} {place}, then {tail[:20]}", [head + beginning + data + tail]
            yield f"{name} {place}, apart", [head + beginning, data, tails[0]]


def trespasses(server, pieces):
    """What is wrong with what becomes of the message; None if all is well."""
    with server.connect(timeout=5) as connection:
        for place, piece in enumerate(pieces):
            if place:
                time.sleep(0.0005)
            connection.send(piece, [])
        finals = connection.end()
        if len(finals) > 1 or connection.parser.rest:
            return f"{[answer.status for answer in finals]}, {bytes(connection.received[-200:])}"
        return "the hidden request was answered" if b"/hidden" in connection.received else None


def paths_logged(server):
    """When everything is logged: the number of requests, and of those that no client sent."""
    marker = f"/marker-{time.monotonic_ns()}"
    server.get(marker)
    log = server.folder / "stdout"
    wait_for(lambda: marker in log.read_text("latin-1"), f"{marker} in the access log")
    text = log.read_text("latin-1")
    return text.count("\n"), text.count('"/hidden"')


def assert_terminal(server, cases):
    """Most of the time is waited, for the end of each connection: several at a time."""
    before, hidden_before = paths_logged(server)
    names, pieces = zip(*cases)
    count = len(names)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(lambda message: trespasses(server, message), pieces))
    wrong = {name: fault for name, fault in zip(names, found) if fault}
    logged, hidden = paths_logged(server)
    first = dict(list(wrong.items())[:3])
    assert not wrong, f"{len(wrong)} of {count} messages were more than one, such as {first}"
    assert hidden == hidden_before, f"{hidden - hidden_before} requests that nobody sent reached a plugin"
    assert logged - before <= count + 1, "a message is no more than one line of the log"


def target(reach, way, handler):
    plugin, path = HANDLERS[handler]
    return reach(getattr(way, plugin), *FLAGS), path


# HTTP/1


@every_way
@pytest.mark.parametrize("handler", HANDLERS)
def test_bodies(reach, way, handler):
    server, path = target(reach, way, handler)
    assert_terminal(server, messages(path, way.tls))


@every_way
def test_bodies_of_a_handler_that_takes_its_time(reach, way):
    """The refusal comes before the answer, and the answer takes no notice."""
    head = request("POST", "/delay?s=0.01", "Transfer-Encoding: chunked")
    server = reach(way.demo, *FLAGS)
    assert_terminal(server, [(name, [head + HELLO + data]) for name, data in DISGUISED.items()])


@every_way
def test_everything_malformed(reach, way):
    """Heads too; whatever is wrong with them."""
    server = reach(way.inspect, *FLAGS)
    assert_terminal(server, [(str(case), [case.data + TAILS[i % len(TAILS)]]) for i, case in enumerate(TABLE)])


@every_way
@pytest.mark.parametrize("handler", HANDLERS)
def test_lengths_over_the_limit(reach, way, handler):
    server, path = target(reach, way, handler)
    lengths = (LIMIT + 1, 1 << 40, 1 << 62)
    cases = [(f"{n}", [request("POST", path, f"Content-Length: {n}") + HIDDEN * 2000]) for n in lengths]
    assert_terminal(server, cases)


# Handlers that read on

FAR = chunked(b"x" * 70000)[:-5]  # more than is gathered before a handler of gthread is called
READ_ON = {
    "a size near 2^60": [b"fffffffffffffff\r\n"],
    "a size near 2^60 in two pieces": [b"fffffffffffffff\r", b"\n"],
    "a size near 2^60 byte by byte": [bytes([byte]) for byte in b"fffffffffffffff\r\n"],
    "half of 2^60 in two pieces": [b"7ffffffffffffff\r", b"\n"],
    "a control in an extension": [b"5;a", b"\x01bc\r\nhello\r\n"],
    "a disguised line": [HELLO + disguised(b";", 1100)],
    "data without CR": [b"5\r\nhello", b"XYZ"],
    "a forbidden trailer": [b"0\r\nX: a\r\nHost", b": b\r\n\r\n"],
}


@every_way
@pytest.mark.parametrize("what", READ_ON)
def test_a_refusal_is_repeated(reach, way, what):
    """A handler that reads a thousand times more is refused a thousand times more, in the same way."""
    server = reach(way.misbehaving)
    log = LogReport(server)
    with server.connect(timeout=5) as connection:
        connection.send(request("POST", "/read-on", "Transfer-Encoding: chunked") + FAR)
        for piece in READ_ON[what]:
            connection.send(piece, [])
            time.sleep(0.02)
        connection.send(HIDDEN * 3, [])
        statuses = log.wait("refused", "others")
        assert len(connection.end()) <= 1
    assert statuses["refused"] < 0 and statuses["others"] == 0, log.text


def wait_until_read(connection, stream):
    """The stream's window was full, and the plugin has read of the body: more fits."""

    def is_open():
        return any(f.kind == WINDOW_UPDATE and f.stream == stream for f in connection.frames)

    connection.read_until(is_open, "WINDOW_UPDATE")


@http2_ways
def test_a_refusal_is_repeated_over_http2(reach, way):
    server = reach(way.misbehaving, *FLAGS, H2C)
    log = LogReport(server)
    with connect(server) as connection:
        connection.ping()
        stream = connection.request("POST", "/read-on", end=False)
        connection.body(stream, b"x" * LIMIT, end=False)
        wait_until_read(connection, stream)
        connection.body(stream, b"x", end=False)
        statuses = log.wait("refused", "others")
        connection.answer(stream)
        assert connection.get("/").status == 200
    assert statuses["refused"] < 0 and statuses["others"] == 0, log.text


# HTTP/2: streams are refused one by one


def too_large_a_head(connection, tag):
    fields = [(f"x-{i}", content(tag, 7000)) for i in range(5)]
    return connection.request("GET", f"/{tag}", *fields)


def too_many_fields(connection, tag):
    return connection.request("GET", f"/{tag}", *[(f"x-{i}", f"{tag}-{i}") for i in range(120)])


def a_malformed_field(connection, tag):
    stream = connection.expect()
    block = connection.encoder.encode(request_fields("GET", f"/{tag}", scheme=connection.scheme))
    block += Literal().indexed(b"x a", tag) + Literal().indexed(b"x-b", tag)
    connection.send(frame(HEADERS, END_HEADERS, stream, block))
    connection.encoder.header_table.add(b"x a", tag.encode())  # it is in the table, whatever became of the stream
    connection.encoder.header_table.add(b"x-b", tag.encode())
    connection.body(stream, tag.encode() * 100)
    return stream


def a_path_that_is_none(connection, tag):
    return connection.request("POST", f"/{tag}/../..", ("x-tag", tag), body=tag.encode() * 100)


def too_long_a_body(connection, tag):
    stream = connection.request("POST", f"/{tag}", end=False)
    connection.body(stream, content(tag, LIMIT).encode(), end=False)
    wait_until_read(connection, stream)
    connection.body(stream, content(tag, 8000).encode(), end=False)
    connection.ping()
    connection.body(stream, content(tag, 8000).encode())
    return stream


def too_many_trailers(connection, tag):
    stream = connection.request("POST", f"/{tag}", end=False)
    connection.body(stream, tag.encode(), end=False)
    connection.headers([(f"x-{i}", f"{tag}-{i}") for i in range(120)], stream)
    return stream


def a_forbidden_trailer(connection, tag):
    stream = connection.request("POST", f"/{tag}", end=False)
    connection.body(stream, tag.encode(), end=False)
    connection.headers([("x-tag", tag), ("host", tag)], stream)
    return stream


@http2_ways
@pytest.mark.parametrize(
    "refused",
    [
        too_large_a_head, too_many_fields, a_malformed_field, a_path_that_is_none, too_long_a_body, too_many_trailers,
        a_forbidden_trailer,
    ],
)  # fmt: skip
def test_other_streams_are_unharmed(reach, way, refused):
    """Requests before, beside and behind one that is refused are told as they were sent: nothing of it is in them."""
    server = reach(way.inspect, *FLAGS, H2C)
    with connect(server) as connection:
        connection.ping()
        for place in range(20):
            beside = [Request("trailers" if i % 2 else "authority", 520 + 10 * place + i) for i in range(4)]
            streams = [(one, one.begin(connection)) for one in beside[:2]]
            answer = connection.answer(refused(connection, f"refused{place:03}"))
            assert answer.reset is not None or 400 <= answer.status < 500, answer
            streams += [(one, one.begin(connection)) for one in beside[2:]]
            for one, stream in streams:
                one.finish(connection, stream)
            for one, stream in streams:
                assert not differences(connection.answer(stream), one.told), connection.state()
