"""Numbered requests, GETs and POSTs, from clients that send one after the other; what became of each is kept."""

import itertools
import threading
import time
from dataclasses import dataclass

import client
from processes import wait_for

DELAYED = "/delay?s=0.3&"


@dataclass(frozen=True)
class Sent:
    number: int
    method: str
    begun: float
    ended: float
    fault: object  # None if the answer was whole and right; else its status, or "none" where there was no answer
    client: int

    @property
    def query(self):
        return f"n={self.number}"


class Traffic:
    """Runs from the beginning of the `with` block to its end. Half of its clients keep their connection, the others open
    one for each request; half of them send requests that take a while."""

    def __init__(self, address, tls, pause=0.01):
        self.address, self.tls, self.pause = address, tls, pause
        self.numbers = itertools.count(1)
        self.sent = []
        self.faults = []  # of the clients themselves
        self.stopping = threading.Event()
        targets = (("GET", "/?"), ("POST", "/echo-whole?"), ("GET", DELAYED), ("POST", DELAYED))
        kinds = [(*target, keeps) for target in targets for keeps in (True, False)]
        self.threads = [threading.Thread(target=self._run, args=(i, *kind)) for i, kind in enumerate(kinds)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert not self.faults, self.faults

    @property
    def failed(self):
        return [one for one in self.sent if one.fault is not None]

    def goes_on(self, count=60):
        """Waits until so many more have been answered well."""
        before = len(self.sent)
        wait_for(lambda: len(self.sent) >= before + count, "more answers", 30)

    def _run(self, i, method, target, keeps):
        try:
            while not self.stopping.is_set():
                try:
                    with client.Connection(self.address, timeout=20, tls=self.tls) as connection:
                        while self._ask(connection, i, method, target) and keeps and not self.stopping.is_set():
                            pass
                except client.Closed:
                    pass  # _ask has noted it
        except BaseException as fault:
            self.faults.append(repr(fault))

    def _ask(self, connection, i, method, target):
        """Whether another request may follow on the connection."""
        number = next(self.numbers)
        body = f"{number} ".encode() * 500 if method == "POST" else None
        begun, fault = time.monotonic(), "none"
        try:
            connection.send(client.request(method, f"{target}n={number}", body=body), method)
            answer = connection.final()
            expected = b"delayed 0.3\n" if target == DELAYED else body or b"Hello, Outrider!"
            fault = None if (answer.status, answer.body) == (200, expected) else answer.status
        finally:
            self.sent.append(Sent(number, method, begun, time.monotonic(), fault, i))
        time.sleep(self.pause)
        return not answer.says_close
