"""The errors of RFC 9113, frame by frame: each has the specified answer, and the server continues to serve."""

import struct

import pytest

from http2 import (
    ACK,
    Answer,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    connect,
    frame,
    request_fields,
    settings,
)
from matrix import H2C, INSPECT, http2

GET = request_fields()


@pytest.fixture(params=("gthread", "async"))
def server(request, shared):
    return shared(INSPECT, request.param, H2C)


@pytest.fixture
def connection(server):
    with connect(server) as connection:
        yield connection
    with connect(server) as another:
        assert another.get("/").status == 200, "others are unharmed"


def block(connection, fields):
    return connection.encoder.encode(fields)


def assert_connection_error(connection, *codes):
    connection.end(timeout=5)
    assert connection.goaway in codes, connection.state()


def assert_stream_error(connection, stream, *codes):
    """The stream is reset, or its request refused with a 400; the connection goes on."""
    answer = connection.answer(stream, timeout=5)
    if answer.reset is None:
        assert answer.status == 400, (answer.head, connection.state())
    else:
        assert answer.reset in codes, connection.state()
    connection.ping()
    connection.next_stream = max(connection.next_stream, stream + 2)
    assert connection.get("/").status == 200, "the connection goes on"


def begin(connection, fields, end=True):
    """A request of these very fields."""
    stream = connection.next_stream
    connection.next_stream += 2
    connection.answers[stream] = Answer()
    connection.headers(fields, stream, end=end)
    return stream


# The preface


@pytest.mark.parametrize(
    "bytes_", [PREFACE[:-1] + b"X" + settings(), PREFACE + frame(PING, payload=b"12345678"), PREFACE + b"\0" * 64]
)
def test_a_wrong_preface(server, bytes_):
    with connect(server, hello=False) as connection:
        connection.send(bytes_)
        connection.end(timeout=5)
    with connect(server) as another:
        assert another.get("/").status == 200


@pytest.mark.parametrize("size", [1, 3, 7, 23])
def test_a_preface_in_pieces(server, size):
    data = PREFACE + settings()
    with connect(server, hello=False) as connection:
        connection.acknowledges = False  # not within a frame that is cut
        for i in range(0, len(data), size):
            connection.send(data[i : i + size])
        connection.read_until(lambda: any(f.kind == SETTINGS for f in connection.frames), "SETTINGS")
        connection.acknowledges = True
        connection.send(frame(SETTINGS, ACK))
        assert connection.get("/").status == 200


def test_what_the_server_says_first(connection):
    connection.ping()
    first = connection.frames[0]
    assert first.kind == SETTINGS and not first.flags & ACK
    values = dict(struct.unpack(">HI", first.payload[i : i + 6]) for i in range(0, len(first.payload), 6))
    assert values == {3: 100, 4: 65536, 5: 16384, 6: 65536, 8: 1, 9: 1}
    assert any(f.kind == SETTINGS and f.flags & ACK for f in connection.frames)


# Connection errors: frames that can't be

