"""A worker that rewrites what metrics of plugins are called, and their values, in the memory that it shares: what /metrics says
of other plugins and of the server."""

import os
import shutil
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from attacked import attacked, folder  # noqa: F401
from metrics import Metrics
from processes import kill
from server import TEST_PLUGINS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")

PLUGIN = "outrider_plugin_"
VICTIM = "libmeasured_event.so"
# So many series of one name of a plugin are kept, at most.
MOST = 512


@pytest.fixture
def victim(folder):
    """The entry of a plugin with metrics, the first of the configuration."""
    shutil.copy(TEST_PLUGINS / VICTIM, folder)
    return f'[[plugin]]\nname = "m"\npath = "{folder / VICTIM}"\nmount = "/m"\n'


def families(metrics):
    """What is shown, by name, once it is read as Prometheus does; and that nothing stands twice."""
    metrics.read()
    return {family.name: family for family in text_string_to_metric_families(metrics.get("/metrics").body.decode())}


def shape(family):
    """All but the values."""
    return family.type, family.documentation, sorted((s.name, sorted(s.labels.items())) for s in family.samples)


def of_plugins(shown):
    return {name for name, family in shown.items() if any("plugin" in s.labels for s in family.samples) and name.startswith(PLUGIN)}


def watch(metrics, seconds, check):
    """Look again and again while the worker writes; values are any numbers."""
    until, looks = time.monotonic() + seconds, 0
    while time.monotonic() < until or looks < 3:
        check(families(metrics))
        assert metrics.get("/status").status == 200
        looks += 1


def test_a_worker_cannot_rewrite_what_the_master_has_defined(attacked, victim):
    """What other plugins' metrics are called is not in its reach; it writes values into its own part alone."""
    attacked.start(where="worker", what="define", before=victim)
    metrics = Metrics(attacked.metrics_port)
    assert attacked.server.get("/m/count?7").status == 200
    metrics.wait(7, PLUGIN + "cache_total", plugin="m", result='miss "\\"')
    before = families(metrics)
    definitions = {name: shape(before[name]) for name in of_plugins(before) if before[name].type != "gauge"}
    own = set(before) - of_plugins(before)
    assert PLUGIN + "cache" in definitions and PLUGIN + "query_seconds" in definitions
    attacked.go()
    kill(attacked.server.workers()[0])
    attacked.wait_for("hostile: finds no definitions")

    def check(shown):
        assert {name: shape(shown[name]) for name in definitions} == definitions
        assert {s.labels["plugin"] for name in of_plugins(shown) for s in shown[name].samples} <= {"m", "hostile"}
        assert own <= set(shown) and shown["outrider_generation"].samples[0].value == 1

    master = attacked.server.master()
    watch(metrics, 2, check)
    ends(attacked, master)


def test_a_worker_that_loads_its_plugin_can_only_add(attacked, victim):
    """It defines metrics, so that it can forge definitions: those that break a rule are not shown, and the server's own
    metrics stay what they are."""
    attacked.start(where="worker", what="define", before=victim, entry='load = "worker"\n')
    metrics = Metrics(attacked.metrics_port)
    before = families(metrics)
    own = {name: shape(before[name]) for name in before if not name.startswith(PLUGIN)}
    assert "outrider_connections" in own and "outrider_workers" in own
    attacked.go()
    kill(attacked.server.workers()[0])
    attacked.wait_for("hostile: forges definitions")
    seen = set()

    def check(shown):
        assert set(own) <= set(shown)
        assert {name: shown[name].type for name in own} == {name: own[name][0] for name in own}
        forged = {name for name in shown if name.startswith(PLUGIN + "forged_")}
        assert all(name.startswith("outrider_") for name in shown), set(shown) - set(own)
        series = [s for name in of_plugins(shown) for s in shown[name].samples]
        assert {s.labels["plugin"] for s in series} <= {"m", "hostile"}, series
        assert len(forged) <= MOST
        seen.update(forged)

    master = attacked.server.master()
    watch(metrics, 3, check)
    # Those that keep every rule are shown: the test has reached what it is about.
    assert seen, "no forged definition was shown"
    ends(attacked, master)


def ends(attacked, master):
    """The next worker behaves, and all are as they were."""
    attacked.trigger.unlink()
    kill(attacked.server.workers()[0])
    attacked.is_well()
    assert attacked.server.master() == master
    # The numbers may say that a worker crashed as the service ended, which is told with 70.
    attacked.ends_with = {0, 70}
