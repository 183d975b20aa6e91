"""Two instances behind haproxy, which asks for /readyz: reloaded, restarted and killed one after the other, under load."""

import re
import shutil
import signal
import time

import pytest

import client
from instances import WORKERS, Instance, Instances, kill
from processes import wait_for
from programs.haproxy_pair import TROUBLES, HaproxyPair
from recipes import assert_shown
from traffic import Traffic

HTTP1 = [("demo_blocking", "sync"), ("demo_blocking", "gthread"), ("demo_event", "async")]
HTTP2 = [("demo_blocking", "gthread"), ("demo_event", "async")]
SETUPS = [(*setup, "http/1") for setup in HTTP1] + [(*setup, "h2c") for setup in HTTP2]
HALF = b"half" * (32 << 10)
NONE = dict.fromkeys(TROUBLES, 0)


class Service:
    """The instances, haproxy before them, and what clients do with both."""

    def __init__(self, authority, plugin, model, behind, **options):
        self.tls = authority.client()
        self.pair = Instances(plugin, model, behind == "h2c", **options)
        try:
            self.haproxy = HaproxyPair(authority, self.pair, behind)
        except BaseException:
            self.pair.end()
            raise

    def traffic(self):
        return Traffic(self.haproxy.address, self.tls)

    def ask(self, method, target):
        return client.fetch(self.haproxy.address, client.request(method, target), method, timeout=20, tls=self.tls)

    def wait_until_used(self, instance, used=True):
        wait_for(lambda: self.haproxy.uses(instance.name) == used, self.haproxy.state, 10)

    def served(self):
        """What the access logs of both tell of numbered requests."""
        return [line for instance in self.pair for line in instance.served() if "n=" in line[1]]

    def end(self):
        self.haproxy.end()
        shutil.rmtree(self.haproxy.folder, ignore_errors=True)
        self.pair.end()


@pytest.fixture
def service(authority):
    """service(plugin, model, behind): one that ends with the test."""
    running = []

    def start(*setup, **options):
        running.append(Service(authority, *setup, **options))
        return running[-1]

    yield start
    for one in running:
        one.end()


def reload(instance):
    """As an operator does, who waits until the new generation serves."""
    before = instance.metrics.value("outrider_generation")
    instance.server.tell(signal.SIGHUP)
    wait_for(lambda: instance.metrics.value("outrider_generation") == before + 1, instance.server.state, 10)
    assert instance.ready()


def stop(instance):
    """What is in flight is finished, and no process is left."""
    instance.server.ended_well(30)


def assert_all_served_once(service, traffic):
    """Every request that a client has sent was answered, and carried out by one instance, once."""
    assert not traffic.failed, f"{len(traffic.failed)} of {len(traffic.sent)}, the first: {traffic.failed[0]}"
    sent = sorted(one.query for one in traffic.sent)
    wait_for(lambda: len(service.served()) >= len(sent), "the access logs")
    lines = service.served()
    assert sorted(query.rpartition("&")[2] for _, query, _ in lines) == sent
    assert not [line for line in lines if line[2] != "200"]
    for method in ("GET", "POST"):
        assert sum(line[0] == method for line in lines) > 50


@pytest.mark.parametrize("plugin, model, behind", SETUPS)
def test_rolling_reload_and_restart(service, plugin, model, behind):
    """Nothing is lost, and haproxy need not repeat anything: it knows in time whom not to ask."""
    running = service(plugin, model, behind)
    haproxy = running.haproxy
    # A stream for which a GOAWAY is quicker has not begun, and haproxy opens another one.
    allowed = {"wretr": 0, "wredis": 0} if behind == "h2c" else {}
    with running.traffic() as traffic:
        traffic.goes_on()
        for instance in running.pair:
            reload(instance)
            traffic.goes_on()
        reloaded = [haproxy.troubles(name) for name in ("one", "two")]
        assert [troubles | allowed for troubles in reloaded] == [NONE, NONE], "a reload is not seen from outside"
        for instance in running.pair:
            instance.server.tell(signal.SIGTERM)
            running.wait_until_used(instance, False)
            said = haproxy.says(instance.name)
            assert (said["check_status"], said["check_code"]) == ("L7STS", "503"), said
            assert instance.server.get("/").status == 200, "between /readyz and the end the instance serves"
            traffic.goes_on()
            stop(instance)
            instance.start()
            running.wait_until_used(instance)
            traffic.goes_on()
    assert [haproxy.troubles(name) for name in ("one", "two")] == [troubles | {"chkdown": 1} for troubles in reloaded]
    assert_all_served_once(running, traffic)


