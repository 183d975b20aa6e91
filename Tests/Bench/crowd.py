"""What a crowd of connections costs: memory of those that are idle, CPU of requests when many are busy."""

import re
import resource
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from load import TIMEOUT, Connection, free_port, wait_until_answering
from machine import Machine
from processes import Failure, Program
from rows import Row

CROWD = 10_000
FEW = 64
MEMORY_GOAL = 600
GROWTH_GOAL = 1.3
SETTLE = 30.0


@dataclass(frozen=True)
class Crowd:
    """`bytes_each`: the worker's own memory for an idle connection. `growth`: CPU per request with a crowd over that
    with few, round by round."""

    bytes_each: float
    growth: list[float]


def measure(row: Row, where: Machine, rounds: int, seconds: int) -> Crowd:
    """Both figures of one server."""
    require_descriptors(CROWD + 100)
    growth = []
    for _ in range(rounds):
        few, many = (cpu_per_request(row, where, seconds, connections) for connections in (FEW, CROWD))
        growth.append(many / few)
    return Crowd(memory_of_idle(row, where), growth)


def require_descriptors(count: int) -> None:
    """Raises the soft limit; the hard one is the machine's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Failure(f"{count} descriptors are needed, and the limit is {hard}: raise it with ulimit -Hn")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def settings(*more: str) -> list[str]:
    values = [f"server.worker_connections={CROWD + 100}", "timeouts.keepalive=10m", *more]
    return [word for value in values for word in ("--set", value)]


def memory_of_idle(row: Row, where: Machine) -> float:
    """What grows in the worker with each connection that has been served once and stays open."""
    port = free_port()
    with Program(row.arguments(port) + settings(), where.server_core, where.log(row.name)) as server:
        wait_until_answering(port, server)
        pid = server.worker()
        connections = []
        try:
            for number in range(FEW + CROWD):
                if number == FEW:
                    # From here on buffers and records of requests are those that are there.
                    before = private_memory(pid)
                connections.append(Connection(port))
                connections[-1].request()
            return (private_memory(pid) - before) / CROWD
        finally:
            for connection in connections:
                connection.socket.close()


def private_memory(pid: int) -> int:
    """Bytes that the process shares with no other."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_(?:Clean|Dirty): *(\d+) kB$", rollup, re.MULTILINE)) * 1024


def cpu_per_request(row: Row, where: Machine, seconds: int, connections: int) -> float:
    """Seconds of CPU, once all connections are there: to accept them is another matter."""
    port, metrics = free_port(), free_port()
    arguments = row.arguments(port) + settings(f"metrics.bind=127.0.0.1:{metrics}")
    with Program(arguments, where.server_core, where.log(row.name)) as server:
        wait_until_answering(port, server)
        load = ["wrk", "-t1", f"-c{connections}", f"-d{SETTLE + seconds:.0f}s", f"http://127.0.0.1:{port}/"]
        with Program(load, where.load_core, where.log("wrk")):
            deadline = time.monotonic() + SETTLE
            while counter(metrics, "outrider_connections_open") < connections:
                if time.monotonic() > deadline:
                    raise Failure(f"{connections} connections are not there after {SETTLE:.0f} s")
                time.sleep(0.1)
            (cpu, requests) = (server.cpu_seconds(), counter(metrics, "outrider_requests_total"))
            time.sleep(seconds)
            cpu = server.cpu_seconds() - cpu
            requests = counter(metrics, "outrider_requests_total") - requests
    if requests <= 0:
        raise Failure(f"nothing was answered on {connections} connections")
    return cpu / requests


def counter(port: int, name: str) -> float:
    """The sum over all labels of a metric."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT) as page:
        values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? ([0-9.e+]+)$", page.read().decode(), re.MULTILINE)
    if not values:
        raise Failure(f"the server has no metric {name}")
    return sum(map(float, values))
