"""What a process finds where it starts: the terminal, the environment, memory that others have written."""

import os
import pty
import re
import select
import signal
import subprocess
import sys

import pytest

import processes
from attacked import attacked, folder  # noqa: F401
from metrics import Metrics
from processes import kill, wait_for
from server import BINARY, TEST_PLUGINS
from timing import scaled

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")


def test_a_scoreboard_whose_head_has_changed(attacked):
    """A successor of the supervisor knows where things stand from its predecessor, not from the memory."""
    attacked.start(where="load", what="disorder")
    attacked.is_well()

    def series():
        names = ("outrider_requests_total", "outrider_workers")
        return [(name, labels) for name, labels in Metrics(attacked.metrics_port).read() if name in names]

    def has_counted():
        return any(dict(labels).get("plugin") == "hostile" for _, labels in series())

    wait_for(has_counted, lambda: f"the request of a client that has its response: {series()}")
    before = series()
    attacked.server.tell(signal.SIGUSR2)
    attacked.wait_for("has been replaced")
    attacked.is_well()
    assert series() == before
    assert attacked.control.ask("workers")[0]["requests"] > 0


# The terminal


def test_a_terminal_is_out_of_reach(attacked):
    """No plugin can insert input into the terminal that the server was started in. Ctrl-C still ends all processes."""
    attacked.write(where="load", what="type", text="echo typed\n")
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execv(BINARY, [BINARY, "-c", str(attacked.file)])
        finally:
            os._exit(127)
    said, family = bytearray(), []

    def has(pattern):
        while select.select([terminal], [], [], 0.05)[0]:
            try:
                said.extend(os.read(terminal, 65536))
            except OSError:
                break  # nobody has it any more
        return re.search(pattern, said)

    try:
        wait_for(lambda: has(rb"hostile: typed \d+"), lambda: f"an attempt: {said}")
        wait_for(lambda: has(rb" serving "), lambda: f"a start: {said}")
        family = processes.family(pid)
        assert b"typed 0 characters" in said and b"echo" not in said, said
        for process in family[1:]:
            assert process.session not in (pid, os.getsid(0))
            assert os.readlink(f"/proc/{process.pid}/fd/0") == "/dev/null"
        os.write(terminal, b"\x03")
        wait_for(lambda: has(rb"stopping now"), lambda: f"what Ctrl-C brings: {said}")
        wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "the end")
        wait_for(lambda: not processes.still_there(family), "the end of all")
    finally:
        for process in processes.still_there(family or processes.family(pid)):
            kill(process.pid)
        os.close(terminal)


# The environment


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("OUTRIDER_CHANNEL", "99", "OUTRIDER_CHANNEL"),
        ("OUTRIDER_CHANNEL", "3", "OUTRIDER_CHANNEL"),
        ("OUTRIDER_CHANNEL", "99999999999999999999", "OUTRIDER_CHANNEL"),
        ("OUTRIDER_STATE", "99", "OUTRIDER_STATE"),
        ("OUTRIDER_STATE", "3", "OUTRIDER_STATE"),
        ("LISTEN_FDS", "2147483647", "LISTEN_FDS"),
        ("LISTEN_FDS", "-1", "LISTEN_FDS"),
        ("LISTEN_FDS", "1", "LISTEN_FDS"),
    ],
)
def test_numbers_in_the_environment(tmp_path, name, value, says):
    """A descriptor that is not what it should be is refused with a line; here 3 is /dev/null."""
    code = (
        "import os, sys\n"
        "os.dup2(os.open('/dev/null', os.O_RDONLY), 3)\n"
        "os.environ[sys.argv[1]] = sys.argv[2]\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "os.execv(sys.argv[3], sys.argv[3:])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, name, value, BINARY, "-b", "127.0.0.1:0", TEST_PLUGINS / "libconfigured.so"],
        capture_output=True,
        text=True,
        timeout=scaled(10),
        start_new_session=True,
        close_fds=True,
    )
    assert result.returncode > 0 and says in result.stderr, result
    assert len(result.stderr.splitlines()) == 1


def test_a_state_with_numbers_that_trap(tmp_path):
    """What a former supervisor left is read as anything else: numbers out of range, pids of others."""
    huge = 9223372036854775807
    state = (
        f"[supervisor]\nprogram={BINARY}\nstandard_error=-1\ngeneration_count={huge}\nworker_delta={huge}\n"
        f"restarts.exited={huge}\nreloads.succeeded={huge}\nreloads.failed={huge}\n[counters]\nvalues={huge} 1\n"
        f"[worker]\ngeneration={huge}\nslot={huge}\n[listener]\nname=x\ndescriptor={huge}\n"
        "[generation]\nnumber={number}\nmaster={pid}\ncause=start\nstage=serving\nstarted_at=1\n"
        "deadline=18446744073709551615\nchannel=-1\nscoreboard=-1\n"
    )
    code = (
        "import os, sys\n"
        "fd = os.memfd_create('state', 0)\n"
        "os.write(fd, sys.argv[1].encode())\n"
        "os.set_inheritable(fd, True)\n"
        "os.environ['OUTRIDER_STATE'] = str(fd)\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )
    for number, pid in ((-1, os.getpid()), (1, -1), (1, 1), (9223372036854775807, os.getpid())):
        result = subprocess.run(
            [sys.executable, "-c", code, state.format(number=number, pid=pid), BINARY, "-c", "/nowhere"],
            capture_output=True,
            text=True,
            timeout=scaled(10),
            start_new_session=True,
        )
        assert result.returncode == 71 and "OUTRIDER_STATE" in result.stderr, result
