"""Responses that a plugin does not complete: one line with plugin, request and reason, one outcome, one count."""

import pytest

import http2
from client import request
from matrix import http2 as over_http2
from observed import entry

# Paths, and what the line says.
FAULTS = {
    "/too-few": "the plugin ended it before its content-length",
    "/sendfile-short": "a file of it can't be read, or is shorter than the plugin said",
    "/negative-after-start": "the plugin returned a negative status after the head",
}
each_fault = pytest.mark.parametrize("path", FAULTS)


@pytest.fixture
def it(observed, combination):
    return observed(combination.model, entry(combination.misbehaving, name="it"))


def assert_told(it, path):
    """Of one request, by both logs and the metrics."""
    (told,) = it.told("[ERROR]", "request=cut")
    assert "answer cut off to 127.0.0.1:" in told and FAULTS[path] in told and "plugin=it" in told, told
    (line,) = it.lines()
    assert (line["request_id"], line["status"], line["outcome"]) == ("cut", 200, "truncated"), line
    it.wait_for_outcomes(truncated=1)
    it.wait_for_count(1, plugin="it", **{"class": "2xx"})
    assert it.requests() == 1


@each_fault
def test_a_response_without_its_end(it, combination, path):
    with it.server.connect() as connection:
        connection.send(request("GET", path, "X-Request-ID: cut"))
        assert not [answer for answer in connection.end() if answer.complete]
        assert [answer.status for answer in connection.finals] == [200]
    assert_told(it, path)


@over_http2
@each_fault
def test_a_stream_without_its_end(it, combination, path):
    with http2.connect(it.server) as connection:
        answer = connection.get(path, ("x-request-id", "cut"))
        assert (answer.status, answer.ended, answer.reset) == (200, False, http2.INTERNAL_ERROR)
        connection.ping()  # the connection goes on
    assert_told(it, path)
