"""Plugins in Swift: the locks of their runtime hold in a worker, whether they bring it or share one with others."""

import pytest

from server import TEST_PLUGINS


@pytest.mark.parametrize("linked", ["static", "dynamic"])
@pytest.mark.parametrize("path", ["/lazy", "/mutex"])
def test_a_lock_that_two_threads_want(own, linked, path):
    """One of them is the loop's, and the runtime has seen the master's thread before the fork."""
    server = own(TEST_PLUGINS / f"libswift_locks_{linked}.so", model="async")
    workers = server.workers()
    for _ in range(2):
        answer = server.get(path)
        assert (answer.status, answer.body) == (200, b"done")
    assert server.workers() == workers
