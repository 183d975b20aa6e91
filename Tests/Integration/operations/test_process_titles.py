"""What ps and top show: titles of processes, names of threads."""

import signal
import subprocess
from pathlib import Path

import pytest

import processes
from processes import wait_for
from server import BINARY, RELEASE, TEST_PLUGINS, end, free_port
from service import Service

DEMO = RELEASE / "libdemo_event.so"


def title(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def threads(pid):
    return sorted(Path(f"{task}/comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir())


def titles(server, workers=1):
    return [title(pid) for pid in (server.pid, server.master(), *server.workers(workers))]


def test_each_process_says_what_it_is(own, combination):
    server = own("-w", 2, combination.demo, model=combination.model)
    supervisor, master, *workers = titles(server, 2)
    assert supervisor == "outrider: supervisor" and master == "outrider: master, generation 1"
    assert sorted(workers) == [f"outrider: worker {n} ({combination.model})" for n in (0, 1)]


def test_each_thread_says_what_it_is(own, combination):
    server = own("--threads", 3, combination.demo, model=combination.model)
    if combination.model == "sync":
        expected = ["outrider", "outrider-loop", "outrider-watch"]
    else:
        pool = [f"outrider-h{n}" for n in (1, 2, 3)] if combination.style == "blocking" else []
        expected = ["outrider", *pool, "outrider-loop"]
    (worker,) = server.workers()
    wait_for(lambda: threads(worker) == expected, lambda: f"{expected}, not {threads(worker)}")  # each names itself
    assert threads(server.pid) == threads(server.master()) == ["outrider"]


def test_titles_follow_reloads_and_replacements(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload()
    assert titles(service.server)[1] == "outrider: master, generation 2"
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in service.server.log, service.server.state)
    wait_for(lambda: title(service.server.pid) == "outrider: supervisor", service.server.state)
    service.reload()
    assert titles(service.server) == [
        "outrider: supervisor", "outrider: master, generation 3", "outrider: worker 0 (async)",
    ]  # fmt: skip


@pytest.mark.parametrize("variables", [{}, {"A": "1"}, {"A": "1", "LONG": "x" * 1000}], ids=["none", "short", "long"])
def test_a_short_command_line_has_room_as_well(own, tmp_path, variables):
    """A title goes on where the environment was, and what plugins find there is whole."""
    (tmp_path / "o").symlink_to(BINARY)
    environment = " ".join(f"{name}={value}" for name, value in variables.items())
    port = free_port()
    (tmp_path / "c").write_text(f'[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\npath = "{DEMO}"\n')
    script = f'cd {tmp_path}; shift; exec env -i {environment} ./o -c c'
    server = own(launcher=["sh", "-c", script, "sh"], bind=False, port=port)
    # The supervisor has no more room than its environment takes, and masters have some of its own.
    supervisor, *others = titles(server)
    room = len(f"./o -c c {environment}".strip())
    assert supervisor == "outrider: supervisor"[:room]
    assert others == ["outrider: master, generation 1", "outrider: worker 0 (async)"]
    # A successor has the command line as it was.
    server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in server.log, server.state)
    assert server.get("/").status == 200 and titles(server)[1:] == others
    assert "outrider: supervisor".startswith(title(server.pid))
    server.tell(signal.SIGHUP)
    wait_for(lambda: server.log.count(" serving ") == 2, server.state)


def test_variables_of_the_environment_stay_what_they_are(own, tmp_path):
    """Those whose place the title takes, too: the first of them is read by the program itself."""
    port = free_port()
    (tmp_path / "o").symlink_to(BINARY)
    flags = f"--set log.level=debug -b 127.0.0.1:{port}"
    script = f'cd {tmp_path}; shift; exec env -i OUTRIDER_CMD_ARGS="{flags}" B=2 ./o {DEMO}'
    server = own(launcher=["sh", "-c", script, "sh"], bind=False, port=port)
    assert server.get("/").status == 200
    server.tell(signal.SIGHUP)
    wait_for(lambda: server.log.count(f" serving demo_event on http://127.0.0.1:{port}:") == 2, server.state)


def test_other_invocations_keep_their_command_line():
    """A check has no title: what is seen of it is what was typed."""
    plugin = TEST_PLUGINS / "libload_hangs.so"
    child = subprocess.Popen([BINARY, "-t", "--set", "server.boot_timeout=30s", plugin], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: processes.children(child.pid), "a child that loads")
        assert title(child.pid).split("\0")[1:3] == ["-t", "--set"]
    finally:
        end(child, processes.family(child.pid))
