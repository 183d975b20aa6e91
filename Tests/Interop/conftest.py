"""The fixtures: servers by what they are configured with, and other people's programs, started once and shared."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Integration/support")]

import tables
from authority import Authority
from outrider import Servers
from programs.program import Programs
from setups import SETUPS, Site

# What a test finds out goes into the tables that stand at the end of a run.
pytest_terminal_summary = tables.print_all


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A throw-away authority, and the certificate of localhost and 127.0.0.1."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def _servers(authority):
    servers = Servers(authority)
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def _programs(authority):
    programs = Programs(authority)
    yield programs
    programs.end()


@pytest.fixture(scope="session")
def browsers(authority):
    """A running browser of each kind."""
    running = {}

    def get(kind):
        if kind not in running:
            running[kind] = kind(authority)
        return running[kind]

    yield get
    for browser in running.values():
        browser.end()


@pytest.fixture
def browser(browsers, kind):
    """The one that each_browser (browsers/each.py) names."""
    return browsers(kind)


@pytest.fixture
def outrider(_servers):
    """outrider(plugin, model, **settings): a running Outrider, shared with other tests; it must outlive this one."""
    used = []

    def get(plugin, model, **settings):
        used.append(_servers.get(plugin, model, **settings))
        return used[-1]

    yield get
    for server in used:
        assert server.alive, server.state()


@pytest.fixture
def started(_programs):
    """started(kind, *places): a program of others that serves from these places, shared likewise."""
    used = []

    def get(kind, *places, **options):
        used.append(_programs.get(kind, *places, **options))
        return used[-1]

    yield get
    for program in used:
        assert program.alive, program.state()


@pytest.fixture
def cell(request):
    """cell(table, row, column, value, version=None): what has come out, for the tables (tables.py)."""

    def note(table, row, column, value, version=None):
        request.node.user_properties.append(("cell", (table, row, column, value, version)))

    return note


@pytest.fixture(params=SETUPS, ids=str)
def setup(request):
    """Each plugin, worker model and way that HTTP/2 has."""
    return request.param


@pytest.fixture
def direct(outrider, authority, setup):
    """An Outrider of that kind."""
    return outrider(setup.plugin, setup.model)


@pytest.fixture
def site(direct, authority, setup):
    """The same, as what its clients see."""
    return Site(direct.secure, authority) if setup.tls else Site(direct.address, None)


@pytest.fixture
def client(site):
    """A client of it that speaks HTTP/2."""
    with site.client() as client:
        yield client
