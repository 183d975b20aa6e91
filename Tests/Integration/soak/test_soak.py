"""Mixed load, while workers are killed and replaced: `make soak` runs it for minutes, the test suite for seconds."""

import os
import random
import time
from contextlib import suppress

import pytest

import processes
from matrix import Combination
from processes import wait_for
from soak import Mob, resident
from timing import growth

SECONDS = float(os.environ.get("OUTRIDER_SOAK_SECONDS", 6))
INTERVAL = min(5.0, SECONDS / 2)  # seconds between two kills
# A client finds out at once that its worker was killed; the machine may be busy.
GRACE = 1.0


@pytest.mark.parametrize("style", ["blocking", "event"])
def test_soak(own, model, style):
    """No request is lost but those of a killed worker; supervisor and master neither grow nor leak."""
    server = own(
        "-w", 3, "--set", f"server.max_requests={30 if model == 'sync' else 100}",
        "--set", "server.max_requests_jitter=10", "--set", "server.restart_backoff=10ms", Combination(model, style).demo, model=model,
    )  # fmt: skip
    server.workers(3)
    lasting = (server.pid, server.master())
    mob = Mob(server.address)
    kills, began = [], time.monotonic()
    memory, descriptors = None, None
    try:
        while time.monotonic() - began < SECONDS:
            time.sleep(INTERVAL / 2)
            if memory is None:
                memory = [resident(pid) for pid in lasting]
                descriptors = [len(processes.descriptors(pid)) for pid in lasting]
            victim = random.choice(processes.children(server.master()))
            killed = time.monotonic()  # after the look at /proc, which a busy machine makes long
            with suppress(ProcessLookupError):  # one that had just finished
                processes.kill(victim.pid)
            kills.append((killed, time.monotonic()))
            time.sleep(INTERVAL / 2)
    finally:
        mob.stop()

    unexplained = [
        loss
        for loss in mob.losses
        if not any(loss.began - GRACE < gone and killed < loss.ended for killed, gone in kills)
    ]
    assert not unexplained, (
        f"{len(unexplained)} of {mob.answered}: {unexplained[:5]}, kills at {kills}\n{server.log[-3000:]}"
    )
    assert mob.answered > 10 * SECONDS
    assert server.log.count("has reached server.max_requests") >= SECONDS / INTERVAL
    # A worker that finishes slow clients' answers is there a little longer.
    wait_for(lambda: len(processes.children(server.master())) == 3, server.state, timeout=40)
    assert lasting == (server.pid, server.master())
    for pid, memory_before, descriptors_before in zip(lasting, memory, descriptors, strict=True):
        assert resident(pid) - memory_before < growth(2 << 20), processes.describe(pid)
        assert len(processes.descriptors(pid)) <= descriptors_before + 6, processes.describe(pid)
    for worker in server.workers(3):
        assert resident(worker) < 96 << 20
        assert len(processes.descriptors(worker)) < 40
