"""Malicious clients over HTTP/2: each attack is bounded, counted and ended; others are served meanwhile."""

import struct
import time

import pytest

import processes
from http2 import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    WINDOW_UPDATE,
    Answer,
    Connection,
    connect,
    frame,
    request_fields,
    settings,
)
from matrix import H2C, each_transport, http2
from processes import wait_for
from server import RELEASE
from timing import scaled, seen

GET = request_fields()
CANCELLED = b"\0\0\0\x08"


def memory(server):
    """The resident set of the worker, in bytes."""
    (worker,) = server.workers()
    with open(f"/proc/{worker}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@pytest.fixture(params=("blocking", "event"))
def server(request, shared):
    return shared(RELEASE / f"libdemo_{request.param}.so", "async", H2C)


def attack(server, data, reason, repeat=1, timeout=10):
    """Send it all: the connection ends with ENHANCE_YOUR_CALM, the log says why, others are served, memory is flat."""
    assert connect_and_get(server) == 200
    before = memory(server)
    log = len(server.log)
    with connect(server) as connection:
        for _ in range(repeat):
            connection.send(data)
        connection.end(timeout)
        assert connection.goaway == ENHANCE_YOUR_CALM, connection.state()
    assert connect_and_get(server) == 200
    wait_for(lambda: reason in server.log[log:], lambda: f"{reason!r} in the log: {server.log[log:]}")
    assert memory(server) - before < 4 << 20


def connect_and_get(server):
    with connect(server) as connection:
        return connection.get("/").status


def block(fields=GET):
    import hpack

    return hpack.Encoder().encode(fields)


def streams(count, *frames, fields=request_fields("GET", "/delay?s=5")):
    """These frames for each of so many streams; the block is the same for all, without the table."""
    import hpack

    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    head = encoder.encode(fields)
    later = encoder.encode(fields)
    data = b""
    for i in range(count):
        data += frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, head if i == 0 else later)
        data += b"".join(frame(kind, flags, 2 * i + 1, payload) for kind, flags, payload in frames)
    return data


# Floods


def test_rapid_reset(server):
    attack(server, streams(3000, (RST_STREAM, 0, CANCELLED)), "RST_STREAM")


@pytest.mark.parametrize(
    "provocation",
    [
        (WINDOW_UPDATE, 0, b"\x7f\xff\xff\xff"),
        (DATA, END_STREAM, b"x"),
    ],
)
def test_made_you_reset(server, provocation):
    """CVE-2025-8671: the client's error makes the server reset, and the handler's work is lost."""
    with connect(server) as connection:
        connection.send(streams(400, provocation))
        connection.end(10)
        assert connection.goaway in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, 5), connection.state()
    assert connect_and_get(server) == 200


