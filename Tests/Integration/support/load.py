"""Constant load during an event: every request must get a correct response."""

import threading
import time

import client


class Load:
    """Clients that send requests one after another until the end of the `with` block.

    Some keep their connection as long as the server does, others open a new one for each request.
    """

    def __init__(self, address, target="/", keeping=2, opening=1, pause=0.0):
        self.address = address
        self.request = client.request("GET", target)
        self.pause = pause
        self.faults = []
        self.answered = 0
        self.longest = 0.0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(self._keep,)) for _ in range(keeping)]
        self.threads += [threading.Thread(target=self._run, args=(self._open,)) for _ in range(opening)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def assert_well(self, least=1):
        assert not self.faults, f"{len(self.faults)} of {self.answered} failed, the first: {self.faults[0]}"
        assert self.answered >= least, f"only {self.answered} requests"

    def _run(self, body):
        try:
            body()
        except Exception as fault:
            self.faults.append(repr(fault))

    def _ask(self, connection):
        """True if another request may follow on the connection."""
        start = time.monotonic()
        connection.send(self.request)
        answer = connection.final()
        self.longest = max(self.longest, time.monotonic() - start)
        self.answered += 1
        if answer.status != 200:
            self.faults.append(f"status {answer.status}")
        if self.pause:
            time.sleep(self.pause)
        return not answer.says_close

    def _keep(self):
        while not self.stopping.is_set():
            with client.Connection(self.address) as connection:
                while not self.stopping.is_set() and self._ask(connection):
                    pass

    def _open(self):
        while not self.stopping.is_set():
            with client.Connection(self.address) as connection:
                self._ask(connection)
