"""Information about processes from /proc. Nothing that can change is cached."""

import ctypes
import os
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from timing import scaled, scaled_timeout


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    session: int
    state: str
    started: int  # clock ticks since boot; with the pid it identifies a process forever

    @property
    def alive(self):
        return self.state not in "ZX"


def _read(path):
    """The bytes of a short file in /proc. A fast function, since tests call it some hundred thousand times."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)


def look(pid):
    """The process with that pid, or None."""
    try:
        words = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split(None, 20)
    except OSError:
        return None
    return Process(int(pid), int(words[1]), int(words[3]), words[0].decode(), int(words[19]))


_starts = {}  # of processes that were looked at, by their pid and the inode of their folder: a pid given again has another


def everything(since=0):
    """All living processes. since: none that started before; these need to be read only once."""
    found = []
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit() or _starts.get(key := (entry.name, entry.inode()), since) < since:
                continue
            if process := look(entry.name):
                _starts[key] = process.started
                if process.alive and process.started >= since:
                    found.append(process)
    return found


def _children(pid):
    """The pids of its children, by any of its threads."""
    try:
        return sorted(
            int(child)
            for thread in os.listdir(f"/proc/{pid}/task")
            for child in _read(f"/proc/{pid}/task/{thread}/children").split()
        )
    except OSError:
        return []


TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def ticks(pid):
    """The processor time of a process in clock ticks, without that of its children."""
    words = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def children(pid):
    """The living children of a process, in the order of their start."""
    # While a child ends, the kernel may omit another one: two readings must agree.
    before, now = None, _children(pid)
    while before != now:
        before, now = now, _children(pid)
    found = [child for child in map(look, now) if child and child.alive and child.parent == pid]
    return sorted(found, key=lambda p: (p.started, p.pid))


def masters(supervisor):
    """Children that lead a session of their own. Workers whose master has died are children of the supervisor too."""
    return [p for p in children(supervisor) if p.session == p.pid]


def orphans(supervisor, master):
    """The workers that a dead master has left to the supervisor."""
    return [p for p in children(supervisor) if p.session == master]


def family(root, since=None, among=None):
    """The process, its descendants, and all processes in sessions that they lead; a master leads one. since: when the
    process started, if it may have ended. among: what everything() has found."""
    if since is None:
        process = look(root)
        since = process.started if process else 0
    processes = everything(since) if among is None else among
    known = {root}
    while True:
        more = {p.pid for p in processes if p.parent in known or p.session in known} - known
        if not more:
            return [p for p in processes if p.pid in known]
        known |= more


def families(roots):
    """The descendants of several processes, by pid, from a single reading."""
    everyone = everything()
    found = {root: {root} for root in roots}
    for known in found.values():
        while more := {p.pid for p in everyone if p.parent in known} - known:
            known |= more
    return {root: [p for p in everyone if p.pid in known] for root, known in found.items()}


def with_environment(entry, since=0, among=None):
    """Processes with this environment entry, `NAME=value`. It also finds what dead masters have left, which are
    nobody's descendants. since: none of them started before. among: what everything() has found."""

    def has(process):
        try:
            return entry.encode() in _read(f"/proc/{process.pid}/environ").split(b"\0")
        except OSError:
            return False

    return [process for process in (everything(since) if among is None else among) if has(process)]


def still_there(processes):
    """The processes that have not ended. A pid that is in use by another process does not count."""
    now = [(process, look(process.pid)) for process in processes]
    return [before for before, after in now if after and after.alive and after.started == before.started]


def threads(pid):
    """The number of threads of a process."""
    return len(os.listdir(f"/proc/{pid}/task"))


def thread_states(pid):
    """The state of each of its threads."""
    stats = (Path(f"/proc/{pid}/task/{thread}/stat").read_text("latin-1") for thread in os.listdir(f"/proc/{pid}/task"))
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


def stop(pid):
    """Stop a process, and wait until all its threads are stopped: the thread that gets the signal stops the others."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: set(thread_states(pid)) == {"T"}, lambda: f"{pid} goes on: {thread_states(pid)}")


def has_taken(pid, number):
    """Whether no signal of this number is pending: one that is sent now is another one, and comes later."""
    (pending,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("ShdPnd:")]
    return not int(pending.split()[1], 16) >> (number - 1) & 1


def descriptors(pid):
    """Its open descriptors: {number: (target, whether it is close-on-exec)}."""
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


def watched_folders(pid):
    """How many folders the process watches with inotify(7); None if it has nothing to watch with."""
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.readlink(fd) == "anon_inode:inotify":
                return Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text().count("inotify wd:")
    return None


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
    """The lowest number of descriptors during that period: it closes those of another process after that process has
    ended."""
    until, fewest = time.monotonic() + scaled(seconds), len(descriptors(pid))
    while time.monotonic() < until:
        time.sleep(0.01)
        fewest = min(fewest, len(descriptors(pid)))
    return fewest


def has_mapped(pid, name):
    """Whether a file with that name is mapped into the process."""
    try:
        return f"/{name}\n" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def kill(pid):
    """Kill a process, and wait until it has ended or is a zombie. On a busy machine that takes a moment, in which it
    still looks alive."""
    os.kill(pid, signal.SIGKILL)

    def has_ended():
        process = look(pid)
        return process is None or not process.alive

    wait_for(has_ended, lambda: f"the end of {describe(pid)}")


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


@contextmanager
def held(pid):
    """Stops the process as a debugger does, which its parent does not notice. SIGKILL still ends it, and os.waitpid
    reports that here before it reports it to the parent."""
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
    """A one-line description for failure messages."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1").strip()
    except OSError:
        command = "gone"
    return f"{look(pid)} {command}"


def wait_for(condition, what, timeout=5.0):
    """Wait until condition() is true, and return its value. what may be a function, which is called on failure."""
    deadline = time.monotonic() + scaled_timeout(timeout)
    pause = 0.002
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {scaled_timeout(timeout)} s: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.03)
    return value


def has_new_master(server, before):
    """The only master, if it is not the given one."""
    found = children(server.pid)
    return len(found) == 1 and found[0].pid != before
