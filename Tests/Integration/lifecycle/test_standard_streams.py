"""Standard streams that are closed when a program starts."""

import os
import signal
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

import processes
from control import OUTRIDERCTL, Control
from processes import wait_for
from server import BINARY, RELEASE

DEMO = RELEASE / "libdemo_event.so"
CLOSINGS = [each for count in (1, 2, 3) for each in combinations((0, 1, 2), count)]


def closing(streams):
    """A launcher that closes these."""
    closed = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in streams)
    return ["bash", "-c", f'exec "$@" {closed}', "bash"]


def leads_to(pid, fd):
    return os.readlink(f"/proc/{pid}/fd/{fd}")


@pytest.mark.parametrize("streams", CLOSINGS, ids=str)
def test_the_server_has_all_three(own, tmp_path, streams):
    log = tmp_path / "error.log"
    server = own("--set", f"log.error={log}", "-w", 2, DEMO, launcher=closing(streams), logs_elsewhere=True)
    wait_for(lambda: log.exists() and " serving " in log.read_text(), server.state)

    def check():
        for pid in (server.pid, server.master(), *server.workers(2)):
            # Masters read nothing, and what is said in the log goes there.
            for fd in (0, 1, 2):
                place = leads_to(pid, fd)
                assert not place.startswith(("socket:", "anon_inode:", "/memfd:")), f"{processes.describe(pid)}: {fd}"
                if fd in streams and fd != 2:
                    assert place == "/dev/null", f"{processes.describe(pid)}: {fd} leads to {place}"
        assert server.get("/").status == 200

    check()
    server.tell(signal.SIGUSR1)
    server.tell(signal.SIGHUP)
    wait_for(lambda: log.read_text().count(" serving ") == 2, server.state)
    wait_for(lambda: len(processes.children(server.pid)) == 1, server.state)
    check()
    server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in log.read_text(), server.state)
    check()
    server.stop()


def test_the_client_does_not_take_its_socket_for_standard_error(own, tmp_path):
    """The line of a failure goes nowhere, and not into the connection."""
    socket = tmp_path / "control.sock"
    server = own("--set", f'control.socket="{socket}"', DEMO)
    wait_for(Control(socket).takes_clients, server.state)
    command = [*closing((0, 1, 2)), str(OUTRIDERCTL), "-s", str(socket)]
    assert subprocess.run([*command, "status"], timeout=20).returncode == 0
    assert subprocess.run([*command, "retire", "1"], timeout=20).returncode == 70


def test_a_check_without_standard_streams(tmp_path):
    assert subprocess.run([*closing((0, 1, 2)), str(BINARY), "-t", str(DEMO)], timeout=20).returncode == 0
