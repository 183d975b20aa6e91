"""outrider.loop/1: descriptors of a plugin's own on the worker's loop, and the loop run by a plugin's runtime."""

import re
import signal
import time

import pytest

import http2
from client import request
from observed import entry
from processes import wait_for
from server import TEST_PLUGINS, run
from strace import Trace

WATCHES = TEST_PLUGINS / "libwatches.so"
WATCHES_BLOCKING = TEST_PLUGINS / "libwatches_blocking.so"
OWNED_LOOP = TEST_PLUGINS / "libowned_loop.so"
# Statuses as outrider.h has them.
STATE, INVALID, CLOSED, UNSUPPORTED, LIMIT, THREAD = -1, -2, -3, -5, -6, -8


def body(server, target):
    answer = server.get(target)
    assert answer.status == 200, (answer, server.state())
    return answer.body.decode()


@pytest.fixture
def it(observed, model):
    return observed(model, entry(WATCHES))


# ---- Readiness


def test_a_watch_is_called_as_long_as_its_descriptor_is_ready(it):
    """Three bytes, of which each call reads one."""
    assert body(it.server, "/level") == "calls 3"


def test_what_is_ready_is_told(it):
    assert body(it.server, "/writable") == "ready 0x4"
    assert body(it.server, "/hangup") == "ready 0x2011"


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_the_worker_is_told_for_a_request(it):
    """A watch of worker_start, in whose call another request is answered."""
    with it.server.connect() as connection:
        connection.send(request("GET", "/wait"))
        it.wait_for_requests(1)
        assert body(it.server, "/tell") == "told"
        assert connection.final().body == b"the worker was told"


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_streams_have_watches_of_their_own(it):
    with http2.connect(it.server) as connection:
        streams = [connection.request("GET", "/level") for _ in range(8)]
        assert [bytes(connection.answer(stream).body) for stream in streams] == [b"calls 3"] * 8


# ---- Ends


def test_a_watch_that_is_ended_in_the_same_turn_is_not_called(it):
    assert body(it.server, "/unwatch") in ("calls 1 0", "calls 0 1")


def test_a_watch_that_asks_for_nothing_in_the_same_turn_is_not_called(it):
    assert body(it.server, "/silence") == "calls 1 0"


def test_a_watch_ends_before_the_close_of_its_exchange(it):
    connection = it.server.connect()
    connection.send(request("GET", "/hold"))
    it.wait_for_requests(1)
    connection.abort()  # a mere close() looks like a client that has sent its last request, and is answered
    it.told("close of /hold after 1 ends")
    lines = [line for line in it.server.log.splitlines() if "/hold" in line]
    said = [re.search(r"(disconnect of|watch of|close of).*", line)[0] for line in lines]
    assert said == ["disconnect of /hold", "watch of /hold ended -3", "close of /hold after 1 ends"]


def test_a_watch_of_an_exchange_that_is_answered_ends(it):
    assert body(it.server, "/level") == "calls 3"
    it.told("watch of /level ended -3")
    it.told("close of /level after 1 ends")


def test_a_watch_of_an_exchange_whose_open_fails_ends(it):
    assert it.server.get("/refused").status == 500
    it.told("watch of /refused ended -3")


def test_the_workers_watch_ends_before_worker_stop(own, model):
    server = own(WATCHES, model=model)
    server.tell(signal.SIGTERM)
    server.wait()
    said = [line for line in server.log.splitlines() if "plugin watches:" in line]
    ends = [line.split("plugin watches: ")[1] for line in said if "ended" in line or "worker_stop" in line]
    assert ends == ["watch of the worker ended -3", "worker_stop watch -3 unwatch -3"]


# ---- Descriptors that are closed


def test_a_number_that_is_given_away_again(it):
    assert body(it.server, "/reuse") == f"old 0 new 1 change {CLOSED} unwatch 0 {CLOSED}"


@pytest.mark.parametrize("target", ["/kept-unwatched", "/kept-reused"])
def test_a_file_that_is_open_elsewhere_does_not_keep_the_loop_busy(it, target, tmp_path):
    """It is ready, and registered under a number that is closed: no call of epoll_ctl() can end that."""
    with it.server.connect() as connection:
        worker = it.server.workers()[0]
        with Trace(worker, tmp_path / "trace", "epoll_wait", "epoll_pwait") as trace:
            connection.send(request("GET", target))
            answer = connection.final()
        assert answer.body == b"calls 0 0"
        assert sum(trace.counts().values()) < 60, trace.counts()
    # The others go on.
    assert body(it.server, "/level") == "calls 3"


# ---- Misuse and limits


def test_misuse(it):
    loop = [INVALID, INVALID, INVALID, INVALID, INVALID, CLOSED, 0, STATE, INVALID, CLOSED, STATE, STATE]
    text = body(it.server, "/misuse")
    assert text == f"loop {' '.join(map(str, loop))}"
    # What is no misuse: a handle and a watch that are over.
    misuses = sum(status in (INVALID, STATE) for status in loop)
    it.metrics.wait(misuses, "outrider_plugin_misuses_total")
    assert misuses <= 10  # lines a second
    it.told("watch refused: OUTRIDER_E_INVALID", "run is NULL")
    it.told("watch refused: OUTRIDER_E_INVALID", "events that are not known")
    it.told("watch refused: OUTRIDER_E_INVALID", "the descriptor is closed, or can't be waited for")
    it.told("watch refused: OUTRIDER_E_STATE", "the descriptor is watched already")


