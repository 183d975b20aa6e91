"""What a burst of requests takes is given back when it is over."""

from contextlib import suppress

import hpack
import pytest

from http2 import DATA, END_HEADERS, END_STREAM, HEADERS, Answer, connect, frame, request_fields
from matrix import H2C
from pace import growth
from processes import wait_for
from server import RELEASE
from soak import resident

CONNECTIONS, STREAMS, HEAD = 30, 100, 9_600
BACK = 8 << 20  # bytes that may stay


def heads(streams):
    """Blocks of HEAD bytes each as the server counts them; on the wire, all but the first are a few bytes."""
    encoder = hpack.Encoder()
    fields = request_fields("POST", "/echo", *[("x-large", "v" * (HEAD // 8))] * 8)
    return b"".join(frame(HEADERS, END_HEADERS, stream, encoder.encode(fields)) for stream in streams)


def ask(connection, streams):
    """Heads alone: their requests stay open."""
    connection.ping()  # it knows how many streams it may have
    connection.answers |= {stream: Answer() for stream in streams}
    connection.send(heads(streams))
    connection.ping()


def finish(connection, streams):
    """Their bodies, and what is answered."""
    connection.send(b"".join(frame(DATA, END_STREAM, stream, b"x") for stream in streams))
    return [connection.answer(stream).body for stream in streams]


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_burst_of_streams(own, model):
    """3,000 at once, each with a large head; then nobody asks, and the clients stay."""
    server = own("--set", "timeouts.keepalive=1m", RELEASE / "libdemo_event.so", model=model, h2c=True)
    (worker,) = server.workers()
    for _ in range(20):
        with connect(server) as connection:
            assert connection.get("/echo", method="POST", body=b"warm").body == b"warm"
    before, streams = resident(worker), range(1, 2 * STREAMS, 2)
    connections = [connect(server) for _ in range(CONNECTIONS)]
    try:
        for connection in connections:
            ask(connection, streams)
        assert resident(worker) - before > CONNECTIONS * STREAMS * HEAD, "they were not all there at once"
        for connection in connections:
            assert finish(connection, streams) == [b"x"] * STREAMS
        with suppress(AssertionError):
            wait_for(lambda: resident(worker) - before < BACK, "less memory", timeout=6)
        assert resident(worker) - before < growth(BACK)
    finally:
        for connection in connections:
            connection.close()
