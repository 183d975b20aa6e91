"""A connection that will close says so in the head of its last answer (RFC 9112 section 9.6): clients with a pool rely on it."""

import http.client
import time

import pytest

from client import chunked, request
from matrix import WAYS, every_way, keeping_alive
from server import free_port

DRAIN = 64 << 10  # limits.drain

LENGTH = "Content-Length: {}"
CODED = "Transfer-Encoding: chunked"


def length(size):
    return request("POST", "{}", LENGTH.format(size)), b"x" * size


def coded(size, *, trailers=()):
    return request("POST", "{}", CODED), chunked(b"x" * size, trailers=trailers)


# What is sent in the head, what after it, and whether the connection can be kept.
BODIES = {
    "1 byte": (*length(1), True),
    "60000 bytes": (*length(60000), True),
    "as many as are drained": (*length(DRAIN), True),
    "one more than that": (*length(DRAIN + 1), False),
    "400000 bytes": (*length(400000), False),
    "a chunk of 400000 bytes": (*coded(400000), False),
    "chunks whose end is not there": (*coded(10), False),
}


def assert_honest(connection, answer, path="/version"):
    """The connection closes if, and only if, the head has said so."""
    if answer.says_close:
        connection.assert_closed(timeout=5)
        return
    connection.assert_open(within=0.2)
    connection.send(request("GET", path))
    assert connection.final().body == b"HTTP/1.1"


# gthread lends a connection to a handler's thread when the body is there, or much of it.
@pytest.mark.parametrize("way", [way for way in WAYS if (way.model, way.style) != ("gthread", "blocking")], ids=str)
@pytest.mark.parametrize("body", BODIES)
def test_an_answer_before_the_body(reach, way, body):
    """The answer is there before a byte of the body is sent."""
    server = reach(way.demo)
    head, rest, keeps = BODIES[body]
    with server.connect() as connection:
        connection.send(head.replace(b"{}", b"/health"))
        answer = connection.final()
        connection.send(rest)
        assert answer.body == b"OK" and not connection.refused
        assert answer.says_close == (not (keeps and way.keeps_alive))
        assert_honest(connection, answer)


@pytest.mark.parametrize("body", BODIES)
@every_way
def test_an_answer_behind_the_body(reach, way, body):
    """All of it is sent at once; a small one may have come by then, whatever its coding."""
    server = reach(way.demo)
    head, rest, keeps = BODIES[body]
    with server.connect() as connection:
        connection.send(head.replace(b"{}", b"/health") + rest)
        answer = connection.final()
        assert answer.body == b"OK"
        assert answer.says_close or way.keeps_alive and len(rest) <= DRAIN + 100
        assert not answer.says_close or not keeps or not way.keeps_alive
        assert_honest(connection, answer)


@keeping_alive
@pytest.mark.parametrize("trailers", [[], ["X-Sum: abc"]], ids=["none", "trailers"])
def test_a_chunked_body_that_has_come_is_read_away(demo, trailers):
    data = request("POST", "/health", CODED) + chunked(b"x", b"y" * 100, trailers=trailers)
    with demo.connect() as connection:
        for _ in range(5):
            connection.send(data)
            answer = connection.final()
            assert answer.body == b"OK" and not answer.says_close
        assert_honest(connection, answer)


def test_a_malformed_body_that_nobody_reads(demo):
    """It is no request's end, and the head may say so."""
    for spoiled in (b"zz\r\n", b"5;\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n"):
        with demo.connect() as connection:
            connection.send(request("POST", "/health", CODED) + spoiled + request("GET", "/version"))
            (answer,) = connection.end()
            assert answer.status == 400 or answer.says_close, answer.raw


@pytest.mark.parametrize("body", BODIES)
@keeping_alive
def test_answers_of_the_server_itself(own, tmp_path, combination, body):
    """A 404 is no handler's answer, and closes no more than one of those."""
    port = free_port()
    file = tmp_path / "outrider.toml"
    file.write_text(
        f'[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\npath = "{combination.demo}"\nmount = "/app"\n'
    )
    server = own("-c", file, model=combination.model, bind=False, port=port)
    head, rest, keeps = BODIES[body]
    with server.connect() as connection:
        connection.send(head.replace(b"{}", b"/nope"))
        answer = connection.final()
        assert answer.status == 404 and answer.says_close == (not keeps)
        connection.send(rest)
        assert not connection.refused
        assert_honest(connection, answer, "/app/version")


