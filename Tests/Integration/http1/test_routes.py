"""Every route of the demo plugins: the same answers in each worker model, plugin style and HTTP version."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

import pytest

from client import chunked, request
from matrix import each_transport
from timing import scaled, seen

VERSIONS = ("1.1", "1.0")
DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d:\d\d GMT"
)


@pytest.fixture(params=VERSIONS, ids="http{}".format)
def version(request):
    return request.param


def assert_demo_answer(answer, status, path, method="GET"):
    """What every answer of the demo plugins has."""
    assert answer.status == status, answer.raw
    assert answer.get("x-request-path") == path
    assert answer.get("x-request-method") == method
    assert DATE.fullmatch(answer.get("date") or ""), answer.raw


@pytest.mark.parametrize(
    "path, body, content_type",
    [
        ("/", b"Hello, Outrider!", "text/plain"),
        ("/health", b"OK", "text/plain"),
        ("/method", b"GET", "text/plain"),
    ],
)
def test_text(demo, version, path, body, content_type):
    answer = demo.get(path, version=version)
    assert_demo_answer(answer, 200, path)
    assert answer.body == body
    assert answer.get("content-length") == str(len(body))
    assert answer.get("content-type").split(";")[0] == content_type


@pytest.mark.parametrize("path, content_type", [("/style.css", "text/css"), ("/app.js", "text/javascript")])
def test_assets(demo, version, path, content_type):
    answer = demo.get(path, version=version)
    assert_demo_answer(answer, 200, path)
    assert answer.body and answer.get("content-length") == str(len(answer.body))
    assert answer.get("content-type").split(";")[0] == content_type
    # A browser that has fetched it early, by a hint, may use it for the page.
    assert answer.get("cache-control") == "max-age=600"


@pytest.mark.parametrize("path", ["/", "/early-hints", "/nope"])
def test_pages_are_not_kept(demo, path):
    assert demo.get(path).get("cache-control") is None


def test_version(demo, version):
    assert demo.get("/version", version=version).body == f"HTTP/{version}".encode()


def test_the_query_is_no_part_of_the_path(demo, version):
    assert_demo_answer(demo.get("/health?a=/b&c", version=version), 200, "/health")


@pytest.mark.parametrize("path", ["/nope", "/health/", "/healthy", "/Health", "//health"])
def test_anything_else_is_404(demo, version, path):
    assert_demo_answer(demo.get(path, version=version), 404, path)


def test_a_path_is_decoded_once(demo):
    answer = demo.get("/caf%C3%A9/%2541")
    assert answer.status == 404
    assert answer.get("x-request-path") == b"/caf\xc3\xa9/%41".decode("latin-1")


@pytest.mark.parametrize(
    "target", ["/a%0d%0aset-cookie:%20x=1", "/a%0aset-cookie:%20x=1", "/a%0d%0a%0d%0ahi", "/%7f"]
)
def test_a_path_cannot_inject_fields(demo, target):
    answer = demo.get(target)
    assert answer.status == 404
    assert not answer.all("set-cookie")
    assert b"\x7f" not in answer.raw


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "X" * 20])
def test_method(demo, version, method):
    answer = demo.get("/method", method=method, version=version)
    assert_demo_answer(answer, 200, "/method", method)
    assert answer.body == method.encode()


def test_headers(demo, version):
    answer = demo.get(
        "/headers", "X-One: 1", r'x-quoted: a "b" \c', "X-Empty:", "X-Two: a", "X-Two: b", version=version
    )
    assert_demo_answer(answer, 200, "/headers")
    assert answer.get("content-type").split(";")[0] == "application/json"
    fields = {name.lower(): value for name, value in json.loads(answer.body).items()}
    expected = {"x-one": "1", "x-quoted": r'a "b" \c', "x-empty": "", "x-two": "a, b"}
    assert fields == expected | ({"host": "localhost"} if version == "1.1" else {})


def test_echo(demo, version):
    answer = demo.get(
        "/echo", "Content-Type: application/x-test; a=b", method="POST", version=version, body=b"hello"
    )
    assert_demo_answer(answer, 200, "/echo", "POST")
    assert answer.body == b"hello"
    assert answer.get("content-type") == "application/x-test; a=b"


def test_echo_of_a_chunked_body(demo):
    answer = demo.fetch(request("PUT", "/echo", "Transfer-Encoding: chunked") + chunked(b"he", b"l", b"lo"))
    assert_demo_answer(answer, 200, "/echo", "PUT")
    assert answer.body == b"hello"


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_echo_of_a_whole_body(demo, version, size):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    answer = demo.get("/echo-whole", "Content-Type: application/x-test", method="POST", version=version, body=body)
    assert_demo_answer(answer, 200, "/echo-whole", "POST")
    assert answer.body == body and answer.get("content-length") == str(size)
    assert answer.get("content-type") == "application/x-test"


def test_no_response_before_the_body_is_whole(demo):
    with demo.connect() as connection:
        connection.send(request("POST", "/echo-whole", "Content-Length: 6") + b"hel")
        connection.assert_open()
        connection.send(b"lo!")
        assert connection.final().body == b"hello!"


def test_a_body_larger_than_is_gathered(demo):
    answer = demo.fetch(request("POST", "/echo-whole", body=b"x" * (16 * 1024 * 1024 + 1)))
    assert_demo_answer(answer, 413, "/echo-whole", "POST")


def test_large(demo, version):
    answer = demo.get("/large", version=version)
    assert_demo_answer(answer, 200, "/large")
    assert len(answer.body) == 1024 * 1024 and answer.body.count(b"X") == len(answer.body)
    assert answer.get("content-length") == str(1024 * 1024)


@each_transport
def test_stream_is_chunked(demo):
    """Ten chunks, 100 ms apart. A client that reads late may find two together, but not each time the same."""
    pauses = [0] * 9  # the longest between a chunk and the next

    def times():
        answer = demo.get("/stream")
        assert_demo_answer(answer, 200, "/stream")
        assert answer.framing == "chunked"
        assert [chunk for chunk, _ in answer.chunks] == [b"chunk %d\n" % i for i in range(10)]
        times = [at for _, at in answer.chunks]
        pauses[:] = [max(pause, later - earlier) for pause, (earlier, later) in zip(pauses, pairwise(times))]
        return times[-1] - times[0], times[0] - answer.at

    seen(times, lambda found: min(pauses) >= 0.05 and 0.85 <= found[0] <= scaled(2) and 0 <= found[1] < 0.5)


@each_transport
def test_stream_to_1_0_ends_with_the_connection(demo):
    def took():
        answer = demo.get("/stream", version="1.0")
        assert_demo_answer(answer, 200, "/stream")
        assert answer.framing == "close"
        assert answer.body == b"".join(b"chunk %d\n" % i for i in range(10))
        return answer.ended - answer.at

    seen(took, lambda seconds: 0.85 <= seconds <= scaled(2))


@pytest.mark.parametrize("code", [200, 201, 202, 301, 400, 404, 418, 451, 500, 503, 599])
def test_status(demo, version, code):
    assert_demo_answer(demo.get(f"/status?code={code}", version=version), code, "/status")


@pytest.mark.parametrize("code", [204, 304])
def test_status_without_a_body(demo, version, code):
    with demo.connect() as connection:
        connection.send(request("GET", f"/status?code={code}", "Connection: close", version=version))
        answer = connection.final()
        assert_demo_answer(answer, code, "/status")
        connection.assert_closed()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=",
        "?code=abc",
        "?code=100",
        "?code=101",
        "?code=99",
        "?code=1000",
        "?code=-200",
        "?code=2e2",
    ],
)
def test_status_refuses_what_is_no_status(demo, query):
    assert_demo_answer(demo.get("/status" + query), 400, "/status")


def test_delay(demo, version):
    def took():
        with demo.connect() as connection:
            connection.send(request("GET", "/delay?s=0.3", version=version))
            answer = connection.final()
            assert_demo_answer(answer, 200, "/delay")
            assert answer.at - connection.opened >= 0.29
            return answer.at - connection.opened

    seen(took, lambda seconds: seconds <= scaled(1.5))


@pytest.mark.parametrize("seconds", ["", "abc", "-1", "1e9", "99999999999999999999", "5.1"])
def test_delay_refuses_what_is_no_delay(demo, seconds):
    assert_demo_answer(demo.get(f"/delay?s={seconds}"), 400, "/delay")


@pytest.mark.parametrize("path", ["/", "/large", "/headers", "/style.css", "/nope"])
def test_head_is_get_without_the_body(demo, version, path):
    get = demo.get(path, "Connection: close", version=version)
    with demo.connect() as connection:
        connection.send(request("HEAD", path, "Connection: close", version=version))
        head = connection.final()
        connection.assert_closed()
    assert_demo_answer(head, get.status, path, "HEAD")
    for name in ("content-type", "content-length", "transfer-encoding"):
        assert head.get(name) == get.get(name)


@each_transport
def test_head_of_a_stream_has_no_body(demo):
    with demo.connect() as connection:
        connection.send(request("HEAD", "/stream", "Connection: close"))
        answer = connection.final()
        assert_demo_answer(answer, 200, "/stream", "HEAD")
        assert answer.get("content-length") is None
        connection.assert_closed(timeout=5)


def test_the_date_is_now(demo):
    before = datetime.now(UTC)
    date = parsedate_to_datetime(demo.get("/").get("date"))
    assert before - timedelta(seconds=2.5) <= date <= datetime.now(UTC) + timedelta(seconds=1.5), date
