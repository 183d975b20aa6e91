"""RLIMIT_NOFILE: raised as far as allowed, and the treatment of clients where it is too low."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import client
from processes import wait_for
from server import RELEASE
from timing import scaled

DEMO = RELEASE / "libdemo_event.so"


def limited(soft, hard):
    return ["prlimit", f"--nofile={soft}:{hard}"]


def soft_limit(pid):
    (line,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in line]
    return int(line.split()[3])


def test_the_soft_limit_is_raised_to_what_connections_take(own):
    server = own("--set", "server.worker_connections=1000", DEMO, launcher=limited(64, 4096))
    wait_for(lambda: soft_limit(server.workers()[0]) == 1256, server.state)
    # The supervisor has lines to masters and visitors.
    assert soft_limit(server.pid) == 1024
    with ExitStack() as stack:
        crowd = [stack.enter_context(server.connect()) for _ in range(200)]
        for connection in crowd:
            connection.send(client.request())
            assert connection.final().status == 200
    assert "RLIMIT_NOFILE" not in server.log and "accept" not in server.log


def test_workers_beyond_the_soft_limit_of_their_master(own):
    """Each has a line of two descriptors to the master."""
    server = own("-w", 40, "--set", "server.worker_connections=10", DEMO, launcher=limited(64, 4096))
    assert len(server.workers(40)) == 40


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_hard_limit_that_is_too_low_is_told_and_floods_no_log(own, model):
    server = own(
        "--set", "server.worker_connections=1000", "--set", "timeouts.head=60s", DEMO, model=model,
        launcher=limited(64, 64),
    )  # fmt: skip
    (warning,) = [line for line in server.log.splitlines() if "RLIMIT_NOFILE" in line]
    assert "takes 1256 descriptors" in warning and "is 64" in warning
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(server.connect())
        begun = time.monotonic()
        wait_for(lambda: "Too many open files" in server.log, server.state)
        # The worker is asked again every tenth of a second.
        wait_for(lambda: "more like it" in server.log, server.state, timeout=30)
        seconds = time.monotonic() - begun
        lines = [line for line in server.log.splitlines() if "accept" in line]
        assert len(lines) <= 2 + seconds / 5, lines
    with server.connect(timeout=scaled(5)) as connection:
        connection.send(client.request())
        assert connection.final().status == 200
