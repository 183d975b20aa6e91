"""Masters that die while no successor can start: their workers serve until one does, in every worker model."""

import os
import re
import signal
import time
from contextlib import ExitStack
from functools import partial

import pytest

import client
import messages
import processes
from attacked import attacked, folder  # noqa: F401
from deployed import WORKERS, Deployed
from http2 import Connection as HTTP2Connection
from load import Load
from processes import kill, wait_for
from server import TEST_PLUGINS, free_port
from service import CONFIGURED
from slow_requests import begin_slow
from timing import scaled


@pytest.fixture
def deployed(own, tmp_path, model):
    return Deployed(own, tmp_path, model)


@pytest.mark.parametrize(
    "how, number", [("configuration", signal.SIGKILL), ("missing", signal.SIGKILL), ("cut", signal.SIGSEGV)]
)
def test_workers_serve_until_a_successor_does(deployed, model, how, number):
    server = deployed.server
    with ExitStack() as stack:
        idle, busy = deployed.connect(stack, model, seconds=2)
        with Load(server.address, pause=0.005) as load:
            deployed.break_it(how)
            deployed.kill_the_master(number)
            before = load.answered
            deployed.assert_served_by_orphans()
            deployed.wait_for_tries(4)
            assert busy.final(timeout=scaled(10)).status == 200
            busy.close()
            if model != "sync":  # the connection is the same one
                idle.send(client.request("GET", "/"))
                assert idle.final().status == 200
            deployed.assert_served_by_orphans()
            wait_for(lambda: load.answered > before, server.state)
            deployed.mend()
            deployed.service.hup()
            deployed.service.wait_for_number()
            if model != "sync":  # the worker that serves it is told to finish, and says so

                def says_close():
                    idle.send(client.request("GET", "/"))
                    answer = idle.final()
                    assert answer.status == 200
                    return answer.says_close

                wait_for(says_close, server.state)
            deployed.wait_for_successor()
        load.assert_well(least=50)
    assert f"its {WORKERS} worker(s) go on serving without it; starting another" in server.log
    assert (
        f"; until then {WORKERS} worker(s) of generation 2 serve without a master, and none of them is replaced: "
        "fix the cause, and reload\n"
    ) in server.log
    assert "generation 2 finishes" in server.log
    server.workers(WORKERS)
    server.stop()


def test_a_failed_reload_changes_nothing(deployed):
    deployed.break_it("cut")
    deployed.kill_the_master()
    assert f"; {WORKERS} worker(s) of generation 2 go on serving without a master" in deployed.service.failed_reload()
    deployed.assert_served_by_orphans()


def test_a_successor_that_starts_by_itself_takes_over(deployed):
    """Nobody reloads: the next try finds all mended. What is in flight is finished by its worker."""
    deployed.break_it("missing")
    deployed.kill_the_master()
    with deployed.server.connect() as busy:
        begin_slow(busy, 4, "/demo")
        deployed.mend()
        deployed.service.wait_for_number(timeout=15)
        assert busy.final(timeout=scaled(10)).status == 200
    deployed.wait_for_successor()


def test_who_asks_is_told(deployed):
    metrics = deployed.metrics
    assert metrics.value("outrider_orphaned_workers") == 0
    deployed.break_it("configuration")
    deployed.kill_the_master()
    status = deployed.control.ask("status")
    assert status["ready"]
    generation = next(g for g in status["generations"] if g["stage"] == "orphaned")
    assert (generation["number"], generation["master"], generation["ready_workers"]) == (2, None, WORKERS)
    assert f"generation 2: orphaned, no master, {WORKERS} of {WORKERS} worker(s) ready" in deployed.control.run("status")
    assert sorted(w["pid"] for w in deployed.control.ask("workers")) == sorted(deployed.workers)
    assert "number = 2" in deployed.control.run("config")
    assert deployed.control.ask("listeners") and deployed.control.ask("plugins")
    assert metrics.get("/readyz").status == 200
    assert metrics.value("outrider_generation") == 2
    assert metrics.value("outrider_orphaned_workers") == WORKERS
    assert metrics.value("outrider_workers", state="ready") == WORKERS
    refusal = deployed.control.send(b'{"command": "retire", "pid": %d}\n' % deployed.workers[0])
    assert not refusal["ok"] and "has no master that would replace it" in refusal["error"]
    refusal = deployed.control.send(b'{"command": "scale", "by": 1}\n')
    assert not refusal["ok"] and "have no master that would add or remove any" in refusal["error"], refusal
    deployed.server.tell(signal.SIGTTIN)
    wait_for(lambda: "the number of workers stays: the 2 worker(s) of generation 2 have" in deployed.server.log, "that")
    deployed.server.tell(signal.SIGUSR1)
    wait_for(lambda: f"{WORKERS} worker(s) of generation 2 have no master: they keep" in deployed.server.log, "a warning")
    deployed.mend()
    deployed.service.hup()
    deployed.wait_for_successor()
    metrics.wait(0, "outrider_orphaned_workers")
    assert metrics.value("outrider_generation") > 2
    assert len(deployed.server.workers(WORKERS)) == WORKERS, "a signal that could do nothing then counts later"


