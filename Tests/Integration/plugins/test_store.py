"""outrider.store/1: state that all workers share, over reloads and the replacement of the program."""

import os
import re
import signal
import struct
import subprocess
import threading

import pytest

from observed import entry
from processes import kill, wait_for
from server import RELEASE, TEST_PLUGINS
from timing import scaled

STORE = TEST_PLUGINS / "libstore.so"
SHARED = [entry(STORE)]
FOUR = "workers = 4"


class Store:
    """The calls of the plugin, each on a connection of its own, so that any worker gets it."""

    def __init__(self, server):
        self.server = server

    def call(self, name, *arguments, body=b"", status=None):
        target = f"/{name}?{','.join(map(str, arguments))}"
        answer = self.server.get(target, body=body, method="POST")
        if status:
            assert answer.status == status, (target, answer.status, answer.body)
        return answer

    def set(self, key, value, ms=0):
        self.call("set", key, ms, body=value, status=201)

    def get(self, key):
        answer = self.call("get", key)
        return answer.body if answer.status == 200 else None

    def add(self, key, amount=1, ms=0):
        return int(self.call("add", key, ms, amount, status=200).body)

    def keys(self, prefix=""):
        return self.call("list", prefix, status=200).body.decode().splitlines()


@pytest.fixture
def it(observed, model):
    return observed(model, *SHARED, server=FOUR)


@pytest.fixture
def store(it):
    it.server.workers(4)
    return Store(it.server)


# ---- The calls


def test_a_value_is_every_workers(store):
    store.set("greeting", b"hello")
    assert [store.get("greeting") for _ in range(20)] == [b"hello"] * 20
    store.set("greeting", b"")
    assert store.get("greeting") == b""
    store.call("remove", "greeting", status=204)
    assert [store.get("greeting") for _ in range(8)] == [None] * 8
    store.call("remove", "greeting", status=404)


def test_values_of_all_sizes(store):
    for size in [0, 1, 7, 8, 9, 88, 95, 96, 97, 120, 216, 217, 1000, 65536]:
        value = os.urandom(size)
        store.set(f"size-{size}", value)
        assert store.get(f"size-{size}") == value
    assert store.call("size", "size-65536", status=200).body == b"-6 65536"


def test_time_to_live(store):
    store.set("short", b"x", ms=4000)
    left = int(store.call("get", "short", status=200).get("x-left"))
    assert 0 < left <= 4000
    wait_for(lambda: store.get("short") is None, lambda: "the value does not expire")
    assert store.keys("short") == []
    store.call("cas", "short", 0, body=b"new", status=201)  # as one that was never there
    assert store.call("get", "short", status=200).get("x-left") == "0"


def test_compare_and_set(store):
    store.call("cas", "flag", 0, body=b"on", status=201)
    store.call("cas", "flag", 0, body=b"on", status=409)
    store.call("cas", "flag", 0, "off", body=b"lost", status=409)
    store.call("cas", "flag", 0, "on", body=b"off", status=201)
    store.call("cas", "none", 0, "on", body=b"lost", status=409)
    assert store.get("flag") == b"off" and store.get("none") is None


def test_counters(store):
    assert [store.add("hits") for _ in range(3)] == [1, 2, 3]
    assert store.add("hits", -10) == -7
    assert struct.unpack("=q", store.get("hits")) == (-7,)
    store.set("hits", struct.pack("=q", 2**63 - 1))
    assert store.add("hits") == -(2**63)
    store.set("hits", b"no counter")
    assert store.call("add", "hits", 0, 1, status=500).body == b"-1"


def test_a_counter_keeps_its_time(store):
    """A window of a rate limit is as long as it was to be, however often it is added to."""
    store.add("window", ms=500)

    def over():
        return store.call("add", "window", 500, 1).body == b"1"

    wait_for(over, lambda: "the counter never begins anew")


def test_counts_of_all_workers_are_whole(it, store):
    def count():
        for _ in range(50):
            store.add("together")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(scaled(60))
    assert store.add("together", 0) == 200


def test_lists(store):
    for number in range(100):
        store.set(f"user-{number}", b"x")
        store.set(f"group-{number}", b"x")
    assert sorted(store.keys("user-")) == sorted(f"user-{number}" for number in range(100))
    assert len(store.keys()) == 200 and store.keys("nobody") == []


