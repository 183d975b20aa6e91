"""Output that can't be written completely is a failure, with an exit code and one line with the reason."""

import fcntl
import os
import subprocess

import pytest

from control import OUTRIDERCTL, Control
from processes import wait_for
from server import BINARY, RELEASE, environment

DEMO = RELEASE / "libdemo_event.so"
SCRIPT = "--generate-completion-script=bash"


def run(program, *arguments, stdout, **options):
    return subprocess.run(
        [program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
        timeout=30, env=environment(), **options,
    )  # fmt: skip


def assert_refused(program, *arguments, said="standard output: No space left on device\n"):
    with open("/dev/full", "w") as full:
        ended = run(program, *arguments, stdout=full)
    assert ended.returncode == 74 and ended.stderr.endswith(said), ended
    assert ended.stderr.count("\n") == 1, ended


@pytest.mark.parametrize(
    "arguments", [["-T", DEMO], ["-t", DEMO], ["-V"], ["--help"], ["-h"], [SCRIPT]], ids=lambda found: str(found[0])
)
def test_outrider(arguments):
    assert_refused(BINARY, *arguments)


@pytest.mark.parametrize("arguments", [["-T", DEMO], ["-t", DEMO], ["-V"], ["--help"]], ids=lambda found: str(found[0]))
def test_a_reader_that_has_gone(arguments):
    """SIGPIPE is ignored, as in every unit of systemd: the exit code has to tell."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = run(BINARY, *arguments, stdout=writer, restore_signals=False)
    finally:
        os.close(writer)
    assert ended.returncode == 74 and ended.stderr == "standard output: Broken pipe\n", ended


def test_a_quiet_check_has_nothing_to_write():
    with open("/dev/full", "w") as full:
        ended = run(BINARY, "-tq", DEMO, stdout=full)
    assert ended.returncode == 0 and not ended.stderr, ended


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--version", "--json"], ["--help"], [SCRIPT], ["inspect", DEMO], ["--json", "inspect", DEMO]],
    ids=str,
)
def test_outriderctl(arguments):
    assert_refused(OUTRIDERCTL, *arguments)


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_orders(own, tmp_path, flags):
    """What was ordered is done all the same."""
    control = Control(tmp_path / "control.sock")
    server = own("--set", f"control.socket={control.path}", "-w", 1, DEMO)
    wait_for(control.takes_clients, server.state)
    for order in ("status", "workers", "listeners", "plugins", "config", "metrics", "reload", "scale 2", "upgrade"):
        assert_refused(OUTRIDERCTL, "-s", control.path, *flags, *order.split())
    server.workers(2)
    assert control.ask("status")["last_reload"]["failure"] is None
    assert "the supervisor has been replaced" in server.log
    assert_refused(OUTRIDERCTL, "-s", control.path, *flags, "stop")
    wait_for(lambda: not server.alive, server.state)


def test_a_failure_as_json(tmp_path):
    """It has nowhere to go but standard error, and keeps its code."""
    with open("/dev/full", "w") as full:
        ended = run(OUTRIDERCTL, "--json", "-s", tmp_path / "none", "status", stdout=full)
    assert ended.returncode == 69 and "No such file or directory" in ended.stderr, ended


@pytest.mark.parametrize("program", [BINARY, OUTRIDERCTL], ids=lambda path: path.name)
def test_who_shares_a_pipe_that_does_not_wait(program):
    """All of a long answer comes through."""
    whole = run(program, SCRIPT, stdout=subprocess.PIPE)
    reader, writer = os.pipe()
    try:
        room = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        assert len(whole.stdout) > room
        os.set_blocking(writer, False)
        child = subprocess.Popen(
            [program, SCRIPT], stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, env=environment()
        )
    finally:
        os.close(writer)
    with os.fdopen(reader, "rb") as output:
        received = output.read()
    assert child.wait(timeout=20) == 0 and not child.stderr.read()
    assert received.decode() == whole.stdout
