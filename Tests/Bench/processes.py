"""Processes of the benchmark: pinned, measured with all their descendants, ended by pid whatever happens."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

STOP_GRACE = 5.0
INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
CLOCK_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Something of the benchmark did not run; the message says what, and what to do."""


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat. `started` tells a process from a later one with the same pid."""

    pid: int
    state: str
    parent: int
    session: int
    ticks: int
    started: int

    @property
    def identity(self) -> tuple[int, int]:
        return (self.pid, self.started)


def read_process(pid: int) -> Process | None:
    """The process, or None if there is none. Ticks are user and system time, reaped children's included."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    return Process(pid, fields[0], int(fields[1]), int(fields[3]), ticks, int(fields[19]))


def everyone() -> list[Process]:
    """Every process that can be seen."""
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return [process for pid in pids if (process := read_process(pid))]


def family(root: int) -> list[Process]:
    """`root`, its descendants, and what else is of its session: that finds a process whose parent died."""
    candidates = everyone()
    members: dict[int, Process] = {}
    while True:
        found = {p.pid: p for p in candidates if root in (p.pid, p.session) or p.parent in members}
        if len(found) == len(members):
            return list(found.values())
        members = found


@contextlib.contextmanager
def interrupts_deferred():
    """Holds Ctrl-C back while a process is being started or ended, so that none is forgotten."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Program:
    """A running program and its descendants, on one core.

    A context manager: leaving it ends them all. The program has a session of its own, so that a terminal's
    Ctrl-C reaches only the benchmark, which ends it in order. `log` receives standard output and error.
    """

    def __init__(self, arguments: list[str], core: int, log: Path, extra: dict[str, str] | None = None):
        self.arguments = arguments
        self.core = core
        self.log = log
        self.environment = {**os.environ, **(extra or {})}

    def __enter__(self) -> "Program":
        with interrupts_deferred(), self.log.open("wb") as log:
            try:
                self.popen = subprocess.Popen(
                    self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    env=self.environment, start_new_session=True, preexec_fn=self._prepare,
                )
            except OSError as error:
                raise Failure(f"cannot start {self.arguments[0]}: {error.strerror}") from error
        return self

    def __exit__(self, *_) -> None:
        with interrupts_deferred():
            self._stop()

    @property
    def pid(self) -> int:
        return self.popen.pid

    def _prepare(self) -> None:
        os.sched_setaffinity(0, {self.core})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)

    def cpu_seconds(self) -> float:
        """User and system time of the whole family so far."""
        return sum(process.ticks for process in family(self.pid)) * CLOCK_TICK

    def worker(self) -> int:
        """The pid that serves: the one descendant with no children of its own."""
        alive = [process for process in family(self.pid) if process.state != "Z"]
        parents = {process.parent for process in alive}
        leaves = [process.pid for process in alive if process.pid not in parents]
        if len(leaves) != 1:
            raise Failure(f"{self.arguments[0]} has {len(leaves)} processes without children, not one worker")
        return leaves[0]

    def wait(self, seconds: float) -> str:
        """Waits for the program to end by itself, and returns what it printed."""
        try:
            status = self.popen.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.arguments[0]} still runs after {seconds:.0f} s") from error
        if status != 0:
            raise Failure(f"{self.arguments[0]} ended with status {status}: {self.last_words()}")
        return self.log.read_text(errors="replace")

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").split("\n")
        return " | ".join(line for line in lines[-6:] if line) or "(it printed nothing)"

    def _stop(self) -> None:
        """Terminates the program, gives the family the grace, then kills what is left of it.

        The program ends its own children; only those of one that has died are told directly.
        """
        known = {process.identity for process in family(self.pid)}
        if self.popen.poll() is None:
            self.popen.terminate()
        else:
            self._signal(self._remaining(known), signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE
        while (remaining := self._remaining(known)) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._signal(remaining, signal.SIGKILL)
        self.popen.wait()

    @staticmethod
    def _signal(processes: list[Process], number: int) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def _remaining(self, known: set[tuple[int, int]]) -> list[Process]:
        """Those of the family, as it was and as it has become since, that still run."""
        self.popen.poll()
        return [
            process for process in everyone()
            if process.state != "Z" and (process.identity in known or process.session == self.pid)
        ]
