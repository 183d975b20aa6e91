"""Truncating a plugin's file removes its code from a running server: this is reported, and the server still ends."""

import os
import shutil
import signal

from client import request
from processes import thread_states, wait_for
from service import CONFIGURED


def test_the_server_ends_as_ever(own, tmp_path, combination):
    """Without its last hooks, which are gone, nor its destructors."""
    plugin = tmp_path / "cut.so"
    shutil.copy(combination.demo, plugin)
    server = own("-w", 2, plugin, model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", "/health", "Connection: close"))
        assert connection.final().body == b"OK"
        connection.end()
    # The client has its response before the plugin's code is done with it.
    wait_for(lambda: all(set(thread_states(worker)) == {"S"} for worker in server.workers(2)), server.state)
    os.truncate(plugin, 0)
    server.tell(signal.SIGTERM)
    server.ended_well()
    assert "SIGBUS" not in server.log, server.log


def test_it_is_told(own, tmp_path, combination):
    plugin = tmp_path / "cut.so"
    shutil.copy(combination.demo, plugin)
    server = own(plugin, model=combination.model)
    os.truncate(plugin, 0)
    server.tell(signal.SIGTERM)
    said = f"plugin cut: {plugin} has changed since it was loaded, so that its last hooks and destructors do not run"
    wait_for(lambda: server.log.count(said) == 2, server.state)  # by worker and master
    server.ended_well()


def test_one_of_the_same_size_is_told(own, tmp_path):
    """What is written over it need not be longer or shorter."""
    plugin = tmp_path / "cut.so"
    shutil.copy(CONFIGURED, plugin)
    server = own(plugin)
    with plugin.open("r+b") as file:
        file.write(b"\x7fELF")
    server.tell(signal.SIGTERM)
    wait_for(lambda: server.log.count(f"{plugin} has changed since it was loaded") == 2, server.state)
    server.ended_well()


def test_a_file_that_has_taken_its_place_changes_nothing(own, tmp_path, combination):
    """As a package manager does it."""
    plugin, other = tmp_path / "cut.so", tmp_path / "other.so"
    shutil.copy(combination.demo, plugin)
    server = own(plugin, model=combination.model)
    other.write_bytes(b"")
    other.rename(plugin)
    server.tell(signal.SIGTERM)
    server.ended_well()
    assert "has changed since it was loaded" not in server.log
