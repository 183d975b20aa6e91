"""Programs that a handler starts: they begin with the signals that the server itself was started with."""

import signal
import subprocess
import sys

import pytest

from server import TEST_PLUGINS, environment

# As after `nohup`, with one more signal blocked; the rest as it is in this process.
LAUNCHER = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execv(sys.argv[1], sys.argv[1:])
"""
PATTERN = "^Sig(Blk|Ign):"
LAUNCHERS = {"as here": [], "without a terminal": [sys.executable, "-c", LAUNCHER]}


@pytest.fixture
def hooks(combination):
    return TEST_PLUGINS / f"libhooks_{combination.style}.so"


def started_so(launcher, *command):
    """What a program that is started as the server is finds: its signals that are blocked, and those that are ignored."""
    return sets(subprocess.run([*launcher, *command], env=environment(), capture_output=True, check=True).stdout)


def sets(text):
    """The sets of signals in lines of /proc/PID/status. The C library ignores two of its own in what it spawns."""
    own = 0b11 << 32 - 1
    return [(line.split()[0], int(line.split()[1], 16) & ~own) for line in text.decode().splitlines()]


@pytest.mark.parametrize("how", LAUNCHERS)
def test_signals_of_programs(own, combination, hooks, how):
    launcher = LAUNCHERS[how]
    server = own(hooks, model=combination.model, launcher=launcher)
    by_itself = started_so(launcher, "/bin/grep", "-E", PATTERN, "/proc/self/status")
    by_a_shell = started_so(launcher, "/bin/sh", "-c", f"grep -E '{PATTERN}' /proc/self/status")
    assert [name for name, _ in by_itself] == ["SigBlk:", "SigIgn:"]
    if launcher:
        assert by_itself[0][1] == 1 << signal.SIGUSR1 - 1 and by_itself[1][1] & 1 << signal.SIGHUP - 1
    answer = server.get("/signals")
    assert answer.status == 200 and sets(answer.body) == by_itself + by_a_shell


def test_a_program_can_be_ended(own, combination, hooks):
    server = own(hooks, model=combination.model)
    assert server.get("/end-child").body == f"signal={signal.SIGTERM:d}\n".encode()
