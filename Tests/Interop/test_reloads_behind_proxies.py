"""Outrider reloads every second for 10 s behind all proxies at once, each under load: nothing is lost."""

import signal
import threading
import time

import pytest

import client
from processes import wait_for
from programs.proxies import PROXIES, WAYS
from setups import Site

RELOADS = 10
ROWS = [(program, way) for program in PROXIES for way in WAYS if way in program.ways]


class Visitors:
    """One that keeps its connection as long as the proxy does, and one that opens a new one for each request."""

    PAUSE = 0.05

    def __init__(self, site):
        self.site = site
        self.answered, self.faults = 0, []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(many,)) for many in (1000, 1)]
        for thread in self.threads:
            thread.start()

    def _run(self, requests):
        tls = self.site.authority and self.site.authority.client()
        while not self.stopping.is_set():
            try:
                with client.Connection(self.site.address, tls=tls) as connection:
                    for _ in range(requests):
                        connection.send(client.request("GET", "/"))
                        answer = connection.final()
                        self.answered += 1
                        if (answer.status, answer.body) != (200, b"Hello, Outrider!"):
                            self.faults.append(answer.raw)
                        if answer.says_close or self.stopping.wait(self.PAUSE):
                            break
            except (AssertionError, OSError) as fault:
                self.faults.append(repr(fault))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("plugin, model", [("demo_event", "async"), ("demo_blocking", "gthread")])
def test_nothing_is_lost(outrider, started, authority, plugin, model):
    server = outrider(plugin, model, timeouts={"keepalive": "75s"})
    reloads = server.metrics.value("outrider_reloads_total", result="success")
    visitors = {}
    for program, way in ROWS:
        proxy = started(program, server, behind=way)
        visitors[program.name, way] = Visitors(Site(proxy.address, authority if program.tls else None))
    try:
        for count in range(1, RELOADS + 1):
            began = time.monotonic()
            server.tell(signal.SIGHUP)
            wait_for(
                lambda: server.metrics.value("outrider_reloads_total", result="success") == reloads + count,
                server.state,
                60,
            )
            time.sleep(max(0, began + 1 - time.monotonic()))
    finally:
        for one in visitors.values():
            one.stop()
    lost = {who: (len(one.faults), one.answered, one.faults[0]) for who, one in visitors.items() if one.faults}
    assert not lost, lost
    assert all(one.answered >= 2 * RELOADS for one in visitors.values()), {k: v.answered for k, v in visitors.items()}