def test_nobody_leaves_for_max_requests(own, tmp_path, model):
    """No process could replace the worker."""
    deployed = Deployed(own, tmp_path, model, server="max_requests = 60")
    deployed.break_it("cut")
    deployed.kill_the_master()
    with Load(deployed.server.address, pause=0.001) as load:
        wait_for(lambda: load.answered > 4 * 60 * WORKERS, "more requests than they serve otherwise", timeout=20)
        deployed.assert_served_by_orphans()
    load.assert_well()


def test_streams_of_http2_go_on(own, tmp_path):
    service_port = free_port()
    listener = f'bind = "127.0.0.1:{service_port}"\nh2c = true'
    deployed = Deployed(own, tmp_path)
    deployed.options = {"listeners": [f"127.0.0.1:{deployed.service.port}", listener]}
    deployed.write()
    deployed.service.hup()
    deployed.service.wait_for_number()
    deployed.master, deployed.number = deployed.service.wait_for_one_master(), deployed.service.number
    deployed.workers = deployed.server.workers(WORKERS)
    with HTTP2Connection(("127.0.0.1", service_port)) as connection:
        assert connection.get("/").status == 200
        deployed.break_it("cut")
        deployed.kill_the_master()
        assert connection.get("/").status == 200
        deployed.assert_served_by_orphans()
        assert connection.get("/").status == 200


def test_a_unix_socket_stays(own, tmp_path, model):
    path = tmp_path / "socket"
    deployed = Deployed(own, tmp_path, model)
    deployed.options = {"listeners": [f"127.0.0.1:{deployed.service.port}", f"unix:{path}"]}
    deployed.write()
    deployed.service.hup()
    deployed.service.wait_for_number()
    deployed.master = deployed.service.wait_for_one_master()
    inode = path.stat().st_ino
    with Load(str(path), pause=0.005) as load:
        deployed.break_it("missing")
        deployed.kill_the_master()
        assert path.stat().st_ino == inode
        deployed.mend()
        deployed.service.hup()
        deployed.wait_for_successor()
        assert path.stat().st_ino == inode
    load.assert_well(least=20)


def test_a_worker_that_has_just_become_ready(own, tmp_path, model):
    """Its master has died before it could say so: the worker serves as the others do, and keeps its request."""
    deployed = Deployed(own, tmp_path, model)
    hooks = TEST_PLUGINS / "libhooks_blocking.so"
    deployed.service.reload(
        plugin=deployed.plugin,
        server=f"workers = {WORKERS}\nthreads = 1",
        settings=f'[control]\nsocket = "{deployed.control.path}"\n',
        more=f'[[plugin]]\npath = "{hooks}"\nmount = "/hooks"\n[plugin.config]\nthread_start_ms = 4000\n',
    )
    server = deployed.server
    deployed.master, before = server.master(), server.workers(WORKERS)
    kill(before[0])
    (new,) = wait_for(lambda: set(server.workers(WORKERS)) - set(before), server.state)
    wait_for(lambda: new in [w["pid"] for w in deployed.control.ask("workers")], server.state)

    def seen(member):
        (found,) = [worker[member] for worker in deployed.control.ask("workers") if worker["pid"] == new]
        return found

    with ExitStack() as stack:
        busy = []

        def has_one():
            """Others go to its fellow."""
            busy.append(stack.enter_context(server.connect()))
            begin_slow(busy[-1], 3, "/demo")
            return seen("in_flight") > 0

        with processes.held(deployed.master):
            assert seen("state") == "starting"
            wait_for(has_one, server.state, timeout=10)
            deployed.break_it("cut")
            kill(deployed.master)
            os.waitpid(deployed.master, 0)
        for connection in busy:
            assert connection.final(timeout=scaled(20)).status == 200
    assert sorted(deployed.orphans()) == sorted([before[1], new])
    wait_for(lambda: f"its {WORKERS} worker(s) go on serving without it" in server.log, server.state)
    deployed.mend()
    deployed.service.hup()
    deployed.wait_for_successor()
    server.stop()