CONNECTION_ERRORS = {
    "frame longer than max_frame_size": (frame(PING, payload=b"x" * 16385), FRAME_SIZE_ERROR),
    "DATA longer than max_frame_size": (frame(DATA, 0, 1, b"x" * 16385), FRAME_SIZE_ERROR),
    "DATA on stream 0": (frame(DATA, END_STREAM, 0, b"x"), PROTOCOL_ERROR),
    "DATA on an idle stream": (frame(DATA, END_STREAM, 1, b"x"), PROTOCOL_ERROR),
    "HEADERS on stream 0": (frame(HEADERS, END_STREAM | END_HEADERS, 0, b"\x82\x86\x84"), PROTOCOL_ERROR),
    "HEADERS on an even stream": (frame(HEADERS, END_STREAM | END_HEADERS, 2, b"\x82\x86\x84"), PROTOCOL_ERROR),
    "HEADERS padded beyond its end": (frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09\x82\x86\x84"), PROTOCOL_ERROR),
    "HEADERS padded without length": (frame(HEADERS, END_HEADERS | PADDED, 1, b""), FRAME_SIZE_ERROR),
    "HEADERS with half a priority": (frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\0\0"), FRAME_SIZE_ERROR),
    "a header block that is no HPACK": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" * 20), COMPRESSION_ERROR),
    "an index beyond the table": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xfe"), COMPRESSION_ERROR),
    "a table size above the limit": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x03\x82"), COMPRESSION_ERROR),
    "CONTINUATION without HEADERS": (frame(CONTINUATION, END_HEADERS, 1, b"\x82"), PROTOCOL_ERROR),
    "PING within a header block": (
        frame(HEADERS, END_STREAM, 1, b"\x82") + frame(PING, payload=b"x" * 8),
        PROTOCOL_ERROR,
    ),
    "another stream's CONTINUATION": (
        frame(HEADERS, END_STREAM, 1, b"\x82") + frame(CONTINUATION, END_HEADERS, 3, b"\x86"),
        PROTOCOL_ERROR,
    ),
    "an unknown frame within a header block": (
        frame(HEADERS, END_STREAM, 1, b"\x82") + frame(0x42, 0, 1, b""),
        PROTOCOL_ERROR,
    ),
    "PRIORITY on stream 0": (frame(PRIORITY, 0, 0, b"\0\0\0\1\0"), PROTOCOL_ERROR),
    "RST_STREAM on stream 0": (frame(RST_STREAM, 0, 0, b"\0\0\0\x08"), PROTOCOL_ERROR),
    "RST_STREAM on an idle stream": (frame(RST_STREAM, 0, 1, b"\0\0\0\x08"), PROTOCOL_ERROR),
    "RST_STREAM of three bytes": (frame(RST_STREAM, 0, 1, b"\0\0\0"), FRAME_SIZE_ERROR),
    "SETTINGS on a stream": (frame(SETTINGS, 0, 1), PROTOCOL_ERROR),
    "SETTINGS of five bytes": (frame(SETTINGS, 0, 0, b"x" * 5), FRAME_SIZE_ERROR),
    "SETTINGS ACK with a payload": (frame(SETTINGS, ACK, 0, b"x" * 6), FRAME_SIZE_ERROR),
    "enable_push of 2": (settings(enable_push=2), PROTOCOL_ERROR),
    "initial_window_size of 2^31": (settings(initial_window_size=1 << 31), FLOW_CONTROL_ERROR),
    "max_frame_size of 16383": (settings(max_frame_size=16383), PROTOCOL_ERROR),
    "max_frame_size of 2^24": (settings(max_frame_size=1 << 24), PROTOCOL_ERROR),
    "PUSH_PROMISE from a client": (frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2\x82"), PROTOCOL_ERROR),
    "PING on a stream": (frame(PING, 0, 1, b"12345678"), PROTOCOL_ERROR),
    "PING of seven bytes": (frame(PING, 0, 0, b"1234567"), FRAME_SIZE_ERROR),
    "GOAWAY on a stream": (frame(GOAWAY, 0, 1, b"\0" * 8), PROTOCOL_ERROR),
    "GOAWAY of seven bytes": (frame(GOAWAY, 0, 0, b"\0" * 7), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE of three bytes": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE of 0": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), PROTOCOL_ERROR),
    "WINDOW_UPDATE on an idle stream": (frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), PROTOCOL_ERROR),
    "a connection window over 2^31-1": (frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
}


@pytest.mark.parametrize("what", CONNECTION_ERRORS)
def test_connection_errors(connection, what):
    data, code = CONNECTION_ERRORS[what]
    connection.send(data)
    # Where the RFC leaves a choice between these two, both are right.
    codes = {code, PROTOCOL_ERROR} if code == FRAME_SIZE_ERROR else {code}
    assert_connection_error(connection, *codes)


def test_stream_numbers_only_rise(connection):
    connection.next_stream = 5
    assert connection.get("/").status == 200
    connection.send(frame(HEADERS, END_STREAM | END_HEADERS, 3, block(connection, GET)))
    assert_connection_error(connection, PROTOCOL_ERROR, STREAM_CLOSED)


# Stream errors


def assert_closed_stream(connection, stream):
    answer = connection.answers[stream]
    connection.read_until(lambda: connection.goaway is not None or answer.reset is not None, "STREAM_CLOSED")
    assert STREAM_CLOSED in (connection.goaway, answer.reset), connection.state()


def test_data_after_the_end_of_both(connection):
    """nghttp2 reads over it, and opens the connection's window for it."""
    stream = connection.request("GET", "/")
    connection.answer(stream)
    for _ in range(20):
        connection.send(frame(DATA, 0, stream, b"x" * 16384) * 5)
        connection.ping()
    assert connection.get("/").status == 200


def test_data_after_the_end_of_the_request(connection):
    connection.answers[1] = Answer()
    head = frame(HEADERS, END_STREAM | END_HEADERS, 1, block(connection, GET))
    connection.send(head + frame(DATA, END_STREAM, 1, b"more"))  # together: before the answer
    assert_closed_stream(connection, 1)


def test_headers_after_the_end(connection):
    stream = connection.request("GET", "/")
    connection.answer(stream)
    connection.headers(GET, stream)
    assert_closed_stream(connection, stream)


def test_headers_after_the_clients_reset(connection):
    stream = connection.request("POST", "/", end=False)
    connection.send(frame(RST_STREAM, 0, stream, b"\0\0\0\x08"))
    connection.headers(GET, stream)
    assert_closed_stream(connection, stream)


def test_what_crosses_the_servers_reset_is_read_over(connection):
    stream = begin(connection, request_fields("POST", "/", ("connection", "close")), end=False)
    assert connection.answer(stream).reset == PROTOCOL_ERROR
    connection.send(frame(DATA, 0, stream, b"on its way"))
    connection.headers([("x-a", "1")], stream)
    assert connection.get("/").status == 200


def test_a_stream_window_over_the_limit(connection):
    stream = connection.request("POST", "/", end=False)
    connection.send(frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff"))
    answer = connection.answer(stream)
    assert answer.reset == FLOW_CONTROL_ERROR
    assert connection.get("/").status == 200


def test_a_window_update_of_0_on_a_stream(connection):
    stream = connection.request("POST", "/", end=False)
    connection.send(frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\0"))
    connection.read_until(lambda: connection.goaway is not None or connection.answers[stream].reset is not None, "error")
    assert PROTOCOL_ERROR in (connection.goaway, connection.answers[stream].reset)


@http2
def test_data_beyond_the_window(h2_demo):
    """The plugin takes its time and reads nothing, so that the window stays as it was announced."""
    with connect(h2_demo) as connection:
        with connection.together():
            stream = connection.request("POST", "/early-hints", end=False)
            connection.send(frame(DATA, 0, stream, b"x" * 16384) * 80)
        connection.read_until(
            lambda: connection.goaway is not None or connection.answers[stream].reset is not None, "an error"
        )
        assert FLOW_CONTROL_ERROR in (connection.goaway, connection.answers[stream].reset)
    with connect(h2_demo) as another:
        assert another.get("/").status == 200, "others are unharmed"


def test_a_stream_that_depends_on_itself_is_nothing(connection):
    """RFC 9113 has no priorities any more: PRIORITY is read over."""
    connection.send(frame(PRIORITY, 0, 7, struct.pack(">IB", 9, 16)))
    assert connection.get("/").status == 200


def test_more_streams_than_allowed(own):
    server = own("--set", "http2.max_concurrent_streams=3", str(INSPECT), model="async", h2c=True)
    with connect(server) as connection:
        streams = [connection.request("POST", "/", end=False) for _ in range(3)]
        connection.ping()
        (announced,) = [f.payload for f in connection.frames if f.kind == SETTINGS and not f.flags & ACK]
        assert struct.pack(">HI", 3, 3) in [announced[i : i + 6] for i in range(0, len(announced), 6)]
        for _ in range(2):
            assert connection.answer(connection.request("POST", "/", end=False)).reset == REFUSED_STREAM
        for stream in streams:
            connection.body(stream, b"x")
        assert [connection.answer(stream).status for stream in streams] == [200] * 3
        assert connection.get("/").status == 200, "the refused ones took no place"
        connection.send(frame(RST_STREAM, 0, connection.request("POST", "/", end=False), b"\0\0\0\x08"))
        assert [connection.answer(connection.request("GET", "/")).status for _ in range(5)] == [200] * 5


def test_streams_over_the_limit_are_a_flood(own):
    server = own("--set", "http2.max_concurrent_streams=3", str(INSPECT), model="async", h2c=True)
    with connect(server) as connection:
        for _ in range(3):
            connection.request("POST", "/", end=False)
        connection.ping()
        with connection.together():
            for _ in range(400):
                connection.request("POST", "/", end=False)
        connection.end(timeout=5)
        assert connection.goaway == ENHANCE_YOUR_CALM


def test_unknown_frames_and_settings_are_read_over(connection):
    connection.send(frame(0x42, 0xFF, 0, b"what") + frame(SETTINGS, 0, 0, struct.pack(">HI", 0x99, 7)))
    assert connection.get("/").status == 200


def test_padding_is_taken_off(connection):
    stream = connection.next_stream
    connection.next_stream += 2
    connection.answers[stream] = Answer()
    fields = request_fields("POST", "/", ("content-length", "5"))
    connection.send(
        frame(HEADERS, END_HEADERS | PADDED, stream, b"\x04" + block(connection, fields) + b"\0" * 4)
        + frame(DATA, END_STREAM | PADDED, stream, b"\xc8hello" + b"\0" * 200)
    )
    answer = connection.answer(stream)
    assert answer.status == 200 and answer.reset is None


# Malformed requests

MALFORMED = {
    "no method": [p for p in GET if p[0] != ":method"],
    "no scheme": [p for p in GET if p[0] != ":scheme"],
    "no path": [p for p in GET if p[0] != ":path"],
    "an empty path": request_fields(path=""),
    "two methods": [(":method", "GET")] + GET,
    "two paths": GET + [(":path", "/")],
    "an unknown pseudo-field": GET + [(":what", "x")],
    "a response's pseudo-field": GET + [(":status", "200")],
    "a pseudo-field behind a field": [GET[0], ("x-a", "1")] + GET[1:],
    "upper case": GET + [("X-A", "1")],
    "connection": GET + [("connection", "close")],
    "keep-alive": GET + [("keep-alive", "1")],
    "proxy-connection": GET + [("proxy-connection", "close")],
    "transfer-encoding": GET + [("transfer-encoding", "chunked")],
    "upgrade": GET + [("upgrade", "h2c")],
    "te of gzip": GET + [("te", "trailers, gzip")],
    "a name with a space": GET + [("x a", "1")],
    "an empty name": GET + [("", "1")],
    "a value with NUL": GET + [("x-a", "a\0b")],
    "a value with LF": GET + [("x-a", "a\nb: c")],
    "a value with CR": GET + [("x-a", "a\rb")],
    "a value with white space before": GET + [("x-a", " b")],
    "two lengths": GET + [("content-length", "0"), ("content-length", "0")],
    "a negative length": GET + [("content-length", "-1")],
    "a length and no body": GET + [("content-length", "5")],
    "two hosts": GET + [("host", "localhost"), ("host", "localhost")],
    "another host": GET + [("host", "example.org")],
    "no authority and no host": request_fields(authority=None),
    "an authority with userinfo": request_fields(authority="user@localhost"),
    "an absolute path": request_fields(path="http://localhost/"),
    "a path without slash": request_fields(path="index"),
    "a fragment": request_fields(path="/a#b"),
    "a space in the path": request_fields(path="/a b"),
    "an asterisk for GET": request_fields(path="*"),
    "a path that climbs out": request_fields(path="/../x"),
    "a method that is no token": request_fields(method="G ET"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_requests(connection, what):
    stream = begin(connection, MALFORMED[what])
    assert_stream_error(connection, stream, PROTOCOL_ERROR)


@pytest.mark.parametrize("end, body", [(True, b"four"), (True, b"sixsix"), (False, b"sixsix")])
def test_a_body_of_another_length(connection, end, body):
    stream = begin(connection, request_fields("POST", "/", ("content-length", "5")), end=False)
    connection.body(stream, body, end=end)
    assert_stream_error(connection, stream, PROTOCOL_ERROR)


@pytest.mark.parametrize("field", [(":path", "/"), ("X-A", "1"), ("connection", "close"), ("content-length", "1"), ("host", "x")])
def test_malformed_trailers(connection, field):
    stream = begin(connection, request_fields("POST", "/"), end=False)
    connection.body(stream, b"x", end=False)
    connection.headers([field], stream)
    assert_stream_error(connection, stream, PROTOCOL_ERROR)


def test_trailers_that_do_not_end_the_stream(connection):
    stream = begin(connection, request_fields("POST", "/"), end=False)
    connection.headers([("x-a", "1")], stream, end=False)
    assert_stream_error(connection, stream, PROTOCOL_ERROR)


def test_connect_is_refused(connection):
    stream = begin(connection, [(":method", "CONNECT"), (":authority", "example.org:443")], end=False)
    answer = connection.answer(stream)
    assert answer.status == 501
    assert connection.get("/").status == 200


@pytest.mark.parametrize(
    "fields, status",
    [
        ([("x-a", "a" * 9000)], 431),
        ([("x-a", "a" * 8000)] * 5, 431),
        ([(f"x-{i}", "1") for i in range(101)], 431),
        ([("expect", "200-fine")], 417),
    ],
)
def test_limits_are_those_of_http1(connection, fields, status):
    assert connection.get("/", *fields).status == status
    assert connection.get("/").status == 200


def test_a_method_longer_than_any(connection):
    assert connection.answer(begin(connection, request_fields(method="A" * 21))).status == 501
    assert connection.get("/").status == 200


def test_a_path_longer_than_a_request_line(connection):
    assert connection.get("/" + "a" * 9000).status == 414
    assert connection.get("/").status == 200


def test_goaway_from_the_client(connection):
    stream = connection.request("POST", "/", end=False)
    connection.send(frame(GOAWAY, 0, 0, b"\0" * 8))
    connection.body(stream, b"x")
    assert connection.answer(stream).status == 200, "streams that are open go on"
    connection.end(timeout=5)
    assert connection.goaway in (None, NO_ERROR)
