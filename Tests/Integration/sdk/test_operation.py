"""The notes application in each language stands what operators do: checks, reloads, and many requests.

`OUTRIDER_SDK_RELOADS=20 OUTRIDER_SDK_REQUESTS=500000` makes them longer than the suite does.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import processes
from control import outriderctl
from load import Load
from notes import HTTP1, Notes
from processes import wait_for
from soak import resident
from timing import growth, of_the_shipped_server, scaled, scaled_timeout

RELOADS = int(os.environ.get("OUTRIDER_SDK_RELOADS", 20))
REQUESTS = int(os.environ.get("OUTRIDER_SDK_REQUESTS", 20_000))
# Of a worker between the first requests and the last: less than what some bytes for each of them would be.
GROWTH = 1 << 20


@pytest.fixture
def started(language, plugin, tmp_path):
    """started(model, workers): a server of the test's own."""
    servers = []

    def start(model, workers):
        notes = Notes(plugin, model, tmp_path, *language.flags, workers=workers)
        servers.append(notes.server)
        return notes

    yield start
    for server in servers:
        try:
            if server.alive:
                server.stop()
        finally:
            server.kill()


@pytest.fixture
def open_folder():
    """A folder in which every user may write: outriderctl check runs plugins as nobody."""
    with tempfile.TemporaryDirectory(prefix="outrider-test-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_a_check_finds_nothing(plugin, open_folder):
    """With all kinds of clients that outriderctl has, in each worker model."""
    own = Path(shutil.copy(plugin, open_folder))
    keys = ("-c", f"database={open_folder}/notes.db", "-c", f"uploads={open_folder}")
    paths = [word for path in ("/notes", "/notes/1", "/upload/name") for word in ("--path", path)]
    ended = outriderctl("--json", "check", own, *keys, *paths, timeout=scaled_timeout(120))
    assert ended.stdout, ended
    report = json.loads(ended.stdout)
    assert (ended.returncode, report.get("findings"), report.get("gaps")) == (0, [], []), ended
    assert report["models"] == ["sync", "gthread", "async"]
    assert [path for path in open_folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_reloads_under_load_fail_no_request(started, model):
    """What the former generation has read, it answers; meanwhile the next one answers."""
    notes = started(model, 2)
    place = f"/notes/{notes.client(HTTP1).add('a note')}"
    with Load(notes.server.address, place, keeping=2, opening=1, pause=0.002) as load:
        for _ in range(RELOADS):
            answered, before = load.answered, notes.server.master()
            wait_for(lambda answered=answered: load.answered > answered + 10 or load.faults, notes.server.state, 20)
            notes.server.tell(signal.SIGHUP)
            wait_for(
                lambda before=before: processes.has_new_master(notes.server, before),
                lambda: f"one new master; {notes.server.state()}", 30)  # fmt: skip
    load.assert_well(least=10 * RELOADS)


@of_the_shipped_server
@pytest.mark.parametrize("model", ["gthread", "async"])
def test_memory_stays_what_it_is(started, model):
    """Requests that succeed and requests that are refused leave nothing behind."""
    notes = started(model, 1)
    number = notes.client(HTTP1).add("a note")
    paths = (f"/notes/{number}", f"/notes/{number + 1}", "/elsewhere")

    def ask(count):
        urls = [f"http://127.0.0.1:{notes.server.port}{path}" for path in paths]
        command = ["h2load", "--h1", "-n", count, "-c", "8", "-t", "1", *urls]
        said = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, timeout=scaled(540), check=True).stdout
        codes = re.search(r"status codes: (\d+) 2xx, 0 3xx, (\d+) 4xx, 0 5xx", said)
        assert codes and int(codes[1]) + int(codes[2]) == count and 3 * int(codes[1]) >= count - 8, said

    ask(REQUESTS // 2)
    (worker,) = notes.server.workers()
    before = resident(worker)
    ask(REQUESTS)
    assert notes.server.workers() == [worker], notes.server.state()
    grown = resident(worker) - before
    assert grown <= growth(GROWTH), f"{grown} bytes of {before} in {REQUESTS} requests"
