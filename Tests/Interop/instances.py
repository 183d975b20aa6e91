"""Two instances of Outrider, as examples/haproxy has them: each is reloaded, ended, killed and started for itself."""

import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import processes
from metrics import Metrics
from processes import wait_for
from programs.program import EXAMPLES, with_changes
from server import RELEASE, Server, free_port

DELAY = 5.0  # seconds of timeouts.shutdown_delay: many times what haproxy takes to see that /readyz fails
WORKERS = 4  # of each instance: under sync some hold a request for a while, and others serve meanwhile
SERVED = "%(m)s %(q)s %(s)s"


class Instance:
    def __init__(self, name, plugin, model, h2c=False, delay=DELAY):
        self.name = name
        self.place = Path(tempfile.mkdtemp(prefix="outrider-instance-"))
        self.port, metrics = free_port(), free_port()
        self.metrics = Metrics(metrics)
        self.configuration = self.place / "outrider.toml"
        changes = {
            "workers = 2": f'workers = {WORKERS}\nworker_model = "{model}"',
            'graceful_timeout = "30s"': 'graceful_timeout = "4s"',
            'bind = "10.0.0.5:8000"': f'bind = "127.0.0.1:{self.port}"' + ("\nh2c = true" if h2c else ""),
            'bind = "10.0.0.5:9090"': f'bind = "127.0.0.1:{metrics}"',
            'trusted = ["10.0.0.0/8"]': 'trusted = ["127.0.0.1"]',
            'shutdown_delay = "5s"': f'shutdown_delay = "{round(delay * 1000)}ms"',
            "/usr/local/lib/outrider/plugins/libdemo_event.so": RELEASE / f"lib{plugin}.so",
        }
        text = with_changes((EXAMPLES / "haproxy/two-instances.toml").read_text(), changes)
        text += f'[log]\naccess = "{self.place}/access.log"\naccess_format = "{SERVED}"\n'
        text += f'[control]\nsocket = "{self.place}/control.sock"\n'
        self.configuration.write_text(text)
        self.server = None

    def start(self):
        """Anew, if it has ended."""
        if self.server:
            self.server.kill()
        self.server = Server("-c", self.configuration, bind=False, port=self.port)
        wait_for(self.ready, self.server.state)

    def ready(self):
        return self.metrics.get("/readyz").status == 200

    def in_flight(self):
        return self.metrics.value("outrider_requests_in_flight")

    def family(self):
        """Supervisor, master and workers: a machine that loses its power loses them all."""
        return processes.family(self.server.pid)

    def workers(self):
        """Those without which the master starts others."""
        found = processes.children(self.server.master())
        assert len(found) == WORKERS, self.server.state()
        return found

    def served(self):
        """Of each request in its access log: (method, query, status)."""
        path = self.place / "access.log"
        return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []

    def end(self):
        if self.server:
            self.server.kill()
        shutil.rmtree(self.place, ignore_errors=True)


def kill(victims):
    """All of them at once, by SIGKILL; they are gone when it returns."""
    for victim in victims:
        with suppress(ProcessLookupError):  # one that has ended with another
            os.kill(victim.pid, signal.SIGKILL)
    wait_for(lambda: not processes.still_there(victims), "the end of all of them")


class Instances:
    """Both of them, running."""

    def __init__(self, plugin, model, h2c=False, delay=DELAY):
        self.one, self.two = (Instance(name, plugin, model, h2c, delay) for name in ("one", "two"))
        try:
            for instance in self:
                instance.start()
        except BaseException:
            self.end()
            raise

    def __iter__(self):
        return iter((self.one, self.two))

    def end(self):
        for instance in self:
            instance.end()
