"""Faults of an application: each row of the table in outrider-python(7), in each model and protocol."""

import pytest

import http2
from client import request
from processes import wait_for
from python_applications import lines_with

# The page, the answer's status or None if it is cut off, and what the log says. Exceptions come with their traceback.
WSGI = [
    ("fails", 500, "ValueError: the handler fails"),
    ("fails-after-start", 500, "ValueError: fails after start_response"),
    ("fails-within", None, "ValueError: fails within the body"),
    ("exc-info-after", None, "ValueError: too late"),
    ("starts-twice", 500, "AssertionError: start_response() was called a second time without exc_info"),
    ("never-starts", 500, "AssertionError: the body came before start_response() was called"),
    ("returns-none", 500, "TypeError: 'NoneType' object is not iterable"),
    ("text-body", 500, "TypeError: the response's body has bytes, not <class 'str'>"),
    ("too-short", None, "the application gave 5 bytes of a Content-Length of 10; the response is cut off"),
    ("too-long", 200, "the application gives more bytes than its Content-Length of 5; the rest is not sent"),
    ("close-fails", 200, "OSError: close() fails"),
    ("bad-head?status", 500, "ValueError: invalid status 'OK'"),
    ("bad-head?status-type", 500, "TypeError: the status is a str, not 200"),
    ("bad-head?status-1xx", 500, "ValueError: invalid status '103 Early Hints'"),
    ("bad-head?line-feed", 500, "ValueError: invalid header ('X-Field', 'a\\r\\nSet-Cookie: b')"),
    ("bad-head?name", 500, "ValueError: invalid header ('X Field', 'a')"),
    ("bad-head?value-type", 500, "TypeError: a header has strings, not 5"),
    ("bad-head?beyond-latin-1", 500, "has characters beyond ISO 8859-1"),
    ("bad-head?pair", 500, "TypeError: a header is a tuple (name, value), not 'X-Field'"),
    ("bad-head?length", 500, "ValueError: invalid header ('Content-Length', 'many')"),
]
ASGI = [
    ("fails", 500, "ValueError: the handler fails"),
    ("fails-within", None, "ValueError: fails within the body"),
    ("fails-after", 200, "ValueError: fails after the response"),
    ("never-starts", 500, "ASGI application returned without starting a response"),
    ("never-completes", None, "ASGI application returned without completing its response"),
    ("too-short", 500, "ValueError: http.response.body: the server refused it"),
    ("too-long", 500, "ValueError: http.response.body: the server refused it"),
]
# What send() raises.
MESSAGES = [
    ("body-first", "RuntimeError"), ("unknown", "RuntimeError"), ("no-dict", "TypeError"), ("status", "TypeError"),
    ("status-1xx", "ValueError"), ("text-header", "TypeError"), ("line-feed", "ValueError"), ("twice", "RuntimeError"),
    ("text-body", "TypeError"),
]


def check_http1(server, page, status):
    with server.connect() as connection:
        connection.send(request("GET", f"/{page}"))
        if status is None:
            head = connection.head()
            connection.end()
            assert head.status == 200 and not head.complete
        else:
            answer = connection.final()
            assert answer.status == status
            assert b"Traceback" not in answer.body and (status == 200 or b"Internal Server Error" in answer.body)


def check_http2(server, page, status):
    with http2.connect(server) as connection:
        answer = connection.get(f"/{page}")
        if status is None:
            assert answer.reset is not None and not answer.ended
        else:
            assert (answer.status, answer.ended) == (status, True)


def check(server, page, status, line):
    before = len(lines_with(server, line))
    check_http1(server, page, status)
    if "sync" not in server.command:
        check_http2(server, page, status)
    wait_for(lambda: len(lines_with(server, line)) > before, lambda: f"no line {line!r}; {server.state()}")
    assert " request=" in lines_with(server, line)[-1]
    assert server.get("/").body == b"Hello"


@pytest.mark.parametrize("page, status, line", WSGI, ids=[row[0] for row in WSGI])
def test_wsgi(wsgi, page, status, line):
    check(wsgi, page, status, line)


