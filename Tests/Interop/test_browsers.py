"""Chromium and Firefox act on hints: what a page needs is on its way while the page is still being made."""

import os
import socket
import statistics
from contextlib import ExitStack, suppress
from functools import cache
from itertools import count

import pytest

import manual
from background import Background
from browsers.browser import picture_size
from browsers.each import BROWSERS, each_browser
from processes import wait_for
from programs.haproxy import Haproxy
from programs.nginx import CurrentNginx, Nginx
from relay import Relay
from server import TEST_PLUGINS
from timing import seen

SETUPS = (("demo_blocking", "gthread"), ("demo_event", "async"))
# Chromium leaves hints over HTTP/1.1 alone.
ACTING = {("chromium", "h2"), ("firefox", "h2"), ("firefox", "http/1.1")}
# Proxies, what each speaks with Outrider, and early_hints.http1.
CHAINS = [
    (CurrentNginx, "http/1", "on"),
    (Haproxy, "http/1", "on"),
    (Haproxy, "h2c", "auto"),
    (Nginx, "http/1", "auto"),
]
RESOURCES = ("/style.css", "/app.js")
ROUND_TRIP = 0.1
PAIRS = 5  # of loads, with and without hints
MOST_PAIRS = 15  # where the machine has been at other things

each_setup = pytest.mark.parametrize("setup", SETUPS, ids="-".join)
each_protocol = pytest.mark.parametrize("protocol", ("h2", "http/1.1"))


marks = count()


class Place:
    """A server as a browser sees it for the first time: through a relay, at an origin that is new each time."""

    def __init__(self, server, log, relays):
        self.server = server
        self.log = log
        self.relays = relays

    def origin(self, protocol="h2", round_trip=0, proxy=None):
        """A proxy before the server has the tests' certificate too."""
        address = proxy.address if proxy else self.server.secure if protocol == "h2" else self.server.address
        relay = self.relays.enter_context(Relay(address, round_trip))
        return f"{'https' if protocol == 'h2' else 'http'}://localhost:{relay.port()}"

    def requests(self, origin):
        """The paths of the requests to this origin that have ended so far, in that order."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [path for host, path in lines if origin.endswith(f"//{host}") and path != "/favicon.ico"]

    def all_requests(self, origin, count=3):
        """The same, once so many are in the log, and one of the tests' own that came behind them: there may be more."""
        mark = f"mark-{next(marks)}"
        self.server.get("/?mark", host=mark)

        def seen():
            return self.requests(f"//{mark}") and len(self.requests(origin)) >= count

        wait_for(seen, lambda: f"{count} lines of {origin}, and {mark}: {self.log.read_text()}", 20)
        return self.requests(origin)


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    """A file for the log of each kind of server."""
    folder = tmp_path_factory.mktemp("logs")
    return cache(lambda kind: folder / str(len(os.listdir(folder))))


@pytest.fixture
def place(outrider, logs):
    """place(plugin, model, **settings): a server whose log tells in which order requests have ended."""
    with ExitStack() as relays:

        def get(plugin, model, **settings):
            log = logs(repr((plugin, model, settings)))
            log.touch()
            server = outrider(plugin, model, log={"access": str(log), "access_format": "%({host}i)s %(U)s"}, **settings)
            return Place(server, log, relays)

        yield get


def assert_complete(report):
    """The style sheet and the script have had their effects."""
    assert report["colour"] == "rgb(34, 85, 102)", report
    assert report["text"].endswith("So was this script."), report


def initiators(report):
    """What each resource was first asked for by."""
    first = {}
    for one in report["resources"]:
        first.setdefault(one["path"], one["initiator"])
    return {path: first.get(path) for path in RESOURCES}


def assert_hinted(report, order):
    """Each resource was there, once, before the page."""
    assert_complete(report)
    assert initiators(report) == dict.fromkeys(RESOURCES, "early-hints"), report
    assert sorted(order[:2]) == sorted(RESOURCES) and order[2:] == ["/early-hints"], order


LOOKS = 3  # the machine may keep a browser, or a server, from its work for longer than a page takes, but not each time


def hinted(browser, here, **origin):
    """What the browser tells of the page with hints, at an origin that is new to it: each resource was there before the page."""
    for left in reversed(range(LOOKS)):
        place = here.origin(**origin)
        report = browser.load(place + "/early-hints?s=2")
        order = here.all_requests(place)
        try:
            assert_hinted(report, order)
            return report
        except AssertionError:
            assert_complete(report)
            if not left:
                raise


def assert_unhinted(report, order, seconds):
    """Each was asked for once, by the page, which took so many seconds."""
    assert_complete(report)
    assert initiators(report) == {"/style.css": "link", "/app.js": "script"}, report
    assert sorted(order) == sorted((*RESOURCES, "/early-hints")), order
    for one in report["resources"]:
        assert one["started"] >= seconds * 1000, report


def unhinted(browser, here, **origin):
    """The same, where no hint is acted on."""
    place = here.origin(**origin)
    report = browser.load(place + "/early-hints?s=2")
    assert_unhinted(report, here.all_requests(place), seconds=2)
    return report


