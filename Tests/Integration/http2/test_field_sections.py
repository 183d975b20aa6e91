"""Heads and trailers over HTTP/2 of every size around every capacity: a plugin sees exactly the fields that were sent.

Streams stay open until all heads of a connection are in, so that each has a record, and memory, of its own; servers are
the tests' own where that has to be memory that has not grown. Contents differ from request to request: a byte of another
one shows.
"""

import itertools
import json

import pytest

from field_sections import Request, content, differences, open_stream
from http2 import Literal, connect
from matrix import H2C, http2, http2_ways

SIZES = [
    *range(512, 1101), *range(2040, 2057), *range(4088, 4105), *range(8180, 8201), *range(16380, 16391),
    *range(24000, 32000, 1999),
]  # fmt: skip
# What else counts as the head's is a matter of bookkeeping: these may be refused, but not misread.
NEARLY_TOO_LARGE = range(32000, 32800, 23)
STREAMS = 100


def assert_told(server, requests, refusals=()):
    """All at once, in batches of as many streams as a connection may have: each is reported as it was sent, or refused with
    one of these statuses."""
    wrong = {}
    connections = []
    for start in range(0, len(requests), STREAMS):
        connection = connect(server)
        connection.encoder = Literal()
        connection.ping()
        connections.append((connection, [(r, r.begin(connection)) for r in requests[start : start + STREAMS]]))
    for connection, streams in connections:
        for request, stream in streams:
            request.finish(connection, stream)
    for connection, streams in connections:
        with connection:
            for request, stream in streams:
                answer = connection.answer(stream)
                if answer.status not in refusals and (fault := differences(answer, request.told)):
                    wrong[request.path] = fault
    assert not wrong, f"{len(wrong)} of {len(requests)} requests wrong, such as {dict(itertools.islice(wrong.items(), 5))}"


@pytest.fixture
def fresh(own, authority, way):
    """A server whose worker has served nothing."""
    options = {"tls": authority} if way.tls else {"h2c": True}
    server = own(way.inspect, model=way.model, **options)
    (worker,) = server.workers()
    yield server
    assert server.workers() == [worker], server.state()


# Heads


@http2_ways
@pytest.mark.parametrize("kind", ["authority", "host", "both"])
def test_heads_of_every_size(fresh, kind):
    assert_told(fresh, [Request(kind, size) for size in SIZES])
    assert_told(fresh, [Request(kind, size) for size in NEARLY_TOO_LARGE], refusals=[431])


@http2_ways
def test_heads_of_every_size_after_larger_ones(reach, way):
    """The former content of grown memory belongs to no request."""
    server = reach(way.inspect, H2C)
    assert_told(server, [Request("host", size) for size in SIZES[::-40]])
    assert_told(server, [Request("authority", size) for size in SIZES[::13]])


@http2
def test_what_the_demo_sees(own, combination):
    """Heads of browsers, without a body, on a worker that is new: none is refused, and none is another's."""
    server = own(combination.demo, model=combination.model, h2c=True)
    for batch in range(4):
        with connect(server) as connection:
            connection.encoder = Literal()
            requests = [Request("authority", 1026 - batch * 25 - i % 25) for i in range(50)]
            streams = [(r, open_stream(connection, get(r), end=True)) for r in requests]
            for request, stream in streams:
                answer = connection.answer(stream)
                assert answer.status == 200, (request.path, answer)
                assert answer.get("x-request-path") == "/headers"
                assert json.loads(answer.body) == {name: value for name, value in request.told["headers"]}


def get(request):
    replaced = {":method": "GET", ":scheme": "http", ":path": f"/headers?{request.query}"}
    return [(name, replaced.get(name, value)) for name, value in request.pseudo] + request.fields


# Trailers


@http2_ways
def test_trailers_of_every_size(fresh):
    assert_told(fresh, [Request("trailers", size) for size in SIZES])
    nearly_too_large = [Request("trailers", size) for size in NEARLY_TOO_LARGE]
    assert_told(fresh, nearly_too_large, refusals=[431, 400])  # 400: the plugin's


# Cookies


def cookies(crumbs, between=False):
    """The crumbs as fields; between: with another field behind each."""
    fields = []
    for place, crumb in enumerate(crumbs):
        fields.append(("cookie", crumb))
        if between:
            fields.append((f"x-{place}", f"between {place}"))
    return fields


def assert_joined(connection, crumbs_of_streams, between=False):
    """One cookie field where the first crumb stood, with all of them (RFC 9113 section 8.2.3)."""
    streams = [connection.request("GET", "/", *cookies(crumbs, between)) for crumbs in crumbs_of_streams]
    for crumbs, stream in zip(crumbs_of_streams, streams, strict=True):
        answer = connection.answer(stream)
        assert answer.status == 200, (crumbs, answer, connection.state())
        others = [list(pair) for pair in cookies(crumbs, between) if pair[0] != "cookie"]
        told = json.loads(answer.body)["headers"]
        assert told == [["host", "localhost"], ["cookie", "; ".join(crumbs)], *others], crumbs


@http2_ways
def test_an_empty_crumb_before_another(reach, way):
    with connect(reach(way.inspect, H2C)) as connection:
        assert_joined(connection, [["", "a=b"]])


@http2_ways
@pytest.mark.parametrize("between", [False, True], ids=["together", "apart"])
def test_empty_crumbs_anywhere(reach, way, between):
    every = [list(p) for count in range(1, 5) for p in itertools.product(["", "a=1", "b"], repeat=count)]
    with connect(reach(way.inspect, H2C)) as connection:
        connection.ping()
        for start in range(0, len(every), STREAMS):
            assert_joined(connection, every[start : start + STREAMS], between)


@http2
@pytest.mark.parametrize("path", ["/headers", "/", "/echo"])
def test_an_empty_crumb_and_the_demo(h2_demo, path):
    with connect(h2_demo) as connection:
        answer = connection.get(path, ("cookie", ""), ("cookie", "a=b"))
        assert answer.status == 200, connection.state()
        if path == "/headers":
            assert json.loads(answer.body)["cookie"] == "; a=b"


@http2_ways
@pytest.mark.parametrize("between", [False, True], ids=["together", "apart"])
def test_many_crumbs(reach, way, between):
    """6 to 7 KB of cookies are one field, whatever stands between them; more crumbs than fields are allowed likewise."""
    with connect(reach(way.inspect, H2C)) as connection:
        connection.encoder = Literal()
        for count in range(24, 29):
            assert_joined(connection, [[f"c{i:02}={content(f'{count}v{i}', 246)}" for i in range(count)]], between)
        assert_joined(connection, [[f"{i}=c" for i in range(300)]])


@http2_ways
@pytest.mark.parametrize("between", [False, True], ids=["together", "apart"])
def test_a_cookie_that_is_too_long(reach, way, between):
    """The joined field counts, not its crumbs."""
    with connect(reach(way.inspect, H2C)) as connection:
        connection.encoder = Literal()
        for count, size, status in [(33, 245, 200), (33, 252, 431), (40, 250, 431), (2, 4060, 200), (2, 4110, 431)]:
            crumbs = [f"c{i:02}=".ljust(size, "v") for i in range(count)]
            answer = connection.get("/", *cookies(crumbs, between))
            assert answer.status == status, (count, size)
            if status == 200:
                assert ["cookie", "; ".join(crumbs)] in json.loads(answer.body)["headers"]
        assert_joined(connection, [["a=1", "b=2"]])
