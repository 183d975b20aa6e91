"""Proxies in front of Outrider, each as its file in examples/ configures it: what becomes of requests and responses.
outrider-interop(7) has the tables, and each of their cells is a test."""

from types import SimpleNamespace

import pytest

import behaviours
import client
import eyes
from first_flight import FirstFlight
from manual import table
from matrix import INSPECT
from processes import wait_for
from programs.apache import Apache
from programs.caddy import Caddy
from programs.haproxy import Haproxy
from programs.hitch import Hitch
from programs.proxies import PROXIES, WAYS
from server import TEST_PLUGINS
from setups import Site

# As the recommended configuration of Outrider behind a proxy has it.
DEMO = {"http": {"abort_on_half_close": True}}
KEEPING = {"timeouts": {"keepalive": "75s"}}
SMALL = {"limits": {"body": "64KiB", "drain": "2MiB"}}
TRUSTING = {"proxy": {"trusted": ["127.0.0.1", "unix"]}}
EVENT, GTHREAD, SYNC = (
    pytest.param(plugin, model, id=f"{plugin}-{model}")
    for plugin, model in (("demo_event", "async"), ("demo_blocking", "gthread"), ("demo_blocking", "sync"))
)
BOTH_STYLES, BLOCKING = (EVENT, GTHREAD), (GTHREAD, SYNC)
CONNECTIONS = "Connections through proxies"
# Column to what is tried; those that take an Outrider too count what it counts.
CONTENT = {
    "requests": behaviours.answers,
    "upload": behaviours.upload,
    "download": behaviours.download,
    "HEAD": behaviours.head,
    "204": behaviours.no_content,
    "304": behaviours.not_modified,
    "unread": behaviours.unread,
}


def of_one(program):
    """The mark of a proxy's tests, which share what they have started."""
    return pytest.mark.xdist_group(program.name)


ROWS = [(program, way) for program in PROXIES for way in WAYS if way in program.ways]


def row(program, way):
    return program.name if way == "http/1" else f"{program.name}, HTTP/2"


def rows(condition=lambda program, way: True):
    return [
        pytest.param(program, way, id=row(program, way), marks=of_one(program))
        for program, way in ROWS
        if condition(program, way)
    ]


@pytest.fixture
def stand(outrider, started, authority):
    """stand(program, way, plugin, model, **settings): a proxy, the site that it makes, and the Outrider behind it."""

    def stand(program, way, plugin="demo_event", model="async", **settings):
        server = outrider(plugin, model, **(settings or DEMO))
        proxy = started(program, server, behind=way)
        return Site(proxy.address, authority if program.tls else None), server

    return stand


@pytest.fixture
def is_in(cell):
    """is_in(section, program, row, column, value): the manual has what was seen, and the table at the end too."""

    def check(section, program, row, column, value):
        cell(section, row, column, value, program.version())
        assert table(section)[row][column] == value, f"outrider-interop(7) says otherwise than {value}"

    return check


@pytest.mark.parametrize("column", CONTENT)
@pytest.mark.parametrize("program, way", rows())
def test_content(stand, is_in, program, way, column):
    site, _ = stand(program, way)
    is_in("Content through proxies", program, row(program, way), column, CONTENT[column](site, program.http2))


@pytest.mark.parametrize("program, way", rows(lambda *row: row not in ((Apache, "h2c"), (Caddy, "http/1"))))
def test_expect(stand, is_in, program, way):
    site, _ = stand(program, way)
    is_in(CONNECTIONS, program, row(program, way), "Expect", behaviours.expect(site, program.http2))


@of_one(Apache)
def test_expect_at_apache_over_http2(outrider, started, authority, is_in):
    """What comes with the SETTINGS of a new connection, it forgets, and waits for it all the same."""
    server, found = outrider("demo_event", "async", **DEMO), []
    for together in (False, True):
        with FirstFlight(server.address, together) as relay:
            port = relay.port()
            proxy = started(Apache, SimpleNamespace(pid=f"relay {port}", port=port, socket=server.socket), behind="h2c")
            with eyes.connection(Site(proxy.address, authority), speaks_http2=False) as connection:
                found.append(behaviours.is_told_to_continue(connection))
                wait_for(lambda: relay.begun, "a 100 (Continue) from Outrider")
                connection.send(b"x" * 50_000)
                if together:
                    connection.assert_open(within=2)
                    assert relay.content == 0
                else:
                    answer = connection.final(15)
                    assert (answer.status, answer.body, relay.content) == (200, b"x" * 50_000, 50_000)
    is_in(CONNECTIONS, Apache, row(Apache, "h2c"), "Expect", "varies" if found == ["yes", "no"] else str(found))