@pytest.mark.parametrize("coding", [LENGTH.format(5), CODED])
def test_a_client_that_still_waits_for_100(demo, coding):
    """Nobody can know whether its body, or its next request, comes."""
    with demo.connect() as connection:
        connection.send(request("POST", "/health", "Expect: 100-continue", coding))
        answer = connection.final()
        assert answer.says_close and not answer.informational
        connection.assert_closed()


@keeping_alive
@pytest.mark.parametrize("size", [5, 300_000])
def test_a_body_that_is_read_costs_no_connection(demo, size):
    """Whatever its length and coding, and whether leave was asked for."""
    body = b"x" * size
    with demo.connect() as connection:
        for fields, data in (
            ([LENGTH.format(size)], body),
            ([CODED], chunked(body)),
            (["Expect: 100-continue", LENGTH.format(size)], body),
            (["Expect: 100-continue", CODED], chunked(body)),
        ):
            # Much of the demo's answer goes out while the rest of the body is to come.
            connection.send(request("POST", "/echo", *fields))
            if fields[0].startswith("Expect"):
                assert connection.informational().status == 100
            connection.send(data)
            answer = connection.final()
            assert answer.body == body and not answer.says_close
        assert_honest(connection, answer)


@keeping_alive
def test_a_body_that_is_left_in_the_midst(misbehaving):
    """Its handler had begun to read when the head went out: the rest is read away, however much it is."""
    for fields, data in (
        ([LENGTH.format(4_000_000)], b"x" * 4_000_000),
        ([CODED], chunked(*[b"x" * 100_000] * 40)),
    ):
        with misbehaving.connect() as connection:
            for _ in range(2):
                connection.send(request("POST", "/body-left", *fields) + data)
                answer = connection.final()
                assert answer.body == b"left\n" and not answer.says_close
            connection.send(request("GET", "/"))
            assert connection.final().body == b"ok"


@keeping_alive
def test_a_client_with_a_pool_loses_nothing(demo):
    """Python's own client: after an unread body the next request on the connection is answered."""
    client = http.client.HTTPConnection(*demo.address, timeout=10)
    try:
        for _ in range(20):
            for path, body, expected in (("/health", b"x" * 100_000, b"OK"), ("/echo", b"small", b"small")):
                client.request("POST", path, body=body)
                assert client.getresponse().read() == expected
    finally:
        client.close()


@keeping_alive
def test_a_larger_limit_keeps_more_connections(shared, combination):
    server = shared(combination.demo, combination.model, "--set", "limits.drain=4MiB")
    with server.connect() as connection:
        for _ in range(3):
            connection.send(request("POST", "/health", body=b"x" * 1_000_000))
            answer = connection.final()
            assert answer.body == b"OK" and not answer.says_close
        assert_honest(connection, answer)


@keeping_alive
def test_no_limit_at_all(shared, combination):
    """limits.drain = 0: nothing is read away, and nothing closes by surprise."""
    server = shared(combination.demo, combination.model, "--set", "limits.drain=0")
    for data in (request("POST", "/health", body=b"x"), request("POST", "/health", CODED) + chunked(b"x")):
        with server.connect() as connection:
            connection.send(data)
            answer = connection.final()
            assert_honest(connection, answer)
    with server.connect() as connection:
        connection.send(request("GET", "/health"))
        answer = connection.final()
        assert not answer.says_close
        time.sleep(0.05)
        assert_honest(connection, answer)


@keeping_alive
def test_a_body_that_is_left_has_the_time_of_one_that_is_read(own, combination):
    """timeouts.body is the time between two parts, not that of the whole."""
    server = own("--set", "timeouts.body=4s", combination.misbehaving, model=combination.model)
    with server.connect() as connection:
        connection.send(request("POST", "/body-left", LENGTH.format(600000)), "POST")
        for _ in range(30):
            connection.send(b"x" * 20000, ())
            time.sleep(0.2)
        assert connection.final().status == 200 and not connection.refused
        connection.send(request("GET", "/"))
        assert connection.final().status == 200
