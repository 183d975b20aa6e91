"""Memory of Django with four workers that share what was loaded before the fork."""

import time
from pathlib import Path

from load import free_port, run_wrk, wait_until_answering
from machine import Machine
from processes import Failure, Program, family, read_process
from python_rows import Places, gunicorn, outrider

APPLICATION = "django_hello:app"
WORKERS = 4
GOAL = 0.6
START = 10.0  # seconds until all workers are there
RUNS = 60  # of a second each
SHARE = 300  # clock ticks that each worker has then used: some thousand requests, so that garbage has been collected


def commands(where: Places) -> dict[str, tuple[str, ...]]:
    return {
        "outrider": outrider(where, APPLICATION, "gthread", workers=WORKERS, load="master"),
        "gunicorn": gunicorn(where, APPLICATION, "gthread", "-w", str(WORKERS), "--threads", "1", "--preload"),
    }


def private_bytes(pid: int) -> int:
    """Pages that no other process has."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Private_"))


def workers_of(server: Program) -> list[int]:
    alive = [process for process in family(server.pid) if process.state != "Z"]
    parents = {process.parent for process in alive}
    return [process.pid for process in alive if process.pid not in parents]


def ticks(workers: list[int]) -> dict[int, int]:
    return {pid: process.ticks for pid in workers if (process := read_process(pid))}


def serve_in_each(server: Program, port: int, where: Machine) -> list[int]:
    """Requests until each worker has had its share; which one takes a connection is the kernel's choice."""
    deadline = time.monotonic() + START
    while len(workers := workers_of(server)) != WORKERS:
        if time.monotonic() > deadline:
            raise Failure(f"{server.arguments[0]} has {len(workers)} workers, not {WORKERS}")
        time.sleep(0.05)
    before = ticks(workers)
    for _ in range(RUNS):
        run_wrk(port, where.load_core, 1, 64, where.log("wrk"), fields=("Connection: close",))
        if all(after - before[pid] >= SHARE for pid, after in ticks(workers).items()):
            return workers
    raise Failure(f"a worker of {server.arguments[0]} got no requests")


def measure(command: tuple[str, ...], where: Machine, name: str) -> tuple[float, float]:
    """Private bytes of a worker, and of all processes together, after requests to each of them."""
    port = free_port()
    arguments = [part.replace("{port}", str(port)) for part in command]
    with Program(arguments, where.server_core, where.log(f"python-memory-{name}")) as server:
        wait_until_answering(port, server)
        workers = serve_in_each(server, port, where)
        every = [process.pid for process in family(server.pid) if process.state != "Z"]
        return sum(map(private_bytes, workers)) / len(workers), sum(map(private_bytes, every))
