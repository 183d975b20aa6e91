"""Plugins with load = "worker": each worker loads them for itself, after the fork."""

import re
import signal

import pytest

import processes
from processes import kill, wait_for
from server import RELEASE, TEST_PLUGINS, free_port, run

# name: what its line must say
BROKEN = {
    "no_symbol": r"outrider_plugin_v1",
    "wrong_major": r"built for ABI 2",
    "load_refuses": r"the moon is in the wrong phase",
}


def entry(plugin, load="worker", mount="/"):
    return f'[[plugin]]\npath = "{plugin}"\nmount = "{mount}"\nload = "{load}"\n'


def own_plugin(name):
    return TEST_PLUGINS / f"lib{name}.so"


class Service:
    """A server whose one plugin, which can be changed, is loaded by its two workers."""

    def __init__(self, own, folder, name):
        self.file = folder / "outrider.toml"
        self.port = free_port()
        self.write(name)
        self.server = own("-c", self.file, port=self.port, bind=False)

    def write(self, name):
        self.file.write_text(
            f'[server]\nworkers = 2\n[[listener]]\nbind = "127.0.0.1:{self.port}"\n{entry(own_plugin(name))}'
        )

    def failed_reload(self):
        self.server.tell(signal.SIGHUP)
        failure = r"reload failed: .*"
        wait_for(lambda: re.search(failure, self.server.log), lambda: f"a failed reload; {self.server.state()}", 10)
        return re.search(failure, self.server.log)[0]


def test_its_code_runs_in_the_workers(own, tmp_path):
    server = Service(own, tmp_path, "identity").server
    workers = set(server.workers(2))
    ran = re.findall(r"identity (\w+): .* pid=(\d+)", server.log)
    assert {int(pid) for where, pid in ran if where == "constructor"} == workers
    assert {int(pid) for where, pid in ran if where == "load"} == workers
    assert int(re.search(rb"pid=(\d+)", server.get("/").body)[1]) in workers
    assert not processes.has_mapped(server.master(), own_plugin("identity"))


def test_a_new_worker_loads_it_too(own, tmp_path):
    server = Service(own, tmp_path, "identity").server
    before = set(server.workers(2))
    kill(min(before))
    wait_for(lambda: len(set(server.workers(2)) - before) == 1, server.state)
    replacement = (set(server.workers(2)) - before).pop()
    wait_for(lambda: f"pid={replacement}\n" in server.log, server.state)


def test_it_may_start_threads(own, tmp_path):
    server = Service(own, tmp_path, "starts_thread").server
    assert server.get("/").body == b"ok"


def test_who_may_not_is_told_what_to_do(tmp_path):
    ended = run("-b", "127.0.0.1:0", own_plugin("starts_thread"))
    assert ended.returncode == 78 and 'or set load = "worker"' in ended.stderr, ended


@pytest.mark.parametrize("flags", [["-b", "127.0.0.1:0"], ["-t"]], ids=["start", "check"])
@pytest.mark.parametrize("name", BROKEN)
def test_one_that_does_not_load(tmp_path, name, flags):
    file = tmp_path / "outrider.toml"
    file.write_text(entry(own_plugin(name)))
    ended = run(*flags, "-c", file)
    assert ended.returncode == 78, ended
    assert re.search(rf"{re.escape(str(file))}:2:\d+: .*{BROKEN[name]}", ended.stderr), ended


def test_one_that_crashes(tmp_path):
    file = tmp_path / "outrider.toml"
    file.write_text(entry(own_plugin("load_crashes")))
    ended = run("-c", file, "-b", "127.0.0.1:0")
    assert ended.returncode == 70 and re.search(r"worker 0 .*SIG\w+ while starting", ended.stderr), ended


@pytest.mark.parametrize("name", BROKEN)
def test_a_reload_that_fails_changes_nothing(own, tmp_path, name):
    service = Service(own, tmp_path, "identity")
    workers, master = service.server.workers(2), service.server.master()
    service.write(name)
    assert re.search(BROKEN[name], service.failed_reload())
    assert (service.server.workers(2), service.server.master()) == (workers, master)
    assert b"identity handle" in service.server.get("/").body


def test_a_check_loads_those_of_the_master_first(tmp_path):
    """Threads of the former are no fault of the latter."""
    file = tmp_path / "outrider.toml"
    file.write_text(
        entry(own_plugin("starts_thread")) + entry(RELEASE / "libdemo_event.so", "master", mount="/demo")
    )
    ended = run("-t", "-c", file)
    assert ended.returncode == 0 and "configuration OK" in ended.stdout, ended