# Their ends


def test_an_end_by_term(deployed, model):
    """Requests in flight are answered, and no process is left."""
    deployed.break_it("cut")
    deployed.kill_the_master()
    with ExitStack() as stack:
        idle, busy = deployed.connect(stack, model, seconds=1)
        deployed.server.tell(signal.SIGTERM)
        assert busy.final(timeout=scaled(5)).status == 200
    deployed.server.ended_well()


@pytest.mark.parametrize("then", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)], ids=["INT", "TERM twice"])
def test_an_end_at_once(deployed, then):
    deployed.break_it("cut")
    deployed.kill_the_master()
    with deployed.server.connect() as busy:
        begin_slow(busy, 5, "/demo")
        for number in then:
            deployed.server.tell(number)
            wait_for(lambda: "stopping" in deployed.server.log, deployed.server.state)  # two that wait are one
        deployed.server.ended_well()
        assert [answer.status for answer in busy.end()] == [503]


def test_a_handler_that_minds_the_end(own, tmp_path, model):
    """Its client is told as with a master."""
    deployed = Deployed(own, tmp_path, model, server='graceful_timeout = "4s"')
    deployed.break_it("cut")
    deployed.kill_the_master()
    with deployed.server.connect() as busy:
        deployed.begin(busy, "/bad/unwanted")
        deployed.server.tell(signal.SIGTERM)
        deployed.server.ended_well()
        assert [answer.status for answer in busy.end()] == [503]


def test_a_shutdown_delay(own, tmp_path, model):
    """They serve during it, and are not ready; the number of workers stays."""
    deployed = Deployed(own, tmp_path, model, timeouts='shutdown_delay = "60s"')
    server = deployed.server
    deployed.break_it("cut")
    deployed.kill_the_master()
    server.tell(signal.SIGTERM)
    wait_for(lambda: "(timeouts.shutdown_delay)" in server.log, server.state)
    answer = deployed.metrics.get("/readyz")
    assert (answer.status, answer.body) == (503, b"stopping\n")
    deployed.assert_served_by_orphans()
    server.stop(signal.SIGINT)


def test_a_handler_that_does_not_return(own, tmp_path, model):
    """graceful_timeout bounds the end of workers without a master too, and their supervisor says what it has cost."""
    deployed = Deployed(own, tmp_path, model, server='graceful_timeout = "4s"')
    deployed.break_it("cut")
    deployed.kill_the_master()
    with deployed.server.connect() as busy:
        deployed.begin(busy, "/bad/hang")
        deployed.server.tell(signal.SIGTERM)
        assert deployed.server.wait() == 70
        assert [answer.status for answer in busy.end()] == [503]
    deployed.server.assert_nothing_left()
    assert "handle() has not returned" in deployed.server.log


