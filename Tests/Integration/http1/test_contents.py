"""Bodies in both directions: lengths, chunks, unread content, announced content that does not arrive."""

import json
import random
import time
from contextlib import suppress

import pytest

from patterns import file_bytes
import reports
from client import Closed, chunked, request
from matrix import blocking, each_transport, keeping_alive, only
from timing import scaled, seen

BODIES = {
    "0": b"",
    "1": b"a",
    "5": b"hello",
    "64KiB": random.Random(1).randbytes(65536),
    "1MiB": random.Random(2).randbytes(1024 * 1024),
}
BINARY = bytes(range(256))


@pytest.fixture(params=BODIES, ids=str)
def body(request):
    return BODIES[request.param]


def pieces(body, sizes):
    """The body in pieces of these sizes, over and over."""
    start, place, out = 0, 0, []
    while start < len(body):
        out.append(body[start : start + sizes[place % len(sizes)]])
        start += len(out[-1])
        place += 1
    return out


# Requests


@each_transport
def test_echo_of_a_length(demo, body):
    answer = demo.get("/echo", method="POST", body=body)
    assert answer.status == 200 and answer.body == body


def test_echo_over_http_1_0(demo, body):
    answer = demo.get("/echo", method="POST", body=body, version="1.0")
    assert answer.status == 200 and answer.body == body
    assert answer.framing in ("length", "close")


@pytest.mark.parametrize(
    "sizes", [[1 << 20], [1, 2, 3, 255, 256, 257, 4095, 4096, 16384, 70000]], ids=["one", "odd"]
)
def test_echo_of_chunks(demo, body, sizes):
    answer = demo.fetch(
        request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(*pieces(body, sizes))
    )
    assert answer.status == 200 and answer.body == body


@each_transport
@pytest.mark.parametrize("split", ["bytes", "random"])
def test_echo_in_any_split(demo, split):
    for data in (
        request("POST", "/echo", body=BINARY),
        request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(*pieces(BINARY, [1, 7, 100])),
    ):
        answer = demo.fetch(data, split=split)
        assert answer.status == 200 and answer.body == BINARY


@pytest.mark.parametrize(
    "coded",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"005\r\nhello\r\n000\r\n\r\n",
        b"a\r\n0123456789\r\n0\r\n\r\n",
        b"A\r\n0123456789\r\n0\r\n\r\n",
        b"5;name\r\nhello\r\n0;last\r\n\r\n",
        b'5;name=value;other="quoted \\" ; text"\r\nhello\r\n0\r\n\r\n',
        b'5 \t; \tname \t= \tvalue \t; x = "\xe9\\""\r\nhello\r\n0\r\n\r\n',
        b"2\r\nhe\r\n2;x=" + b"y" * 500 + b"\r\nll\r\n1\r\no\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
    ],
    ids=repr,
)
@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED"])
def test_notations_of_chunks(demo, coded, coding):
    answer = demo.fetch(request("POST", "/echo", f"Transfer-Encoding: {coding}") + coded)
    assert answer.status == 200 and answer.body in (b"hello", b"0123456789")


