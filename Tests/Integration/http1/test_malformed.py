"""Malformed requests get one answer and a closed connection, in every split, and the worker survives.

The inspect plugin answers once it has the whole body: so what is wrong in a body comes before its answer.
"""

import base64
import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from client import SPLITS, Timeout, chunked, request
from malformed import LIMITS, SMUGGLED, TABLES
from matrix import INSPECT
from timing import scaled

AT_ONCE = 8


def fault(server, case, split):
    """What is wrong with how the request is refused, or None."""
    try:
        assert_refused(server, case, split)
    except Exception as found:  # whatever it is, it is this request's
        return f"{case}: {type(found).__name__}: {found}"
    return None


def assert_refused(server, case, split):
    with server.connect(timeout=5) as connection:
        connection.send(case.data + SMUGGLED, "GET", split=split)
        answers = connection.end()
    assert len(answers) == 1, f"one answer and no more; {connection.state()}"
    assert answers[0].status in case.status, f"{answers[0].raw!r}{answers[0].body!r}"
    assert answers[0].complete and answers[0].says_close
    assert not connection.parser.rest and connection.messages == answers
    assert not connection.reset, "a reset may take the answer from the client"
    assert server.get("/after").status == 200


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("table", TABLES)
def test_refused(inspect, table, split):
    """Most of the time is waited, between the pieces: several at a time."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        faults = list(filter(None, threads.map(lambda case: fault(inspect, case, split), TABLES[table])))
    assert not faults, f"{len(faults)} of {len(TABLES[table])}:\n" + "\n".join(faults)


@pytest.mark.parametrize("case", [case for case in LIMITS if case.name != "101 fields"], ids=str)
def test_limits_do_not_wait_for_the_end(inspect, case):
    """Part of a head can be too much already: the answer comes although the head is not at its end."""
    with inspect.connect(timeout=3) as connection:
        connection.send(case.data.rstrip(b"\r\n"), "GET")
        assert connection.final().status in case.status


def test_the_refusal_is_the_servers_own(demo):
    """A plugin never sees a malformed head; its answers all carry x-request-path."""
    answer = demo.fetch(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert answer.status == 400 and answer.get("x-request-path") is None


# Limits that need a server of their own


@pytest.fixture
def short_of_time(shared, model):
    """Within its time a client that stands still for a while sends all the same."""
    settings = ("timeouts.head=3s", "timeouts.body=500ms", "timeouts.keepalive=500ms")
    return shared(INSPECT, model, *[word for setting in settings for word in ("--set", setting)])


@pytest.mark.parametrize(
    "data", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: y"], ids=repr
)
def test_a_head_that_does_not_come(short_of_time, data):
    with short_of_time.connect() as connection:
        connection.send(data, "GET")
        answer = connection.final()
        assert answer.status == 408 and answer.says_close
        assert 2.9 <= answer.at - connection.opened <= scaled(9), "by default it is ten seconds"
        connection.assert_closed()


def test_a_head_that_dribbles(short_of_time):
    """The deadline is for the whole head: each byte does not buy more time."""
    with short_of_time.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET")
        for _ in range(90):
            if connection.finals or connection.ended:
                break
            connection.send(b"y", [])
            with suppress(Timeout):
                connection.read_until(lambda: connection.finals, "an answer", timeout=0.02)  # at the most five times that
        assert connection.finals, "as long as bytes come"
        answer = connection.final()
    assert answer.status == 408
    assert answer.at - connection.opened >= 2.9


def test_a_body_that_does_not_come(short_of_time):
    with short_of_time.connect() as connection:
        connection.send(request("POST", "/", "Content-Length: 10") + b"hello")
        answers = connection.end()
    assert [answer.status for answer in answers] in ([408], [])
    assert connection.parser.now - connection.opened >= 0.4


def test_one_who_says_nothing_is_let_go(short_of_time):
    """A connection without a request."""
    with short_of_time.connect() as connection:
        answers = connection.end()
    assert [answer.status for answer in answers] in ([], [408])


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("coding", ["length", "chunked", "one chunk"])
def test_a_body_over_the_limit(shared, model, coding, split):
    server = shared(INSPECT, model, "--set", "limits.body=1KiB")
    body = b"x" * 1500
    data = {
        "length": request("POST", "/", body=body),
        "chunked": request("POST", "/", "Transfer-Encoding: chunked") + chunked(*[b"x" * 100] * 15),
        "one chunk": request("POST", "/", "Transfer-Encoding: chunked") + chunked(body),
    }[coding]
    with server.connect() as connection:
        connection.send(data + SMUGGLED, "POST", split=split)
        answers = connection.end()
    assert [answer.status for answer in answers] == [413]
    assert json.loads(server.get("/", method="POST", body=b"x" * 1024).body)["body_b64"]


SMALL = ("limits.request_line=1KiB", "limits.field_size=1KiB", "limits.head=2KiB", "limits.fields=5")


@pytest.mark.parametrize(
    "data, status",
    [
        (request("GET", "/" + "a" * 1200), 414),
        (request("GET", "/", "X: " + "a" * 1200), 431),
        (request("GET", "/", *[f"X-{i}: y" for i in range(5)]), 431),
        (request("GET", "/", *[f"X-{i}: {'a' * 700}" for i in range(3)]), 431),
        (request("GET", "/" + "a" * 900, *[f"X-{i}: {'a' * 230}" for i in range(4)]), 200),
    ],
    ids=["request_line", "field_size", "fields", "head", "all within"],
)
def test_limits_are_settings(shared, model, data, status):
    server = shared(INSPECT, model, *[word for setting in SMALL for word in ("--set", setting)])
    with server.connect() as connection:
        connection.send(data)
        assert connection.final().status == status


# What is unusual and right


def inspected(server, data, split="whole", method=None):
    answer = server.fetch(data, method, split)
    assert answer.status == 200, f"{answer.raw!r}{answer.body!r}"
    return json.loads(answer.body)


@pytest.fixture(params=SPLITS)
def split(request):
    return request.param


def test_an_ordinary_request(inspect, split):
    seen = inspected(
        inspect, request("POST", "/a/b?c=d", "Accept: */*", "X-Two: 1", "x-two: 2", body=b"\0\xff"), split
    )
    assert (seen["method"], seen["target"], seen["version"]) == ("POST", "/a/b?c=d", "HTTP/1.1")
    assert (seen["scheme"], seen["authority"], seen["client"]) == ("http", "localhost", "127.0.0.1")
    assert seen["headers"] == [
        ["Host", "localhost"],
        ["Accept", "*/*"],
        ["X-Two", "1"],
        ["x-two", "2"],
        ["Content-Length", "2"],
    ]
    assert base64.b64decode(seen["body_b64"]) == b"\0\xff" and seen["trailers"] == []


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", {"method": "GET"}),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", {"method": "get"}),
        (b"ABCDEFGHIJKLMNOPQRST / HTTP/1.1\r\nHost: a\r\n\r\n", {"method": "ABCDEFGHIJKLMNOPQRST"}),
        (b"M-SEARCH!#$%&'*+.^`| / HTTP/1.1\r\nHost: a\r\n\r\n", {"method": "M-SEARCH!#$%&'*+.^`|"}),
        (b"GET / HTTP/1.0\r\n\r\n", {"version": "HTTP/1.0", "authority": "", "headers": []}),
        (
            b"GET /?a?b=c/d&e=%00 HTTP/1.1\r\nHost: a\r\n\r\n",
            {"target": "/?a?b=c/d&e=%00", "query": "a?b=c/d&e=%00"},
        ),
        (b"GET //a//b HTTP/1.1\r\nHost: a\r\n\r\n", {"target": "//a//b"}),
        (b"GET /a%20b%2541 HTTP/1.1\r\nHost: a\r\n\r\n", {"target": "/a%20b%2541", "path": "/a b%41"}),
        (
            b"GET http://example.org/x?y HTTP/1.1\r\nHost: example.org\r\n\r\n",
            {"target": "http://example.org/x?y", "authority": "example.org", "path": "/x", "query": "y"},
        ),
        (b"GET http://example.org:81/x HTTP/1.1\r\nHost: other.org\r\n\r\n", {"authority": "example.org:81"}),
        (b"GET http://example.org HTTP/1.1\r\nHost: example.org\r\n\r\n", {"path": "/"}),
        (b"GET HTTP://EXAMPLE.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", {"path": "/", "scheme": "http"}),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {"method": "OPTIONS", "target": "*", "path": "*"}),
        (b"GET / HTTP/1.1\r\nhOST: a:8000\r\n\r\n", {"authority": "a:8000", "headers": [["hOST", "a:8000"]]}),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", {"authority": "[::1]:8000"}),
        (b"GET / HTTP/1.1\r\nHost: a-b.c_d~e%41\r\n\r\n", {"authority": "a-b.c_d~e%41"}),
        (
            b"GET / HTTP/1.1\r\nHost:a\r\nX:\t y \t \r\nY:\r\nZ: \t\r\n\r\n",
            {"headers": [["Host", "a"], ["X", "y"], ["Y", ""], ["Z", ""]]},
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nX: a\tb  c\xe9\x80\r\n\r\n",
            {"headers": [["Host", "a"], ["X", "a\tb  c\xe9\x80"]]},
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^`|~9z: 1\r\n\r\n",
            {"headers": [["Host", "a"], ["!#$%&'*+-.^`|~9z", "1"]]},
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
            {"headers": [["Host", "a"], ["Cookie", "a=1"], ["Cookie", "b=2"]]},
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            {"method": "GET"},
        ),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", {"method": "GET", "version": "HTTP/1.1"}),
        (b"GET / HTTP/1.9\r\nHost: a\r\n\r\n", {"method": "GET", "version": "HTTP/1.1"}),
        (b"A" * 20 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", {"method": "A" * 20}),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", {"body_b64": ""}),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", {"body_b64": "aGVsbG8="}),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\n",
            {"body_b64": "aGVsbG8=", "trailers": [["T", "1"]]},
        ),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, bytes) else "",
)
def test_accepted(inspect, data, expected, split):
    seen = inspected(inspect, data, split)
    assert {name: seen[name] for name in expected} == expected


def test_underscores_are_dropped(inspect):
    seen = inspected(
        inspect,
        request("POST", "/", "X_Forwarded_For: 192.0.2.1", "Content_Length: 3", "X-Good: 1", body=b"hello"),
    )
    assert [name for name, _ in seen["headers"]] == ["Host", "X-Good", "Content-Length"]
    assert base64.b64decode(seen["body_b64"]) == b"hello"


def test_up_to_the_limits(inspect, split):
    fields = [f"X-{i}: {'a' * 200}" for i in range(98)]
    seen = inspected(inspect, request("GET", "/" + "a" * 8000, *fields), split)
    assert len(seen["target"]) == 8001 and len(seen["headers"]) == 99
    seen = inspected(inspect, request("GET", "/", "X: " + "a" * 8000), split)
    assert len(seen["headers"][1][1]) == 8000


def test_connect_is_no_malformed_request(demo):
    """An authority is the right target for CONNECT; there is just nothing to connect to here."""
    answer = demo.fetch(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
    assert answer.status in (404, 405, 501)


def test_an_end_in_the_middle_of_a_head(inspect):
    with inspect.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n", "GET")
        connection.socket.shutdown(socket.SHUT_WR)
        answers = connection.end(timeout=3)
    assert [answer.status for answer in answers] in ([], [400])


def test_garbage(inspect):
    for seed in range(20):
        with inspect.connect() as connection:
            connection.send(b"\x81" + random.Random(seed).randbytes(2000), "GET")
            connection.finish_sending()
            answers = connection.end(timeout=3)
        assert [answer.status for answer in answers] in ([400], [414]), f"seed {seed}"


def test_many_bad_ones_do_not_wear_the_worker_out(inspect):
    for _ in range(200):
        assert inspect.fetch(b"GET / HTTP/1.1\r\n\r\n").status == 400
    assert inspect.get("/").status == 200
