"""The control socket, raw and through outriderctl."""

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager

from processes import wait_for
from server import RELEASE
from timing import scaled_timeout

OUTRIDERCTL = RELEASE / "outriderctl"


def outriderctl(*arguments, timeout=scaled_timeout(20), env=None):
    return subprocess.run(
        [OUTRIDERCTL, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
        env=os.environ | (env or {}),
    )  # fmt: skip


class Control:
    """The control socket at a path."""

    def __init__(self, path):
        self.path = path

    @classmethod
    def of(cls, server):
        """That of a server without a configuration file and without settings of its own."""
        control = cls(server.folder / f"outrider-{server.pid}.sock")
        wait_for(control.takes_clients, server.state)
        return control

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(scaled_timeout(10))
        client.connect(str(self.path))
        return client

    def takes_clients(self):
        """Whether a server listens there: it makes the file a moment earlier."""
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def send(self, data):
        """Send one line of bytes unchanged; the response, or None if there is none."""
        with self.connect() as client:
            client.sendall(data)
            line = client.makefile("rb").readline()
            return json.loads(line) if line else None

    def ask(self, command, **parameters):
        """Send a command; its result."""
        answer = self.send(json.dumps({"command": command, **parameters}).encode() + b"\n")
        assert answer["ok"], answer
        return answer["result"]

    def wait_for_requests(self, count, pid=None):
        """Wait until so many are in flight, in all or in the worker with this pid."""

        def in_flight():
            return sum(w["in_flight"] for w in self.ask("workers") if pid in (None, w["pid"]))

        wait_for(lambda: in_flight() == count, lambda: f"{count} requests in flight, not {in_flight()}")

    def run(self, *arguments):
        """The output of outriderctl, which must succeed."""
        ended = outriderctl("-s", self.path, *arguments)
        assert ended.returncode == 0 and not ended.stderr, ended
        return ended.stdout


@contextmanager
def answering(path, result, key="result", user=None):
    """A process at this path, optionally of another user, with the same response to every command."""
    answer = json.dumps({"ok": key == "result", key: result}) + "\n"
    code = (
        "import os, socket, sys\n"
        "server = socket.socket(socket.AF_UNIX)\n"
        "server.bind(sys.argv[1])\n"
        "os.chmod(sys.argv[1], 0o666)\n"
        "if sys.argv[3]: os.setgroups([]), os.setuid(int(sys.argv[3]))\n"
        "server.listen()\n"
        "print(flush=True)\n"
        "client, _ = server.accept()\n"
        "client.recv(4096)\n"
        "client.sendall(sys.argv[2].encode())\n"
    )
    fake = subprocess.Popen([sys.executable, "-c", code, path, answer, str(user or "")], stdout=subprocess.PIPE)
    try:
        fake.stdout.readline()
        yield
    finally:
        fake.kill()
        fake.wait()
        fake.stdout.close()
        path.unlink()
