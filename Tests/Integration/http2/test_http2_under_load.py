"""HTTP/2 under load, with reloads, resets during uploads, and clients with odd settings."""

import subprocess

import pytest

import processes
from background import Background
from http2 import RST_STREAM, Connection, connect, frame
from matrix import H2C, http2
from processes import wait_for
from timing import growth, scaled_timeout

CANCELLED = b"\0\0\0\x08"


class Client(Background):
    """Keeps some streams open on a connection, as a browser would: after GOAWAY it opens no more there, and what the
    server says it has not looked at it asks for again elsewhere."""

    STREAMS = 8

    def __init__(self, address):
        super().__init__()
        self.address = address
        self.answered = 0
        self.faults = []

    def run(self):
        try:
            while not self.stopping.is_set():
                with Connection(self.address) as connection:
                    self._use(connection)
        except Exception as fault:
            self.faults.append(repr(fault))

    def _use(self, connection):
        open_streams = []
        while True:
            while not connection.goaways and not self.stopping.is_set() and len(open_streams) < self.STREAMS:
                open_streams.append(connection.request("GET", "/delay?s=0.01" if len(open_streams) % 2 else "/"))
            if not open_streams:
                return
            connection.read_until(lambda: self._done(connection, open_streams), "answer")
            for stream in self._done(connection, open_streams):
                open_streams.remove(stream)
                answer = connection.answers.pop(stream)
                if self._is_unseen(connection, stream):
                    continue
                self.answered += 1
                if answer.status != 200 or not answer.ended:
                    self.faults.append(f"stream {stream}: {answer}, {connection.state()}")

    @staticmethod
    def _is_unseen(connection, stream):
        return bool(connection.goaways) and stream > connection.goaways[-1][0]

    def _done(self, connection, streams):
        answers = connection.answers
        return [
            s
            for s in streams
            if answers[s].ended or answers[s].reset is not None or self._is_unseen(connection, s)
        ]


@http2
def test_reloads_under_load_fail_no_request(own, combination):
    server = own(combination.demo, model=combination.model, h2c=True)
    clients = [Client(server.address) for _ in range(3)]
    with clients[0], clients[1], clients[2]:
        for _ in range(3):
            for client in clients:
                answered = client.answered
                wait_for(lambda: client.answered > answered + 20, lambda: f"{client.faults} {server.state()}")
            before = server.master()
            server.tell(1)
            wait_for(lambda: processes.has_new_master(server, before), lambda: f"one new master; {server.state()}", 20)
    assert not [fault for client in clients for fault in client.faults]
    assert all(client.answered > 60 for client in clients)


def memory(server):
    """The resident set of the worker, in bytes."""
    (worker,) = server.workers()
    with open(f"/proc/{worker}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@http2
def test_uploads_that_are_reset(shared, combination):
    """The bytes of a body are freed with its stream, wherever they are held."""
    server = shared(combination.demo, combination.model, "--set", "http2.max_resets_per_second=100000", H2C)
    before = None
    for _ in range(12):
        with connect(server, windows=False, initial_window_size=0) as connection:
            connection.ping()
            streams = [connection.request("POST", "/echo", end=False) for _ in range(40)]
            for stream in streams:
                connection.body(stream, b"x" * 16000, end=False)
            connection.ping()
            connection.send(b"".join(frame(RST_STREAM, 0, stream, CANCELLED) for stream in streams))
            connection.ping()
        if before is None:
            before = memory(server)
    with connect(server) as connection:
        assert connection.get("/echo", method="POST", body=b"whole").body == b"whole"
    assert memory(server) - before < growth(8 << 20)


@http2
@pytest.mark.parametrize(
    "options",
    [
        "-c1 -m1 -n200 -w1 -W16",
        "-c4 -m100 -n2000 -w30 -W30 --header-table-size=0 --encoder-header-table-size=0",
        "-c100 -m1 -n2000",
        "-c2 -m100 -n1000 -w4 -W5",
        "-c1 -m1000 -n1000",
    ],
)
def test_odd_clients(h2_demo, options):
    url = f"http://127.0.0.1:{h2_demo.port}/"
    shown = subprocess.run(["h2load", *options.split(), url], capture_output=True, text=True, timeout=scaled_timeout(60)).stdout
    assert " succeeded, 0 failed, 0 errored, 0 timeout" in shown, shown


@http2
def test_uploads_of_an_odd_client(h2_demo, tmp_path):
    (tmp_path / "body").write_bytes(b"b" * 300_000)
    url = f"http://127.0.0.1:{h2_demo.port}/echo"
    command = ["h2load", "-c4", "-m30", "-n120", "-w10", "-W12", "-d", str(tmp_path / "body"), url]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=scaled_timeout(60)).stdout
    assert "120 succeeded, 0 failed, 0 errored, 0 timeout" in shown, shown
