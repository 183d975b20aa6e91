"""A plugin's own pace: min_rate, body_timeout and request_timeout of its [[plugin]] over the server's, in each model, style
and protocol."""

import struct
import time

import pytest

import http2
from client import request
from matrix import COMBINATIONS, INSPECTING, only
from observed import Observed, entry
from timing import scaled, scaled_timeout, seen

each = pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
over_http2 = only(lambda combination: combination.model != "sync")

TIGHT = '[timeouts]\nbody = "1s"\nwrite = "1s"\n[limits]\nmin_rate = 100000\n'


@pytest.fixture
def uploads(own, tmp_path, combination):
    plugin = INSPECTING[combination.style]
    return Observed(
        own, tmp_path, combination.model,
        TIGHT,
        entry(plugin, "/tight", "tight"),
        entry(plugin, "/rate", "rate", 'min_rate = 0'),
        entry(plugin, "/pause", "pause", 'min_rate = 0\nbody_timeout = "1m"'),
    ).server


def bytes_of(target):
    """When the bytes of the body come, each a second fraction after the one before."""
    return [0.2] * 12 if target != "/pause" else [0.2, 2.2, 0.2]


def expected(target):
    return 408 if target == "/tight" else 200


def assert_comes_to(status, wanted):
    """A client, or a worker, that gets the processor too late makes a request that is fast enough a slow one, not the other way
    round."""
    if wanted == 200:
        seen(status, lambda found: found == 200)
    else:
        assert status() == wanted


@each
@pytest.mark.parametrize("target", ["/tight", "/rate", "/pause"])
def test_an_upload(uploads, target):
    gaps = bytes_of(target)

    def status():
        with uploads.connect() as connection:
            connection.send(request("POST", target, f"Content-Length: {len(gaps)}"))
            for gap in gaps:
                time.sleep(gap)
                try:
                    connection.send(b"x")
                except OSError:
                    break
            return connection.final().status

    assert_comes_to(status, expected(target))


@over_http2
@pytest.mark.parametrize("target", ["/tight", "/rate", "/pause"])
def test_an_upload_over_http2(uploads, target):
    gaps = bytes_of(target)

    def status():
        with http2.connect(uploads) as connection:
            stream = connection.request("POST", target, end=False)
            for gap in gaps:
                time.sleep(gap)
                connection.send(http2.frame(http2.DATA, 0, stream, b"x"))
            if target != "/tight":
                connection.send(http2.frame(http2.DATA, http2.END_STREAM, stream))
            return connection.answer(stream).status

    assert_comes_to(status, expected(target))


@pytest.fixture
def downloads(own, tmp_path, combination):
    return Observed(
        own, tmp_path, combination.model,
        TIGHT,
        entry(combination.demo, "/tight", "tight"),
        entry(combination.demo, "/rate", "rate", "min_rate = 0"),
    ).server


@over_http2
def test_a_download_over_http2(downloads):
    """A window that opens by a hundred bytes at a time."""

    def answers():
        with http2.connect(downloads, windows=False, initial_window_size=1) as connection:
            tight, loose = connection.request("GET", "/tight/large"), connection.request("GET", "/rate/large")
            until = time.monotonic() + scaled(3)
            last = until + scaled_timeout(3)
            while time.monotonic() < until or connection.answers[tight].reset is None and time.monotonic() < last:
                connection.open_window(100, tight, loose)
                connection.ping()
                time.sleep(0.05)
            assert connection.answers[tight].reset == http2.CANCEL
            return connection.answers[loose]

    # A client that gets the processor too late is slow on both.
    seen(answers, lambda loose: loose.reset is None and loose.body)


@pytest.fixture
def answers(own, tmp_path, combination):
    return Observed(
        own, tmp_path, combination.model,
        '[timeouts]\nrequest = "1s"\n',
        entry(combination.demo, "/server", "server"),
        entry(combination.demo, "/patient", "patient", "request_timeout = 0"),
        entry(combination.demo, "/hurried", "hurried", 'request_timeout = "200ms"'),
    ).server


@each
def test_an_answer(answers):
    assert answers.get("/server/delay?s=3").status == 504
    assert answers.get("/patient/delay?s=2").status == 200
    assert answers.get("/hurried/delay?s=0.8").status == 504
    assert_comes_to(lambda: answers.get("/server/delay?s=0.1").status, 200)


@over_http2
def test_an_answer_over_http2(answers):
    with http2.connect(answers) as connection:
        assert connection.get("/patient/delay?s=2").status == 200
        assert connection.get("/hurried/delay?s=0.8").status == 504
        assert connection.get("/server/delay?s=3").status == 504


def test_the_dump_tells_where_they_are_from(own, tmp_path):
    from server import RELEASE, run

    file = tmp_path / "outrider.toml"
    demo = RELEASE / "libdemo_event.so"
    file.write_text(
        '[limits]\nmin_rate = 77\n'
        f'[[plugin]]\npath = "{demo}"\n'
        f'[[plugin]]\npath = "{demo}"\nname = "b"\nmount = "/b"\nmin_rate = 5\nbody_timeout = "7s"\nrequest_timeout = "9s"\n'
    )
    dump = run("-T", "-c", file).stdout
    assert [line.split("#")[0].split("=")[1].strip() for line in dump.splitlines() if line.startswith("min_rate")] == [
        "77", "77", "5",
    ]
    again = tmp_path / "again.toml"
    again.write_text(dump)
    values = [line.split("#")[0].strip() for line in dump.splitlines()]
    assert [line.split("#")[0].strip() for line in run("-T", "-c", again).stdout.splitlines()] == values
    file.write_text(f'[[plugin]]\npath = "{demo}"\nmin_rate = -1\n')
    bad = run("-t", "-c", file)
    assert bad.returncode != 0 and "plugin.min_rate" in bad.stderr
