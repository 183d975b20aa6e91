"""Whether a 103 of Outrider's arrives behind a proxy, by early_hints.http1 and by what the proxy speaks with Outrider:
outrider-interop(7) has the table, and each of its cells is a test."""

import pytest
from hpack.exceptions import HPACKError

import eyes
import hints
from client import Closed, ProtocolError, Timeout
from manual import table
from programs.proxies import PROXIES, WAYS
from setups import Site

TABLE = "103"
SECTION = "Hints through proxies"
CASES = [
    pytest.param(program, way, rule, id=f"{program.name}-{way}-{rule}", marks=pytest.mark.xdist_group(program.name))
    for program in PROXIES
    for way in WAYS
    if way in program.ways
    for rule in ("on", "auto")
]


def outcome(site, http2):
    """What of the three 103s a client gets; each that it gets is right, and comes in time."""
    path = "/early-hints-multiple"
    links, _ = hints.PAGES[path]
    for _ in range(hints.LOOKS):
        try:
            seen = eyes.look(site, path, eyes.NAVIGATION, speaks_http2=http2)
        except (AssertionError, HPACKError, ProtocolError, Closed, Timeout, OSError):
            return "breaks"
        if seen.status != 200 or b"<h1>Early hints</h1>" not in seen.body:
            return "breaks"
        assert [hint.status for hint in seen.hints] == [103] * len(seen.hints), seen
        assert [hint.links for hint in seen.hints] == links[: len(seen.hints)], seen
        if hints.in_time(seen, path):
            return {0: "none", 1: "first", len(links): "all"}[len(seen.hints)]
    raise AssertionError(f"the 103s come late: {seen}")


@pytest.mark.parametrize("program, way, rule", CASES)
def test_a_cell_of_the_table(outrider, started, authority, cell, program, way, rule):
    server = outrider("demo_event", "async", early_hints={"http1": rule})
    proxy = started(program, server, behind=way)
    value = outcome(Site(proxy.address, authority if program.tls else None), program.http2)
    column = f"{rule}, {WAYS[way]}"
    cell(TABLE, program.name, column, value, program.version())
    assert table(SECTION)[program.name][column] == value, f"outrider-interop(7) says otherwise than {value}"
