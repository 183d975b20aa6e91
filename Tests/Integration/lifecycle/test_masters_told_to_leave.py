"""SIGTERM to a master from another process than the supervisor: its generation serves until the next does."""

import os
import signal
import time
from contextlib import ExitStack

import pytest

import client
import processes
from deployed import WORKERS, Deployed
from load import Load
from processes import kill, wait_for
from slow_requests import begin_slow
from timing import scaled


@pytest.fixture
def deployed(own, tmp_path, model):
    return Deployed(own, tmp_path, model)


def stages(deployed):
    return {g["number"]: g["stage"] for g in deployed.control.ask("status")["generations"]}


def assert_served_as_before(deployed):
    """By the same processes, or those that its master has replaced them with."""
    assert processes.look(deployed.master).alive, deployed.server.state()
    assert len(processes.children(deployed.master)) == WORKERS
    assert deployed.service.serving() == deployed.number


def test_a_master_serves_until_a_successor_does(deployed, model):
    server = deployed.server
    with ExitStack() as stack:
        idle, busy = deployed.connect(stack, model, seconds=2)
        with Load(server.address, pause=0.005) as load:
            deployed.break_it("cut")
            deployed.kill_the_master(signal.SIGTERM)
            assert_served_as_before(deployed)
            assert stages(deployed)[2] == "leaving"
            status = deployed.control.run("status")
            assert f"generation 2: leaving, master {deployed.master}, {WORKERS} of {WORKERS} worker(s) ready" in status
            assert deployed.metrics.get("/readyz").status == 200
            os.kill(deployed.master, signal.SIGTERM)
            deployed.wait_for_tries(4)
            assert busy.final(timeout=scaled(10)).status == 200
            busy.close()
            if model != "sync":  # the connection is the same one
                idle.send(client.request("GET", "/"))
                assert idle.final().status == 200
            assert_served_as_before(deployed)
            deployed.mend()
            deployed.service.hup()
            deployed.service.wait_for_number()
            if model != "sync":
                idle.close()
            deployed.wait_for_successor()
        load.assert_well(least=50)
    name = f"master {deployed.master} of generation 2 was told to leave, not by the supervisor"
    assert server.log.count(name) == 1, "it was told twice"
    assert f"{name}; it serves until another generation does; starting another in " in server.log
    assert (
        f"; until then generation 2 serves, whose master {deployed.master} was told to leave: fix the cause, and reload\n"
    ) in server.log
    assert "generation 2 finishes" in server.log
    assert deployed.metrics.value("outrider_master_restarts_total", cause="told_to_leave") == 1
    assert deployed.metrics.value("outrider_master_restarts_total", cause="exited") == 0
    server.workers(WORKERS)
    server.stop()


def test_a_successor_takes_over_by_itself(deployed):
    """Without a fault or a reload, requests in flight are finished."""
    server = deployed.server
    with server.connect() as busy, Load(server.address, pause=0.005) as load:
        begin_slow(busy, 2, "/demo")
        os.kill(deployed.master, signal.SIGTERM)
        wait_for(lambda: "generation 3 serves, generation 2 finishes" in server.log, server.state)
        assert busy.final(timeout=scaled(10)).status == 200
    load.assert_well(least=20)
    assert deployed.service.wait_for_one_master() != deployed.master
    server.workers(WORKERS)
    server.stop()


def test_its_master_goes_on_with_its_work(deployed):
    """Unlike one that has died: workers are replaced, their number changes, one is retired."""
    server = deployed.server
    deployed.break_it("configuration")
    deployed.kill_the_master(signal.SIGTERM)
    kill(deployed.workers[0])
    wait_for(lambda: deployed.workers[0] not in server.workers(WORKERS), server.state)
    server.tell(signal.SIGTTIN)
    server.workers(WORKERS + 1)
    deployed.control.run("scale", "-1")
    others = server.workers(WORKERS)
    deployed.control.run("retire", str(others[0]))
    wait_for(lambda: others[0] not in server.workers(WORKERS), server.state)
    assert_served_as_before(deployed)
    server.stop()


def test_a_reload_that_fails_changes_nothing(deployed):
    deployed.break_it("missing")
    deployed.kill_the_master(signal.SIGTERM)
    assert "; generation 2 goes on serving" in deployed.service.failed_reload()
    tries = deployed.server.log.count("did not start: ")
    deployed.wait_for_tries(tries + 1)
    assert_served_as_before(deployed)
    deployed.mend()
    deployed.wait_for_successor()
    deployed.server.stop()


@pytest.mark.parametrize("then", [(signal.SIGTERM,), (signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)], ids=str)
def test_the_end_of_the_service(deployed, then):
    server = deployed.server
    deployed.break_it("cut")
    deployed.kill_the_master(signal.SIGTERM)
    with server.connect() as busy:
        begin_slow(busy, 1 if then == (signal.SIGTERM,) else 5, "/demo")
        for number in then:
            server.tell(number)
            wait_for(lambda: "stopping" in server.log, server.state)  # two that wait are one
        if then == (signal.SIGTERM,):
            assert busy.final(timeout=scaled(5)).status == 200
        else:
            assert [answer.status for answer in busy.end()] == [503]
    server.ended_well()


