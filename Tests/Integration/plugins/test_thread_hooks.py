"""thread_start: a worker is ready when it has returned on all its threads, and one that refuses is a refusal of the plugin's.
worker_start runs on the thread of the worker's loop."""

import re
import signal

import pytest

import processes
from client import request
from observed import entry
from processes import wait_for
from server import TEST_PLUGINS, run

HOOKS = TEST_PLUGINS / "libhooks_blocking.so"
REFUSED = 'plugin "hooks": .*thread_start refused: {}'
# What the plugin says of it, or the status where it says nothing.
REASONS = pytest.mark.parametrize("text, reason", [("no database", "no database"), ("", "status -6")])


@REASONS
def test_a_refusal_ends_the_start(tmp_path, model, text, reason):
    file = tmp_path / "outrider.toml"
    file.write_text(entry(HOOKS, name="hooks", thread_start="refuse", thread_start_text=text))
    ended = run("-c", file, "-b", "127.0.0.1:0", "-k", model, "--threads", 2)
    assert ended.returncode == 78 and re.search(REFUSED.format(reason) + "\n", ended.stderr), ended
    assert " serving " not in ended.stderr


@REASONS
def test_a_refusal_fails_the_reload(observed, model, text, reason):
    it = observed(model, entry(HOOKS, name="hooks"), server="threads = 2")
    before = it.server.master(), it.server.workers()
    it.write(entry(HOOKS, name="hooks", thread_start="refuse", thread_start_text=text))
    it.server.tell(signal.SIGHUP)
    (told,) = it.told("reload failed: ", timeout=10)
    assert re.search(REFUSED.format(reason) + "; generation 1 goes on", told), told
    wait_for(lambda: len(processes.children(it.server.pid)) == 1, it.server.state)
    assert (it.server.master(), it.server.workers()) == before
    assert it.server.get("/").body == b"ok"


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_worker_is_ready_when_all_its_threads_are(observed, model):
    """The first is ready long before the last: who comes meanwhile waits for all of them."""
    it = observed(model, entry(HOOKS, name="hooks", thread_start_ms=150), server="threads = 4", logs_elsewhere=True)
    with it.server.connect() as connection:
        connection.send(request("GET", "/started"))
        assert connection.final().body == b"started=4\n"


def test_worker_start_runs_on_the_thread_of_the_loop(own, combination):
    """One that was made after the fork: the thread that has forked is not the one that runs plugins."""
    server = own(TEST_PLUGINS / f"libhooks_{combination.style}.so", model=combination.model)
    (worker,) = server.workers()
    answer = server.get("/threads").body.decode()
    starter, handler = (int(thread) for thread in re.findall(r"=(\d+)", answer))
    assert worker not in (starter, handler), f"{worker}: {answer}"
    # Blocking handlers have threads of their own where the model has a pool.
    has_pool = combination.model != "sync" and combination.style == "blocking"
    assert (starter != handler) == has_pool, answer
