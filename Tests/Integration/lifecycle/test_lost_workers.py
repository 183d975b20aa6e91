"""Records of a dead worker: its lines of the access log, and each of its requests, once."""

from contextlib import suppress

import pytest

import http2
from client import Closed, request
from matrix import Combination, http2 as over_http2
from observed import entry
from processes import kill, wait_for


@pytest.fixture
def it(observed, combination):
    return observed(combination.model, entry(combination.misbehaving, name="it"))


def test_lines_outlive_their_worker(observed, model):
    """They wait in the worker for a tenth of a second, in which it is killed."""
    it = observed(model, entry(Combination(model, "blocking").misbehaving, name="it"))
    (worker,) = it.server.workers()
    wanted = [f"quick-{number}" for number in range(20)]
    for name in wanted:
        assert it.server.get("/", f"X-Request-ID: {name}").status == 200
    it.wait_for_count(20)
    kill(worker)
    lines = it.lines(20)
    assert sorted(line["request_id"] for line in lines) == sorted(wanted)
    assert {(line["status"], line["outcome"], line["pid"]) for line in lines} == {(200, "complete", worker)}
    it.told("SIGKILL")
    assert it.requests() == it.requests(**{"class": "2xx"}) == 20
    assert it.server.get("/", "X-Request-ID: after").status == 200
    assert it.lines(21)[-1]["request_id"] == "after"


def assert_crashed(it, name, version):
    """One request has taken its worker with it: one line, one count."""
    (line,) = [line for line in it.lines(2) if line["request_id"] == name]
    assert (line["path"], line["status"], line["outcome"], line["plugin"]) == ("/crash", None, "crashed", "it")
    assert (line["method"], line["protocol"], line["remote_address"]) == ("GET", version, "127.0.0.1")
    it.wait_for_outcomes(complete=1, crashed=1)
    it.wait_for_count(1, plugin="it", method="GET", **{"class": "none"})
    it.wait_for_count(2)
    it.metrics.wait(0, "outrider_requests_in_flight")


def test_a_request_that_crashes_its_worker(it):
    assert it.server.get("/").status == 200
    with it.server.connect() as connection:
        connection.send(request("GET", "/crash", "X-Request-ID: fatal"))
        with pytest.raises((Closed, OSError)):
            connection.final()
    assert_crashed(it, "fatal", "HTTP/1.1")


@over_http2
def test_a_stream_that_crashes_its_worker(it):
    assert it.server.get("/").status == 200
    with http2.connect(it.server) as connection:
        connection.request("GET", "/crash", ("x-request-id", "fatal"))
        with suppress(OSError):
            connection.end()
    assert_crashed(it, "fatal", "HTTP/2.0")


def test_a_crash_in_a_line_of_text(own, tmp_path, model):
    """Unknown values are a dash."""
    log = tmp_path / "access.log"
    server = own(
        "--set", f'log.access="{log}"', "--set", 'log.access_format="%(r)s %(s)s %(outcome)s"',
        Combination(model, "blocking").misbehaving, model=model,
    )  # fmt: skip
    with server.connect() as connection:
        connection.send(request("GET", "/crash"))
        with suppress(OSError):
            connection.end()
    wait_for(lambda: log.exists() and log.read_text().endswith("\n"), server.state)
    assert log.read_text() == "GET /crash HTTP/1.1 - crashed\n"
