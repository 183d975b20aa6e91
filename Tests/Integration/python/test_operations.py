"""What operators see: the end of a worker, reloads under load, memory, programs that handlers start."""

import os
import signal
import sys
import threading

import pytest

from client import Connection, request
from processes import wait_for
from python_applications import MODES, PAGES, lines_with, memory, needs_packages


def serve(server, data, count):
    """So many requests on one connection, which keeps nothing of them."""
    with server.connect() as connection:
        for _ in range(count):
            connection.send(data)
            connection.final()
            connection.messages.clear()
            connection.taken = 0
            connection.received.clear()


KINDS = [("wsgi", {}), ("asgi", {"mode": "thread"}), ("asgi", {"mode": "guest"})]


@pytest.mark.parametrize("interface, config", KINDS)
def test_20000_requests_leave_memory_flat(started, interface, config):
    server = started(PAGES[interface], "gthread" if interface == "wsgi" else "async", "--threads", "2", **config)
    pid = server.workers()[0]
    data = request("POST", "/echo", body=b"x" * 100) + request("GET", "/hints")
    serve(server, request("GET", "/"), 2000)
    serve(server, data, 1000)
    before = memory(pid)
    serve(server, data, 10000)
    # The smallest object of Python has 28 bytes, a scope or an environ has some thousand.
    assert (memory(pid) - before) * 1024 < 20000 * 100


@pytest.mark.parametrize("interface, config", KINDS)
@pytest.mark.parametrize("page", [
    "", "hints", "echo", "echo-parts", "big?n=100000", "blocks?n=20", "fails", "fails-within", "bad-message?line-feed",
    "bad-head?line-feed", "file", "pathsend", "trailers", "logs", "writes", "exc-info-before", "receive-in-task",
])
def test_no_object_is_left(serving, interface, config, page):
    """To the object: a reference that is lost once a request would be 300 of them in each round. The first rounds fill
    caches of Python's own."""
    server = serving(PAGES[interface], "gthread" if interface == "wsgi" else "async", "--threads", "1", **config)
    data = request("POST", f"/{page}", body=b"x" * 50000)

    def objects():
        return int(server.get("/objects").body)

    def serve_each(count):
        for _ in range(count):
            with server.connect() as connection:
                connection.send(data)
                connection.end() if page == "fails-within" else connection.final()

    counts = [objects()]
    while len(counts) < 3 or counts[-1] - counts[-2] > 100:
        assert len(counts) < 10, f"objects after each 300 requests: {counts}"
        serve_each(300)
        counts.append(objects())


@pytest.mark.parametrize("model", ["sync", "gthread", "async"])
def test_python_ends_as_a_program_does(started, tmp_path, model):
    module = tmp_path / "ends.py"
    module.write_text(f"""
import atexit, threading, time

def note(text):
    with open({str(tmp_path / "events")!r}, "a") as file:
        file.write(text + "\\n")

def work():
    time.sleep(0.3)
    note("thread")

def app(environ, start_response):
    threading.Thread(target=work, daemon=False).start()  # a pool's thread would make a daemon
    start_response("200 OK", [])
    return [b"Hello"]

atexit.register(note, "atexit")
""")
    server = started("ends:app", model, path=str(tmp_path))
    assert server.get("/").body == b"Hello"
    server.stop(timeout=20)
    assert (tmp_path / "events").read_text().splitlines() == ["thread", "atexit"]


@pytest.mark.parametrize("interface, config", KINDS)
def test_reloads_under_load_lose_no_request(started, interface, config):
    server = started(PAGES[interface], "async", "--threads", "2", **config)
    stop, faults, served = threading.Event(), [], []

    def client():
        while not stop.is_set():
            try:
                with Connection(server.address) as connection:
                    connection.send(request("GET", "/", "Connection: close"))
                    if connection.final().body != b"Hello":
                        faults.append("wrong body")
                    served.append(1)
            except (AssertionError, OSError) as fault:
                faults.append(repr(fault))

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        worker = server.workers()[0]
        server.tell(signal.SIGHUP)
        wait_for(lambda worker=worker: not os.path.exists(f"/proc/{worker}"), server.state, 30)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults and len(served) > 20


def test_max_requests_replaces_workers(started):
    server = started("wsgi_pages:app", "gthread", server="max_requests = 5")
    pids = set()

    def seen():
        pids.add(server.get("/thread").body.split()[0])
        return len(pids) > 2

    wait_for(seen, server.state, 20)


PROGRAMS = """
import asyncio, multiprocessing, subprocess

def square(n):
    return n * n

def work():
    text = subprocess.run(["echo", "a program"], capture_output=True, text=True, check=True).stdout
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            text += str(pool.map(square, [1, 2, 3]))
    return text.encode()

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [work()]

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    body = await asyncio.to_thread(work)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize("app, config", [
    ("wsgi", {}), ("asgi", {"mode": "thread"}), ("asgi", {"mode": "guest"}), ("wsgi", {"load": "master"}),
    ("asgi", {"load": "master"}),
])
def test_programs_and_processes_from_handlers(started, tmp_path, app, config):
    (tmp_path / "programs.py").write_text(PROGRAMS)
    server = started(f"programs:{app}", "gthread", path=str(tmp_path), variables={"PYTHONPATH": str(tmp_path)}, **config)
    for _ in range(2):
        assert server.get("/").body == b"a program\n[1, 4, 9][1, 4, 9]"


@pytest.mark.parametrize("interface, config", [
    ("wsgi", {}), ("asgi", {"mode": "thread"}), ("asgi", {"mode": "guest"}), ("wsgi", {"load": "master"}),
], ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value)
def test_a_crash_shows_the_stacks_of_python(started, tmp_path, interface, config):
    (tmp_path / "crashes.py").write_text("""