def test_misuse_on_another_thread(it):
    assert body(it.server, "/elsewhere") == f"thread {' '.join([str(THREAD)] * 5)}"
    it.metrics.wait(5, "outrider_plugin_misuses_total")
    for call in ("watch", "change", "unwatch", "descriptor", "dispatch"):
        it.told(f"{call} refused: OUTRIDER_E_THREAD", "not on the thread of the loop")


def test_in_load_there_is_no_loop(it):
    it.told("watch in load -1")


def test_the_limit(it):
    """Closed descriptors count until their watches end, which they do with the exchange."""
    assert body(it.server, "/fill") == f"watches 65535 status {LIMIT}"
    it.told("close of /fill after 65535 ends")
    it.metrics.wait(1, "outrider_plugin_watches_refused_total")
    assert body(it.server, "/level") == "calls 3"


def test_from_a_blocking_handler(own, model):
    """Under sync it runs on the loop's thread; an exchange in blocking style has no watches anywhere."""
    server = own(WATCHES_BLOCKING, model=model)
    expected = f"own {UNSUPPORTED} worker 0 unwatch 0" if model == "sync" else (
        f"own {THREAD} worker {THREAD} unwatch {THREAD}")
    assert body(server, "/") == expected


# ---- Drain and reload


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_reload_with_watches_pending(it):
    """The former worker answers what waits for a watch, and ends although it has one of its own."""
    with it.server.connect() as connection:
        connection.send(request("GET", "/later"))
        it.wait_for_requests(1)
        it.server.tell(signal.SIGHUP)
        wait_for(lambda: it.server.log.count(" serving ") > 1, lambda: it.server.state())
        assert connection.final().body == b"calls 3"
    it.told("watch of the worker ended -3")
    it.told("worker_stop watch -3 unwatch -3")
    assert body(it.server, "/level") == "calls 3"


def test_a_request_that_waits_at_the_end_of_the_graceful_timeout(observed, model):
    it = observed(model, entry(WATCHES), server='graceful_timeout = "10s"')
    with it.server.connect() as connection:
        connection.send(request("GET", "/hold"))
        it.wait_for_requests(1)
        it.server.tell(signal.SIGTERM)
        assert connection.final().status == 503
        it.server.wait()
    log = it.server.log
    assert "watch of /hold ended -3" in log and "close of /hold after 1 ends" in log
    assert log.index("close of /hold") < log.index("watch of the worker ended -3") < log.index("worker_stop watch")


# ---- A plugin that runs the thread


def test_a_runtime_runs_the_loop(observed, model):
    it = observed(model, entry(OWNED_LOOP))
    it.told(f"own nothing {INVALID}")
    it.told(f"own twice {LIMIT}")
    it.told(f"descriptor in worker_start {STATE}")
    it.told(f"own in worker_start {STATE}")
    it.told("the loop is readable by a descriptor 1")
    for _ in range(3):
        assert body(it.server, "/") == "at once"
    assert body(it.server, "/timer") == "by the runtime's timer"
    assert body(it.server, "/inside") == f"inside {STATE}"
    it.server.tell(signal.SIGHUP)
    it.told(f"run_loop returns after {CLOSED}")
    assert body(it.server, "/timer") == "by the runtime's timer"
    it.server.tell(signal.SIGTERM)
    assert it.server.wait() == 0
    log = it.server.log
    assert log.count("run_loop returns after") == log.count("worker_stop 0") == 2
    assert log.count(f"then dispatch says {CLOSED}") == 2


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_runtime_runs_the_loop_for_many(observed, model):
    """Pipelined requests, and streams at once: more than one turn has to do."""
    it = observed(model, entry(OWNED_LOOP))
    with it.server.connect() as connection:
        connection.send(request("GET", "/") * 200)
        assert [connection.final().body for _ in range(200)] == [b"at once"] * 200
    with http2.connect(it.server) as connection:
        streams = [connection.request("GET", "/") for _ in range(50)]
        assert [bytes(connection.answer(stream).body) for stream in streams] == [b"at once"] * 50


def test_the_watchdog_knows_a_runtime_that_waits(observed, model):
    """Its loop turns as often as it has to, though nothing comes."""
    it = observed(model, entry(OWNED_LOOP), '[timeouts]\nworker = "4s"\n')
    workers = it.server.workers()
    time.sleep(6)
    assert body(it.server, "/") == "at once"
    assert it.server.workers() == workers


def test_a_runtime_hears_of_the_first_client(observed, model):
    """Not from the heartbeat, which comes every few minutes here."""
    it = observed(model, entry(OWNED_LOOP), '[timeouts]\nworker = "600s"\n')
    assert body(it.server, "/") == "at once"


def test_a_runtime_that_leaves_the_thread(observed, model):
    """The worker answers what it has, and is replaced."""
    it = observed(model, entry(OWNED_LOOP, leave=True))
    former = it.server.workers()
    assert body(it.server, "/") == "at once"
    it.told("run_loop has returned before the worker's end")
    wait_for(lambda: it.server.workers() != former, lambda: it.server.state())
    assert body(it.server, "/") == "at once"
    # The next one may run by now, and be lost in the same way when it is told to stop.
    it.server.tell(signal.SIGTERM)
    assert it.server.wait() in (0, 70), it.server.log


def test_two_runtimes_do_not_start(tmp_path, model):
    file = tmp_path / "outrider.toml"
    file.write_text(
        f'[server]\nworker_model = "{model}"\n[[listener]]\nbind = "127.0.0.1:0"\n'
        + entry(OWNED_LOOP, "/", "first")
        + entry(OWNED_LOOP, "/second", "second")
    )
    ended = run("-c", file)
    assert ended.returncode == 78
    assert f"load refused: the loop is another's: {LIMIT}" in ended.stderr
