"""A server with a configuration file that a test rewrites and reloads."""

import re
import signal
import time

import processes
from processes import wait_for
from server import RELEASE, TEST_PLUGINS, free_port

CONFIGURED = TEST_PLUGINS / "libconfigured.so"
DEMO = RELEASE / "libdemo_event.so"


class Service:
    """A server with a configuration file of its own. /: the configured plugin, /demo: the demo."""

    def __init__(self, own, folder, model="async", listeners=None, **options):
        self.folder = folder
        self.port = free_port()
        self.listeners = listeners or [f"127.0.0.1:{self.port}"]
        self.file = folder / "outrider.toml"
        self.model = model
        self.number = 0
        self.write()
        self.server = own("-c", self.file, port=self.port, bind=False, **options)

    @classmethod
    def changed(cls, own, folder, **changes):
        """A server that has been reloaded with these changes, which hold until the file is written without them."""
        service = cls(own, folder)
        service.reload(**changes)
        return service

    def write(self, plugin=CONFIGURED, settings="", listeners=None, more="", server=""):
        """Write the file with a new number, which the plugin reports."""
        self.number += 1
        binds = "".join(
            f"[[listener]]\n{bind}\n" if "=" in bind else f'[[listener]]\nbind = "{bind}"\n'
            for bind in (self.listeners if listeners is None else listeners)
        )
        self.file.write_text(
            f'[server]\nworker_model = "{self.model}"\n{server}\n{settings}\n{binds}\n'
            f'[[plugin]]\npath = "{plugin}"\n[plugin.config]\nnumber = {self.number}\n'
            f'[[plugin]]\npath = "{DEMO}"\nmount = "/demo"\n{more}\n'
        )

    # What serves

    def serving(self, connect=None):
        """The number that the plugin on / was configured with."""
        with connect() if connect else self.server.connect() as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return int(re.search(rb"loaded=(-?\d+)", connection.final().body)[1])

    def wait_for_number(self, number=None, timeout=5.0):
        """Wait until three consecutive responses come from this configuration; returns the time until the first."""
        number = number or self.number
        start, first = time.monotonic(), None

        def new():
            nonlocal first
            for _ in range(3):
                if self.serving() != number:
                    first = None
                    return False
                first = first or time.monotonic()
            return True

        wait_for(new, lambda: f"configuration {number}; {self.server.state()}", timeout)
        return first - start

    # Signals

    def hup(self):
        self.server.tell(signal.SIGHUP)

    def reload(self, timeout=10.0, **changes):
        """Change the file, reload, and wait until only the new generation is left."""
        self.write(**changes)
        self.hup()
        self.wait_for_number(timeout=timeout)
        self.wait_for_one_master(timeout)

    def wait_for_one_master(self, timeout=10.0):
        def alone():
            found = processes.children(self.server.pid)
            return found if len(found) == 1 and found == processes.masters(self.server.pid) else None

        return wait_for(alone, lambda: f"one master; {self.server.state()}", timeout)[0].pid

    def failed_reload(self, timeout=10.0):
        """Reload, and wait until the log reports the failure; that line."""
        before = len(self.failures())
        self.hup()
        wait_for(
            lambda: len(self.failures()) > before, lambda: f"a failed reload; {self.server.state()}", timeout
        )
        return self.failures()[-1]

    def failures(self):
        return [line for line in self.server.log.splitlines() if "reload failed: " in line]


def is_loading(service, plugin):
    return any(processes.has_mapped(p.pid, plugin) for p in processes.children(service.server.pid))


def memory(pid):
    """The memory that only this process has written to, in KiB, according to the kernel. Pages of a file that no other
    process maps at the moment do not count."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        (line,) = [line for line in rollup if line.startswith("Private_Dirty:")]
    return int(line.split()[1])