def test_window_overflows_are_counted(own):
    # Far fewer than come, which may be in two seconds.
    flags = ["--set", "http2.max_window_updates_per_second=100000", "--set", "http2.max_resets_per_second=30"]
    server = own(*flags, RELEASE / "libdemo_event.so", model="async", h2c=True)
    log = len(server.log)
    with connect(server) as connection:
        for _ in range(60):  # forty seconds' worth
            with connection.together():
                for stream in [connection.request("GET", "/delay?s=5") for _ in range(20)]:
                    connection.send(frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff"))
        connection.end(10)
        assert connection.goaway == ENHANCE_YOUR_CALM
    wait_for(lambda: "reset for errors" in server.log[log:], lambda: server.log[log:])
    assert connect_and_get(server) == 200


def test_malformed_requests_are_counted(server):
    with connect(server) as connection:
        log = len(server.log)
        connection.ping()  # it knows now how many streams it may have
        connection.send(streams(400, fields=GET + [("connection", "close")]))
        connection.end(10)
        assert connection.goaway == ENHANCE_YOUR_CALM
    wait_for(lambda: "reset for errors" in server.log[log:], lambda: server.log[log:])
    assert connect_and_get(server) == 200


def test_refused_streams_are_counted_without_an_acknowledgement(server):
    with connect(server) as connection:
        connection.acknowledges = False
        connection.send(streams(900))
        connection.ping()  # who does not know the limit yet is not blamed
        assert connection.goaway is None
    attack(server, streams(3000), "reset for errors")


def test_continuation_flood(server):
    head = frame(HEADERS, END_STREAM, 1, block())
    with connect(server) as connection:
        connection.send(head + frame(CONTINUATION, 0, 1, b"\0\x03x-a\x01b" * 2000) * 500)
        connection.end(10)
        assert connection.goaway == ENHANCE_YOUR_CALM, connection.state()
    assert connect_and_get(server) == 200


def test_a_head_that_comes_byte_by_byte_is_no_flood(server):
    head = block()
    data = frame(HEADERS, END_STREAM, 1, head[:1]) + frame(CONTINUATION, 0, 1, head[1:2])
    data += frame(CONTINUATION, END_HEADERS, 1, head[2:])
    with connect(server) as connection:
        connection.ping()
        connection.answers[1] = Answer()
        connection.acknowledges = False  # not within a frame that is cut
        for i in range(len(data)):
            connection.send(data[i : i + 1])
            time.sleep(0.002)  # so that each comes by itself
        assert connection.answer(1).status == 200


def test_empty_continuation_flood(server):
    attack(server, frame(HEADERS, END_STREAM, 1, block()) + frame(CONTINUATION, 0, 1) * 5000, "")


def test_settings_flood(server):
    attack(server, settings(initial_window_size=65535) * 5000, "SETTINGS")


def test_ping_flood(server):
    attack(server, frame(PING, payload=b"12345678") * 20000, "PING")


def test_ping_flood_that_reads_nothing(server):
    with connect(server, windows=False) as connection:
        connection.acknowledges = False
        flood = frame(PING, payload=b"12345678") * 1000
        try:
            for _ in range(100):
                connection.socket.setblocking(True)
                connection.socket.settimeout(2)
                connection.socket.sendall(flood)
        except OSError:
            pass
    assert connect_and_get(server) == 200


def test_priority_flood(server):
    attack(server, frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") * 5000, "PRIORITY")


def test_unknown_frame_flood(server):
    attack(server, frame(0x42, 0, 0, b"") * 5000, "unknown")


def test_empty_data_flood(server):
    import hpack

    head = hpack.Encoder().encode(request_fields("POST", "/echo"))
    attack(server, frame(HEADERS, END_HEADERS, 1, head) + frame(DATA, 0, 1) * 5000, "empty frames")


def test_padding_flood(server):
    """Frames of nothing but padding carry nothing either."""
    import hpack

    head = hpack.Encoder().encode(request_fields("POST", "/echo"))
    padding = frame(DATA, PADDED, 1, b"\x03\0\0\0")
    attack(server, frame(HEADERS, END_HEADERS, 1, head) + padding * 5000, "empty frames")


@pytest.mark.parametrize(
    "flags, payload, reason",
    [
        (0, b"", "empty frames"),
        (PADDED, b"\0", "empty frames"),
        (PADDED, b"\x03\0\0\0", "empty frames"),
        (END_STREAM, b"", "empty frames"),
        (0, b"x", "late frames"),
    ],
    ids=["empty", "padded", "padding", "end", "content"],
)
def test_data_flood_on_a_stream_that_is_over(server, flags, payload, reason):
    log = len(server.log)
    with connect(server) as connection:
        assert connection.get("/").status == 200
        data = frame(DATA, flags, 1, payload) * 5000
        for start in range(0, len(data), 1013):  # headers that come in parts too
            connection.send(data[start : start + 1013])
        connection.end(10)
        assert connection.goaway == ENHANCE_YOUR_CALM, connection.state()
    wait_for(lambda: reason in server.log[log:], lambda: f"{reason!r} in the log: {server.log[log:]}")
    assert connect_and_get(server) == 200


def test_window_update_flood(server):
    attack(server, frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 5000, "WINDOW_UPDATE")


# Header lists


def test_hpack_bomb(server):
    """One large field in the table, then references to it: a block of 16 KiB stands for 64 MiB."""
    value = b"a" * 4000
    literal = b"\x40" + b"\x03x-a" + b"\x7f" + bytes([(len(value) - 127) & 0x7F | 0x80, (len(value) - 127) >> 7]) + value
    bomb = block() + literal + b"\xbe" * 12000
    attack(server, frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb), "max_header_list_size")


def test_a_header_list_over_the_limit(server):
    with connect(server) as connection:
        answer = connection.get("/", *[(f"x-{i}", "a" * 1000) for i in range(40)])
        assert answer.status == 431, "over limits.head, within max_header_list_size"
        assert connection.get("/").status == 200
    with connect(server) as connection:
        connection.request("GET", "/", *[(f"x-{i}", "a" * 1000) for i in range(70)])
        connection.end(5)
        assert connection.goaway == ENHANCE_YOUR_CALM


# Stalls

# Those that a client may exceed that stands still for a while are longer.
HURRY = ("--set", "timeouts.write=1s", "--set", "timeouts.body=1s", "--set", "timeouts.head=3s", "--set", "timeouts.keepalive=3s")


@pytest.fixture
def impatient(shared, combination):
    return shared(combination.demo, combination.model, *HURRY, H2C)


@each_transport
@http2
def test_a_window_that_stays_shut(impatient):
    with connect(impatient, windows=False, initial_window_size=0) as connection:
        started = time.monotonic()
        stream = connection.request("GET", "/large")
        answer = connection.answer(stream, timeout=4)  # at the most five times that: by default it is half a minute
        assert answer.status == 200 and answer.reset == CANCEL and not answer.body
        assert time.monotonic() - started >= 0.9
        connection.ping()
    assert connect_and_get(impatient) == 200


@http2
def test_a_window_of_one_byte_at_a_time(impatient):
    with connect(impatient, windows=False, initial_window_size=1) as connection:
        stream = connection.request("GET", "/large")
        answer = connection.answers[stream]
        deadline = time.monotonic() + scaled(20)
        while answer.reset is None and time.monotonic() < deadline:
            connection.send(frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\1"))
            count = len(answer.body)
            connection.read_until(lambda: len(answer.body) > count or answer.reset is not None, "a byte", 5)
            time.sleep(0.02)
        assert answer.reset == CANCEL and len(answer.body) < 1000
    assert connect_and_get(impatient) == 200


@http2
def test_a_connection_window_that_stays_shut(impatient):
    with connect(impatient, windows=False, initial_window_size=1 << 20) as connection:
        streams_ = [connection.request("GET", "/large") for _ in range(3)]
        answers = [connection.answer(stream, timeout=8) for stream in streams_]
        assert [answer.reset for answer in answers] == [CANCEL] * 3
        assert sum(len(answer.body) for answer in answers) == 65535


@http2
@pytest.mark.parametrize("path", ["/large", "/backpressure"])
def test_all_streams_of_a_client_that_opens_no_window(shared, combination, path):
    """Those too for which there is no room behind others' answers: they wait for the client as well."""
    plugin = combination.demo if path == "/large" else combination.misbehaving
    server = shared(plugin, combination.model, *HURRY, H2C)
    with connect(server, windows=False) as connection:
        connection.ping()
        streams_ = [connection.request("GET", path) for _ in range(60)]
        answers = [connection.answer(stream, timeout=20) for stream in streams_]
        assert {answer.reset for answer in answers} == {CANCEL}
        resets = {f.stream: f.at for f in connection.frames if f.kind == RST_STREAM}
        waits = [resets[stream] - answer.head.at for stream, answer in zip(streams_, answers)]
        assert max(waits) <= scaled(10), f"some of them after others: {waits}"
    assert connect_and_get(server) == 200


@each_transport
@http2
def test_a_client_that_does_not_read(impatient):
    with Connection(impatient.address, windows=False, initial_window_size=1 << 24) as connection:
        connection.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 28)))
        for _ in range(50):
            connection.request("GET", "/large")
        time.sleep(0.1)
        (worker,) = impatient.workers()
        fds = processes.look(worker)
        assert fds
        assert connect_and_get(impatient) == 200
        assert memory(impatient) < 80 << 20


