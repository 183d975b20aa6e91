"""Chromium and Firefox have WebSockets with the demo's pages, over HTTP/1.1 and HTTP/2, and come back after a reload."""

import json
import re
import signal
from contextlib import ExitStack

import pytest

from browsers.browser import picture_size
from browsers.each import each_browser
from processes import wait_for
from relay import Relay

STATE = "document.querySelector('#state').textContent"
MESSAGES = "[...document.querySelectorAll('#messages li')].map((item) => item.textContent)"
# What becomes of the WebSocket from now on.
NOTE_STATES = """(() => {
  const state = document.querySelector("#state");
  new MutationObserver(() => document.body.append(Object.assign(document.createElement("i"), {
    textContent: state.textContent, hidden: true }))).observe(state, { childList: true });
})()"""
STATES = "[...document.querySelectorAll('i')].map((item) => item.textContent)"
MARKUP = "<b>& not markup</b> — grüße"

each_protocol = pytest.mark.parametrize("protocol", ("h2", "http/1.1"))


def say(tab, text):
    tab.evaluate(f"(() => {{ const form = document.forms[0]; form.text.value = {json.dumps(text)}; form.requestSubmit() }})()")


def shows(tab, expression, value):
    wait_for(lambda: tab.evaluate(expression) == value, lambda: f"{value}, not {tab.evaluate(expression)}", 10)


@pytest.fixture
def relays():
    with ExitStack() as stack:
        yield lambda address: stack.enter_context(Relay(address, 0)).port()


@pytest.fixture
def visited(outrider, relays, tmp_path):
    """visited(protocol, **settings): a server, its access log, and a function that gives the URL of a path at an origin that
    is new to the browser: each has a connection of its own."""

    def get(protocol, **settings):
        log = tmp_path / "access"
        server = outrider("demo_event", "async", log={"access": str(log), "access_format": "%(H)s %(m)s %(U)s %(s)s"}, **settings)
        scheme, address = ("https", server.secure) if protocol == "h2" else ("http", server.address)
        return server, log, lambda path: f"{scheme}://localhost:{relays(address)}{path}"

    return get


@each_protocol
@each_browser
def test_two_tabs_in_one_room(browser, visited, protocol):
    server, log, url = visited(protocol, server={"workers": 2})
    with browser.tabs(2) as (one, other):
        for tab in (one, other):
            assert tab.load(url("/ws/chat"))["protocol"] == protocol
            shows(tab, STATE, "connected")
        say(one, "hello")
        for tab in (one, other):
            shows(tab, MESSAGES, ["hello"])
        say(other, MARKUP)
        for tab in (one, other):
            shows(tab, MESSAGES, ["hello", MARKUP])
        png = one.screenshot()
        browser.keep_picture(f"{browser.name}-chat-{protocol.replace('/', '')}", png)
        assert picture_size(png)[2] > 10
    # A WebSocket over HTTP/2 is an extended CONNECT on the page's own connection. A browser may close a page without a Close.
    line = {"h2": "HTTP/2.0 CONNECT /ws/chat (200|499)", "http/1.1": "HTTP/1.1 GET /ws/chat (101|499)"}[protocol]
    wait_for(lambda: len(re.findall(line, log.read_text())) == 2, lambda: log.read_text())


@each_browser
def test_echo(browser, visited):
    *_, url = visited("h2")
    with browser.tabs(1) as (tab,):
        tab.load(url("/ws/echo"))
        shows(tab, STATE, "connected")
        for text in ("hello", MARKUP, "x" * 65536):
            say(tab, text)
        shows(tab, MESSAGES, ["hello", MARKUP, "x" * 65536])


@each_browser
def test_a_reload_is_told_of(browser, visited):
    """The server closes with 1012 (service restart), and the page opens another WebSocket."""
    server, log, url = visited("h2", server={"graceful_timeout": "8s"})
    with browser.tabs(2) as (one, other):
        for tab in (one, other):
            tab.load(url("/ws/chat"))
            shows(tab, STATE, "connected")
            tab.evaluate(NOTE_STATES)
        server.tell(signal.SIGHUP)
        for tab in (one, other):
            shows(tab, STATES, ["closed: 1012 service restart", "connected"])
        say(one, "here again")
        for tab in (one, other):
            shows(tab, MESSAGES, ["here again"])
