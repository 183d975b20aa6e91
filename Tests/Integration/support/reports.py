"""Reports of the misbehaving plugin: lines "name=status", in the body of a response or in the log."""

import re

from processes import wait_for

OK, SKIPPED, PAUSE = 0, 1, 2
E_STATE, E_INVALID, E_CLOSED, E_CANCELLED, E_UNSUPPORTED = -1, -2, -3, -4, -5
E_LIMIT, E_AGAIN, E_THREAD, E_IO = -6, -7, -8, -9

LINE = re.compile(r"([a-z0-9.\-]+)=(-?\d+)")


def read(body):
    """Parses a body of report lines into {name: status}."""
    lines = body.decode("latin-1").splitlines()
    pairs = [LINE.fullmatch(line) for line in lines]
    assert lines and all(pairs), f"no report: {body!r}"
    return {pair[1]: int(pair[2]) for pair in pairs}


class LogReport:
    """The report lines that a server logs from now on."""

    def __init__(self, server):
        self.server = server
        self.start = len(server.log)

    @property
    def text(self):
        return self.server.log[self.start :]

    def wait(self, *names):
        """The statuses of these names, as soon as all are logged."""

        def found():
            pairs = dict(re.findall(r"(?<![a-z0-9.\-])([a-z0-9.\-]+)=(-?\d+)\b", self.text))
            return pairs if all(name in pairs for name in names) else None

        pairs = wait_for(found, lambda: f"report lines {names} in the log: {self.text}")
        return {name: int(pairs[name]) for name in names}
