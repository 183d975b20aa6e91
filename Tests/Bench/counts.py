"""The figures that do not wander: the worker's syscalls and allocations per request."""

import contextlib
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from load import TIMEOUT, Connection, free_port, requests_at_once, wait_until_answering
from machine import Machine
from processes import Failure, Program
from rows import Row

WARM_UP_REQUESTS = 1_000
SYSCALL_REQUESTS = 2_048
AT_ONCE = 64
MALLOC_REQUESTS = 10_000
SETTLE = 0.1


@dataclass(frozen=True)
class Counts:
    """Per request. Syscalls are by name, the most frequent first: with one request at a time, and with `AT_ONCE`, each on a
    connection of its own. Mallocs are of one connection."""

    syscalls: dict[str, float]
    syscalls_at_once: dict[str, float]
    mallocs: float


def count(row: Row, where: Machine) -> Counts:
    """All counts, each on a server of its own: what counts one would show in the other."""
    return Counts(count_syscalls(row, where, 1), count_syscalls(row, where, AT_ONCE), count_mallocs(row, where))


def count_syscalls(row: Row, where: Machine, at_once: int) -> dict[str, float]:
    """Attaches strace to the running worker, so that neither start nor warm-up is in the figure."""
    port = free_port()
    summary = where.log("strace")
    with Program(row.arguments(port), where.server_core, where.log(row.name)) as server:
        wait_until_answering(port, server)
        with contextlib.ExitStack() as open_connections:
            connections = [open_connections.enter_context(Connection(port)) for _ in range(at_once)]
            requests_at_once(connections, WARM_UP_REQUESTS)
            pid = server.worker()
            arguments = ["strace", "-f", "-c", "-U", "calls,name", "-p", str(pid)]
            with Program(arguments, where.load_core, summary) as strace:
                wait_until_traced(pid, strace)
                requests_at_once(connections, SYSCALL_REQUESTS)
                strace.popen.send_signal(signal.SIGINT)
                strace.popen.wait(TIMEOUT)
    return parse_strace(summary.read_text(), SYSCALL_REQUESTS)


def wait_until_traced(pid: int, strace: Program) -> None:
    """Waits until every thread of the process has strace as its tracer."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and strace.popen.poll() is None:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        tracers = {re.search(r"TracerPid:\s*(\d+)", (thread / "status").read_text())[1] for thread in threads}
        if tracers == {str(strace.pid)}:
            return
        time.sleep(0.01)
    raise Failure(f"strace did not attach to {pid}: {strace.last_words()}")


def parse_strace(text: str, requests: int) -> dict[str, float]:
    """Reads strace's summary of the columns calls and name."""
    lines = re.findall(r"^\s*(\d+)\s+(\w+)\s*$", text, re.MULTILINE)
    calls = {name: int(number) for number, name in lines if name != "total"}
    if not calls:
        raise Failure(f"strace counted nothing: {text.strip()!r}")
    return {name: number / requests for name, number in sorted(calls.items(), key=lambda item: -item[1])}


def count_mallocs(row: Row, where: Machine) -> float:
    """Reads the worker's own counter (malloc_count.c) before and after the requests."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="malloc-count-") as folder:
        prefix = Path(folder) / "count"
        preload = {
            "LD_PRELOAD": str(where.folder / "libmalloc_count.so"),
            "MALLOC_COUNT_FILE": str(prefix),
        }
        with Program(row.arguments(port), where.server_core, where.log(row.name), preload) as server:
            wait_until_answering(port, server)
            pid = server.worker()
            require_preloaded(pid)
            counter = prefix.with_suffix(f".{pid}")
            with Connection(port) as connection:
                requests_at_once([connection], WARM_UP_REQUESTS)
                before = read_counter(counter)
                requests_at_once([connection], MALLOC_REQUESTS)
                return (read_counter(counter) - before) / MALLOC_REQUESTS


def require_preloaded(pid: int) -> None:
    """Without the library no call is counted, and a count of 0 would say nothing."""
    if "libmalloc_count.so" not in Path(f"/proc/{pid}/maps").read_text():
        raise Failure(f"the worker {pid} runs without libmalloc_count.so: LD_PRELOAD did not reach it")


def read_counter(file: Path) -> int:
    """The counter, once what follows the last response is done. No file: the process never allocated."""
    time.sleep(SETTLE)
    return int.from_bytes(file.read_bytes(), sys.byteorder) if file.exists() else 0
