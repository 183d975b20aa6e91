"""Listeners that a plugin has spoilt, and generations that it keeps."""

import os
import signal
import time

import pytest

import client
import processes
from attacked import attacked, folder  # noqa: F401
from processes import kill, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")


# Listeners


@pytest.mark.parametrize("how", ["reload", "restart"])
@pytest.mark.parametrize("path", ["/deaf", "/linger"])
def test_a_listener_that_listens_no_more(attacked, path, how):
    """A worker can end the socket that all have. It does not stay so: the next generation binds it anew."""
    attacked.start()
    before = attacked.descriptors()
    assert attacked.server.get(path).body == b"hello\n"
    with pytest.raises(OSError):
        attacked.server.get("/")
    if how == "reload":
        attacked.hup()
    else:
        kill(attacked.server.master())
    attacked.wait_for(rf"127.0.0.1:{attacked.port} no longer listens .*binding it again")
    attacked.is_well()
    wait_for(lambda: attacked.descriptors() <= before, lambda: f"{processes.descriptors(attacked.server.pid)}")


@pytest.mark.parametrize("path", ["/deaf", "/linger"])
def test_the_end_waits_for_no_listener(attacked, path):
    attacked.start()
    assert attacked.server.get(path).body == b"hello\n"
    processes.stop(attacked.server.pid)
    kill(attacked.server.master())
    os.kill(attacked.server.pid, signal.SIGTERM)
    time.sleep(0.3)
    os.kill(attacked.server.pid, signal.SIGCONT)
    assert attacked.server.wait() == 0


def test_a_unix_listener_that_listens_no_more(attacked, folder):
    path = folder / "socket"
    attacked.write(bind=f"unix:{path}")
    attacked.server = attacked.own("-c", attacked.file, bind=False, address=str(path))
    wait_for(attacked.control.takes_clients, lambda: attacked.server.state())
    assert attacked.server.get("/deaf").body == b"hello\n"
    with pytest.raises(OSError):
        attacked.server.get("/")
    attacked.hup()
    attacked.wait_for(rf"{path} no longer listens .*binding it again")
    attacked.is_well()


def test_generations_that_finish_are_bounded(attacked):
    """A reload waits for room; a master that says that it leaves does not, so the oldest makes room."""
    attacked.start(graceful="1h", server="threads = 16")  # a request that waits for a thread is not told
    held = []

    def hold():
        """The generation that serves has a request; one before it may take a few still."""
        master = attacked.control.ask("status")["generations"][-1]["master"]
        while f"hostile: holds below {master}\n" not in attacked.log:
            held.append(attacked.server.connect())
            held[-1].send(client.request("GET", "/hold"))
            wait_for(lambda: attacked.log.count("hostile: holds") == len(held), lambda: attacked.server.state())
        return master

    for number in range(2, 18):
        hold()
        attacked.hup()
        attacked.wait_for(rf"generation {number} serves")
    stages = [generation["stage"] for generation in attacked.control.ask("status")["generations"]]
    assert stages == ["draining"] * 16 + ["serving"]
    os.kill(hold(), signal.SIGTERM)
    attacked.wait_for(r"generation 1 is stopped: more than 16 would drain at once")
    attacked.is_well()

    def numbers():
        return [generation["number"] for generation in attacked.control.ask("status")["generations"]]

    wait_for(lambda: numbers() == list(range(2, 19)), lambda: f"{numbers()}")
    for connection in held:
        connection.close()
    attacked.server.tell(signal.SIGINT)
    assert attacked.server.wait() == 0
