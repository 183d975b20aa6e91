"""The control socket, bare and by outriderctl."""

import json
import socket
import subprocess

from server import RELEASE

OUTRIDERCTL = RELEASE / "outriderctl"


def outriderctl(*arguments, timeout=20):
    return subprocess.run(
        [OUTRIDERCTL, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )


class Control:
    """The control socket at a path."""

    def __init__(self, path):
        self.path = path

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(str(self.path))
        return client

    def send(self, data):
        """One line of bytes as it is; the answer, or None if there is none."""
        with self.connect() as client:
            client.sendall(data)
            line = client.makefile("rb").readline()
            return json.loads(line) if line else None

    def ask(self, command, **parameters):
        """The result of an order."""
        answer = self.send(json.dumps({"command": command, **parameters}).encode() + b"\n")
        assert answer["ok"], answer
        return answer["result"]

    def run(self, *arguments):
        """What outriderctl prints; it must end well."""
        ended = outriderctl("-s", self.path, *arguments)
        assert ended.returncode == 0 and not ended.stderr, ended
        return ended.stdout
