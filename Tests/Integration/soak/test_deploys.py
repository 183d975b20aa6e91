"""Broken deploys, one after the other under constant load: nobody notices, nothing grows, and the next good one serves.

`make soak` tries each kind ten times, the test suite less often.
"""

import os
import shutil

import pytest

import processes
from load import Load
from server import BINARY, TEST_PLUGINS
from service import Service, memory
from timing import growth

# A reload under load may take five times as long as one without: that is of one machine at the same work.
pytestmark = pytest.mark.alone

DEPLOYS = int(os.environ.get("OUTRIDER_DEPLOYS", 3))

PLUGINS = [
    "missing", "load_refuses", "load_crashes", "load_exits", "load_hangs", "starts_thread",
    "start_refuses", "start_crashes", "start_hangs",
]  # fmt: skip
FILES = {"no TOML": "[server\n", "unknown key": "workers = 1\n", "empty": "", "no file": None}
BINARIES = {
    "no binary": None,
    "empty binary": b"",
    "cut binary": "cut",
    "binary exits": b"#!/bin/sh\nexit 0\n",
    "binary hangs": b"#!/bin/sh\nexec sleep 30\n",
}


class Deployment:
    """A service whose binary, file and plugin can be broken and mended."""

    def __init__(self, own, folder, monkeypatch):
        self.binary = folder / "outrider"
        shutil.copy(BINARY, self.binary)
        monkeypatch.setattr("server.BINARY", self.binary)
        self.good = self.binary.read_bytes()
        self.service = Service(own, folder)
        self.service.reload()

    def break_it(self, kind):
        if kind in PLUGINS:
            self.service.write(plugin=TEST_PLUGINS / f"lib{kind}.so", server='boot_timeout = "2s"')
        elif kind in FILES:
            self.replace(self.service.file, FILES[kind] if FILES[kind] is None else FILES[kind].encode())
        else:
            content = BINARIES[kind]
            self.replace(self.binary, self.good[:300_000] if content == "cut" else content)

    def mend(self):
        self.replace(self.binary, self.good)
        self.service.write(server='boot_timeout = "5s"')

    def reload(self):
        """Seconds from HUP to the first answer of new code, of a good deploy."""
        self.mend()
        self.service.hup()
        took = self.service.wait_for_number()
        self.service.wait_for_one_master()
        return took

    def reload_after_failure(self, kind):
        """The same behind one that fails."""
        self.break_it(kind)
        self.service.failed_reload()
        return self.reload()

    @staticmethod
    def replace(path, content):
        """As install(1) does: by rename."""
        if content is None:
            return path.unlink(missing_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_bytes(content)
        new.chmod(0o755)
        return new.rename(path)

    def resources(self):
        """Descriptors and private KiB of supervisor and master."""
        pids = (self.service.server.pid, self.service.server.master())
        return [(processes.fewest_descriptors(pid), memory(pid)) for pid in pids]


@pytest.mark.parametrize("kind", [*PLUGINS, *FILES, *BINARIES])
def test_broken_deploys_under_load(own, tmp_path, monkeypatch, kind):
    deployment = Deployment(own, tmp_path, monkeypatch)
    service = deployment.service
    with Load(service.server.address, keeping=2, opening=1, pause=0.001) as load:
        usual = [deployment.reload() for _ in range(3)]
        service.reload(server='boot_timeout = "2s"')
        supervisor, master, workers = service.server.pid, service.wait_for_one_master(), service.server.workers()
        number = service.number
        deployment.break_it(kind)
        service.failed_reload()  # the first one may take memory for good
        before = deployment.resources()
        for _ in range(DEPLOYS - 1):
            service.failed_reload()
        assert service.serving() == number
        after = deployment.resources()
        assert (service.server.pid, service.wait_for_one_master()) == (supervisor, master)
        assert service.server.workers() == workers
        times = [deployment.reload()] + [deployment.reload_after_failure(kind) for _ in range(2)]
    load.assert_well(least=50)
    assert service.server.alive and service.server.pid == supervisor
    for (files_before, memory_before), (files_after, memory_after) in zip(before, after, strict=True):
        assert files_after == files_before, f"descriptors: {processes.descriptors(supervisor)}"
        assert memory_after <= memory_before + growth(64), f"KiB: {memory_before} have become {memory_after}"
    # No pause that failures bring delays the next one. Of three one may have met something else on the machine.
    assert sorted(times)[1] <= 5 * max(usual), f"HUP to the first answer of new code under load: {times}, before {usual}"
