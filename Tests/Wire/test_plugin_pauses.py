"""A plugin that has crashed `max_fails` workers is paused: its requests get 503, other plugins' go on."""

import os
import signal
import time
from contextlib import suppress

import pytest

from client import request
from http2 import connect
from matrix import Combination
from metrics import Metrics
from processes import wait_for
from server import free_port
from service import Service

PAUSED = "it is paused for"


@pytest.fixture
def paused(own, tmp_path):
    """paused(model, style, ...): a service with a plugin on /bad that can crash, and a long pause when it does."""

    def start(model="async", style="event", *, max_fails=1, pause="30s"):
        service = Service(own, tmp_path, model)
        service.reload(
            server=f'workers = 2\nrestart_backoff = "{pause}"',
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
    return f'[[plugin]]\nname = "bad"\npath = "{combination.misbehave}"\nmount = "/bad"\nmax_fails = {max_fails}\n'


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
    service = paused(pause="500ms")
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
    service = paused(model, "blocking", pause="10ms")
    for number in range(3):
        with service.server.connect() as connection:
            connection.send(request("GET", "/bad/hang"))
            time.sleep(0.1)
            for worker in service.server.workers(2):
                os.kill(worker, signal.SIGKILL)
        wait_for(lambda: service.server.log.count("its replacement starts in") >= 2 * (number + 1), "both ends")
        service.server.workers(2)
    assert pauses(service) == 0
