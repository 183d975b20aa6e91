"""Hang-up of the terminal in which a server was started."""

import os
import pty
import signal
import subprocess
import sys

import pytest

import client
import processes
from processes import wait_for
from server import BINARY, RELEASE, STOP_TIMEOUT, end, environment, free_port

DEMO = RELEASE / "libdemo_event.so"
# Becomes the leader of a session on the terminal that it has as its standard input, and then its arguments.
LEAD = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A terminal with a command in it; what the server says goes to a file."""

    def __init__(self, folder, *command):
        self.log_file = folder / "error.log"
        self.master, slave = pty.openpty()
        with open(self.log_file, "wb") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-c", LEAD, *map(str, command)],
                stdin=slave,
                stdout=slave,
                stderr=log,
                cwd=folder,
                env=environment(),
            )
        os.close(slave)
        self.family = []

    @property
    def log(self):
        return self.log_file.read_text()

    def wait_until_it_serves(self):
        wait_for(lambda: " serving " in self.log, lambda: self.log, 10)
        self.family = processes.family(self.child.pid)

    def server(self):
        """The supervisor's pid."""
        return next(p.pid for p in self.family if processes.describe(p.pid).endswith("outrider: supervisor"))

    def hang_up(self):
        if self.master is not None:
            os.close(self.master)
        self.master = None

    def finish(self):
        self.hang_up()
        end(self.child, self.family + processes.family(self.child.pid))


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def start(*command):
        opened.append(Terminal(tmp_path, *command))
        opened[-1].wait_until_it_serves()
        return opened[-1]

    yield start
    for each in opened:
        each.finish()


@pytest.fixture
def command():
    port = free_port()
    return ["-b", f"127.0.0.1:{port}", DEMO], ("127.0.0.1", port)


def gone(terminal):
    wait_for(lambda: not processes.still_there(terminal.family), lambda: terminal.log, 10)


def answers(address):
    return client.fetch(address, client.request()).status == 200


def test_a_server_that_has_the_terminal_ends(terminal, command):
    arguments, _ = command
    opened = terminal(BINARY, *arguments)
    opened.hang_up()
    assert opened.child.wait(STOP_TIMEOUT) == 0
    gone(opened)
    assert "the terminal has hung up" in opened.log and opened.log.count(" serving ") == 1


def test_a_server_in_the_foreground_of_a_shell_ends(terminal, command):
    arguments, _ = command
    opened = terminal("bash", "--norc", "-i", "-c", f"{BINARY} {' '.join(map(str, arguments))}; true")
    opened.hang_up()
    gone(opened)
    assert opened.log.count(" serving ") == 1


def test_requests_in_flight_are_finished(terminal, command):
    arguments, address = command
    opened = terminal(BINARY, *arguments)
    with client.Connection(address) as connection:
        connection.send(client.request("POST", "/echo", "Content-Length: 4") + b"ab")
        opened.hang_up()
        wait_for(lambda: "requests in flight" in opened.log, lambda: opened.log)
        connection.send(b"cd")
        assert connection.final().status < 500
    assert opened.child.wait(STOP_TIMEOUT) == 0


def test_a_hang_up_signal_of_another_process_reloads(terminal, command):
    arguments, address = command
    opened = terminal(BINARY, *arguments)
    os.kill(opened.child.pid, signal.SIGHUP)
    wait_for(lambda: opened.log.count(" serving ") == 2, lambda: opened.log, 10)
    assert answers(address)


def test_a_server_under_nohup_stays_and_reloads(terminal, command):
    arguments, address = command
    opened = terminal("bash", "--norc", "-c", f"nohup {BINARY} {' '.join(map(str, arguments))}; true")
    supervisor = opened.server()
    opened.hang_up()
    wait_for(lambda: opened.child.poll() is not None, "the end of the shell", 10)
    assert answers(address) and "hung up" not in opened.log
    os.kill(supervisor, signal.SIGHUP)
    wait_for(lambda: opened.log.count(" serving ") == 2, lambda: opened.log, 10)
    assert answers(address)
