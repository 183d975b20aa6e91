"""Other people's clients get whole responses, whatever they make of a 103; those that break have a cure."""

import hashlib
import http.client
import random
from contextlib import closing
from functools import cache
from itertools import count

import pytest

import manual
from clients.client import BREAKS, SHOWS
from clients.table import CLIENTS
from hints import PAGES
from server import TEST_PLUGINS

SETUPS = (("demo_blocking", "gthread"), ("demo_event", "async"))
CONTENT = random.Random(1).randbytes(5_000_000)
PATHS = ("/", "/early-hints", "/early-hints-multiple", "/stream", "/echo", "/large")
HINTS = {path: [(103, ", ".join(links)) for links in hints] for path, (hints, _) in PAGES.items()}
COLUMNS = {"/early-hints": "one 103", "/early-hints-multiple": "three 103s"}  # what the manual calls them
CURES = {"audience": {"audience": "navigations"}, "enabled": {"enabled": False}, "http1": {"http1": "off"}}

VISITS = [(client, scheme) for client in CLIENTS for scheme in client.protocols]
VISITS_OF_HTTP1 = [(client, scheme) for client, scheme in VISITS if client.protocols["http"] != "HTTP/2"]
# early_hints.http1 does not help over HTTP/2.
CURED = [
    (client, cure)
    for client in CLIENTS
    for cure in CURES
    if client.outcome(2) == BREAKS and (cure != "http1" or "HTTP/2" not in client.protocols.values())
]


def grouped(things, client_of):
    """Parameters: those of one client in one process, since it is started once."""
    return [
        pytest.param(*thing, id="-".join(map(str, thing)), marks=pytest.mark.xdist_group(str(client_of(thing))))
        for thing in things
    ]


class Visits:
    """What each client has fetched, from several servers at a time."""

    def __init__(self, authority, folder):
        self.authority = authority
        self.folder = folder
        self.content = folder / "content"
        self.content.write_bytes(CONTENT)
        self.done = {}
        self.numbers = count()

    def of(self, client, servers, paths):
        """server and scheme and path to Exchange; the client is run once for all that are asked for together."""
        key = (client, tuple(servers), paths)
        if key not in self.done:
            urls = {
                (server, scheme, path): url(server, scheme, path)
                for server in servers
                for scheme in client.protocols
                for path in paths
            }
            folder = self.folder / str(next(self.numbers))
            folder.mkdir()
            seen = client.fetch_all(list(urls.values()), self.authority.certificate, self.content, folder)
            self.done[key] = {place: seen[at] for place, at in urls.items()}
        return self.done[key]


def url(server, scheme, path):
    port = server.port if scheme == "http" else server.secure[1]
    return f"{scheme}://127.0.0.1:{port}{path}"


@pytest.fixture(scope="session")
def visits(authority, tmp_path_factory):
    return Visits(authority, tmp_path_factory.mktemp("clients"))


@cache
def expected(server, path):
    """What the demo plugin answers, as the tests' own client reads it."""
    return CONTENT if path == "/echo" else server.get(path).body


def assert_whole(exchange, protocol, data):
    assert not exchange.fault, exchange.fault
    assert (exchange.status, exchange.size) == (200, len(data)), exchange
    assert exchange.protocol in ("", protocol), exchange
    assert not exchange.sha256 or exchange.sha256 == hashlib.sha256(data).hexdigest(), exchange


