"""outrider.metrics/1: a plugin's own metrics, as Prometheus reads them."""

import re
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from commandline import write
from metrics import Metrics
from processes import kill, wait_for
from server import TEST_PLUGINS, free_port, run

CACHE = "outrider_plugin_cache_total"
QUERY = "outrider_plugin_query_seconds"


def plugin(style):
    return TEST_PLUGINS / f"libmeasured_{style}.so"


@pytest.fixture
def measured(own, tmp_path, combination):
    """measured(workers, load): a server with the plugin under the name "m", and its metrics."""

    def start(workers=1, load="master", config=""):
        port, admin = free_port(), free_port()
        text = (
            f'[server]\nworkers = {workers}\n[metrics]\nbind = "127.0.0.1:{admin}"\n[[listener]]\nbind = "127.0.0.1:{port}"\n'
            f'[[plugin]]\nname = "m"\npath = "{plugin(combination.style)}"\nload = "{load}"\n{config}'
        )
        file = write(tmp_path, text)
        return own("-c", file, "-k", combination.model, bind=False, port=port), Metrics(admin)

    return start


def asked(server, target):
    answer = server.get(target)
    assert answer.status == 200, answer.raw
    return answer.body.decode().strip()


def cache(metrics, result):
    return metrics.value(CACHE, plugin="m", result=result)


@pytest.mark.parametrize("load", ["master", "worker"])
def test_what_is_recorded_is_shown(measured, load):
    server, metrics = measured(load=load)
    assert cache(metrics, "hit") == 0
    for target in ("/count?3", "/count?4", "/set?2.5", "/change?-4", "/observe?0.1", "/observe?0.11", "/observe?50"):
        assert asked(server, target) == "0", target
    assert (cache(metrics, 'miss "\\"'), cache(metrics, "hit")) == (7, 0)
    assert metrics.value("outrider_plugin_level", plugin="m") == -1.5
    buckets = [metrics.value(f"{QUERY}_bucket", plugin="m", le=le) for le in ("0.1", "1", "10", "+Inf")]
    assert buckets == [1, 2, 2, 3]
    assert metrics.value(f"{QUERY}_count", plugin="m") == 3
    assert metrics.value(f"{QUERY}_sum", plugin="m") == pytest.approx(50.21)
    families = text_string_to_metric_families(metrics.get("/metrics").body.decode())
    own = {family.name: family for family in families if family.name.startswith("outrider_plugin_")}
    kinds = {name.removeprefix("outrider_plugin_"): family.type for name, family in own.items()}
    assert kinds.items() >= {"cache": "counter", "level": "gauge", "query_seconds": "histogram"}.items()
    assert own["outrider_plugin_cache"].documentation == "What the test counts, \\ and all."


def test_a_gauge_that_no_worker_has_set_is_not_shown(measured):
    server, metrics = measured()
    assert ("outrider_plugin_level", frozenset({("plugin", "m")})) not in metrics.read()
    asked(server, "/set?0")
    assert metrics.read()[("outrider_plugin_level", frozenset({("plugin", "m")}))] == 0


def test_threads_lose_nothing(measured):
    server, metrics = measured()
    assert asked(server, "/threads?4") == "4"
    assert cache(metrics, "hit") == metrics.value("outrider_plugin_level", plugin="m") == 40000
    assert metrics.value(f"{QUERY}_count", plugin="m") == 40000
    assert metrics.value(f"{QUERY}_sum", plugin="m") == 20000


def test_misuse_is_refused_and_told(measured):
    server, metrics = measured(config="[plugin.config]\nwrong = true\n")
    assert asked(server, "/wrong?1") == "-2 -2 -2 -2 -2 -2 -2 -1"
    assert metrics.value("outrider_plugin_misuses_total") == 7
    assert "metrics.define refused: metric hits: the name of a counter ends with _total" in server.log
    assert "metrics.define refused: metric level: there is one of another kind with that name" in server.log
    assert cache(metrics, "hit") == 0


def test_gauges_of_workers_are_summed_or_compared(measured):
    server, metrics = measured(workers=2)

    def both_have_set():
        """The kernel spreads connections: sooner or later each worker has set its own."""
        asked(server, "/set?5")
        return metrics.value("outrider_plugin_level", plugin="m") == 10

    wait_for(both_have_set, server.state)
    asked(server, "/set?7")
    assert metrics.value("outrider_plugin_level", plugin="m") == 12
    assert metrics.value("outrider_plugin_highest", plugin="m") == 7
    assert metrics.value("outrider_plugin_lowest", plugin="m") == 5


@pytest.mark.parametrize("load", ["master", "worker"])
def test_counts_survive_workers_and_reloads_and_gauges_do_not(measured, load):
    server, metrics = measured(load=load)
    for target in ("/count?5", "/observe?2", "/set?9"):
        asked(server, target)
    worker = asked(server, "/pid")
    kill(int(worker))
    metrics.wait(1, "outrider_worker_restarts_total", cause="crashed")
    wait_for(lambda: metrics.get("/readyz").status == 200, server.state)
    assert (cache(metrics, 'miss "\\"'), metrics.value(f"{QUERY}_count", plugin="m")) == (5, 1)
    assert ("outrider_plugin_level", frozenset({("plugin", "m")})) not in metrics.read()
    asked(server, "/count?1")
    assert cache(metrics, 'miss "\\"') == 6
    server.tell(signal.SIGHUP)
    metrics.wait(2, "outrider_generation")
    asked(server, "/count?1")
    wait_for(lambda: cache(metrics, 'miss "\\"') == 7, server.state)
    assert metrics.value(f"{QUERY}_sum", plugin="m") == 2


def test_counts_survive_the_replacement_of_the_supervisor(measured):
    server, metrics = measured()
    asked(server, "/count?5")
    asked(server, "/observe?2")
    server.tell(signal.SIGHUP)
    metrics.wait(2, "outrider_generation")
    asked(server, "/count?1")
    wait_for(lambda: cache(metrics, 'miss "\\"') == 6, server.state)
    server.tell(signal.SIGUSR2)
    wait_for(lambda: "the supervisor has been replaced" in server.log, lambda: server.log)
    assert cache(metrics, 'miss "\\"') == 6
    assert metrics.value(f"{QUERY}_sum", plugin="m") == 2
    assert metrics.value(f"{QUERY}_bucket", plugin="m", le="10") == 1


def test_two_entries_of_one_plugin_have_metrics_of_their_own(own, tmp_path, combination):
    port, admin = free_port(), free_port()
    entries = "".join(
        f'[[plugin]]\nname = "{name}"\nmount = "{mount}"\npath = "{plugin(combination.style)}"\n'
        for name, mount in (("one", "/"), ("two", "/two"))
    )
    file = write(
        tmp_path, f'[metrics]\nbind = "127.0.0.1:{admin}"\n[[listener]]\nbind = "127.0.0.1:{port}"\n{entries}'
    )
    server, metrics = own("-c", file, "-k", combination.model, bind=False, port=port), Metrics(admin)
    asked(server, "/count?1")
    asked(server, "/two/count?2")
    found = [metrics.value(CACHE, plugin=name, result='miss "\\"') for name in ("one", "two")]
    assert found == [1, 2]


@pytest.mark.parametrize("style", ["blocking", "event"])
def test_a_check_defines_too(style):
    ended = run("-t", plugin(style))
    assert ended.returncode == 0, ended
    assert run("-t", "--config", "wrong=true", plugin(style)).returncode == 0
    assert not re.search("accepted", ended.stderr)
