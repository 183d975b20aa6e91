"""A plugin that closes descriptors of the server: its worker may lose their function, but does not loop."""

import os
import signal
import time

import client
from metrics import Metrics
from processes import wait_for
from server import TEST_PLUGINS, free_port
from strace import Trace
from timing import scaled

MISBEHAVE = TEST_PLUGINS / "libmisbehaving_blocking.so"


def watch_of(pid):
    """The thread that looks after the handler of a sync worker."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm") as name:
            if name.read() == "outrider-watch\n":
                return int(thread)
    raise AssertionError(f"{pid} has none")


def test_the_watch_of_a_sync_worker_sleeps(own, tmp_path):
    """Even after the next word of the master. What it is for still comes in time: a client is told of the end."""
    access, metrics = tmp_path / "access.log", Metrics(free_port())
    flags = (f"log.access={access}", "server.graceful_timeout=1s", f"metrics.bind=127.0.0.1:{metrics.address[1]}")
    server = own(*(word for flag in flags for word in ("--set", flag)), MISBEHAVE, model="sync")
    (worker,) = server.workers()
    assert server.get("/close-pipes").body.strip() == b"closed=1"
    access.unlink()
    server.tell(signal.SIGUSR1)  # the worker gets its log anew
    wait_for(access.exists, server.state)
    assert server.get("/").status == 200
    with Trace(watch_of(worker), tmp_path / "calls", "poll", "ppoll") as trace:
        time.sleep(0.5)
    assert sum(trace.counts().values()) < 50, trace.counts()
    with server.connect() as busy:
        busy.send(client.request("GET", "/hang"))
        metrics.wait(1, "outrider_requests_in_flight")
        server.tell(signal.SIGTERM)
        assert busy.final(timeout=scaled(4)).status == 503
    assert server.wait() == 70
    assert "handle() has not returned" in server.log
