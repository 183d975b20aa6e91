"""Random calls of many threads on the same exchanges: what the host promises holds, and nothing of one reaches another."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import request
from matrix import each_transport
from mock_host import MOCK
from processes import wait_for
from server import TEST_PLUGINS

REQUESTS = 300
CLIENTS = 6


def counts(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split("=") for line in text.splitlines())}


def assert_promises_kept(found: dict[str, int], requests: int):
    assert found["requests"] == requests
    for never in ("late_events", "late_releases", "late_runs", "foreign", "unknown"):
        assert found[never] == 0, never
    assert found["releases"] == found["releases_due"] and found["runs"] == found["runs_due"]
    # It has come to all of this.
    assert found["accepted"] > requests and found["runs"] > requests / 2 and found["calls"] > 10 * requests
    assert 0 < found["on_wakes"] <= found["wakes"]


def is_at_rest(found: dict[str, int]) -> bool:
    return found["releases"] == found["releases_due"] and found["runs"] == found["runs_due"]


@each_transport
def test_promises_are_kept(own, combination):
    server = own(
        TEST_PLUGINS / f"libinterleaved_{combination.style}.so", "-w", "1", "--set", "early_hints.max_per_request=1000",
        model=combination.model)

    def send_some(first):
        for number in range(first, REQUESTS, CLIENTS):
            with server.connect() as connection:
                connection.send(request("GET", f"/?{number + 1}", "Connection: close"))
                if number % 7 == 0:
                    connection.abort()
                else:
                    connection.end()

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(send_some, range(CLIENTS)))
    # Aborted ones may have been gone before they were seen.

    def report():
        return counts(server.get("/report").body.decode())

    def at_rest():
        found = report()
        return found if is_at_rest(found) else None

    found = wait_for(at_rest, lambda: f"at rest, not {report()}")
    assert REQUESTS * 6 // 7 - CLIENTS <= found["requests"] <= REQUESTS
    assert_promises_kept(found, found["requests"])
    if combination.style == "blocking":
        assert found["thread_refusals"] > REQUESTS


@pytest.mark.parametrize("sanitizer", ["thread", "address"])
@pytest.mark.parametrize("style", ["blocking", "event"])
def test_promises_are_kept_in_the_mock_host(style, sanitizer):
    """Under a sanitizer: a report ends the program with another code."""
    model = "async" if style == "event" else "sync"
    run = subprocess.run([MOCK / f"run_interleaved_{sanitizer}_{style}", model, str(REQUESTS)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert_promises_kept(counts(run.stdout), REQUESTS)