def assert_as_told(exchange, client, protocol, path, data):
    """It is whole, with all that the client shows before it; or it breaks as it is known to. The table's word for that."""
    outcome = client.outcome(len(HINTS[path])) if path in HINTS else "whole"
    if outcome == BREAKS:
        assert exchange.status == client.broken_status, f"another outcome than the table's: {exchange}"
        return outcome
    assert_whole(exchange, protocol, data)
    shown = []
    if client.hints == SHOWS:
        shown += HINTS.get(path, [])
        shown += [(100, "")] * (path == "/echo" and protocol in client.continues)
    assert list(exchange.informational) == shown, exchange
    return outcome


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("setup", SETUPS, ids="-".join)
@pytest.mark.parametrize("client, scheme", grouped(VISITS, lambda visit: visit[0]))
def test_every_client_gets_whole_responses(outrider, visits, cell, client, scheme, setup, path):
    servers = [outrider(*one) for one in SETUPS]
    server = servers[SETUPS.index(setup)]
    exchange = visits.of(client, servers, PATHS)[server, scheme, path]
    outcome = assert_as_told(exchange, client, client.protocols[scheme], path, expected(server, path))
    cell("clients", client.row(scheme), COLUMNS.get(path, path), outcome, client.version())
    assert manual.table("CLIENTS")[client.row(scheme)][COLUMNS.get(path, path)] == outcome


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("client, scheme", grouped(VISITS_OF_HTTP1, lambda visit: visit[0]))
def test_sync_serves_them_over_http1(outrider, visits, client, scheme, path):
    """One request to a connection, and no h2 by ALPN."""
    server = outrider("demo_blocking", "sync", server={"workers": 4})
    exchange = visits.of(client, [server], PATHS)[server, scheme, path]
    assert_as_told(exchange, client, "HTTP/1.1", path, expected(server, path))


@pytest.mark.parametrize("client, cure", grouped(CURED, lambda pair: pair[0]))
def test_those_that_break_have_a_cure(outrider, visits, client, cure):
    servers = {name: outrider("demo_event", "async", early_hints=keys) for name, keys in CURES.items()}
    exchanges = visits.of(client, list(servers.values()), tuple(HINTS))
    for scheme in client.protocols:
        for path in HINTS:
            exchange = exchanges[servers[cure], scheme, path]
            assert_whole(exchange, client.protocols[scheme], expected(servers[cure], path))


def test_the_manual_has_these_clients():
    assert set(manual.table("CLIENTS")) == {client.row(scheme) for client, scheme in VISITS}


def test_http_client_mistakes_each_response_for_the_next(outrider):
    """Why those that break must not get a 103: with a connection that is kept they answer with what others asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", outrider("demo_event", "async").port, timeout=30)
    with closing(connection):
        connection.request("GET", "/early-hints")
        response = connection.getresponse()
        assert (response.status, response.read()) == (103, b"")
        connection.request("GET", "/")
        assert b"<h1>Early hints</h1>" in connection.getresponse().read()


@pytest.mark.parametrize("field", ({"No-Early-Hints": "1"}, {"Via": "1.1 cache"}), ids=lambda field: next(iter(field)))
def test_what_a_request_says_spares_its_client(outrider, field):
    """It can ask for no 103. One that came through a proxy has none over HTTP/1.1: early_hints.http1 is "auto"."""
    connection = http.client.HTTPConnection("127.0.0.1", outrider("demo_event", "async").port, timeout=30)
    with closing(connection):
        for path, content in (("/early-hints", b"<h1>Early hints</h1>"), ("/", b"Hello, Outrider!")):
            connection.request("GET", path, headers=field)
            response = connection.getresponse()
            assert response.status == 200 and content in response.read()


@pytest.mark.xdist_group("go-net-http")
def test_go_takes_as_many_as_a_request_may_have(outrider, visits):
    """Five, which is the default of early_hints.max_per_request for this reason; a sixth is its end."""
    (client,) = (client for client in CLIENTS if client.name == "Go net/http")
    plugin = TEST_PLUGINS / "libmisbehaving_event.so"
    five, six = outrider(plugin, "async"), outrider(plugin, "async", early_hints={"max_per_request": 6})
    exchanges = visits.of(client, [five, six], ("/hint-many",))
    for scheme in client.protocols:
        few = exchanges[five, scheme, "/hint-many"]
        assert (few.status, [status for status, _ in few.informational]) == (200, [103] * 5), few
        assert "too many 1xx" in exchanges[six, scheme, "/hint-many"].fault
