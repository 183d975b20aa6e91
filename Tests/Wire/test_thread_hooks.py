"""thread_start: a worker is ready when it has returned on all its threads, and one that refuses is a refusal of the plugin's."""

import re
import signal

import pytest

import processes
from client import request
from observed import entry
from processes import wait_for
from server import TEST_PLUGINS, run

HOOKS = TEST_PLUGINS / "libhooks_blocking.so"
REFUSED = r'plugin "hooks": .*thread_start refused'


def test_a_refusal_ends_the_start(tmp_path, model):
    file = tmp_path / "outrider.toml"
    file.write_text(entry(HOOKS, name="hooks", thread_start="refuse"))
    ended = run("-c", file, "-b", "127.0.0.1:0", "-k", model, "--threads", 2)
    assert ended.returncode == 78 and re.search(REFUSED, ended.stderr), ended
    assert " serving " not in ended.stderr


def test_a_refusal_fails_the_reload(observed, model):
    it = observed(model, entry(HOOKS, name="hooks"), server="threads = 2")
    before = it.server.master(), it.server.workers()
    it.write(entry(HOOKS, name="hooks", thread_start="refuse"))
    it.server.tell(signal.SIGHUP)
    (told,) = it.told("reload failed: ", timeout=10)
    assert re.search(REFUSED, told), told
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
