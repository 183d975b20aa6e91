"""The package for plugins in Swift: what handlers in both styles may do, in a plugin that the master has loaded."""

import shutil
import socket
import subprocess

import pytest

from client import Connection, request
from control import Control
from load import Load
from matrix import MODELS
from processes import wait_for
from python_applications import lines_with, memory
from sdk import built_trials
from server import run
from timing import scaled_timeout

pytestmark = pytest.mark.skipif(not shutil.which("swift"), reason="no swift")

STYLES = ("async", "blocking")
HINTS = [("link", "</style.css>; rel=preload; as=style")]
in_each_model = pytest.mark.parametrize("model", MODELS)
in_both_styles = pytest.mark.parametrize("style", STYLES)


@pytest.fixture(scope="session")
def trials(tmp_path_factory):
    """The folder of the plugins of Tests/Plugins/swift_trials."""
    return built_trials(tmp_path_factory)


@pytest.fixture
def start(own, trials):
    """start(style, model, *flags): a server of one of them."""
    return lambda style, model, *flags: own(trials / f"libtrials_{style}.so", *flags, model=model)


def body(server, path):
    answer = server.get(path)
    assert answer.status == 200, (path, answer, server.state())
    return answer.body.decode()


def test_the_tests_of_the_package(tree, tmp_path):
    """Those in the mock host, as an author may run them."""
    package = tmp_path / "swift"
    shutil.copytree(tree / "share/outrider/sdk/swift", package)
    command = ["swift", "test", "--disable-xctest", "--package-path", package]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=scaled_timeout(300))
    assert ended.returncode == 0 and "11 tests in 2 suites passed" in ended.stdout, ended.stdout + ended.stderr


@in_each_model
@in_both_styles
def test_what_a_runtime_brings_works_in_a_worker(start, style, model):
    """Lazy globals, locks, tasks, groups of tasks and Foundation, of which the master has used some."""
    server = start(style, model)
    workers = server.workers()
    assert body(server, "/lazy") == "ours"
    assert [body(server, "/mutex") for _ in range(3)] == ["1", "2", "3"]
    assert body(server, "/foundation") == '1970-01-01T00:00:00Z {"sum":6}'
    for _ in range(3):
        assert [body(server, path) for path in ("/task", "/detached", "/group")] == ["42", "42", "1225"]
    assert server.workers() == workers, server.state()


@in_each_model
def test_what_awaits_comes_back_to_the_loop(start, model):
    """From another actor, a continuation, timers of both kinds, and a task that is cancelled while it waits for the body."""
    server = start("async", model)
    wait_for(lambda: lines_with(server, "a task of worker 0"), server.state)
    assert body(server, "/actor") == "counted" and body(server, "/continuation") == "42"
    assert body(server, "/sleep") == "slept" and body(server, "/task-sleep") == "slept"
    with server.connect() as client:
        client.send(request("POST", "/timeout", "Content-Length: 10"))
        assert client.final().body == b"late, then cancelled"


@in_each_model
@in_both_styles
def test_hints_bodies_and_fields(start, style, model):
    server = start(style, model)
    with server.connect() as client:
        client.send(request("GET", "/"))
        assert client.informational().fields == HINTS
        assert client.final().body == b"hello\n"
    content = b"0123456789" * 20_000
    for path, answer in (("/echo", content), ("/count", b"200000")):
        assert server.get(path, method="POST", body=content).body == answer
    assert server.get("/count", method="POST", body=b"x" * (1 << 20)).body == b"1048576"
    assert server.get("/note", "User-Agent: a test").body == b"a test"
    assert server.get("/other").status == 404


@in_each_model
def test_a_body_that_is_larger_than_the_queue(start, model):
    server = start("async", model)
    assert server.get("/large").body == b"x" * (4 << 20)
    assert not lines_with(server, "refused")


@in_each_model
@in_both_styles
def test_an_error_is_a_500_with_a_line(start, style, model):
    server = start(style, model)
    assert server.get("/throw").status == 500 and server.get("/forget").status == 500
    wait_for(lambda: lines_with(server, "the handler failed: on purpose"), server.state)
    with server.connect() as client:
        client.send(request("GET", "/cut"))
        assert client.head().status == 200
        with pytest.raises(AssertionError):
            client.final()
    assert body(server, "/mutex") == "1"


@in_each_model
def test_a_client_that_leaves_cancels_the_task(start, model):
    server = start("async", model)
    with server.connect() as client:
        client.send(request("GET", "/wait"))
        wait_for(lambda: lines_with(server, "waiting"), server.state)
        client.abort()
    wait_for(lambda: lines_with(server, 'cancelled, path "/wait"'), server.state)
    assert not lines_with(server, "the handler failed")


@in_each_model
def test_a_deadline_cancels_the_task(start, model):
    server = start("async", model, "--set", 'timeouts.request="2s"')
    assert server.fetch(request("GET", "/wait"), timeout=scaled_timeout(20)).status == 504
    wait_for(lambda: lines_with(server, 'cancelled, path "/wait"'), server.state)
    assert not lines_with(server, "the handler failed")


@in_each_model
def test_a_stream_ends_when_the_worker_drains(start, model):
    """It has said so; the response is complete."""
    server = start("async", model)
    with server.connect() as client:
        client.send(request("GET", "/stream"))
        assert client.head().status == 200
        control = Control.of(server)
        control.run("reload")
        assert client.final().body.startswith(b"piece\n")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("thread", "thread(s) running after load; start them in worker_start"),
     ("task", "init created a task for the loop, which runs in workers only: create it in workerStart")],
)  # fmt: skip
def test_what_does_not_work_in_the_master_is_refused(trials, fault, reason):
    ended = run(trials / "libtrials_async.so", "-c", f"fault={fault}")
    assert ended.returncode != 0 and reason in ended.stderr, ended


def test_the_configuration_is_typed(trials, tmp_path):
    configuration = tmp_path / "outrider.toml"
    configuration.write_text(
        f'[[plugin]]\npath = "{trials}/libtrials_async.so"\n[plugin.config]\nfault = 1\nfalt = "x"\n')
    ended = run("-t", "-c", configuration)
    assert ended.returncode == 78, ended
    assert f"{configuration}:4:9: plugin.config.fault: expected a string" in ended.stderr
    assert f'{configuration}:5:8: plugin.config.falt: unknown key "falt"' in ended.stderr


def test_metrics(start):
    server = start("async", "async")
    for _ in range(3):
        body(server, "/")
    metrics = Control.of(server).run("metrics")
    assert 'outrider_plugin_answers_total{plugin="trials_async"} 3' in metrics


@in_both_styles
def test_reloads_under_load(start, style):
    server = start(style, "async")
    control = Control.of(server)
    with Load(server.address, pause=0.001) as load:
        for _ in range(20):
            control.run("reload")
    load.assert_well(least=20)


@in_each_model
@in_both_styles
def test_memory_does_not_grow(start, style, model):
    server = start(style, model)
    (worker,) = server.workers()

    def ask(times):
        with Connection(server.address) if model != "sync" else socket.socket() as kept:
            for _ in range(times):
                if model == "sync":
                    assert server.get("/").status == 200
                else:
                    kept.send(request("GET", "/"))
                    assert kept.final().status == 200

    ask(2000)
    before = memory(worker)
    ask(4000)
    assert memory(worker) - before < 512, "KiB"