def test_a_handler_that_gives_up_late(own, tmp_path):
    """Under sync the loop learns of the shutdown only when the handler has returned. The time for the next client
    counts from the command and does not begin anew: otherwise the supervisor would kill the worker meanwhile."""
    deployed = Deployed(own, tmp_path, "sync", server='graceful_timeout = "6s"')
    deployed.break_it("cut")
    deployed.kill_the_master()
    with ExitStack() as stack:
        busy = [stack.enter_context(deployed.server.connect()) for _ in range(WORKERS)]
        for connection in busy:
            connection.send(client.request("POST", "/bad/body", "Content-Length: 5"))
        deployed.metrics.wait(WORKERS, "outrider_requests_in_flight")
        waiting = stack.enter_context(deployed.server.connect())
        waiting.send(b"GET / HTTP/1.1\r\n")
        deployed.server.tell(signal.SIGTERM)
        start = time.monotonic()
        for connection in busy:
            assert [answer.status for answer in connection.end(timeout=scaled(8))] == [503]
        handled = time.monotonic()
        assert [answer.status for answer in waiting.end(timeout=scaled(4))] in ([], [503])
        assert time.monotonic() - handled < (handled - start) * 3 / 4, "as long as it took to the first"
        deployed.server.ended_well()
    assert "killing it" not in deployed.server.log


def test_a_worker_that_stands_still_is_killed(own, tmp_path, model):
    deployed = Deployed(own, tmp_path, model, server='graceful_timeout = "1s"')
    deployed.break_it("cut")
    deployed.kill_the_master()
    stopped = deployed.workers[0]
    processes.stop(stopped)
    deployed.mend()
    deployed.service.hup()
    deployed.wait_for_successor()
    for end in ("has not finished within server.graceful_timeout; killing it", "was killed by SIGKILL"):
        wait_for(lambda: f"(pid {stopped}) of generation 2 {end}" in deployed.server.log, deployed.server.state)
    deployed.server.stop()


def test_a_killed_supervisor_takes_them_along(deployed, model):
    deployed.break_it("cut")
    deployed.kill_the_master()
    with ExitStack() as stack:
        idle, busy = deployed.connect(stack, model, seconds=2)
        deployed.server.tell(signal.SIGKILL)
        deployed.server.wait()
        if model != "sync":
            idle.assert_closed(timeout=scaled(2))
        assert busy.final(timeout=scaled(5)).status == 200
    deployed.server.assert_nothing_left(timeout=3)


def test_crashes_without_a_master(deployed):
    """Each is reported with the requests that it took along, which are counted; the last one ends the service."""
    server, metrics = deployed.server, deployed.metrics
    deployed.break_it("cut")
    deployed.kill_the_master()
    crashed = {"outcome": "crashed"}
    assert metrics.value("outrider_request_outcomes_total", **crashed) == 0
    for count in range(1, WORKERS + 1):
        with server.connect() as connection:
            connection.send(client.request("GET", "/bad/crash", f"X-Request-ID: fatal-{count}"))
            with pytest.raises((client.Closed, OSError)):
                connection.final(timeout=scaled(5))
        left = WORKERS - count
        wait_for(lambda: len(deployed.orphans()) == left, server.state)
        sequel = f"; it has no master that would replace it, and {left} other worker(s) go on serving"
        wait_for(lambda: sequel in server.log, server.state)
        assert f"was killed by SIGSEGV{sequel}" in server.log
        lost = f"lost with it: GET /bad/crash plugin=bad request=fatal-{count}"
        wait_for(lambda: lost in server.log, server.state)
        metrics.wait(count, "outrider_request_outcomes_total", **crashed)
        metrics.wait(0, "outrider_requests_in_flight")
        metrics.wait(left, "outrider_orphaned_workers")
        if left:
            assert deployed.service.serving() == deployed.number
    wait_for(lambda: "its last worker has gone; no generation serves until another is ready" in server.log, server.state)
    assert metrics.get("/readyz").status == 503
    deployed.mend()
    deployed.service.hup()
    deployed.service.wait_for_number()
    assert metrics.value("outrider_request_outcomes_total", **crashed) == WORKERS
    server.stop()


def test_a_replaced_supervisor_keeps_them(deployed):
    server = deployed.server
    with Load(server.address, pause=0.005) as load:
        deployed.break_it("cut")
        deployed.kill_the_master()
        for count in (1, 2):
            wait_for(lambda: "starting" not in deployed.control.run("status"), "a wait between two tries")
            server.tell(signal.SIGUSR2)
            wait_for(
                lambda: server.log.count("the supervisor has been replaced") == count, server.state, timeout=15
            )
            deployed.assert_served_by_orphans()
            assert deployed.metrics.value("outrider_orphaned_workers") == WORKERS
            assert "number = 2" in deployed.control.run("config")
        deployed.mend()
        deployed.service.hup()
        deployed.wait_for_successor()
    load.assert_well(least=20)
    assert "generation 2 finishes" in server.log
    server.stop()