def test_entries_have_keys_of_their_own(observed, model):
    it = observed(model, entry(STORE, "/one", "one"), entry(STORE, "/two", "two"))
    it.server.get("/one/set?key,0", body=b"1", method="POST")
    assert it.server.get("/one/get?key").body == b"1"
    assert it.server.get("/two/get?key").status == 404
    assert it.server.get("/two/list?").body == b"" and it.server.get("/one/list?").body == b"key\n"


def test_misuse(it, store):
    statuses = store.call("misuse", status=200).body.decode().split()
    assert statuses == ["-2"] * 12 + ["0", "-1", "0"]
    it.metrics.wait(13, "outrider_plugin_misuses_total")
    it.told("set in load -1")


# ---- Bounds


def test_what_lives_for_a_time_makes_room(observed, model):
    it = observed(model, *SHARED, "[store]\nsize = \"1MiB\"\n")
    store = Store(it.server)
    store.set("kept", b"for ever")
    assert store.call("fill", "cached-", 60000, 3000, status=200).body == b"set 3000 last refusal 0"
    assert 0 < len(store.keys("cached-")) < 1000
    assert store.get("kept") == b"for ever"
    evicted = 3000 - len(store.keys("cached-"))
    it.metrics.wait(evicted, "outrider_store_evictions_total")


def test_what_lives_for_ever_stays(observed, model):
    it = observed(model, *SHARED, "[store]\nsize = \"1MiB\"\n")
    store = Store(it.server)
    text = store.call("fill", "kept-", 0, 3000, status=200).body.decode()
    kept, status = map(int, re.fullmatch(r"set (\d+) last refusal (-?\d+)", text).groups())
    assert 0 < kept < 1000 and status == -6
    assert len(store.keys("kept-")) == kept
    it.metrics.wait(3000 - kept, "outrider_store_refusals_total")
    for key in store.keys("kept-"):
        store.call("remove", key, status=204)
    assert store.call("fill", "kept-", 0, 100, status=200).body == b"set 100 last refusal 0"


def test_a_server_without_a_store(observed, model):
    it = observed(model, *SHARED, "[store]\nsize = 0\n")
    assert Store(it.server).call("set", "key", 0, status=500).body == b"-5"


# ---- What it is kept over


def test_reloads(it, store):
    store.set("kept", b"over a reload")
    for number in range(2, 4):
        it.server.tell(signal.SIGHUP)
        wait_for(lambda: it.server.log.count(" serving ") >= number, lambda: it.server.state())
        assert store.get("kept") == b"over a reload"
    assert store.add("hits") == 1


def test_another_size_has_to_wait_for_a_restart(it, store):
    store.set("kept", b"over a reload")
    it.write(*SHARED, "[store]\nsize = \"2MiB\"\n")
    it.server.tell(signal.SIGHUP)
    it.told("store.size = 2097152 has no effect before a restart")
    assert store.get("kept") == b"over a reload"


def test_the_replacement_of_the_supervisor(it, store):
    store.set("kept", b"over another program")
    it.server.tell(signal.SIGUSR2)
    it.told("the supervisor has been replaced")
    assert store.get("kept") == b"over another program"
    it.server.tell(signal.SIGHUP)
    wait_for(lambda: it.server.log.count(" serving ") >= 2, lambda: it.server.state())
    assert store.get("kept") == b"over another program"


def test_killed_workers(it, store):
    store.set("kept", b"over a crash")
    for pid in it.server.workers(4):
        kill(pid)
    wait_for(lambda: len(it.server.workers(4)) == 4, lambda: it.server.state())
    assert store.get("kept") == b"over a crash"
    assert store.add("hits") == 1


def test_a_lock_is_held_over_no_crash():
    """Processes that are killed in the midst of calls, some thousand times: nothing is lost but what they were about to set."""
    found = subprocess.run(
        [RELEASE / "store-kills", "5000"], capture_output=True, text=True, timeout=scaled(300))
    assert found.returncode == 0, found.stdout + found.stderr
    kills, inherited = map(int, re.search(r"(\d+) kills, (\d+) within a call", found.stdout).groups())
    assert kills == 5000 and inherited > 0, found.stdout
