"""kill -9 at random, under load: what must survive survives, and what is gone leaves nothing behind.

`make soak` kills thirty times, the test suite less often.
"""

import os
import random
import signal
import time
from contextlib import suppress

import processes
from matrix import Combination
from processes import wait_for
from server import free_port
from soak import Mob

ROUNDS = int(os.environ.get("OUTRIDER_KILLS", 6))
WORKERS = 3
# A client finds out at once that the other side was killed; the machine may be busy.
GRACE = 1.0


class Victims:
    """A server on one port, its processes, and when requests could be lost."""

    def __init__(self, own):
        self.own = own
        self.port = free_port()
        self.gaps = []  # (first, last moment) of each
        self.start()

    def start(self):
        self.server = self.own(
            "-w", WORKERS, "--set", "server.restart_backoff=10ms", Combination("async", "event").demo, port=self.port
        )
        self.server.workers(WORKERS)

    def kill_a_worker(self):
        """It takes its own requests along, and is replaced."""
        pid = random.choice(self.server.workers(WORKERS))
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: processes.look(pid) is None, lambda: f"the end of {pid}; {self.server.state()}")
        self.gaps.append((began, time.monotonic()))
        self.server.workers(WORKERS)

    def kill_the_master(self):
        """Its workers finish what they hold, and another takes the same sockets: nobody loses a request."""
        supervisor, master, before = self.server.pid, self.server.master(), self.listening()
        os.kill(master, signal.SIGKILL)
        wait_for(lambda: self.server.master() != master, lambda: f"another master; {self.server.state()}")
        self.server.workers(WORKERS)
        assert self.server.alive and self.server.pid == supervisor
        assert self.listening() == before

    def kill_the_supervisor(self):
        """All goes; the address is free at once, and another can start."""
        gone = self.server
        family = processes.family(gone.pid)
        began = time.monotonic()
        gone.child.send_signal(signal.SIGKILL)
        gone.wait()
        wait_for(lambda: not self.listening(), "a free address")
        self.start()
        self.gaps.append((began, time.monotonic()))
        wait_for(
            lambda: not processes.still_there(family),
            lambda: f"left: {[processes.describe(p.pid) for p in processes.still_there(family)]}",
            timeout=20,
        )

    def listening(self):
        """The inodes of the sockets that listen on the port."""
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table]
        return [row[9] for row in rows if row[1].endswith(f":{self.port:04X}") and row[3] == "0A"]


def test_kills_at_random(own):
    seed = random.randrange(1 << 30)
    random.seed(seed)
    victims = Victims(own)
    kinds = [victims.kill_a_worker, victims.kill_the_master, victims.kill_the_supervisor]
    order = (kinds * (ROUNDS // len(kinds) + 1))[:ROUNDS]
    random.shuffle(order)
    mob = Mob(victims.server.address, each=1)
    try:
        for kill in order:
            time.sleep(random.random() / 2)
            kill()
    finally:
        mob.stop()
    unexplained = [
        loss
        for loss in mob.losses
        if not any(loss.began - GRACE < last and first < loss.ended for first, last in victims.gaps)
    ]
    names = [kill.__name__ for kill in order]
    assert not unexplained, f"{len(unexplained)} of {mob.answered}: {unexplained[:5]}; seed {seed}, {names}"
    assert mob.answered > 10 * ROUNDS
    with suppress(ProcessLookupError):
        victims.server.stop()
