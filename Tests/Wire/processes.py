"""What /proc tells of processes. Nothing here is remembered: each call looks anew."""

import ctypes
import os
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pace import soon


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    session: int
    state: str
    started: int  # clock ticks since boot; with the pid it names a process for ever

    @property
    def alive(self):
        return self.state not in "ZX"


def look(pid):
    """The process of that pid, or None."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    except OSError:
        return None
    return Process(int(pid), int(words[1]), int(words[3]), words[0], int(words[19]))


def everything():
    """All processes that are alive."""
    found = (look(name) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process and process.alive]


TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def ticks(pid):
    """The processor time that a process has spent, in clock ticks; what its children have spent is not in it."""
    words = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def children(pid):
    """The living children of a process, in the order of their start."""
    return sorted((p for p in everything() if p.parent == pid), key=lambda p: (p.started, p.pid))


def family(root):
    """The process, its descendants, and whatever else is in the sessions that they lead: a master leads its own."""
    processes = everything()
    known = {root}
    while True:
        more = {p.pid for p in processes if p.parent in known or p.session in known} - known
        if not more:
            return [p for p in processes if p.pid in known]
        known |= more


def with_environment(entry):
    """Those with this entry, `NAME=value`: what masters that are gone have left has no family any more."""

    def has(process):
        try:
            return entry.encode() in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    return [process for process in everything() if has(process)]


def still_there(processes):
    """Those of the processes that have not ended; a pid that was given away again does not count."""
    now = [(process, look(process.pid)) for process in processes]
    return [before for before, after in now if after and after.alive and after.started == before.started]


def threads(pid):
    """How many threads a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))


def thread_states(pid):
    """What each of its threads does."""
    stats = (Path(f"/proc/{pid}/task/{thread}/stat").read_text("latin-1") for thread in os.listdir(f"/proc/{pid}/task"))
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


def stop(pid):
    """Stop a process, and wait until each of its threads stands still: the one that takes the signal tells the others."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: set(thread_states(pid)) == {"T"}, lambda: f"{pid} goes on: {thread_states(pid)}")


def descriptors(pid):
    """Its open descriptors: number to (what it leads to, whether it closes on exec)."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            info = Path(f"/proc/{pid}/fdinfo/{name}").read_text()
        except OSError:
            continue  # closed meanwhile
        flags = int(info.partition("flags:")[2].split()[0], 8)
        found[int(name)] = (target, bool(flags & os.O_CLOEXEC))
    return found


def users(path):
    """The pids of other processes that have this file open."""
    return [
        p.pid
        for p in everything()
        if p.pid != os.getpid() and str(path) in (target for target, _ in _descriptors_or_none(p.pid))
    ]


def _descriptors_or_none(pid):
    try:
        return descriptors(pid).values()
    except OSError:
        return []


def fewest_descriptors(pid, seconds=0.3):
    """How few it has at some moment of so long a time: what it had of another process, it closes after that has ended."""
    until, fewest = time.monotonic() + soon(seconds), len(descriptors(pid))
    while time.monotonic() < until:
        time.sleep(0.01)
        fewest = min(fewest, len(descriptors(pid)))
    return fewest


def has_mapped(pid, name):
    """Whether a file of that name is mapped into the process."""
    try:
        return f"/{name}\n" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


@contextmanager
def held(pid):
    """The process stands still as for a debugger, which its parent does not hear of. SIGKILL ends it all the same, which
    os.waitpid tells here before it tells the parent."""
    library = ctypes.CDLL(None, use_errno=True)

    def trace(request):
        if library.ptrace(request, pid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {pid}")

    trace(PTRACE_SEIZE)
    trace(PTRACE_INTERRUPT)
    os.waitpid(pid, 0)
    assert look(pid).state == "t", describe(pid)
    try:
        yield
    finally:
        with suppress(OSError):
            trace(PTRACE_DETACH)


def describe(pid):
    """One line for failure messages."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1").strip()
    except OSError:
        command = "gone"
    return f"{look(pid)} {command}"


def wait_for(condition, what, timeout=5.0):
    """Wait until condition() is true, and return its value. what may be a function, called on failure."""
    deadline = time.monotonic() + soon(timeout)
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {soon(timeout)} s: {what() if callable(what) else what}")
        time.sleep(0.005)
    return value
