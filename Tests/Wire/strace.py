"""The system calls of a running process, as strace writes them down."""

import re
import signal
import subprocess
from collections import Counter


class Trace:
    """What the process calls inside the `with`: all calls, or those that are named. `path` is where they are written."""

    def __init__(self, pid, path, *names):
        self.path = path
        only = ["-e", f"trace={','.join(names)}"] if names else []
        self.command = ["strace", "-f", "-o", path, *only, "-p", str(pid)]

    def __enter__(self):
        self.tracer = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        assert "attached" in self.tracer.stderr.readline()
        return self

    def __exit__(self, *_):
        self.tracer.send_signal(signal.SIGINT)
        self.tracer.communicate(timeout=10)

    def counts(self):
        """How many calls there have been, by name."""
        return Counter(re.findall(r"^\d+ +(\w+)\(", self.path.read_text(), re.MULTILINE))

    def total(self, *names):
        """What these calls have returned, together."""
        return sum(int(count) for count in re.findall(rf"(?:{'|'.join(names)})\(.* = (\d+)", self.path.read_text()))

    def turns(self, name):
        """What this call has returned between one wait of the loop's and the next, together."""
        turns = [0]
        for line in self.path.read_text().splitlines():
            if "epoll_" in line:
                turns.append(0)
            elif found := re.search(rf" {name}\(.* = (\d+)$", line):
                turns[-1] += int(found[1])
        return turns
