"""Servers of the tests' applications, started once for each and shared."""

import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import httpx
import pytest

import python_applications
import usual_servers
from matrix import MODELS


USUAL_KEPT = 3  # of the usual servers between two tests


def pytest_collection_modifyitems(items):
    for item in items:
        if "/python/" in str(item.path):
            item.add_marker(python_applications.needs_plugin)


@pytest.fixture(scope="session")
def running():
    """Shared servers by what they were started with."""
    servers = {}
    folder = tempfile.mkdtemp(prefix="outrider-test-python-")
    yield servers, folder
    faults = []
    for server in servers.values():
        try:
            server.stop(timeout=20)
        except AssertionError as fault:
            faults.append(str(fault))
    shutil.rmtree(folder, ignore_errors=True)
    assert not faults, "\n\n".join(faults)


@pytest.fixture(scope="session")
def usual(tmp_path_factory):
    """usual(kind, app, folder, env): the port of gunicorn or uvicorn with an application, which tests share: each takes
    half a second of a processor to start."""
    running = {}  # the one used last at the end

    def get(kind, app, folder, env):
        key = (kind, app, str(folder), *sorted((env or {}).items()))
        if key in running and not usual_servers.accepts(running[key][0]):
            running.pop(key)[1].close()
        if key not in running:
            while len(running) >= USUAL_KEPT:
                running.pop(next(iter(running)))[1].close()
            log, stack = tmp_path_factory.mktemp(kind) / "log", ExitStack()
            running[key] = stack.enter_context(usual_servers.usual_server(kind, app, folder, log, env)), stack
        running[key] = running.pop(key)
        return running[key][0]

    yield get
    for _, stack in running.values():
        stack.close()


def client_of(port):
    """A client in cleartext: without the certificates of authorities, which take longer to read than most tests."""
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, verify=False)


@pytest.fixture(scope="session")
def behind(running, usual):
    """behind(kind, app, folder, env, **config): a context of an application of this folder, and of a client: in a worker
    model of Outrider, with the packages of the tests, or behind one of the usual servers."""
    servers, own = running

    @contextmanager
    def get(kind, app, folder=python_applications.APPLICATIONS, env=None, **config):
        if kind in usual_servers.NAMES:
            port = usual(kind, app, folder, env)
            with client_of(port) as client:
                yield SimpleNamespace(client=client, outrider=None, port=port, kind=kind)
            return
        key = ("behind", app, kind, *sorted(config.items()))
        if key not in servers:
            config |= {"venv": sys.prefix, "path": str(folder), "env": env}
            servers[key] = python_applications.start(own, app, kind, "--threads", "2", **config)
        port = servers[key].port
        with client_of(port) as client:
            yield SimpleNamespace(client=client, outrider=servers[key], port=port, kind=kind)

    return get


@pytest.fixture
def serving(running):
    """serving(app, model, *flags, **config): a server that tests share; its worker must outlive each of them."""
    servers, folder = running
    used = []

    def get(app, model, *flags, **config):
        key = (app, model, *flags, *sorted(config.items()))
        if key not in servers or not servers[key].alive:
            servers[key] = python_applications.start(folder, app, model, *flags, **config)
        used.append((key, servers[key].workers()))
        return servers[key]

    yield get
    for key, workers in used:
        assert servers[key].workers() == workers, f"a worker ended during the test; {servers[key].state()}"


@pytest.fixture
def started(tmp_path):
    """started(app, model, *flags, **config): a server of the test's own."""
    servers = []

    def start(*arguments, **options):
        servers.append(python_applications.start(tmp_path, *arguments, **options))
        return servers[-1]

    yield start
    try:
        for server in servers:
            if server.alive:
                server.stop(timeout=20)
    finally:
        for server in servers:
            server.kill()


@pytest.fixture(params=MODELS)
def wsgi(serving, request):
    """The WSGI pages, in each model."""
    return serving("wsgi_pages:app", request.param)


@pytest.fixture(params=python_applications.MODES)
def mode(request):
    """How asyncio runs: on a thread of its own, or as a guest."""
    return request.param


@pytest.fixture(params=MODELS)
def asgi(serving, mode, request):
    """The ASGI pages, in each model and mode."""
    return serving("asgi_pages:app", request.param, mode=mode)


@pytest.fixture(params=[(app, model) for app in ("wsgi", "asgi") for model in MODELS], ids="-".join)
def pages(serving, request):
    """Both, in each model: for what the two have in common. `interface` says which."""
    app, model = request.param
    server = serving(python_applications.PAGES[app], model)
    server.interface, server.model = app, model
    return server
