"""Handlers in C++ in the real server, in each style and worker model: what they throw, and what the client gets."""

import pytest

from client import request
from http2 import connect
from matrix import H2C, MODELS
from server import TEST_PLUGINS

STYLES = ("blocking", "event", "async")
SIZES = {"/medium": 100_000, "/large": 300_000}
# A handler of the last two styles may also act after a wait.
WAYS = [(style, query) for style in STYLES for query in ("", "?later") if style != "blocking" or not query]


@pytest.fixture(params=STYLES)
def style(request):
    return request.param


def plugin(style):
    return TEST_PLUGINS / f"libcpp_handlers_{style}.so"


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}{'-later' if way[1] else ''}")
def served(request, shared, model):
    """A server, and the query that makes the handler act at once or later."""
    style, query = request.param
    return shared(plugin(style), model), query


def test_hints_and_a_page(served):
    server, query = served
    with server.connect() as connection:
        connection.send(request("GET", f"/hello{query}"))
        assert connection.informational().get("link") == "</style.css>; rel=preload; as=style"
        assert connection.final().body == b"hello\n"


def test_an_exception_is_a_500_with_a_line_in_the_log(served):
    server, query = served
    before = server.log.count("thrown before the head")
    assert server.get(f"/throw{query}").status == 500
    lines = [line for line in server.log.splitlines() if "thrown before the head" in line]
    assert len(lines) == before + 1 and "plugin cpp_handlers" in lines[-1] and "request=" in lines[-1], server.log


def test_an_exception_after_the_head_cuts_the_response_off(served):
    server, query = served
    with server.connect() as connection:
        connection.send(request("GET", f"/throw-late{query}"))
        connection.read_until(lambda: False, "the end")
        (cut,) = connection.finals
        assert cut.status == 200 and not cut.complete and connection.ended
    assert "thrown after the head" in server.log


def test_an_http_error_is_a_response(served):
    server, query = served
    answer = server.get(f"/elsewhere{query}")
    assert (answer.status, answer.get("content-type")) == (404, "text/plain; charset=utf-8")
    assert answer.body == b"not found\n"


@pytest.mark.parametrize("model", [model for model in MODELS if model != "sync"])
@pytest.mark.parametrize("path", SIZES)
def test_large_responses_on_a_crowded_connection(shared, model, style, path):
    """A response for which there is no room yet is sent when there is: streams of a connection share its limit."""
    server = shared(plugin(style), model, H2C)
    with connect(server) as connection:
        with connection.together():
            streams = [connection.request("GET", path) for _ in range(40)]
        for stream in streams:
            answer = connection.answer(stream)
            assert answer.ended and answer.status == 200 and answer.body == b"x" * SIZES[path], connection.state()
            assert answer.get("etag") == '"' + "t" * 500 + '"'
