"""A plugin that crashes on every request: its workers end; supervisor and master use almost no CPU time."""

import time

import pytest

import client
import processes
from background import Background
from control import Control
from matrix import Combination
from processes import wait_for
from service import Service
from timing import scaled, scaled_timeout

SECONDS = 8.0
# Of another plugin's requests: what a crash takes with it is lost.
ANSWERED = 0.95
SHARE = 0.01  # of one core


class Attack(Background):
    """Requests that crash the worker that serves them, one after another."""

    def __init__(self, address):
        super().__init__()
        self.address = address
        self.sent = 0
        self.answers = []

    def run(self):
        while not self.stopping.is_set():
            try:
                # A client that gives up leaves its request in the backlog for the next worker. So only one request
                # waits at a time.
                with client.Connection(self.address, timeout=SECONDS) as connection:
                    connection.send(client.request("GET", "/bad/crash", "Connection: close"))
                    self.sent += 1
                    connection.end()
                    self.answers += connection.finals
            except (OSError, AssertionError):
                pass  # nobody was there to take it, or it did what it came for
            self.stopping.wait(0.01)


@pytest.mark.parametrize("model, style", [("sync", "event"), ("gthread", "blocking"), ("async", "event")])
def test_a_plugin_that_crashes_on_every_request(own, tmp_path, model, style):
    service = Service(own, tmp_path, model)
    bad = f'[[plugin]]\npath = "{Combination(model, style).misbehaving}"\nmount = "/bad"\n'
    socket = tmp_path / "control.sock"
    service.reload(server="workers = 4", settings=f'[control]\nsocket = "{socket}"\n', more=bad)
    lasting = {"supervisor": service.server.pid, "master": service.server.master()}
    service.server.workers(4)
    control, answered = Control(socket), 0
    with Attack(service.server.address) as attack:
        wait_for(lambda: "SIGSEGV" in service.server.log, "the first crash")
        asked = 0
        began, before = time.monotonic(), {name: processes.ticks(pid) for name, pid in lasting.items()}
        times = []

        def has_seen_enough():
            """On a busy machine it takes longer until the plugin has been paused several times."""
            log = service.server.log
            return attack.answers and log.count("it is paused for") >= 3 and log.count("; its replacement starts in") > 4

        while (now := time.monotonic()) < began + SECONDS or now < began + scaled_timeout(SECONDS) and not has_seen_enough():
            assert control.ask("status")["pid"] == service.server.pid, "the control socket answers"
            times.append(time.monotonic() - now)
            asked += 1
            try:
                with client.Connection(service.server.address, timeout=1) as connection:
                    connection.send(client.request("GET", "/"))
                    answered += connection.final().status == 200
            except (OSError, AssertionError):
                pass  # the worker was taken down by another's request
            time.sleep(0.1)
        spent = {name: processes.ticks(pid) - before[name] for name, pid in lasting.items()}
        elapsed = time.monotonic() - began
    print(f"{spent} ticks in {elapsed:.1f} s, {attack.sent} bad requests, {answered} of {asked} good ones, order {max(times) * 1000:.0f} ms")
    allowed = scaled(SHARE) * elapsed * processes.TICKS_PER_SECOND
    crashes = service.server.log.count("; its replacement starts in")
    assert all(ticks <= allowed for ticks in spent.values()), f"{spent} of {allowed} ticks; {crashes} crashes"
    assert 4 < crashes < 60, "restarts back off"
    assert sorted(times)[len(times) * 9 // 10] < 0.5, "so does"
    assert answered >= ANSWERED * asked, "another plugin's requests find workers"
    assert attack.answers, "while it is paused it gets an answer"
    for answer in attack.answers:
        assert answer.status == 503 and 1 <= int(answer.get("Retry-After")) <= 31, answer
    assert service.server.log.count("it is paused for") >= 3
    assert lasting == {"supervisor": service.server.pid, "master": service.server.master()}
    # Without the plugin all is well at once: a new generation waits for no backoff.
    service.reload(server="workers = 4")
    service.server.workers(4)