def test_without_the_delay_haproxy_has_to_repeat(service):
    """It learns from refused connections that an instance is gone. They can be repeated, so that nothing is lost either."""
    running = service("demo_event", "async", "http/1", delay=0)
    (one, _) = running.pair
    with running.traffic() as traffic:
        traffic.goes_on()
        one.server.tell(signal.SIGTERM)
        running.wait_until_used(one, False)
        stop(one)
        traffic.goes_on()
    troubles = running.haproxy.troubles("one")
    assert troubles["wretr"] + troubles["wredis"] > 0, troubles
    assert_all_served_once(running, traffic)


# What of an instance dies.
KILLS = {"instance": Instance.family, "workers": Instance.workers}


class Held:
    """A request whose response takes a while, or one of which half of the body is sent."""

    def __init__(self, running, number, method, target, body=b"", half=b""):
        self.haproxy, self.query, self.half = running.haproxy, f"n={number}", half
        self.connection = client.Connection(running.haproxy.address, timeout=20, tls=running.tls)
        length = f"Content-Length: {len(body) + 2 * len(half)}"
        self.connection.send(client.request(method, target + self.query, length) + body + half, method)

    def finish(self):
        self.connection.send(self.half)

    def outcome(self):
        """The instance, the status of the whole response or "none", and how often haproxy has sent the request again. A + is
        for the last attempt, which was at the other instance."""
        with self.connection:
            try:
                status = self.connection.final().status
            except client.Closed:
                status = "none"
        pattern = r" outrider/(\w+) .* \d+/\d+/\d+/\d+/(\+?\d+) \d+/\d+ \""
        name, retries = re.search(pattern, self.haproxy.line(self.query)).groups()
        return name, status, retries


@pytest.mark.parametrize("victims", KILLS)
@pytest.mark.parametrize("plugin, model, behind", SETUPS)
def test_what_was_in_flight_at_one_that_is_killed(service, plugin, model, behind, victims):
    """What is safe to repeat is repeated at the other, unless its response has begun. No POST is sent a second time."""
    running = service(plugin, model, behind)
    victims = KILLS[victims](running.pair.one)
    # haproxy gives each instance one of each kind. A thread of gthread has 64 KiB of a body before it begins.
    begun = [Held(running, number, "GET", "/echo?", half=HALF) for number in (1, 2)]
    for held in begun:
        assert held.connection.head().status == 200
    posts = [Held(running, number, "POST", "/delay?s=4&", b"whole") for number in (3, 4)]
    gets = [Held(running, number, "GET", "/delay?s=4&") for number in (5, 6)]
    wait_for(lambda: [one.in_flight() for one in running.pair] == [3, 3], "three requests in flight at each")
    kill(victims)
    for held in begun:
        held.finish()
    assert outcomes(begun) == [("one", "none", "0"), ("two", 200, "0")]
    assert outcomes(gets) == [("two", 200, "+1"), ("two", 200, "0")]
    assert outcomes(posts) == [("one", 502, "0"), ("two", 200, "0")]
    # Of its own two has had three, and the GET of the other.
    wait_for(lambda: len(running.pair.two.served()) >= 4, "the access log")
    assert len(running.pair.two.served()) == 4


def outcomes(requests):
    return sorted(held.outcome() for held in requests)


@pytest.mark.parametrize("victims", KILLS)
@pytest.mark.parametrize("plugin, model, behind", [SETUPS[0], SETUPS[2], SETUPS[3]])
def test_one_killed_under_load(service, plugin, model, behind, victims):
    """Each client that sends POSTs may lose the one that it has in flight at the instance, or begins while haproxy has not
    seen the end of a connection. Nobody loses anything else."""
    running = service(plugin, model, behind)
    (one, two) = running.pair
    with running.traffic() as traffic:
        traffic.goes_on()
        killed = time.monotonic()
        kill(KILLS[victims](one))
        if victims == "instance":
            running.wait_until_used(one, False)
            gone = time.monotonic()
            traffic.goes_on()
            one.start()
        wait_for(lambda: one.ready() and len(one.server.workers(WORKERS)) == WORKERS, one.server.state)
        if victims == "workers":
            gone = time.monotonic()
        running.wait_until_used(one)
        traffic.goes_on()
    for lost in traffic.failed:
        assert lost.method == "POST" and lost.begun < gone and lost.ended > killed, lost
        # haproxy says nothing to a client of which it has had a request before on the connection, but closes it.
        assert lost.fault in (502, "none"), lost
        if lost.fault == 502:
            assert " outrider/one " in running.haproxy.line(lost.query)
    clients = [lost.client for lost in traffic.failed]
    assert len(clients) == len(set(clients)), traffic.failed
    # Of those that were lost, none was carried out by the other instance.
    assert not {lost.query for lost in traffic.failed} & {line[1].rpartition("&")[2] for line in two.served()}


def test_the_manual_shows_these_files():
    assert_shown("# In haproxy.cfg", "haproxy/two-instances.cfg")
    assert_shown("# In outrider.toml of the first instance", "haproxy/two-instances.toml")
