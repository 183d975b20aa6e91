"""Clients of every kind at once for a given time, and the results of their requests."""

import hashlib
import os
import random
import threading
import time
from dataclasses import dataclass

from client import Connection, request

PATIENCE = 30.0  # seconds for one answer
BODY = bytes(random.Random(1).randbytes(40_000))


@dataclass(frozen=True)
class Loss:
    """A request without a complete response."""

    began: float
    ended: float
    what: str


class Mob:
    """Threads that send requests until they are stopped: kept connections, new ones, slow ones, and some that abort."""

    def __init__(self, address, each=2):
        self.address = address
        self.answered = 0
        self.losses = []
        self.stopping = False
        kinds = [self.keep, self.fresh, self.upload, self.creep, self.sip, self.abort]
        self.threads = [threading.Thread(target=self.run, args=(kind,)) for kind in kinds for _ in range(each)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(PATIENCE + 10)
        assert not any(thread.is_alive() for thread in self.threads), "every client ends"

    def run(self, kind):
        while not self.stopping:
            began = time.monotonic()
            try:
                kind()
            except Exception as fault:  # whatever the cause, a request was lost
                self.losses.append(Loss(began, time.monotonic(), f"{kind.__name__}: {fault!r}"))
                time.sleep(0.01)  # if nobody listens, the next one fails as fast

    def check(self, answer, status=200):
        assert answer.status == status and answer.complete, answer
        self.answered += 1

    # Kinds

    def keep(self):
        """Up to twenty requests on one connection. The server may close it while it is idle, but not with a request."""
        with Connection(self.address, PATIENCE) as connection:
            for _ in range(20):
                connection.send(request("GET", random.choice(["/health", "/early-hints-multiple", "/stream"])))
                answer = connection.final()
                self.check(answer)
                if answer.says_close or self.stopping:
                    return

    def fresh(self):
        with Connection(self.address, PATIENCE) as connection:
            connection.send(request("GET", "/health"))
            self.check(connection.final())

    def upload(self):
        with Connection(self.address, PATIENCE) as connection:
            connection.send(request("POST", "/echo", body=BODY))
            answer = connection.final()
            self.check(answer)
            assert hashlib.sha256(answer.body).digest() == hashlib.sha256(BODY).digest()

    def creep(self):
        """A request in small pieces, within half a second."""
        with Connection(self.address, PATIENCE) as connection:
            data = request("GET", "/health", "X-Slow: " + "a" * 40)
            for start in range(0, len(data), 10):
                connection.send(data[start : start + 10], method="GET" if start == 0 else [])
                time.sleep(0.05)
            self.check(connection.final())

    def sip(self):
        """A large response, read slowly."""
        with Connection(self.address, PATIENCE, receive_buffer=8192) as connection:
            connection.send(request("GET", "/large"))
            connection.head()
            time.sleep(0.3)
            answer = connection.final()
            self.check(answer)
            assert len(answer.body) == 1 << 20

    def abort(self):
        """Closes with a reset: before, within, or after a request."""
        with Connection(self.address, PATIENCE) as connection:
            data = request("GET", random.choice(["/large", "/stream", "/health"]))
            connection.send(data[: random.choice([0, 10, len(data)])], method="GET")
            time.sleep(random.random() / 50)
            connection.abort()


def resident(pid):
    """Bytes of resident memory."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
