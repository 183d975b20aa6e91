"""A header block that never ends does not hold its connection longer because of other activity there."""

import select
import time

import hpack
from http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    RST_STREAM,
    WINDOW_UPDATE,
    connect,
    frame,
    request_fields,
)
from matrix import H2C, http2
from timing import scaled

HURRY = [
    word
    for name in ("timeouts.head=3s", "timeouts.body=3s", "timeouts.keepalive=3s", "http2.max_concurrent_streams=2")
    for word in ("--set", name)
]
WHOLE = END_STREAM | END_HEADERS
CANCELLED, TOO_MUCH = b"\0\0\0\x08", b"\x7f\xff\xff\xff"


def block(*arguments):
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder.encode(request_fields(*arguments))


GET, POST, BRIEFLY, MALFORMED = (
    block("GET", "/"),
    block("POST", "/echo"),
    block("GET", "/delay?s=0.2"),
    block("GET", "/", ("connection", "close")),
)
NO_PATH = block("GET", None)
PART = GET[: len(GET) // 2]


def begun(stream, part=GET):
    """A head without its end."""
    return frame(HEADERS, END_STREAM, stream, part)


# Each ends with a block that is left incomplete.
HELD_OPEN = {
    "alone": begun(1),
    "in part": begun(1, PART),
    "behind a malformed one": frame(HEADERS, WHOLE, 1, MALFORMED) + begun(3),
    "in part behind a malformed one": frame(HEADERS, WHOLE, 1, MALFORMED) + begun(3, PART),
    "behind one without a path": frame(HEADERS, WHOLE, 1, NO_PATH) + begun(3),
    "behind a malformed one whose body would follow": frame(HEADERS, END_HEADERS, 1, MALFORMED) + begun(3),
    "behind one that is reset": frame(HEADERS, WHOLE, 1, BRIEFLY) + frame(RST_STREAM, 0, 1, CANCELLED) + begun(3),
    "behind one that errs": frame(HEADERS, WHOLE, 1, BRIEFLY) + frame(WINDOW_UPDATE, 0, 1, TOO_MUCH) + begun(3),
    "behind one that is answered": frame(HEADERS, WHOLE, 1, GET) + begun(3),
    "going on without a byte": begun(1) + frame(CONTINUATION, 0, 1),
}
# Here no head waits: the deadlines of what else is there end the connection.
HELD_OTHERWISE = {
    "refused": frame(HEADERS, WHOLE, 1, BRIEFLY) + frame(HEADERS, WHOLE, 3, BRIEFLY) + begun(5),
    "refused behind a refused one": b"".join(frame(HEADERS, WHOLE, i, BRIEFLY) for i in (1, 3, 5)) + begun(7),
    "malformed itself": begun(1, MALFORMED),
    "trailers": frame(HEADERS, END_HEADERS, 1, POST) + frame(DATA, 0, 1, b"x") + begun(1, b"\0\x03x-a\x01b"),
    "trailers without a field": frame(HEADERS, END_HEADERS, 1, POST) + frame(DATA, 0, 1, b"x") + begun(1, b""),
    "trailers behind a malformed one": frame(HEADERS, END_HEADERS, 1, POST)
    + frame(HEADERS, WHOLE, 3, MALFORMED)
    + begun(1, b""),
}


def read_to_ends(connections, condition, timeout):
    """Read until the condition holds, or for so many seconds; of each connection that ends, how long it lasted."""
    until = time.monotonic() + timeout
    while not condition() and time.monotonic() < until:
        open_ = {c.socket: c for c in connections if not c.ended}
        for readable in select.select(list(open_), [], [], 0.05)[0]:
            open_[readable]._read()
            if open_[readable].ended:
                open_[readable].lasted = time.monotonic() - open_[readable].began


@http2
def test_a_block_that_never_ends(shared, combination):
    server = shared(combination.demo, combination.model, *HURRY, H2C)
    cases = HELD_OPEN | HELD_OTHERWISE
    connections = {name: connect(server) for name in cases}
    try:
        for connection in connections.values():
            connection.ping()  # it knows how many streams it may have
        for name, connection in connections.items():
            connection.began = time.monotonic()
            connection.send(cases[name])
        alone = connections["alone"]
        read_to_ends(connections.values(), lambda: alone.ended, scaled(10))
        assert alone.ended, alone.state()
        read_to_ends(connections.values(), lambda: all(c.ended for c in connections.values()), 3 * alone.lasted)
        for name, connection in connections.items():
            assert connection.ended and connection.lasted < 4 * alone.lasted, f"{name}: {connection.state()}"
            if name in HELD_OPEN:
                assert connection.goaway == ENHANCE_YOUR_CALM, f"{name}: {connection.state()}"
    finally:
        for connection in connections.values():
            connection.close()
    with connect(server) as connection:
        assert connection.get("/").status == 200