@pytest.mark.parametrize("page, status, line", ASGI, ids=[row[0] for row in ASGI])
def test_asgi(asgi, page, status, line):
    check(asgi, page, status, line)


@pytest.mark.parametrize("case, error", MESSAGES)
def test_messages_that_are_refused(asgi, case, error):
    answer = asgi.get(f"/bad-message?{case}")
    assert (answer.status, answer.body) == (200, error.encode())


def test_too_many_bytes_are_cut(wsgi):
    assert wsgi.get("/too-long").body == b"12345"


def test_exc_info_replaces_a_head_that_is_not_sent(wsgi):
    answer = wsgi.get("/exc-info-before")
    assert (answer.status, answer.get("x-replaced"), answer.body) == (503, "yes", b"an error page")


def test_a_traceback_has_its_cause_and_the_request(wsgi):
    wsgi.get("/fails-in-chain", "X-Request-ID: ignored")
    wait_for(lambda: lines_with(wsgi, "RuntimeError: the effect"), wsgi.state)
    ids = {line.rsplit("request=", 1)[1] for line in lines_with(wsgi, "RuntimeError: the effect")}
    for text in (
        "Traceback (most recent call last):",
        "KeyError: 'the cause'",
        "The above exception was the direct cause of the following exception:",
        "in fails_in_chain",
    ):
        found = {line.rsplit("request=", 1)[1] for line in lines_with(wsgi, text)}
        assert ids <= found, text
    # Frames of the plugin itself help nobody.
    assert not lines_with(wsgi, "<outrider:")


def test_a_client_that_leaves_is_no_fault_of_the_application(started):
    for app in ("wsgi_pages:app", "asgi_pages:app"):
        server = started(app, "async", "--threads", "2")
        with server.connect(receive_buffer=4096) as connection:
            connection.socket.send(request("GET", "/blocks?n=100000"))
            connection.read_until(lambda: len(connection.received) > 1000, "first bytes")
            connection.abort()
        with server.connect() as connection:
            connection.send(request("POST", "/echo", "Content-Length: 100000"))
            connection.send(b"a part")
            connection.abort()
        assert server.get("/").body == b"Hello"
        server.stop(timeout=20)


def test_a_body_that_is_too_large_is_413(started):
    for app in ("wsgi_pages:app", "asgi_pages:app"):
        server = started(app, "async", tables="[limits]\nbody = 1000\n")
        assert server.fetch(request("POST", "/echo", body=b"x" * 1001)).status == 413
        chunks = b"".join(b"100\r\n" + b"x" * 256 + b"\r\n" for _ in range(8)) + b"0\r\n\r\n"
        assert server.fetch(request("POST", "/echo", "Transfer-Encoding: chunked") + chunks).status == 413
        assert server.fetch(request("POST", "/echo", body=b"x" * 1000)).status == 200


def test_records_of_logging_and_wsgi_errors_have_the_request(wsgi):
    answer = wsgi.get("/logs")
    assert answer.body == b"Hello"
    for text in ("a line of wsgi.errors", "without an end", "shop: a record of logging"):
        wait_for(lambda text=text: lines_with(wsgi, text), wsgi.state)
    ids = {line.rsplit("request=", 1)[1] for line in lines_with(wsgi, "wsgi.errors")}
    assert ids == {line.rsplit("request=", 1)[1] for line in lines_with(wsgi, "shop: a record of logging")}
    assert "[WARNING]" in lines_with(wsgi, "shop: a record of logging")[-1]


def test_records_of_logging_have_the_request_in_child_tasks(asgi):
    asgi.get("/logs")
    wait_for(lambda: lines_with(asgi, "shop: a record of a child task"), asgi.state)
    ids = {line.rsplit("request=", 1)[1] for line in lines_with(asgi, "shop: a record of logging")}
    assert ids == {line.rsplit("request=", 1)[1] for line in lines_with(asgi, "shop: a record of a child task")}
