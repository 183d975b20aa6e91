"""A program of others as a child of the tests: it is configured, started, waited for, and ended by its pid."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from processes import wait_for
from server import ROOT, end, free_port
import processes

EXAMPLES = ROOT / "examples"
# Those that the tests' own Python environment brings are beside its interpreter.
ENVIRONMENT = ROOT / ".build/venv/bin"
START_TIMEOUT = 20.0
ATTEMPTS = 3  # somebody else may have taken the port meanwhile


def found(name):
    """The path of a program of Debian's, or of the tests' Python environment: one that is missing is a fault."""
    for folder in ("/usr/sbin", "/usr/bin", ENVIRONMENT):
        path = Path(folder, name)  # a name that begins with / is a path of its own
        if os.access(path, os.X_OK):
            return path
    raise AssertionError(f"{name} is not installed: run make test-dependencies")


def with_changes(text, changes):
    """The text with each of these replaced; all of them are in it."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the example:\n{text}"
        text = text.replace(old, str(new))
    return text


class Program:
    """Before an Outrider, which it reaches in the way that `behind` names. Subclasses say what is run, and with which
    configuration."""

    name = ""  # its row in the tables
    tls = True  # whether its clients speak TLS with it
    http2 = True  # whether they may speak HTTP/2
    ways = ("http/1", "h2c", "unix")  # to Outrider

    def __init__(self, authority, server, behind="http/1"):
        assert behind in self.ways, f"{self.name} does not know {behind}"
        self.authority = authority
        self.server = server
        self.behind = behind
        self.folder = Path(tempfile.mkdtemp(prefix="interop-"))
        self.folder.chmod(0o755)
        for attempt in range(ATTEMPTS):
            self.port = free_port()
            try:
                self._start()
                return
            except BaseException as fault:
                self.end()
                if attempt + 1 == ATTEMPTS or not isinstance(fault, AssertionError):
                    shutil.rmtree(self.folder, ignore_errors=True)
                    raise

    # For subclasses

    def command(self):
        """Writes what it is configured with into the folder; the words of its command line."""
        raise NotImplementedError

    @classmethod
    def version(cls):
        raise NotImplementedError

    @staticmethod
    def said(pattern, *command):
        """What a program says of its version."""
        result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=30)
        match = re.search(pattern, result.stdout + result.stderr)
        assert match, result
        return match[1]

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def example(self, path, changes):
        """A file of examples/ as text, with places of this test for those that it names."""
        return with_changes((EXAMPLES / path).read_text(), changes)

    @property
    def identity(self):
        """What the examples call by name, of localhost."""
        folder, identity = self.folder, self.authority.server
        certificate, key = identity.certificate.read_bytes(), identity.key.read_bytes()
        for name, data in (("crt", certificate), ("key", key), ("pem", key + certificate)):
            path = folder / f"localhost.{name}"
            path.write_bytes(data)
            path.chmod(0o644)
        return {"crt": folder / "localhost.crt", "key": folder / "localhost.key", "pem": folder / "localhost.pem"}

    # Its life

    def _start(self):
        command = [*map(str, self.command())]
        environment = os.environ | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}
        with open(self.folder / "output", "wb") as output:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )
        wait_for(self._listens, self.state, START_TIMEOUT)

    def _listens(self):
        assert self.alive, f"it did not start: {self.state()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def root(self):
        """Whether the tests are root: some programs then want another user to become."""
        return os.getuid() == 0

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def alive(self):
        return self.child.poll() is None

    @property
    def output(self):
        return (self.folder / "output").read_text("utf-8", "replace")

    def state(self):
        """For failure messages."""
        how = "running" if self.alive else f"ended with {self.child.returncode}"
        return f"{self.name}: {' '.join(map(str, self.child.args))}: {how}; it said:\n{self.output[-3000:]}"

    def end(self):
        """As an operator would, and then by force: it and all that it started."""
        if not hasattr(self, "child"):
            return
        if self.alive:
            self.child.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(3)
        self.kill(processes.everything())

    def kill(self, everyone):
        """It and what it has started: that is in the session that it leads."""
        end(self.child, [process for process in everyone if process.session == self.child.pid])


class Programs:
    """Running programs by what they were started with."""

    def __init__(self, authority):
        self.authority = authority
        self.running = {}

    def get(self, kind, server, **options):
        key = (kind, server.pid, repr(sorted(options.items())))
        program = self.running.get(key)
        if program is None or not program.alive:
            program = self.running[key] = kind(self.authority, server, **options)
        return program

    def end(self):
        """All at the same time."""
        running = [program for program in self.running.values() if program.alive]
        for program in running:
            program.child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 3
        for program in running:
            with suppress(subprocess.TimeoutExpired):
                program.child.wait(max(0, deadline - time.monotonic()))
        left = processes.everything()
        for program in self.running.values():
            program.kill(left)
            shutil.rmtree(program.folder, ignore_errors=True)