@http2
def test_a_body_that_never_ends(impatient):
    with connect(impatient) as connection:
        stream = connection.request("POST", "/echo", end=False)
        answer = connection.answer(stream, timeout=8)
        assert answer.status == 408
        assert connection.get("/").status == 200


@each_transport
@http2
def test_a_head_that_never_ends(impatient):
    with connect(impatient) as connection:
        connection.ping()
        started = time.monotonic()
        connection.send(frame(HEADERS, END_STREAM, 1, block()))
        connection.end(8)
        assert 2.9 <= time.monotonic() - started <= scaled(9), "by default it is ten seconds"
        assert connection.goaway == ENHANCE_YOUR_CALM
    assert connect_and_get(impatient) == 200


@each_transport
@http2
def test_an_idle_connection_is_told_to_go(impatient):
    def lasted():
        with connect(impatient) as connection:
            started = time.monotonic()
            assert connection.get("/").status == 200
            connection.end(8)
            assert connection.goaways == [(1, NO_ERROR)]
            assert time.monotonic() - started >= 2.9
            return time.monotonic() - started

    seen(lasted, lambda seconds: seconds <= scaled(4.5))  # by default it is five


@http2
def test_pings_do_not_keep_it_open(impatient):
    with connect(impatient) as connection:
        assert connection.get("/").status == 200
        deadline = time.monotonic() + scaled(20)
        while not connection.ended and time.monotonic() < deadline:
            connection.send(frame(PING, payload=b"12345678"))
            try:
                connection.read_until(lambda: connection.ended, "end", 0.1)
            except AssertionError:
                pass
        assert connection.ended and connection.goaway == NO_ERROR


@http2
def test_a_preface_that_never_ends(impatient):
    with connect(impatient, hello=False) as connection:
        connection.send(PREFACE[:10])
        connection.end(8)


# Drain


@each_transport
@http2
def test_drain_finishes_what_has_begun(own, combination):
    server = own(combination.demo, model=combination.model, h2c=True)
    with connect(server) as connection:
        assert connection.get("/").status == 200
        stream = connection.request("GET", "/delay?s=0.5")
        connection.ping()
        server.tell(15)
        connection.read_until(lambda: connection.goaway is not None, "GOAWAY")
        assert connection.goaways[0] == (0x7FFFFFFF, NO_ERROR)
        assert connection.answer(stream).status == 200
        connection.end(5)
        assert connection.goaways[-1] == (stream, NO_ERROR)
    server.ended_well()


@each_transport
@http2
def test_an_idle_connection_is_drained(own, combination):
    server = own(combination.demo, model=combination.model, h2c=True)
    with connect(server) as connection:
        assert connection.get("/").status == 200
        server.tell(15)
        connection.end(5)
        assert [code for _, code in connection.goaways] == [NO_ERROR] * 2
    server.ended_well()
