"""A service whose plugin a test breaks on disk, so that no new generation can start."""

import os
import shutil
import signal

import client
import processes
from control import Control
from metrics import Metrics
from processes import wait_for
from server import TEST_PLUGINS, free_port
from service import CONFIGURED, Service
from slow_requests import begin_slow

WORKERS = 2


class Deployed:
    """A service whose plugin on / is a file of its own, with a control socket and metrics."""

    def __init__(self, own, tmp_path, model="async", server="", timeouts="", **options):
        self.plugin = tmp_path / "plugin.so"
        shutil.copy(CONFIGURED, self.plugin)
        self.control = Control(tmp_path / "control.sock")
        self.metrics_port = free_port()
        self.metrics = Metrics(self.metrics_port)
        self.options = options
        self.service = Service(own, tmp_path, model)
        self.server = self.service.server
        self.settings = server
        self.timeouts = timeouts
        self.write()
        self.service.hup()
        self.service.wait_for_number()
        self.service.wait_for_one_master()
        self.workers = self.server.workers(WORKERS)
        self.number = self.service.number
        self.master = self.server.master()

    def connect(self, stack, model, seconds):
        """An idle connection, or None if the model keeps none, and a connection with a request that takes so many
        seconds."""
        idle = None
        if model != "sync":
            idle = stack.enter_context(self.server.connect())
            idle.send(client.request("GET", "/"))
            assert idle.final().status == 200
        busy = stack.enter_context(self.server.connect())
        begin_slow(busy, seconds, "/demo")
        return idle, busy

    def begin(self, connection, target):
        """A request, which its handler has; it is the only one."""
        self.metrics.wait(0, "outrider_requests_in_flight")
        connection.send(client.request("GET", target))
        self.metrics.wait(1, "outrider_requests_in_flight")

    def write(self, **changes):
        more = f'[[plugin]]\npath = "{TEST_PLUGINS / "libmisbehaving_blocking.so"}"\nmount = "/bad"\nname = "bad"\n'
        self.service.write(
            plugin=self.plugin,
            server=f"workers = {WORKERS}\n{self.settings}",
            settings=f'[control]\nsocket = "{self.control.path}"\n[metrics]\nbind = "127.0.0.1:{self.metrics_port}"\n'
            + f'[timeouts]\nkeepalive = "60s"\n{self.timeouts}\n',
            more=more,
            **self.options | changes,
        )

    def break_it(self, how):
        if how == "configuration":
            self.service.file.write_text("nonsense")
        elif how == "missing":
            self.plugin.unlink()
        elif how == "cut":  # like install(1): another file with that name
            part = self.plugin.with_suffix(".part")
            part.write_bytes(self.plugin.read_bytes()[:3000])
            part.rename(self.plugin)
        else:
            raise AssertionError(how)

    def mend(self):
        whole = self.plugin.with_suffix(".whole")
        shutil.copy(CONFIGURED, whole)
        self.write()  # first: a generation that starts by itself as soon as the plugin is there has this number
        whole.rename(self.plugin)

    def kill_the_master(self, number=signal.SIGKILL, tries=2):
        """Waits until that many new generations have failed to start."""
        os.kill(self.master, number)
        self.wait_for_tries(tries)

    def wait_for_tries(self, count):
        wait_for(lambda: self.server.log.count("did not start: ") >= count, self.server.state, timeout=15)

    def orphans(self):
        return [p.pid for p in processes.orphans(self.server.pid, self.master)]

    def assert_served_by_orphans(self):
        assert sorted(self.orphans()) == sorted(self.workers), self.server.state()
        assert self.service.serving() == self.number

    def wait_for_successor(self):
        """Only another generation is left."""
        self.service.wait_for_number()
        wait_for(lambda: not self.orphans(), self.server.state, timeout=10)
        assert self.service.wait_for_one_master() != self.master