def test_a_master_started_before_a_replacement_leaves_them_as_well(deployed):
    server = deployed.server
    server.tell(signal.SIGUSR2)
    wait_for(lambda: "the supervisor has been replaced" in server.log, server.state)
    deployed.break_it("cut")
    deployed.kill_the_master()
    deployed.assert_served_by_orphans()
    server.stop()


def test_a_master_that_dies_while_it_finishes(deployed):
    """Its workers finish what they hold, and the supervisor waits for them."""
    server = deployed.server
    with server.connect() as busy:
        begin_slow(busy, 4, "/demo")
        server.tell(signal.SIGTERM)
        wait_for(lambda: "stopping: requests in flight" in server.log, server.state)
        kill(deployed.master)
        assert busy.final(timeout=scaled(5)).status == 200
    assert server.wait() == 70, "a master has not come to its end as it should"
    server.assert_nothing_left()


def test_masters_that_die_one_after_the_other(deployed):
    """Each leaves workers to the supervisor, and none of them stays once the next generation serves."""
    with Load(deployed.server.address, pause=0.005) as load:
        for _ in range(3):
            before = deployed.server.master()
            kill(before)
            wait_for(
                lambda: processes.masters(deployed.server.pid) and deployed.server.master() != before,
                deployed.server.state,
            )
            deployed.server.workers(WORKERS, timeout=10)
            wait_for(lambda: not processes.orphans(deployed.server.pid, before), deployed.server.state, timeout=10)
    load.assert_well(least=20)
    deployed.server.stop()


# What else becomes the supervisor's


def test_what_others_leave_behind_is_reaped(own):
    """Processes whose parents below the supervisor are gone are its children, and do not stay there as zombies."""
    count = 600
    left = f'(sleep 1; n={count}; while [ $n -gt 0 ]; do (/bin/true &); n=$((n - 1)); done; exec sleep 600) & exec "$@"'
    server = own(CONFIGURED, launcher=("sh", "-c", left, "sh"))

    def last():
        """The one that has started them, once it has; until then some of them may be there."""
        found = [p for p in processes.children(server.pid) if p.session == server.pid]
        return found if len(found) == 1 and "sleep 600" in processes.describe(found[0].pid) else None

    (other,) = wait_for(last, "its last orphan", timeout=20)

    def dead():
        found = (processes.look(name) for name in os.listdir("/proc") if name.isdigit())
        return [p for p in found if p and p.parent == server.pid and not p.alive]

    wait_for(lambda: not dead(), lambda: f"{len(dead())} zombies")
    assert server.get("/").status == 200
    kill(other.pid)
    server.stop()


# What a hostile master says of its workers


def test_a_process_that_a_master_calls_its_worker(attacked):  # noqa: F811
    """A child of the supervisor that was not born under the master is let alone, whatever the master has said of it."""
    script = f'sleep 600 & sed -i "s/BYSTANDER/$!/" {attacked.file}; exec "$@"'
    attacked.own = partial(attacked.own, launcher=("sh", "-c", script, "sh"))
    said = messages.worker(slot=5, pid="BYSTANDER", worker_index=5)
    attacked.start(where="later", what="say", kind=messages.WORKER, text=said, server="workers = 2")
    bystander = processes.look(re.search(r"pid=(\d+)", attacked.file.read_text())[1])
    assert bystander.parent == attacked.server.pid
    (master,) = [p.pid for p in processes.masters(attacked.server.pid)]
    attacked.go()
    attacked.done()
    wait_for(lambda: len(attacked.control.ask("workers")) == 3, "what it has said")
    attacked.file.write_text("nonsense")
    kill(master)
    attacked.wait_for(r"its 2 worker\(s\) go on serving without it")
    attacked.server.tell(signal.SIGINT)
    assert attacked.server.wait() == 0
    assert processes.still_there([bystander]), "it was nobody's worker"
