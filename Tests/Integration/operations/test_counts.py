"""requests_total counts each request once, whether a plugin or the server responded, and whether a plugin was found or
not."""

from contextlib import suppress

import pytest

import http2
from client import request
from matrix import http2 as over_http2
from observed import entry
from server import RELEASE

LIMIT = '[timeouts]\nrequest = "3s"\n'


@pytest.fixture
def it(observed, combination):
    """No plugin on /; one that is paused for long when it crashes a worker."""
    return observed(
        combination.model,
        LIMIT,
        entry(RELEASE / f"libdemo_{combination.style}.so", "/demo", "demo"),
        entry(combination.misbehaving, "/it", "it", "max_fails = 1"),
        server='workers = 2\nrestart_backoff = "30s"',
    )


def assert_counts(it, **expected):
    """So many requests of these plugins and classes, and no others; each has its line."""
    total = sum(expected.values())
    it.wait_for_count(total)
    found = {}
    for key in expected:
        plugin, _, kind = key.rpartition("_")
        found[key] = it.requests(plugin=plugin, **{"class": kind})
    assert found == expected and it.requests() == total, it.metrics.read()
    it.lines(total)


def test_each_request_once(it):
    for status, target in [(200, "/demo/health")] * 3 + [(404, "/demo/nothing"), (404, "/none"), (504, "/it/unwanted")]:
        assert it.server.get(target).status == status, target
    assert it.server.fetch(b"GET / HTTP/1.1\r\n\r\n").status == 400
    with it.server.connect() as connection, suppress(OSError):
        connection.send(request("GET", "/it/crash"))
        connection.end()
    it.told("it is paused for")
    before = 0  # the other worker hears of it a moment after the log
    while (status := it.server.get("/it/").status) == 200:
        before += 1
    assert status == it.server.get("/it/").status == 503
    assert_counts(it, demo_2xx=3, demo_4xx=1, _4xx=2, it_none=1, it_2xx=before, it_5xx=3)
    it.wait_for_outcomes(complete=8 + before, timeout=1, crashed=1)


@over_http2
def test_each_stream_once(it):
    with http2.connect(it.server) as connection:
        for status, target in [(200, "/demo/health")] * 3 + [(404, "/demo/nothing"), (404, "/none"), (504, "/it/unwanted")]:
            assert connection.get(target).status == status, target
    assert_counts(it, demo_2xx=3, demo_4xx=1, _4xx=1, it_5xx=1)
    it.wait_for_outcomes(complete=5, timeout=1)


@over_http2
@pytest.mark.parametrize("method, path", [("HEAD", "/large"), ("HEAD", "/"), ("GET", "/echo-whole")])
def test_a_head_that_ends_its_stream_is_a_whole_response(observed, combination, method, path):
    it = observed(combination.model, entry(RELEASE / f"libdemo_{combination.style}.so", "/", "demo"))
    with http2.connect(it.server) as connection:
        answer = connection.get(path, method=method)
        assert (answer.status, answer.ended, answer.reset, answer.body) == (200, True, None, b"")
    (line,) = it.lines()
    assert (line["status"], line["outcome"]) == (200, "complete"), line
    it.wait_for_outcomes(complete=1)
