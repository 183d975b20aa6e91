"""timeouts.shutdown_delay: between TERM and the drain the server is not ready, and serves."""

import os
import signal
import time

import pytest

import processes
from client import request
from control import Control, outriderctl
from metrics import Metrics
from processes import kill, wait_for
from server import RELEASE, free_port
from service import Service
from timing import scaled

DEMO = RELEASE / "libdemo_event.so"

@pytest.fixture
def start(own, tmp_path):
    """start(seconds): a server with that delay, its metrics and its control socket."""

    def start(delay, *flags, **options):
        port = free_port()
        control = Control(tmp_path / "control.sock")
        server = own(
            "--set", f'metrics.bind="127.0.0.1:{port}"', "--set", f'control.socket="{control.path}"',
            "--set", f"timeouts.shutdown_delay={delay}", *flags, DEMO, **options,
        )  # fmt: skip
        metrics = Metrics(port)
        wait_for(lambda: metrics.get("/readyz").status == 200, server.state)
        return server, metrics, control

    return start


def leave(server):
    server.tell(signal.SIGTERM)
    wait_for(lambda: "timeouts.shutdown_delay" in server.log, server.state)


def test_it_serves_on_and_is_not_ready(start, model):
    server, metrics, control = start("60s", model=model)
    leave(server)
    answer = metrics.get("/readyz")
    assert (answer.status, answer.body) == (503, b"stopping\n")
    assert metrics.get("/healthz").status == 200
    assert control.ask("status")["ready"] is False
    for _ in range(3):
        with server.connect() as connection:
            for _ in range(1 if model == "sync" else 3):
                connection.send(request())
                answer = connection.final()
                assert answer.status == 200 and (model == "sync") == (answer.get("connection") == "close")
    server.stop(signal.SIGINT)


def test_it_ends_after_it(start):
    server, _, _ = start("1500ms")
    begun = time.monotonic()
    leave(server)
    assert server.wait() == 0
    assert time.monotonic() - begun >= 1.4
    server.assert_nothing_left()


def test_no_delay_by_default(own):
    server = own(DEMO)
    server.tell(signal.SIGTERM)
    server.ended_well()
    assert "shutdown_delay" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_a_second_signal_ends_it_at_once(start, number):
    server, _, _ = start("60s")
    leave(server)
    server.stop(number)


def test_a_worker_that_dies_meanwhile_is_replaced(start):
    server, _, _ = start("60s")
    (worker,) = server.workers()
    leave(server)
    kill(worker)
    wait_for(lambda: server.workers() != [worker], server.state)
    assert server.get("/").status == 200
    server.stop(signal.SIGINT)


def test_a_master_that_dies_meanwhile_is_replaced(start):
    server, metrics, _ = start("60s")
    master = server.master()
    leave(server)
    kill(master)
    wait_for(lambda: server.log.count(" serving ") == 2, server.state)
    assert server.get("/").status == 200 and metrics.get("/readyz").status == 503
    server.stop(signal.SIGINT)


def test_nothing_new_begins_meanwhile(start):
    server, _, control = start("60s")
    leave(server)
    server.tell(signal.SIGHUP)
    server.tell(signal.SIGUSR2)
    refused = outriderctl("-s", control.path, "reload")
    assert refused.returncode == 70 and "the service is stopping" in refused.stderr
    assert server.get("/").status == 200
    assert server.log.count(" serving ") == 1 and "replaced" not in server.log
    server.stop(signal.SIGINT)


def test_outriderctl_stop_waits_as_well(start):
    server, metrics, control = start("60s")
    assert outriderctl("-s", control.path, "stop").returncode == 0
    assert metrics.get("/readyz").status == 503 and server.get("/").status == 200
    assert outriderctl("-s", control.path, "stop", "--now").returncode == 0
    assert server.wait() == 0


def test_the_delay_survives_the_replacement_of_the_supervisor(start):
    server, metrics, _ = start("60s")
    server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in server.log, server.state)
    leave(server)
    assert metrics.get("/readyz").status == 503 and server.get("/").status == 200
    server.stop(signal.SIGINT)


def test_that_of_the_generation_that_serves_counts(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload(settings='[timeouts]\nshutdown_delay = "60s"')
    leave(service.server)
    assert service.server.get("/").status == 200
    service.server.stop(signal.SIGINT)


def test_a_standstill_is_no_part_of_it(start):
    server, _, _ = start("4s")
    begun = time.monotonic()
    leave(server)
    processes.stop(server.pid)
    left = 4 - (time.monotonic() - begun)  # at least, when the supervisor stood still
    time.sleep(6)
    resumed = time.monotonic()
    os.kill(server.pid, signal.SIGCONT)
    assert server.wait() == 0
    assert time.monotonic() - resumed >= left - 0.1


def test_the_number_of_workers_stays_meanwhile(start):
    server, _, _ = start("60s")
    leave(server)
    server.tell(signal.SIGTTIN)
    server.tell(signal.SIGUSR1)
    wait_for(lambda: "log files have been reopened" in server.log, server.state)
    time.sleep(0.5)
    assert len(server.workers()) == 1
    server.stop(signal.SIGINT)


def test_requests_in_flight_get_their_time_behind_it(start):
    server, _, _ = start(f"{round(scaled(0.3) * 1000)}ms", "--set", "server.graceful_timeout=20s")
    with server.connect() as connection:
        connection.send(request("POST", "/echo", "Content-Length: 4") + b"ab")
        leave(server)
        wait_for(lambda: "requests in flight have 20 s" in server.log, server.state)
        connection.send(b"cd")
        assert connection.final().body.endswith(b"abcd") or connection.finals[-1].status < 500
    assert server.wait() == 0