@of_one(Caddy)
def test_expect_at_caddy(stand, started, authority, is_in):
    """Of the responses that follow it cuts some off: it closes its connection to Outrider while it reads them."""
    site, server = stand(Caddy, "http/1")
    proxy, fault = started(Caddy, server, behind="http/1"), "aborting with incomplete response"
    before, lost, found = proxy.output.count(fault), 0, set()
    for _ in range(100):
        with eyes.connection(site, speaks_http2=False) as connection:
            found.add(behaviours.is_told_to_continue(connection))
            connection.send(b"x" * 50_000)
            try:
                answer = connection.final(15)
                assert (answer.status, answer.body) == (200, b"x" * 50_000)
            except client.Closed:
                lost += 1
    is_in(CONNECTIONS, Caddy, row(Caddy, "http/1"), "Expect", "yes" if found == {"yes"} else str(found))
    wait_for(lambda: proxy.output.count(fault) == before + lost, proxy.state)
    assert all("use of closed network connection" in line for line in proxy.output.splitlines() if fault in line)


@pytest.mark.parametrize("program, way", rows())
class TestCourse:
    """The course of requests, and what Outrider hears of it."""

    def test_keep_alive(self, stand, is_in, program, way):
        site, server = stand(program, way, **KEEPING)  # of its own: some proxies do worse after other requests
        value = behaviours.keepalive(site, program.http2, server)
        is_in(CONNECTIONS, program, row(program, way), "keep-alive", value)

    def test_trailers(self, stand, is_in, program, way):
        site, _ = stand(program, way, TEST_PLUGINS / "libmisbehaving_event.so")
        is_in(CONNECTIONS, program, row(program, way), "trailers", behaviours.trailers(site, program.http2))

    def test_the_client_is_known(self, stand, is_in, program, way):
        site, _ = stand(program, way, INSPECT, **TRUSTING)
        is_in(CONNECTIONS, program, row(program, way), "client", behaviours.client_and_scheme(site, program.http2))

    @pytest.mark.parametrize("plugin, model", BOTH_STYLES)
    def test_an_abort(self, stand, is_in, program, way, plugin, model):
        site, server = stand(program, way, plugin, model, **DEMO)
        is_in(CONNECTIONS, program, row(program, way), "abort", behaviours.abort(site, program.http2, server))

    @pytest.mark.parametrize("plugin, model", BOTH_STYLES)
    def test_413(self, stand, is_in, program, way, plugin, model):
        site, _ = stand(program, way, plugin, model, **SMALL)
        is_in(CONNECTIONS, program, row(program, way), "413", behaviours.too_large(site, program.http2))


@pytest.mark.parametrize("plugin, model", BLOCKING)
@pytest.mark.parametrize("program, way", rows(lambda program, way: way == "http/1" and program is not Hitch))
def test_blocking_handlers_that_do_not_read(stand, program, way, plugin, model):
    """In front of sync, which closes each connection, too."""
    site, _ = stand(program, way, plugin, model)
    assert behaviours.unread(site, program.http2, 50) == table("Content through proxies")[program.name]["unread"]


@of_one(Hitch)
@pytest.mark.parametrize("plugin, model", (*BOTH_STYLES, SYNC))
def test_handlers_that_do_not_read_behind_hitch(stand, plugin, model):
    """Where it speaks HTTP/1.1 it drops what it has yet to pass on of a response when the connection to it ends while the
    client sends."""
    site, _ = stand(Hitch, "http/1", plugin, model)
    assert behaviours.unread(site, False, 100) == "yes"
    site, _ = stand(Hitch, "http/1", plugin, model, **SMALL)
    assert behaviours.too_large(site, False) == "yes"


@pytest.mark.parametrize(
    "program", [pytest.param(one, marks=of_one(one), id=one.name) for one in PROXIES if "unix" in one.ways]
)
def test_a_unix_socket(stand, program):
    """Those that can reach it do, and tell of the client."""
    site, server = stand(program, "unix")
    assert behaviours.answers(site, program.http2) == "yes"
    assert behaviours.upload(site, program.http2) == table("Content through proxies")[program.name]["upload"]
    assert behaviours.abort(site, program.http2, server) == table(CONNECTIONS)[program.name]["abort"]
    site, _ = stand(program, "unix", INSPECT, **TRUSTING)
    assert behaviours.client_and_scheme(site, program.http2) == "yes"


@pytest.mark.parametrize(
    "program, way, scheme",
    [
        pytest.param(Haproxy, "PROXY v1", "http", marks=of_one(Haproxy)),
        pytest.param(Haproxy, "PROXY v2", "https", marks=of_one(Haproxy)),
        pytest.param(Hitch, "http/1", "https", marks=of_one(Hitch)),
    ],
    ids=["haproxy-v1", "haproxy-v2", "hitch-v2"],
)
def test_a_proxy_header(stand, program, way, scheme):
    """Version 2 tells of TLS too."""
    for http2 in (True, False):
        site, _ = stand(program, way, INSPECT, **TRUSTING)
        assert behaviours.told(site, http2) == ("127.0.0.2", scheme)
        site, _ = stand(program, way)
        assert behaviours.answers(site, http2) == "yes"