def test_a_shutdown_delay(own, tmp_path):
    """It serves during it as any other: a service that is to end starts no successor, and takes no connection away before."""
    deployed = Deployed(own, tmp_path, server='restart_backoff = "8s"', timeouts='shutdown_delay = "60s"')
    server = deployed.server
    with server.connect() as idle:
        idle.send(client.request("GET", "/"))
        assert idle.final().status == 200
        os.kill(deployed.master, signal.SIGTERM)
        wait_for(lambda: "; starting another in " in server.log, server.state)
        server.tell(signal.SIGTERM)
        wait_for(lambda: "(timeouts.shutdown_delay)" in server.log, server.state)
        end = time.monotonic() + 9
        while time.monotonic() < end:
            assert stages(deployed) == {2: "leaving"}
            time.sleep(0.1)
        idle.send(client.request("GET", "/"))
        answer = idle.final()
        assert answer.status == 200 and not answer.says_close
    assert_served_as_before(deployed)
    server.stop(signal.SIGINT)


def ending_without_a_successor(own, tmp_path):
    """A service in its shutdown delay whose master has been told to leave, and whose plugin is broken on disk."""
    deployed = Deployed(own, tmp_path, timeouts='shutdown_delay = "60s"')
    server = deployed.server
    deployed.break_it("cut")
    deployed.kill_the_master(signal.SIGTERM)
    server.tell(signal.SIGTERM)
    wait_for(lambda: "(timeouts.shutdown_delay)" in server.log, server.state)
    return deployed


def test_a_shutdown_delay_while_no_successor_starts(own, tmp_path):
    """Nobody tries any more: only a start that has begun comes to its end."""
    deployed = ending_without_a_successor(own, tmp_path)
    server = deployed.server
    tries = server.log.count("did not start: ")
    time.sleep(5)
    assert server.log.count("did not start: ") <= tries + 1, server.log
    assert_served_as_before(deployed)
    server.stop(signal.SIGINT)


def test_a_death_in_a_shutdown_delay(own, tmp_path):
    """Some process has to serve."""
    deployed = ending_without_a_successor(own, tmp_path)
    server = deployed.server
    kill(deployed.master)
    deployed.mend()
    deployed.wait_for_successor()
    server.stop(signal.SIGINT)


def test_its_death(deployed, model):
    """It leaves orphans, as any other."""
    with Load(deployed.server.address, pause=0.005) as load:
        deployed.break_it("cut")
        deployed.kill_the_master(signal.SIGTERM)
        kill(deployed.master)
        wait_for(lambda: stages(deployed).get(2) == "orphaned", deployed.server.state)
        deployed.assert_served_by_orphans()
        deployed.mend()
        deployed.service.hup()
        deployed.wait_for_successor()
    load.assert_well(least=20)
    deployed.server.stop()


def test_the_death_of_the_supervisor(deployed, model):
    """Nobody is left who could start another: all finish, and leave."""
    deployed.break_it("cut")
    deployed.kill_the_master(signal.SIGTERM)
    with deployed.server.connect() as busy:
        begin_slow(busy, 2, "/demo")
        deployed.server.tell(signal.SIGKILL)
        deployed.server.wait()
        assert busy.final(timeout=scaled(5)).status == 200
    deployed.server.assert_nothing_left(timeout=3)


def test_a_replaced_supervisor_knows(own, tmp_path):
    deployed = Deployed(own, tmp_path)
    server = deployed.server
    with Load(server.address, pause=0.005) as load:
        deployed.break_it("cut")
        deployed.kill_the_master(signal.SIGTERM)
        wait_for(lambda: "starting" not in deployed.control.run("status"), "a wait between two tries")
        server.tell(signal.SIGUSR2)
        wait_for(lambda: "the supervisor has been replaced" in server.log, server.state, timeout=15)
        assert stages(deployed)[2] == "leaving"
        assert_served_as_before(deployed)
        deployed.mend()
        deployed.wait_for_successor()
    load.assert_well(least=20)
    assert "generation 2 finishes" in server.log
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTTOU])
def test_other_signals_mean_nothing_to_a_master(own, tmp_path, number):
    """They are the supervisor's, which a terminal may send to all."""
    deployed = Deployed(own, tmp_path)
    with deployed.server.connect() as busy:
        busy.send(client.request("GET", "/demo/delay?s=1"))
        for _ in range(3):
            os.kill(deployed.master, number)
        assert busy.final(timeout=scaled(5)).status == 200
    assert deployed.server.workers(WORKERS) == deployed.workers
    assert deployed.service.wait_for_one_master() == deployed.master
    deployed.server.stop()
