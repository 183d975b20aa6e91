"""A plugin that has crashed `max_fails` workers is paused: its requests get 503, other plugins' go on."""

import re
import signal
from contextlib import suppress

import pytest

from client import request
from control import Control
from http2 import connect
from matrix import Combination
from metrics import Metrics
from processes import kill, wait_for
from server import free_port
from service import Service

PAUSED = "it is paused for"


@pytest.fixture
def paused(own, tmp_path):
    """paused(model, style, ...): a service with a plugin on /bad that can crash, and a long pause when it does."""

    def start(model="async", style="event", *, max_fails=1, pause="30s", settings=""):
        service = Service(own, tmp_path, model)
        service.reload(
            server=f'workers = 2\nrestart_backoff = "{pause}"',
            settings=settings,
            more=bad(Combination(model, style), max_fails),
        )
        return service

    return start


def crash(service, path="/bad/crash"):
    """A request that takes its worker down: no answer comes."""
    with service.server.connect() as connection:
        connection.send(request("GET", path))
        with suppress(OSError):
            connection.end()
        assert not connection.finals


def bad(combination, max_fails):
    """The table of a plugin that can crash."""
    return f'[[plugin]]\nname = "bad"\npath = "{combination.misbehaving}"\nmount = "/bad"\nmax_fails = {max_fails}\n'


def pauses(service):
    return service.server.log.count(PAUSED)


@pytest.mark.parametrize("style", ["blocking", "event"])
@pytest.mark.parametrize("path", ["/bad/crash", "/bad/abort", "/bad/exit"])
def test_503_with_the_time_that_is_left(paused, model, style, path):
    service = paused(model, style)
    crash(service, path)
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)
    with service.server.connect() as connection:
        connection.send(request("GET", path))
        answer = connection.final()
        assert answer.status == 503 and 10 <= int(answer.get("retry-after")) <= 31
        if model != "sync":
            connection.send(request("GET", "/demo/"))
            assert connection.final().status == 200, "another plugin's, and on the same connection"
    assert "plugin bad has crashed" in service.server.log


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_over_http2(own, tmp_path, model):
    metrics_port = free_port()
    service = Service(own, tmp_path, model)
    service.reload(
        server='restart_backoff = "30s"\nworkers = 2',
        settings=f'[metrics]\nbind = "127.0.0.1:{metrics_port}"\n',
        listeners=[f'bind = "127.0.0.1:{service.port}"\nh2c = true'],
        more=bad(Combination(model, "event"), max_fails=1),
    )
    crash(service)
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)
    with connect(service.server) as connection:
        answer = connection.get("/bad/crash")
        assert answer.status == 503 and 10 <= int(answer.get("retry-after")) <= 31
        assert connection.get("/demo/").status == 200
    metrics = Metrics(metrics_port)
    metrics.wait(1, "outrider_refusals_total", reason="plugin_paused", status="503")


def test_crashes_are_put_up_with_until_there_are_too_many(paused):
    service = paused(max_fails=3, pause="100ms")
    for number in range(3):
        assert pauses(service) == 0
        crash(service)
        wait_for(lambda: service.server.log.count("its replacement starts in") == number + 1, "the crash")
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)


def test_0_is_never(paused):
    service = paused(max_fails=0, pause="10ms")
    for number in range(6):
        crash(service)
        wait_for(lambda: service.server.log.count("its replacement starts in") == number + 1, "the crash")
    assert pauses(service) == 0


def test_it_comes_back_by_itself(paused):
    service = paused(pause="4s")
    crash(service)
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)
    assert service.server.get("/bad/").status == 503
    wait_for(lambda: service.server.get("/bad/").status == 200, "the end of the pause")


def test_a_reload_brings_it_back(paused):
    service = paused()
    crash(service)
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)
    assert service.server.get("/bad/").status == 503
    service.reload(more=bad(Combination("async", "event"), max_fails=1))
    assert service.server.get("/bad/").status == 200


def test_a_plugin_is_not_blamed_for_what_came_from_outside(paused, model):
    """Workers killed by hand while they serve a request of the plugin."""
    metrics = Metrics(free_port())
    settings = f'[metrics]\nbind = "127.0.0.1:{metrics.address[1]}"\n'
    service = paused(model, "blocking", pause="10ms", settings=settings)
    for number in range(3):
        with service.server.connect() as connection:
            connection.send(request("GET", "/bad/hang"))
            metrics.wait(1, "outrider_requests_in_flight")
            for worker in service.server.workers(2):
                kill(worker)
        wait_for(lambda: service.server.log.count("its replacement starts in") >= 2 * (number + 1), "both ends")
        service.server.workers(2)
    assert pauses(service) == 0


def test_who_looks_sees_it(own, tmp_path):
    """In status, plugins, /status and metrics, also after another supervisor has taken over; until the pause is over."""
    control, metrics = Control(tmp_path / "control.sock"), Metrics(free_port())
    settings = f'[control]\nsocket = "{control.path}"\n[metrics]\nbind = "127.0.0.1:{metrics.address[1]}"\n'
    service = Service(own, tmp_path)
    service.reload(
        server='workers = 2\nrestart_backoff = "30s"', settings=settings, more=bad(Combination("async", "event"), max_fails=1)
    )

    def is_shown(expected):
        left = {plugin["name"]: plugin["paused_for_ms"] for plugin in control.ask("plugins")}
        assert left.keys() == {"configured", "demo_event", "bad"}
        assert left.pop("bad") is not None if expected else left.pop("bad") is None
        assert set(left.values()) == {None}
        assert control.ask("status")["paused_plugins"] == (["bad"] if expected else [])
        assert ("paused plugins: bad\n" in control.run("status")) == expected
        (line,) = [line for line in control.run("plugins").splitlines() if line.startswith("bad ")]
        assert bool(re.search(r" paused, \d+ (ms|s) left ", line)) == expected and (" serving " in line) != expected
        assert metrics.value("outrider_plugin_paused", plugin="bad") == expected
        assert metrics.value("outrider_plugin_paused", plugin="configured") == 0
        assert bool(re.search(rb"<td>bad</td><td>/bad</td><td>paused, \d+ s left</td>", metrics.get("/status").body)) == expected

    is_shown(False)
    crash(service)
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)
    wait_for(lambda: control.ask("status")["paused_plugins"], "the pause in status")
    is_shown(True)
    assert 10_000 <= {p["name"]: p["paused_for_ms"] for p in control.ask("plugins")}["bad"] <= 30_000
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "the supervisor has been replaced" in service.server.log, service.server.state)
    is_shown(True)
    service.reload(settings=settings, more=bad(Combination("async", "event"), max_fails=1))
    is_shown(False)


def test_a_pause_that_is_over_is_not_shown(own, tmp_path):
    control = Control(tmp_path / "control.sock")
    service = Service(own, tmp_path)
    service.reload(
        server='restart_backoff = "500ms"', settings=f'[control]\nsocket = "{control.path}"\n',
        more=bad(Combination("async", "event"), max_fails=1),
    )  # fmt: skip
    crash(service)
    wait_for(lambda: pauses(service) == 1, lambda: service.server.log)
    wait_for(lambda: service.server.get("/bad/").status == 200, "the end of the pause")
    wait_for(lambda: control.ask("status")["paused_plugins"] == [], "its end in status")
