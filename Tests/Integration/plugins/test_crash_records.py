"""Crash records of a worker whose plugin file is broken, or whose data only the worker has."""

import os
import re
import shutil
import signal
from contextlib import suppress

import pytest

import client
from client import Closed, request
from matrix import COMBINATIONS
from processes import wait_for
from server import TEST_PLUGINS
from service import Service

MAX_FAILS = 3


def told(server, pattern, timeout=5.0):
    line = re.compile(pattern)
    return wait_for(lambda: line.search(server.log), lambda: f"{pattern}; {server.state()}", timeout)


def ask(server, path):
    """The status of the answer, or None if there is none."""
    with suppress(Closed, OSError), client.Connection(server.address, timeout=5) as connection:
        connection.send(request("GET", path, "Connection: close"))
        return connection.final().status
    return None


def beside(plugin, load="master"):
    return f'[[plugin]]\npath = "{plugin}"\nmount = "/bad"\nload = "{load}"\n'


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_plugin_whose_file_is_cut_short(own, tmp_path, combination):
    """Its code is gone, and the tables by which a stack is read. The plugin is paused all the same, and another answers."""
    plugin = tmp_path / "libcut.so"
    shutil.copy(combination.misbehaving, plugin)
    service = Service(own, tmp_path, combination.model)
    service.reload(more=beside(plugin))
    server, master = service.server, service.server.master()
    assert ask(server, "/bad/") == 200
    os.truncate(plugin, 0)
    # Each takes a worker, until the plugin is paused; the pauses become longer.
    answers = [ask(server, "/bad/")]
    while answers[-1] is None and len(answers) < 20:
        assert ask(server, "/") == 200
        answers.append(ask(server, "/bad/"))
    assert answers[-1] == 503, (answers, server.state())
    assert server.log.count("was killed by SIGBUS") >= MAX_FAILS
    assert "plugin cut has crashed plugin.max_fails workers or more: it is paused" in server.log
    assert re.search(r"was killed by SIGBUS while serving GET /bad/ plugin=cut request=\w+ ", server.log), server.log
    assert re.search(r"thread \d+ got the signal at libcut\.so\+0x", server.log), server.log
    assert ask(server, "/") == 200 and server.master() == master
    service.server.stop(signal.SIGINT)  # gracefully, the master would run what is left of it


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_plugin_that_the_worker_alone_has_loaded(own, tmp_path, combination):
    """Its file and the place in it are named, as those of one that the master has loaded."""
    service = Service(own, tmp_path, combination.model)
    service.reload(more=beside(combination.misbehaving, load="worker"))
    assert ask(service.server, "/bad/crash") is None
    told(service.server, r"SIGSEGV while serving GET /bad/crash plugin=misbehaving_\w+")
    trace = told(service.server, r"thread \d+ got the signal at (.*)")[1]
    assert trace.startswith(f"{combination.misbehaving.name}+0x"), trace
    assert not re.search(r"(^| < )0x", trace), trace
    assert re.search(r" < outrider\+0x", trace), trace


def test_a_crash_in_a_process_that_a_plugin_has_forked(own, tmp_path):
    """It is that process's own affair: the worker lives on, and what it leaves behind later is its own."""
    server = own(TEST_PLUGINS / "libforks_and_crashes.so")
    (worker,) = server.workers()
    assert server.get("/fork").body == b"killed by 11"
    assert server.workers() == [worker]
    assert "SIGSEGV" not in server.log
    assert ask(server, "/exit") is None
    told(server, rf"worker 0 \(pid {worker}\) exited with 3 while serving GET /exit ")
    assert "SIGSEGV" not in server.log
