"""Two entries of one shared object: each of its hooks gets the state of its own."""

import signal

import pytest

from facts import configured, told
from processes import wait_for

ENTRIES = [("/", "first", "", ""), ("/other", "second", "", "")]


def test_each_hook_gets_the_state_of_its_entry(own, combination, tmp_path):
    config = configured(tmp_path, combination.style, *ENTRIES)
    server = own("-c", config, model=combination.model)
    for target, name in (("/entry", "first"), ("/other/entry", "second")):
        assert dict(told(server.get(target).body))["name"] == name
        if combination.style == "event":
            # close() gets the handle too, which is still good.
            wait_for(lambda: f"closed 1 of {name}" in server.log, server.state)


@pytest.mark.parametrize("model, threads", [("sync", 1), ("gthread", 3), ("async", 3)])
def test_each_thread_has_what_its_thread_start_left(own, tmp_path, model, threads):
    config = configured(tmp_path, "blocking", *ENTRIES)
    server = own("-c", config, "--threads", 3, model=model)
    for target in ("/info", "/other/info"):
        for _ in range(8):
            answer = dict(told(server.get(target).body))
            assert answer["own"] == "1" and answer["threads"] == str(threads)
            assert int(answer["thread"]) in range(threads)
    server.tell(signal.SIGTERM)
    server.ended_well()
    for name in ("first", "second"):
        assert sorted(f"thread_stop {index} of {name}" in server.log for index in range(threads)) == [True] * threads
