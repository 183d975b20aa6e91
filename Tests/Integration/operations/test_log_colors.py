"""The error log on a terminal: the levels that need attention have a colour."""

import os
import pty

import pytest

from processes import wait_for
from service import Service


def line_of_failure(own, folder, **env):
    """What a terminal gets of the line that tells of a failed reload, up to the reason."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    shown = bytearray()

    def failure():
        try:
            shown.extend(os.read(ours, 1 << 16))
        except BlockingIOError:
            pass
        return [line for line in shown.split(b"\r\n") if b"reload failed" in line]

    try:
        service = Service(own, folder, stderr=theirs, logs_elsewhere=True, env={"TERM": "xterm", "NO_COLOR": ""} | env)
        service.file.write_text("[server\n")
        service.hup()
        (line,) = wait_for(failure, lambda: bytes(shown))
        return line.decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_errors_are_red(own, tmp_path):
    assert "[\033[1;31mERROR\033[0m] supervisor: reload failed" in line_of_failure(own, tmp_path)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}])
def test_terminals_and_people_without_colours(own, tmp_path, env):
    assert "[ERROR] supervisor: reload failed" in line_of_failure(own, tmp_path, **env)


def test_a_file_has_no_colours(own, tmp_path):
    service = Service(own, tmp_path, env={"TERM": "xterm", "NO_COLOR": ""})
    service.file.write_text("[server\n")
    assert "[ERROR] supervisor: reload failed" in service.failed_reload()
