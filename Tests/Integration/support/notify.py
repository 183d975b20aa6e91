"""The service manager's end of NOTIFY_SOCKET."""

import socket
import time

from processes import wait_for
from service import Service


class Manager:
    """The receiving end of NOTIFY_SOCKET, in place of systemd."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.messages = []  # (when, {name: value})

    def read(self):
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except BlockingIOError:
                return self.messages
            pairs = dict(line.split("=", 1) for line in text.splitlines())
            self.messages.append((time.monotonic(), pairs))

    def wait(self, count=1, timeout=5.0, **wanted):
        """Wait for that many messages with these values (True: any); returns the last of them."""

        def found():
            hits = [
                pairs
                for _, pairs in self.read()
                if all(name in pairs and value in (True, pairs[name]) for name, value in wanted.items())
            ]
            return hits[count - 1 :]

        return wait_for(found, lambda: f"{count} × {wanted} among {self.messages}", timeout)[0]

    def wait_for_beat(self):
        """Wait for a WATCHDOG=1 that has not been read yet."""
        before = len(self.messages)
        wait_for(lambda: [1 for _, pairs in self.read()[before:] if "WATCHDOG" in pairs], "a sign of life")

    def states(self):
        """READY, RELOADING, STOPPING in their order."""
        return [name for _, pairs in self.read() for name in ("READY", "RELOADING", "STOPPING") if name in pairs]


def watched(own, tmp_path, manager, interval="400000", pid=None, **options):
    launcher = ["sh", "-c", 'export WATCHDOG_PID=${WATCHDOG_PID:-$$}; exec "$@"', "sh"]
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": interval}
    if pid:
        env["WATCHDOG_PID"] = pid
    return Service(own, tmp_path, env=env, launcher=launcher, **options)


def beats(manager, seconds):
    """The times of WATCHDOG=1 within this period."""
    manager.read()  # what was sent before
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        manager.read()
        time.sleep(0.01)
    return [when for when, pairs in manager.read() if "WATCHDOG" in pairs and when >= start]