@pytest.fixture
def said(cell, browser):
    """said(column, value): what is seen of the browser is what outrider-interop(7) has."""

    def note(column, value):
        cell("browsers", browser.name, column, value, browser.version())
        assert manual.table("BROWSERS")[browser.name][column] == value

    return note


def test_the_manual_has_these_browsers():
    assert list(manual.table("BROWSERS")) == [kind.name for kind in BROWSERS]


@each_protocol
@each_setup
@each_browser
def test_what_is_hinted_comes_before_the_page(browser, place, said, setup, protocol):
    here = place(*setup)
    acts = (browser.name, protocol) in ACTING
    report = hinted(browser, here, protocol=protocol) if acts else unhinted(browser, here, protocol=protocol)
    assert report["protocol"] == protocol
    column = {"h2": "HTTP/2", "http/1.1": "HTTP/1.1"}[protocol]
    said(column, "acts" if acts else "ignores")
    png = browser.screenshot()
    browser.keep_picture(f"{browser.name}-{setup[0]}-{column.replace('/', '')}", png)
    width, height, shades = picture_size(png)
    assert width > 300 and height > 200 and shades > 10, (width, height, shades)


@each_browser
def test_http1_over_tls_is_as_in_cleartext(browser, place):
    """sync speaks HTTP/1.1 alone. Each resource needs a connection, and so a worker, of its own."""
    here = place("demo_blocking", "sync", server={"workers": 6})
    report = (hinted if (browser.name, "http/1.1") in ACTING else unhinted)(browser, here)
    assert report["protocol"] == "http/1.1"


@each_setup
@each_browser
def test_without_hints_the_page_comes_first(browser, place, setup):
    here = place(*setup, early_hints={"enabled": False})
    origin = here.origin()
    report = browser.load(origin + "/early-hints?s=1")
    assert_unhinted(report, here.all_requests(origin), seconds=1)


@each_browser
def test_browsers_are_the_audience_of_navigations(browser, place):
    """What spares clients that break keeps nothing from browsers."""
    here = place("demo_event", "async", early_hints={"audience": "navigations"})
    hinted(browser, here)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: f"{chain[0].name}-{chain[1]}-{chain[2]}")
@each_browser
def test_hints_reach_browsers_through_proxies(browser, place, started, chain):
    """As the manual says what to write; with an old nginx, what is as it was."""
    program, behind, rule = chain
    here = place("demo_event", "async", early_hints={"http1": rule})
    proxy = started(program, here.server, behind=behind)
    report = (unhinted if program is Nginx else hinted)(browser, here, proxy=proxy)
    assert report["protocol"] == "h2"


@each_browser
def test_of_several_hints_the_first_counts(browser, place, said):
    """RFC 8297 lets a server send several. No browser acts on more than one."""
    here = place("demo_event", "async")
    report = browser.load(here.origin() + "/early-hints-multiple")
    assert_complete(report)
    hinted = {one["path"] for one in report["resources"] if one["initiator"] == "early-hints"}
    assert hinted == {"/style.css"}, report
    said("several 103s", "the first")


@each_setup
@each_browser
def test_pages_are_complete_sooner(browser, place, setup):
    """Over 100 ms of round trip, what was hinted saves most of one."""
    hinting, plain = place(*setup), place(*setup, early_hints={"enabled": False})
    times = {hinting: [], plain: []}

    def load():
        for here, seen in times.items():
            report = browser.load(here.origin(round_trip=ROUND_TRIP) + "/early-hints")
            assert_complete(report)
            seen.append(report["loaded"])

    def gain():
        return statistics.median(times[plain]) - statistics.median(times[hinting])

    for number in range(MOST_PAIRS):
        load()
        if number + 1 >= PAIRS and gain() > ROUND_TRIP * 1000 / 4:
            return
    raise AssertionError(f"hints gain {gain()} ms: with them {times[hinting]}, without {times[plain]}")


class Listener(Background):
    """Another origin, which notes who connects and with what, and asks `late` whether that was late."""

    def __init__(self, late):
        self.late = late
        self.greetings = []  # the first byte, and whether it was late
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.port = self.socket.getsockname()[1]
        super().__init__()

    def __exit__(self, *_):
        super().__exit__(*_)
        self.socket.close()

    def run(self):
        while not self.stopping.is_set():
            with suppress(TimeoutError):
                connection, _ = self.socket.accept()
                late = self.late()
                with connection:
                    connection.settimeout(5)
                    self.greetings.append((connection.recv(1), late))


@pytest.mark.parametrize("model", ("gthread", "async"))
@each_browser
def test_preconnect_reaches_the_other_origin_before_the_page(browser, place, said, model):
    plugin = TEST_PLUGINS / "libpreconnect.so"
    here = place(plugin, model)

    def greetings():
        origin = here.origin()
        with Listener(lambda: "/" in here.requests(origin)) as other:
            browser.load(f"{origin}/?{other.port}")
            assert here.all_requests(origin, 1) == ["/"]
            return list(other.greetings)

    seen(greetings, lambda found: found and found[0] == (b"\x16", False), LOOKS)  # a handshake of TLS comes in time
    said("preconnect", "acts")
    silent = place(plugin, model, early_hints={"enabled": False})
    with Listener(lambda: True) as other:
        browser.load(f"{silent.origin()}/?{other.port}")
        assert not other.greetings, "the page itself names no other origin"
