"""A server that runs as root, whose plugin attacks the process above its own."""

import json
import pwd
import re
import signal

import pytest

import processes
from control import Control
from processes import wait_for
from server import free_port
from visible import precious_file, visible_folder

HOSTILE = "libhostile.so"
NOBODY = pwd.getpwnam("nobody")


class Attacked:
    """A server started by root with `server.user = "nobody"`, the hostile plugin, a control socket and metrics."""

    def __init__(self, own, folder):
        self.own, self.folder = own, folder
        self.port = free_port()
        self.metrics_port = free_port()
        self.file = folder / "outrider.toml"
        self.control = Control(folder / "control.sock")
        self.trigger = folder / "go"
        self.server = None
        self.ends_with = {0}

    def write(
        self, *, server="", settings="", plugin=HOSTILE, listeners=None, bind=None, graceful="10s", before="", entry="", **config
    ):
        """before: more [[plugin]] entries; entry: more lines of the plugin's own."""
        config = {"trigger": str(self.trigger)} | config
        lines = "".join(
            f"{key} = {json.dumps(value)}\n" for key, value in config.items()
        )
        self.file.write_text(
            f'[server]\nuser = "nobody"\ngraceful_timeout = "{graceful}"\n{server}\n{settings}\n'
            f'[control]\nsocket = "{self.control.path}"\n[metrics]\nbind = "127.0.0.1:{self.metrics_port}"\n'
            f'[[listener]]\nbind = "{bind or f"127.0.0.1:{self.port}"}"\n{listeners or ""}\n'
            f'{before}[[plugin]]\npath = "{self.folder / plugin}"\nmax_fails = 0\n{entry}[plugin.config]\n{lines}'
        )

    def start(self, *, log_to=None, **changes):
        """log_to: a descriptor for its standard error, or another destination named by the settings."""
        self.write(**changes)
        where = {"logs_elsewhere": True, "stderr": log_to if isinstance(log_to, int) else None} if log_to else {}
        self.server = self.own("-c", self.file, bind=False, port=self.port, **where)
        wait_for(self.control.takes_clients, lambda: self.server.state())

    @property
    def log(self):
        return self.server.log

    def go(self):
        """Let the child of the master begin its attack."""
        self.trigger.touch()

    def wait_for(self, pattern, timeout=5.0):
        wait_for(lambda: re.search(pattern, self.log), lambda: f"{pattern}; {self.server.state()}", timeout)

    def done(self):
        self.wait_for("hostile: done")

    def hup(self):
        self.server.tell(signal.SIGHUP)

    def descriptors(self, pid=None):
        return len(processes.descriptors(pid or self.server.pid))

    def is_well(self):
        """The supervisor is the same process, responds, and a generation serves."""
        wait_for(lambda: self.server.alive and self.serves(), lambda: self.server.state(), 10)
        assert self.control.ask("status")["pid"] == self.server.pid

    def serves(self):
        try:
            return self.server.get("/").body == b"hello\n" and self.control.ask("status")["ready"]
        except (OSError, AssertionError):
            return False


@pytest.fixture
def folder():
    with visible_folder(HOSTILE, "libidentity.so") as folder:
        yield folder


@pytest.fixture
def attacked(own, folder):
    """An operator stops it. Processes forked by the plugin survive that, and are killed afterwards."""
    attacked = Attacked(own, folder)
    yield attacked
    if attacked.server and attacked.server.alive:
        attacked.server.tell(signal.SIGTERM)
        code = attacked.server.wait()
        assert code in attacked.ends_with, f"exit code {code}; {attacked.server.state()}"
    if attacked.server:
        attacked.server.kill()


@pytest.fixture
def precious(folder):
    return precious_file(folder, "secret = 1\n")
