"""The system calls of a running process, recorded by strace."""

import re
import signal
import subprocess
from collections import Counter


class Trace:
    """Records all system calls, or the named ones, within the `with` block. `path` is the file with the record."""

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
        """The number of calls, by name."""
        return Counter(re.findall(r"^\d+ +(\w+)\(", self.path.read_text(), re.MULTILINE))

    def total(self, *names):
        """The sum of the results of these calls."""
        return sum(int(count) for count in re.findall(rf"(?:{'|'.join(names)})\(.* = (\d+)", self.path.read_text()))

    def turns(self, name):
        """The sums of the results of this call, for each turn between two waits of the loop."""
        turns = [0]
        for line in self.path.read_text().splitlines():
            if "epoll_" in line:
                turns.append(0)
            elif found := re.search(rf" {name}\(.* = (\d+)$", line):
                turns[-1] += int(found[1])
        return turns
