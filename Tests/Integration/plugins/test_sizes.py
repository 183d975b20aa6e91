"""Structures of plugins that are larger or smaller than those of 1.0, each at the end of its memory: the host reads and writes
as much of them as they say, in the server and in the mock host."""

import os

import pytest

from client import request
from mock_host import COMPLETE, PAGE, Mock
from programs import Program
from server import TEST_PLUGINS, run

PLUGIN = TEST_PLUGINS / "libsizes.so"
GROWTHS = [0, 8, 1024]
E_INVALID = -2
TRACEPARENT = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

each_growth = pytest.mark.parametrize("growth", GROWTHS)
# As the mock host shows itself: the version, and how many bytes its structures are larger.
HOSTS = [(0x10000, 0), (0x10001, 64)]


def answer(server, target, *fields):
    with server.connect() as connection:
        connection.send(request("GET", target, "Connection: close", "TE: trailers", *fields), "GET")
        connection.end()
        return connection.messages


@pytest.fixture
def mocked(tmp_path, monkeypatch):
    """What the mock host makes of targets, with a description and in a host of some size."""

    def serve(targets, growth=0, host=()):
        monkeypatch.setenv("SIZES_DESCRIPTOR", str(growth))
        programs = [Program(number, "GET", 11, True, "-", "-", target) for number, target in enumerate(targets)]
        return [Mock(PLUGIN, "async", programs, tmp_path / "report", host).responses[number] for number in range(len(targets))]

    return serve


@each_growth
def test_descriptions(own, mocked, growth):
    server = own(PLUGIN, model="async", env={"SIZES_DESCRIPTOR": str(growth)})
    assert answer(server, "/whole")[-1].body == b"whole"
    for host in HOSTS:
        ((ending, wire),) = mocked(["/whole"], growth, host)
        assert ending == COMPLETE and wire.endswith(b"whole"), wire


def test_a_description_that_is_too_small(mocked):
    ended = run("-b", "127.0.0.1:0", PLUGIN, env={"SIZES_DESCRIPTOR": "-8"})
    said = "descriptor of 120 bytes, smaller than ABI 1.0's 128"
    assert ended.returncode == 78 and said in ended.stderr, ended
    with pytest.raises(AssertionError, match=said):
        mocked(["/whole"], -8)


@each_growth
def test_events(own, mocked, growth):
    """The response is the same in every size, and the same by the functions that send one event each."""
    server = own(PLUGIN, model="async")
    targets = [f"/events?{growth}", "/functions"]
    for target in targets:
        hint, message = answer(server, target)
        assert hint.status == 103 and ("x-sized", "yes") in [(name.lower(), value) for name, value in hint.fields]
        assert (message.status, message.body) == (200, b"body file end")
        assert [(name.lower(), value) for name, value in message.trailers] == [("x-sized", "yes")]
    for host in HOSTS:
        by_events, by_functions = mocked(targets, host=host)
        assert by_events == by_functions and by_events[0] == COMPLETE, by_events


def test_events_that_are_too_small(own, mocked):
    """Each is refused, and a response that follows is the first."""
    server = own(PLUGIN, model="async")
    refused = " ".join([str(E_INVALID)] * 7).encode()
    assert answer(server, "/small")[-1].body.strip() == refused
    for host in HOSTS:
        ((ending, wire),) = mocked(["/small"], host=host)
        assert ending == COMPLETE and wire.strip().endswith(refused), wire


def test_an_abort_by_its_function(own, mocked):
    assert answer(own(PLUGIN, model="async"), "/abort")[-1].status == 500
    assert mocked(["/abort"])[0][0] == PAGE


def test_structures_of_extensions(own, tmp_path):
    """A metric, a date and a traceparent: too small, as in 1.0, and larger."""
    server = own(PLUGIN, "-c", "since=2026-12-01", model="async")
    lines = answer(server, "/extensions", TRACEPARENT)[-1].body.decode().splitlines()
    assert lines == [" ".join([str(E_INVALID)] * 3), "0 0 0", "0 0 0"]
