"""The two clients: wrk for the timed rounds, and a serial one on a single connection for the counts."""

import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from processes import Failure, Program

TIMEOUT = 10.0
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What wrk reports of one run."""

    requests: int
    seconds: float


def run_wrk(
    port: int, core: int, seconds: int, connections: int, log: Path, path: str = "/", fields: tuple[str, ...] = ()
) -> Load:
    """One run of wrk, one thread on one core. Every answer must be a success, without any socket error."""
    arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}{path}"]
    for field in fields:
        arguments += ["-H", field]
    with Program(arguments, core, log) as wrk:
        return parse_wrk(wrk.wait(seconds + TIMEOUT))


def parse_wrk(text: str) -> Load:
    """Reads wrk's report, in which a line about errors is there only if there were any."""
    complaint = re.search(r"^\s*(Socket errors: .*|Non-2xx or 3xx responses: .*)$", text, re.MULTILINE)
    if complaint:
        raise Failure(f"wrk: {complaint[1]}")
    summary = re.search(r"^\s*(\d+) requests in ([\d.]+)(us|ms|s|m),", text, re.MULTILINE)
    if summary is None or int(summary[1]) == 0:
        raise Failure(f"wrk completed no request: {text.strip()!r}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[summary[3]]
    return Load(int(summary[1]), float(summary[2]) * unit)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Connection:
    """One HTTP/1.1 connection, one request at a time: counts per request are then free of batching."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def request(self) -> int:
        """Sends one request, reads its response, returns the response's size on the wire. Must be a 200."""
        self.send()
        return self.response()

    def send(self) -> None:
        """Sends one request."""
        self.socket.sendall(REQUEST)

    def response(self) -> int:
        """Reads the response to a request that was sent."""
        while (end := self.received.find(b"\r\n\r\n")) < 0:
            self._receive()
        head = self.received[:end + 4].lower()
        length = re.search(rb"\r\ncontent-length: *(\d+)\r\n", head)
        if not re.match(rb"http/1\.[01] 200 ", head) or length is None:
            raise Failure(f"not a 200 with a content-length: {head!r}")
        size = end + 4 + int(length[1])
        while len(self.received) < size:
            self._receive()
        self.received = self.received[size:]
        return size

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise Failure("the server closed the connection before its response was whole")
        self.received += data


def requests_at_once(connections: list[Connection], count: int) -> None:
    """As many requests: one on each connection, then the responses, and so on."""
    for _ in range(count // len(connections)):
        for connection in connections:
            connection.send()
        for connection in connections:
            connection.response()


def wait_until_answering(port: int, server: Program) -> int:
    """Waits for the server's first answer, and returns its size on the wire."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if server.popen.poll() is not None:
            raise Failure(f"the server ended with status {server.popen.returncode}: {server.last_words()}")
        try:
            with Connection(port) as connection:
                return connection.request()
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise Failure(f"nothing listens on port {port} after {TIMEOUT:.0f} s: {server.last_words()}")