import ctypes

def crash_here():
    ctypes.string_at(0)

def wsgi(environ, start_response):
    crash_here()

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    crash_here()
""")
    server = started(f"crashes:{interface}", "async", path=str(tmp_path), **config)
    with server.connect() as connection:
        connection.send(request("GET", "/"))
        connection.end()
    wait_for(lambda: lines_with(server, "in crash_here"), server.state)
    wait_for(lambda: lines_with(server, "SIGSEGV"), server.state)
    server.kill()


@pytest.mark.parametrize("mode", MODES)
def test_an_event_loop_that_stands_still_ends_its_worker(started, tmp_path, mode):
    """With the stacks of Python, as after any crash. Another worker takes its place."""
    (tmp_path / "stands.py").write_text("""
import time

async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/stand":
        stand_still()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"Hello"})

def stand_still():
    while True:
        time.sleep(0.01)
""")
    server = started("stands:app", "async", "--set", "timeouts.worker=1s", path=str(tmp_path), mode=mode)
    worker = server.workers()[0]
    with server.connect() as stuck, server.connect() as another:
        stuck.send(request("GET", "/stand"))
        another.send(request("GET", "/"))  # which waits for its turn
        wait_for(lambda: not os.path.exists(f"/proc/{worker}"), server.state, 10)
    assert lines_with(server, "in stand_still"), server.state()
    if mode == "thread":
        assert lines_with(server, "python-asyncio"), server.state()
    wait_for(lambda: server.workers() != [worker], server.state)
    assert server.get("/").body == b"Hello"


def test_an_event_loop_that_is_at_work_is_left_alone(started, tmp_path):
    """For longer than timeouts.worker, in steps that are shorter."""
    (tmp_path / "works.py").write_text("""
import asyncio, time

async def app(scope, receive, send):
    assert scope["type"] == "http"
    for _ in range(20):
        time.sleep(0.1)
        await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"Hello"})
""")
    server = started("works:app", "async", "--set", "timeouts.worker=1500ms", path=str(tmp_path))
    worker = server.workers()
    with server.connect() as first, server.connect() as second:
        for connection in (first, second):
            connection.send(request("GET", "/"))
        for connection in (first, second):
            assert connection.final().body == b"Hello"
    assert server.workers() == worker


@pytest.mark.parametrize("interface, config", [
    ("wsgi", {}), ("asgi", {"mode": "thread"}), ("asgi", {"mode": "guest"}), ("wsgi", {"load": "master"}),
], ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value)
@needs_packages
def test_coverage_has_what_handlers_have_run(started, tmp_path, interface, config):
    """On threads that the server has made, and written at the end of the worker."""
    coverage = pytest.importorskip("coverage")
    module = tmp_path / "covered.py"
    module.write_text("""
import atexit, coverage

measure = coverage.Coverage(data_file=DATA, data_suffix=True, include=[__file__])
measure.start()

def save():
    measure.stop()
    measure.save()

atexit.register(save)

def handler():
    return b"covered"

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [handler()]

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": handler()})
""".replace("DATA", repr(str(tmp_path / "data"))))
    server = started(f"covered:{interface}", "gthread", path=str(tmp_path), venv=sys.prefix, **config)
    assert server.get("/").body == b"covered"
    server.stop(timeout=20)
    data = coverage.CoverageData(str(tmp_path / "data"))
    for file in tmp_path.glob("data.*"):
        part = coverage.CoverageData(str(file))
        part.read()
        data.update(part)
    line = module.read_text().splitlines().index('    return b"covered"') + 1
    assert line in data.lines(str(module)), server.state()


@needs_packages
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
@pytest.mark.parametrize("load", ["worker", "master"])
def test_numpy(started, tmp_path, interface, load):
    """An extension that looks for libpython's symbols in the global scope. One that starts threads at its import is told
    not to where the master imports it."""
    pytest.importorskip("numpy")
    (tmp_path / "numbers_of_numpy.py").write_text("""
import numpy

def product():
    return str(int((numpy.arange(1000) @ numpy.arange(1000)))).encode()

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [product()]

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": product()})
""")
    threads = {"OPENBLAS_NUM_THREADS": "1"} if load == "master" else {}
    server = started(f"numbers_of_numpy:{interface}", "gthread", "--threads", "3", path=str(tmp_path), venv=sys.prefix,
                     load=load, env=threads)
    for _ in range(5):
        assert server.get("/").body == b"332833500"


def test_memory_that_the_master_has_made_stays_shared(started, tmp_path):
    """A worker's garbage collector writes into no object of the master's."""
    (tmp_path / "large.py").write_text("""
import gc
kept = [[i] for i in range(200000)]

def app(environ, start_response):
    if environ["PATH_INFO"] == "/collect":
        gc.collect()
    start_response("200 OK", [])
    return [str(gc.get_freeze_count()).encode()]
""")
    server = started("large:app", "gthread", "--threads", "1", path=str(tmp_path), load="master")
    assert int(server.get("/").body) > 200000
    pid = server.workers()[0]
    before = memory(pid)
    server.get("/collect")
    # The lists alone have some 16 MB.
    assert (memory(pid) - before) < 4 * 1024
