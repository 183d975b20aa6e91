"""outrider.health/1: threads of plugins that are watched, and plugins that are not ready."""

import pytest

from commandline import write
from metrics import Metrics
from processes import wait_for
from server import TEST_PLUGINS, free_port


@pytest.fixture
def lively(own, tmp_path, combination):
    """lively(limit): a server whose workers are aborted after that, and its metrics listener."""

    def start(limit="60s", workers=1, config=""):
        port, admin = free_port(), free_port()
        plugin = TEST_PLUGINS / f"liblively_{combination.style}.so"
        file = write(
            tmp_path,
            f'[server]\nworkers = {workers}\n[timeouts]\nworker = "{limit}"\n[metrics]\nbind = "127.0.0.1:{admin}"\n'
            f'[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\nname = "l"\npath = "{plugin}"\n[plugin.config]\n{config}',
            name=f"outrider-{port}.toml",
        )
        return own("-c", file, "-k", combination.model, bind=False, port=port), Metrics(admin)

    return start


def test_a_thread_that_is_stuck_has_its_worker_replaced(lively):
    server, metrics = lively("4s")
    first = server.get("/").body
    server.get("/stop")
    metrics.wait(1, "outrider_worker_restarts_total", cause="hung")
    wait_for(lambda: "thread beating of plugin l has said nothing for" in server.log, server.state)
    wait_for(lambda: metrics.get("/readyz").status == 200, server.state)
    assert server.get("/").body != first
    assert metrics.value("outrider_worker_restarts_total", cause="hung") == 1, "the next worker's thread beats"


@pytest.mark.parametrize("way", ["/idle", "/unwatch"])
def test_a_thread_that_waits_or_is_not_watched_is_not_stuck(lively, way):
    """Of two servers the one whose thread is stuck later has its worker replaced first."""
    quiet, metrics = lively("4s")
    body = quiet.get(way).body.split()
    if way == "/unwatch":
        assert body[:3] == [b"0", b"-3", b"-3"]
    stuck, others = lively("4s")
    stuck.get("/stop")
    others.wait(1, "outrider_worker_restarts_total", cause="hung")
    assert metrics.value("outrider_worker_restarts_total", cause="hung") == 0
    assert quiet.get("/").body.split() == body[-1:]


def test_readyz_asks_for_what_was_said_last(lively):
    server, metrics = lively()
    assert metrics.get("/readyz").status == 200
    server.get("/unready?database%20is%20away")
    answer = metrics.get("/readyz")
    assert (answer.status, answer.body) == (503, b"plugin l is not ready: database%20is%20away\n")
    assert server.get("/").status == 200, "requests are passed on all the same"
    server.get("/ready")
    assert metrics.get("/readyz").status == 200


def test_a_reason_is_bounded(lively):
    server, metrics = lively()
    server.get("/unready?" + "x" * 200)
    assert metrics.get("/readyz").body == b"plugin l is not ready: " + b"x" * 96 + b"\n"


def test_a_worker_that_warms_up_is_not_ready(lively):
    server, metrics = lively(config="unready = true\n")
    wait_for(lambda: b"plugin l is not ready: warming up" in metrics.get("/readyz").body, server.state)
    server.get("/ready")
    assert metrics.get("/readyz").status == 200


def test_one_worker_that_is_ready_is_enough(lively):
    server, metrics = lively(workers=2)
    first = server.get("/unready").body
    assert metrics.get("/readyz").status == 200

    def both():
        server.get("/unready")
        return metrics.get("/readyz").status == 503

    wait_for(both, server.state)
    assert metrics.get("/readyz").body == b"plugin l is not ready\n" and first


def test_misuse_is_refused(lively):
    server, metrics = lively()
    words = server.get("/misuse").body.split()
    assert words[:6] == [b"-2", b"-2", b"-2", b"-2", b"-3", b"-2"]
    assert words[6:9] == [b"15", b"-6", b"-3"], "one of 16 beats already; what is not watched any more is told"
    assert metrics.value("outrider_plugin_misuses_total") == 6