@pytest.mark.parametrize(
    "coded",
    [
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5\r\nhello\r\nzz\r\n",
        b"5\r\nhello\r\n-1\r\n",
        b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=repr,
)
def test_a_spoiled_body_is_never_echoed_whole(demo, coded):
    """The answer may have begun, and is then cut off, perhaps before its first byte was on its way."""
    with demo.connect() as connection:
        connection.send(request("POST", "/echo", "Transfer-Encoding: chunked") + coded + request("GET", "/"))
        answers = connection.end()
    assert len(answers) <= 1, "one request, at most one answer, and the connection is over"
    assert not answers or answers[0].status == 400 or not answers[0].complete


@each_transport
@pytest.mark.parametrize(
    "data",
    [
        request("POST", "/echo", "Content-Length: 10") + b"hello",
        request("POST", "/echo", "Transfer-Encoding: chunked") + b"a\r\nhello",
        request("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
    ],
    ids=repr,
)
def test_a_body_cut_short_is_not_taken_for_whole(demo, data):
    with demo.connect() as connection:
        connection.send(data)
        connection.finish_sending()
        answers = connection.end(timeout=5)
    assert not [a for a in answers if a.status == 200 and a.complete], connection.state()


@each_transport
def test_request_trailers(inspect):
    answer = inspect.fetch(
        request("POST", "/", "Transfer-Encoding: chunked", "Trailer: X-Sum, x-two")
        + chunked(b"hello", trailers=["X-Sum: abc", "x-two:  2 "])
    )
    assert json.loads(answer.body)["trailers"] == [["X-Sum", "abc"], ["x-two", "2"]]


@pytest.mark.parametrize("length", [0, 1, 5000, 100000])
def test_reading_past_the_end(misbehaving, combination, length):
    report = reports.read(misbehaving.get("/read-twice", method="POST", body=b"x" * length).body)
    if combination.style == "blocking":
        assert report == {
            "capacity-0": reports.E_INVALID,
            "read": 0,
            "total": length,
            "again-1.status": 0,
            "again-1.got": 0,
            "again-2.status": 0,
            "again-2.got": 0,
        }
    else:
        assert report == {
            "total": length,
            "again-1.status": reports.E_STATE,
            "again-2.status": reports.E_STATE,
        }


# Keep-alive


def assert_kept(connection):
    connection.send(request("GET", "/health"))
    assert connection.final().body == b"OK"


@pytest.mark.parametrize(
    "fields", [[], ["Connection: keep-alive"], ["Connection: foo, bar"], ["Connection:"]], ids=str
)
def test_1_1_stays_open(demo, combination, fields):
    with demo.connect() as connection:
        connection.send(request("GET", "/", *fields))
        answer = connection.final()
        assert answer.body == b"Hello, Outrider!"
        if combination.keeps_alive:
            assert not answer.says_close
            connection.assert_open()
            assert_kept(connection)
        else:
            assert answer.says_close, "sync ends the connection, and says so"
            connection.assert_closed()


@pytest.mark.parametrize(
    "fields",
    [
        ["Connection: close"],
        ["connection: CLOSE"],
        ["Connection: foo, close"],
        ["Connection: close,keep-alive"],
        ["Connection: foo", "Connection: , close ,"],
    ],
    ids=str,
)
def test_close_is_obeyed(demo, fields):
    with demo.connect() as connection:
        connection.send(request("GET", "/", *fields))
        answer = connection.final()
        assert answer.body == b"Hello, Outrider!" and answer.says_close
        connection.assert_closed()


# A blocking handler's thread sends by itself under async, and the loop closes.
@only(lambda combination: combination.model != "async" or combination.style == "event")
def test_the_end_comes_with_the_last_bytes(demo):
    def packets():
        with demo.connect() as connection:
            before = connection.packets
            connection.send(request("GET", "/", "Connection: close"))
            assert connection.final().body == b"Hello, Outrider!"
            connection.assert_closed()
            return connection.packets - before

    seen(packets, lambda count: count <= 2)  # an acknowledgement, and the answer with the end


@blocking
def test_an_answer_does_not_wait_for_its_handler(misbehaving):
    def took(fields):
        assert misbehaving.get("/").body == b"ok", "sync takes one after the other"
        with misbehaving.connect() as connection:
            connection.send(request("GET", "/tarry", *fields))
            assert connection.final().body == b"answered\n"
            return time.monotonic() - connection.opened

    for fields in ([], ["Connection: close"]):
        seen(lambda fields=fields: took(fields), lambda seconds: seconds < scaled(1))  # it returns after two


@pytest.mark.parametrize("fields", [[], ["Connection: foo"], ["Keep-Alive: timeout=5"]], ids=str)
def test_1_0_is_closed(demo, fields):
    with demo.connect() as connection:
        connection.send(request("GET", "/", *fields, version="1.0"))
        assert connection.final().body == b"Hello, Outrider!"
        connection.assert_closed()


@pytest.mark.parametrize(
    "field", ["Connection: keep-alive", "connection: Keep-Alive", "Connection: foo, keep-alive"]
)
def test_1_0_keep_alive(demo, combination, field):
    with demo.connect() as connection:
        connection.send(request("GET", "/", field, version="1.0"))
        answer = connection.final()
        assert answer.body == b"Hello, Outrider!"
        if combination.keeps_alive:
            assert (answer.get("connection") or "").lower() == "keep-alive", "HTTP/1.0 must be told"
            assert answer.framing == "length"
            assert_kept(connection)
        else:
            assert answer.says_close or answer.get("connection") is None
            connection.assert_closed()


def test_1_0_keep_alive_ends_where_the_length_is_unknown(demo, combination):
    with demo.connect() as connection:
        connection.send(request("GET", "/stream", "Connection: keep-alive", version="1.0"))
        answer = connection.final()
        assert answer.framing == "close" and len(answer.body) == 80
        assert "keep-alive" not in (answer.get("connection") or "").lower()
        if combination.keeps_alive:
            # It was not the client who wanted the end: what it sends late resets nothing.
            connection.assert_closed()
            for _ in range(3):
                connection.send(request("GET", "/health", version="1.0"))
                time.sleep(0.01)
            assert not connection.refused


@each_transport
@keeping_alive
def test_an_idle_connection_is_closed_in_silence(shared, combination):
    server = shared(combination.demo, combination.model, "--set", "timeouts.keepalive=300ms")
    with server.connect() as connection:
        asked = time.monotonic()
        connection.send(request("GET", "/"))
        answer = connection.final()
        connection.assert_closed(timeout=3)
        assert connection.parser.now - asked >= 0.25
        assert connection.messages == [answer]


# Pipelining


@each_transport
@pytest.mark.parametrize("split", ["whole", "bytes", "random"])
def test_ten_in_one_go(demo, combination, split):
    with demo.connect() as connection:
        connection.send(b"".join(request("GET", f"/page-{i}") for i in range(10)), split=split)
        answers = [connection.final() for _ in range(10 if combination.keeps_alive else 1)]
        if not combination.keeps_alive:
            connection.assert_closed()
    assert [a.get("x-request-path") for a in answers] == [f"/page-{i}" for i in range(len(answers))]


@each_transport
def test_pipelined_bodies(demo, combination):
    data = b"".join(
        [
            request("POST", "/echo", body=b"first"),
            request("GET", "/health"),
            request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(b"sec", b"ond"),
            request("HEAD", "/"),
            request("POST", "/echo", body=b""),
            request("GET", "/method"),
        ]
    )
    with demo.connect() as connection:
        connection.send(data, ["POST", "GET", "POST", "HEAD", "POST", "GET"])
        if not combination.keeps_alive:
            assert connection.final().body == b"first"
            connection.assert_closed()
            return
        assert [connection.final().body for _ in range(6)] == [b"first", b"OK", b"second", b"", b"", b"GET"]


@each_transport
@keeping_alive
def test_the_slow_one_comes_first(demo):
    with demo.connect() as connection:
        connection.send(request("GET", "/delay?s=0.3") + request("GET", "/health"))
        slow, fast = connection.final(), connection.final()
    assert slow.get("x-request-path") == "/delay" and fast.body == b"OK"


@each_transport
def test_a_close_ends_the_pipeline(demo):
    with demo.connect() as connection:
        connection.send(request("GET", "/", "Connection: close") + request("GET", "/health"))
        assert connection.final().body == b"Hello, Outrider!"
        connection.assert_closed()


# What is not read


@pytest.mark.parametrize("size", [1, 1000, 60000])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_an_unread_body_is_read_away(demo, combination, size, coding):
    body = b"GET / HTTP/1.1\r\n"[:size] + b"x" * max(0, size - 16)
    first = (
        request("POST", "/health", body=body)
        if coding == "length"
        else request("POST", "/health", "Transfer-Encoding: chunked") + chunked(*pieces(body, [1, 999, 5000]))
    )
    with demo.connect() as connection:
        connection.send(first + request("GET", "/version"))
        answer = connection.final()
        assert answer.body == b"OK"
        # The end of the chunks may not have arrived: the amount to discard is then unknown.
        is_announced = coding == "chunked" and size == 60000 and answer.get("connection") == "close"
        if combination.keeps_alive and not is_announced:
            assert connection.final().body == b"HTTP/1.1"
            connection.assert_open()
        else:
            connection.assert_closed()


@each_transport
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_a_long_unread_body_ends_the_connection(demo, coding):
    body = b"x" * 400000
    first = (
        request("POST", "/health", body=body)
        if coding == "length"
        else request("POST", "/health", "Transfer-Encoding: chunked") + chunked(body)
    )
    with demo.connect() as connection:
        connection.send(first + request("GET", "/version"))
        assert connection.final().body == b"OK", "the answer must not be lost"
        assert connection.end() == [], "nothing behind a body that was not read may be answered"


@each_transport
def test_a_spoiled_unread_body_ends_the_connection(demo):
    with demo.connect() as connection:
        connection.send(
            request("POST", "/health", "Transfer-Encoding: chunked") + b"zz\r\n\r\n" + request("GET", "/")
        )
        answers = connection.end()
    assert len(answers) == 1 and answers[0].status in (200, 400)


@each_transport
def test_a_handler_that_never_reads(misbehaving):
    answer = misbehaving.get("/body-unread", method="POST", body=b"x" * 5000)
    assert answer.status == 200 and answer.body == b"unread\n"


# Expect


@each_transport
@pytest.mark.parametrize("expectation", ["100-continue", "100-Continue"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_100_when_the_body_is_read(demo, expectation, coding):
    length = "Content-Length: 5" if coding == "length" else "Transfer-Encoding: chunked"
    with demo.connect() as connection:
        connection.send(request("POST", "/echo", f"Expect: {expectation}", length))
        assert connection.informational().raw == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.assert_open(within=0.05)
        connection.send(b"hello" if coding == "length" else chunked(b"hello"))
        assert connection.final().body == b"hello"


@pytest.mark.parametrize("path, body", [("/health", b"OK"), ("/delay?s=0.1", None)])
def test_no_100_when_nobody_reads(demo, path, body):
    with demo.connect() as connection:
        connection.send(request("POST", path, "Expect: 100-continue", "Content-Length: 5"))
        answer = connection.final()
        assert answer.status == 200 and not answer.informational
        assert body is None or answer.body == body
        connection.send(b"hello" + request("GET", "/version"))  # the client had better sent its body
        with suppress(Closed):  # which is as right
            assert connection.final(timeout=2).body == b"HTTP/1.1"


def test_no_100_to_http_1_0(demo):
    answer = demo.get("/echo", "Expect: 100-continue", method="POST", version="1.0", body=b"hello")
    assert answer.status == 200 and answer.body == b"hello" and not answer.informational


@each_transport
def test_at_most_one_100(demo):
    answer = demo.fetch(request("POST", "/echo", "Expect: 100-continue", body=b"x" * 100000))
    assert answer.body == b"x" * 100000
    assert [m.status for m in answer.informational] in ([], [100])


@pytest.mark.parametrize("expectation", ["pineapple", "200-ok", "100-continue-please"])
def test_other_expectations(demo, expectation):
    with demo.connect() as connection:
        connection.send(request("POST", "/echo", f"Expect: {expectation}", "Content-Length: 5"))
        answer = connection.final()
    assert answer.status == 417 and not answer.informational


# Answers


@each_transport
@pytest.mark.parametrize("te", ["TE: trailers", "te: deflate;q=0.5, Trailers"])
def test_response_trailers(misbehaving, te):
    log = reports.LogReport(misbehaving)
    answer = misbehaving.get("/trailers", te, "Connection: TE")
    assert answer.framing == "chunked" and answer.body == b"body\n"
    assert [(name.lower(), value) for name, value in answer.trailers] == [("x-checksum", "abc")]
    assert log.wait("before-start", "bad-value", "framing", "trailers", "twice", "write") == {
        "before-start": reports.E_STATE,
        "bad-value": reports.E_INVALID,
        "framing": reports.E_INVALID,
        "trailers": reports.OK,
        "twice": reports.E_STATE,
        "write": reports.E_STATE,
    }


@pytest.mark.parametrize(
    "fields, version", [([], "1.1"), (["TE: deflate"], "1.1"), (["TE: trailers"], "1.0")]
)
def test_no_trailers_to_who_does_not_want_them(misbehaving, fields, version):
    log = reports.LogReport(misbehaving)
    answer = misbehaving.get("/trailers", *fields, version=version)
    assert answer.body == b"body\n" and not answer.trailers and answer.complete
    assert log.wait("trailers", "twice") == {"trailers": reports.SKIPPED, "twice": reports.E_STATE}


def test_more_than_content_length(misbehaving):
    log = reports.LogReport(misbehaving)
    with misbehaving.connect() as connection:
        connection.send(request("GET", "/too-many", "Connection: close"))
        answer = connection.final()
        connection.assert_closed()
    assert answer.get("content-length") == "5" and answer.body == b"12345"
    assert log.wait("too-many", "exact") == {"too-many": reports.E_INVALID, "exact": reports.OK}


@each_transport
def test_less_than_content_length(misbehaving, combination):
    log = reports.LogReport(misbehaving)
    with misbehaving.connect() as connection:
        connection.send(request("GET", "/too-few") + request("GET", "/"))
        answers = connection.end(timeout=3)
    assert len(answers) <= 1
    for answer in answers:
        assert answer.get("content-length") == "10"
        assert not answer.complete and b"12345".startswith(answer.body), (
            "the client must see that it is cut off"
        )
    if combination.style == "event":
        assert log.wait("too-few") == {"too-few": reports.E_INVALID}


@each_transport
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_sendfile(misbehaving, version):
    answer = misbehaving.get("/sendfile", version=version)
    assert answer.get("content-length") == "300000" and answer.body == file_bytes(300000)


@each_transport
@keeping_alive
def test_sendfile_leaves_the_connection_in_order(misbehaving):
    with misbehaving.connect() as connection:
        connection.send(
            request("GET", "/sendfile")
            + request("GET", "/")
            + request("HEAD", "/sendfile")
            + request("GET", "/"),
            ["GET", "GET", "HEAD", "GET"],
        )
        assert [len(connection.final().body) for _ in range(4)] == [300000, 2, 0, 2]


@each_transport
def test_a_file_shorter_than_said(misbehaving):
    with misbehaving.connect() as connection:
        connection.send(request("GET", "/sendfile-short") + request("GET", "/"))
        answers = connection.end(timeout=3)
    assert len(answers) <= 1
    if answers:
        assert answers[0].get("content-length") == "2000" and not answers[0].complete
        assert file_bytes(1000).startswith(answers[0].body)


@each_transport
def test_a_small_window_gets_it_all(demo):
    with demo.connect(receive_buffer=200000) as connection:
        connection.send(request("GET", "/large", "Connection: close"))
        assert connection.final().body == b"X" * (1024 * 1024)


@each_transport
@pytest.mark.parametrize("path", ["/large", "/stream", "/early-hints", "/delay?s=0.1"])
def test_an_answer_never_reaches_another_client(demo, path):
    """A connection may reuse the record of one that has left, but gets no bytes of it."""
    for place in range(40):
        with demo.connect() as leaving:
            leaving.send(request("GET", path))
            if place % 2:
                leaving.abort()
        with demo.connect() as connection:
            connection.send(request("GET", "/health", "Connection: close"))
            answer = connection.final()
            assert answer.get("x-request-path") == "/health" and answer.body == b"OK"
            connection.assert_closed()
        assert connection.messages == [answer]


@pytest.mark.parametrize("data", [request("GET", "/body"), request("POST", "/body", body=b"x" * 65536)], ids=["none", "some"])
def test_a_reader_whose_client_has_closed_its_side(misbehaving, data):
    """The end of the body is told, whether the end of the stream comes with it or later: no handler waits for ever."""
    for _ in range(20):
        with misbehaving.connect() as connection:
            connection.send(data)
            connection.finish_sending()
            assert len(connection.end(timeout=5)) <= 1
