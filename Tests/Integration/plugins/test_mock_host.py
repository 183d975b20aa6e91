"""The mock host follows the server's rules: both perform the same random programs of calls, with the same results."""

import re
import subprocess

import pytest

import http2
from matrix import MODELS, STYLES
from metrics import Metrics
from mock_host import COMPLETE, CUT, MOCK, NONE, PAGE, Mock, differences, exchange, reports, stream
from processes import wait_for
from programs import Program, Programs, bad_calls, good_calls
from server import TEST_PLUGINS, free_port
from timing import of_the_shipped_server

# How many pieces a body comes in changes what is told of it.
pytestmark = of_the_shipped_server

COUNT = 500  # of each way


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("style", STYLES)
def test_both_hosts_do_the_same(own, tmp_path, style, model):
    programs = Programs(style, MODELS.index(model)).many(COUNT)
    mock = compare(own, tmp_path, style, model, programs)
    # The programs reach every end but that of an exchange that hangs.
    assert {ending for ending, _ in mock.responses.values()} == {COMPLETE, PAGE, CUT, NONE}


def compare(own, tmp_path, style, model, programs) -> Mock:
    """Performs the programs in both hosts."""
    plugin = TEST_PLUGINS / f"libprogram_{style}.so"
    report, metrics_port = tmp_path / "server", free_port()
    server = own(
        plugin, "-c", f"report={report}", "-w", "1", "--set", f"metrics.bind=127.0.0.1:{metrics_port}", model=model)
    received = {program.number: exchange(server.address, program, report) for program in programs}
    mock = Mock(plugin, model, programs, tmp_path / "mock")

    different = differences(programs, received, reports(report), mock)
    assert not different, f"{len(different)} of {len(programs)} differ:\n" + "\n".join(different[:5])
    # What is misuse in one is misuse in the other, and is told in the same words.
    Metrics(metrics_port).wait(len(mock.misuses), "outrider_plugin_misuses_total")
    lines = re.findall(r"plugin \S+: (\w+ refused: .*?)(?: request=\w+)?(?: \(and \d+ more like it\))?$", server.log, re.M)
    assert lines and set(lines) <= set(mock.misuses), set(lines) - set(mock.misuses)
    return mock


@pytest.mark.parametrize("model", ["gthread", "async"])  # sync has no HTTP/2
@pytest.mark.parametrize("style", STYLES)
def test_both_hosts_do_the_same_over_http2(own, tmp_path, style, model):
    plugin = TEST_PLUGINS / f"libprogram_{style}.so"
    programs = Programs(style, 10 + MODELS.index(model), versions=[20]).many(COUNT)
    report = tmp_path / "server"
    server = own(plugin, "-c", f"report={report}", "-w", "1", model=model, h2c=True)
    mock = Mock(plugin, model, programs, tmp_path / "mock")
    with http2.Connection(server.address) as connection:
        received = {program.number: stream(connection, program) for program in programs}
        # The calls of a handler may follow its response.
        expected = set(mock.told)
        wait_for(lambda: expected <= set(reports(report)), lambda: f"no report of {expected - set(reports(report))}")
    different = differences(programs, received, reports(report), mock)
    assert not different, f"{len(different)} of {len(programs)} differ:\n" + "\n".join(different[:5])


@pytest.mark.parametrize("model", ["sync", "async"])
@pytest.mark.parametrize("style", STYLES)
def test_every_call_in_every_state(own, tmp_path, style, model):
    """Good arguments: what the header says, in both hosts. Bad ones: the same in both."""
    good = good_calls(style)
    calls = [(before, call) for before, call, _ in good] + bad_calls(style)
    programs = [
        Program(number, "GET", 11, False, "-", f"{before} {call}".strip()) for number, (before, call) in enumerate(calls)]
    mock = compare(own, tmp_path, style, model, programs)
    for number, (before, call, expected) in enumerate(good):
        place = len(before.split())
        assert int(mock.told[number].split()[place]) == expected, f"{before} {call}"


@pytest.mark.parametrize("program", ["checks", "extensions"])
def test_what_programs_do_not_reach(program):
    """Time, clients and hooks of the mock host, and the extensions that it plays: see Tests/Mock."""
    run = subprocess.run([MOCK / program], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
