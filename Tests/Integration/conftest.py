"""The fixtures: servers over the matrix of worker models and plugin styles, started once and shared."""

import gc
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

import processes
from authority import Authority
from built_once import installed
from matrix import COMBINATIONS, H2C, INSPECT, MODELS, TRANSPORTS
from observed import Observed
from server import Server


# Under a kernel that can't encrypt records of TLS there is nothing to see: make kernel-tls brings one that can.
collect_ignore = [] if Path("/proc/net/tls_stat").exists() else ["tls/test_kernel_tls.py"]


def pytest_generate_tests(metafunc):
    """A test that is marked so runs over each transport."""
    if metafunc.definition.get_closest_marker("each_transport"):
        metafunc.parametrize("transport", TRANSPORTS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Tests that build for long stand among all others, at equal distances: they take the processors while others wait."""
    long = [item for item in items if "takes_long" in getattr(item, "fixturenames", ())]
    others = [item for item in items if "takes_long" not in getattr(item, "fixturenames", ())]
    if not long or len(others) < len(long):
        return
    distance = len(others) // len(long)
    items[:] = []
    for place, item in enumerate(long):
        items += [item, *others[place * distance : (place + 1) * distance]]
    items += others[len(long) * distance :]


def pytest_configure():
    """Plugins crash here on purpose: no core files. What the tests start hears signals, though this process may have been
    told to ignore them: by nohup, or by a shell that runs it in the background."""
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def pytest_collection_finish():
    """The tests live to the end: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


class Pool:
    """Running servers by what they were started with, the one used last at the end."""

    KEPT = 12  # between two tests: each is three processes; with a sanitizer it takes some 300 MB

    def __init__(self, **options):
        self.options = options  # of each start
        self.servers = {}
        self.faults = {}  # of those that did not start: once is enough to know

    def get(self, key):
        if key in self.faults:
            pytest.fail(self.faults[key])
        if key not in self.servers:
            plugin, model, *flags = key
            try:
                h2c = H2C in flags
                flags = [flag for flag in flags if flag != H2C]
                server = self.servers[key] = Server(*flags, plugin, model=model, h2c=h2c, **self.options)
                server.known = [processes.look(pid) for pid in server.workers()]
            except AssertionError as fault:
                self.faults[key] = str(fault)
                raise
        self.servers[key] = self.servers.pop(key)
        return self.servers[key]

    def check(self, key):
        """The server and its worker have outlived the test; else the next one starts with new ones."""
        server = self.servers[key]
        if server.alive and processes.still_there(server.known) == server.known:
            return
        del self.servers[key]
        state = server.state()
        server.kill()
        pytest.fail(f"worker {server.known[0].pid} ended during the test; {state}")

    def trim(self):
        """Stop those that were not used for longest, so that the machine's memory holds the rest."""
        self.stop(list(self.servers)[: -self.KEPT])

    def stop(self, keys=None):
        """Stop these, or all, at the same time; each has to end well."""
        faults = []
        stopped = [self.servers.pop(key) for key in (list(self.servers) if keys is None else keys)]
        running = [server for server in stopped if server.alive]
        for server in running:
            server.tell(signal.SIGTERM)
        for server in running:
            try:
                server.ended_well()
            except AssertionError as fault:
                faults.append(str(fault))
            finally:
                server.kill()
        assert not faults, "\n\n".join(faults)


@pytest.fixture(scope="session")
def pool():
    pool = Pool()
    yield pool
    pool.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The authority that signs the certificates of servers and clients."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """An installation that is complete where it is. Tests only read it."""
    return installed(tmp_path_factory)


@pytest.fixture(params=COMBINATIONS, ids=str)
def combination(request):
    """Each worker model with each plugin style."""
    return request.param


@pytest.fixture(params=MODELS)
def model(request):
    """Each worker model, for what does not depend on the plugin's style."""
    return request.param


@pytest.fixture(scope="session")
def secure_pool(authority):
    """Those behind TLS."""
    pool = Pool(tls=authority)
    yield pool
    pool.stop()


@contextmanager
def lent(pool):
    """A function that gets servers of the pool; all that it got must live on at the end."""
    used = []
    pool.trim()

    def get(*key):
        server = pool.get(key)
        used.append(key)
        return server

    yield get
    for key in dict.fromkeys(used):
        pool.check(key)


@pytest.fixture
def transport():
    """What connections go through: cleartext, but for tests that are marked each_transport."""
    return "cleartext"


@pytest.fixture
def shared(request, transport):
    """shared(plugin, model, *flags): a running server, shared with other tests; it must outlive this one."""
    with lent(request.getfixturevalue("secure_pool" if transport == "tls" else "pool")) as get:
        yield get


@pytest.fixture
def reach(pool, secure_pool, way):
    """reach(plugin, *flags): likewise, one that is reached in this way."""
    with lent(secure_pool if way.tls else pool) as get:
        yield lambda plugin, *flags: get(plugin, way.model, *flags)


@pytest.fixture
def own(request, transport):
    """own(*arguments, **options): a server of the test's own, stopped at its end unless the test did that."""
    servers = []
    always = {"tls": request.getfixturevalue("authority")} if transport == "tls" else {}

    def start(*arguments, **options):
        servers.append(Server(*arguments, **always | options))
        return servers[-1]

    yield start
    try:
        for server in servers:
            if server.alive:
                server.stop()
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def observed(own, tmp_path):
    """observed(model, *tables, server=..., **options): a server of the test's own that is looked at from all sides."""
    return lambda model, *tables, **options: Observed(own, tmp_path, model, *tables, **options)


@pytest.fixture
def secure(own, authority):
    """secure(*flags, plugin, **options): a server of the test's own behind TLS."""
    return lambda *arguments, **options: own(*arguments, **{"tls": authority} | options)


@pytest.fixture
def demo(shared, combination):
    """The demo plugin, in each combination."""
    return shared(combination.demo, combination.model)


@pytest.fixture
def misbehaving(shared, combination):
    """The plugin that does everything wrong, in each combination."""
    return shared(combination.misbehaving, combination.model)


@pytest.fixture
def h2_demo(shared, combination):
    """The demo plugin, on a listener that takes HTTP/2 with prior knowledge."""
    return shared(combination.demo, combination.model, H2C)


@pytest.fixture
def h2_misbehaving(shared, combination):
    """The plugin that does everything wrong, likewise."""
    return shared(combination.misbehaving, combination.model, H2C)


@pytest.fixture
def inspect(shared, model):
    """The plugin that tells what arrived, in each worker model."""
    return shared(INSPECT, model)
