"""Plugins in Go: the module's own tests, who may load them, and what a panic or a goroutine costs."""

import os
import re
import shutil
import subprocess

import pytest

from built_once import for_authors, once, session_folder
from client import Closed, request
from processes import wait_for
from server import ROOT, run
from templates import toolchains
from timing import scaled_timeout

pytestmark = pytest.mark.skipif(bool(toolchains.missing("go")), reason="no go")


def go(tree, folder, *arguments):
    """A command of Go in a folder, which has to succeed."""
    environment = for_authors(tree) | {
        "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOPATH": f"{tree}-go", "CGO_ENABLED": "1",
    }  # fmt: skip
    ended = subprocess.run(
        ["go", *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True,
        timeout=scaled_timeout(300))
    assert ended.returncode == 0, f"go {' '.join(arguments)}:\n{ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="session")
def faults(tmp_path_factory, tree):
    """The plugin of Tests/Plugins/go_faults."""

    def build(folder):
        shutil.copytree(ROOT / "Tests/Plugins/go_faults", folder, dirs_exist_ok=True)
        go(tree, folder, "mod", "edit", "-replace", f"outrider={tree}/share/outrider/sdk/go")
        go(tree, folder, "build", "-buildvcs=false", "-buildmode=c-shared", "-o", "libfaults.so", ".")

    return once(session_folder(tmp_path_factory) / "go_faults", build) / "libfaults.so"


@pytest.fixture
def serving(own, model, faults):
    """A server with one worker."""
    server = own("--load", "worker", "-c", "name=first", faults, "-w", "1", model=model)
    yield server
    server.workers(1)


def test_the_format():
    folders = [ROOT / "Plugins/sdk/go", *ROOT.glob("examples/*go*"), *ROOT.glob("Tests/*/*_go*"), *ROOT.glob("Tests/*/go_*")]
    assert len(folders) >= 5
    said = subprocess.run(["gofmt", "-l", *folders], capture_output=True, text=True, check=True).stdout
    assert not said, said


def test_the_module(tree, takes_long):
    """Its tests in the mock host, as an author has it: installed."""
    folder = tree / "share/outrider/sdk/go"
    go(tree, folder, "vet", "./...")
    go(tree, folder, "test", "-buildvcs=false", "./...")


@pytest.mark.parametrize("flags", [["-b", "127.0.0.1:0"], ["-t"]], ids=["start", "check"])
def test_the_master_refuses_it(faults, flags):
    ended = run(*flags, faults)
    assert ended.returncode == 78 and 'set load = "worker" in its [[plugin]] entry, or pass --load worker' in ended.stderr


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("name=panics", "panic: load on purpose, in main.load (faults.go:"), ("other=1", 'unknown field "other"')])
def test_why_load_refuses(faults, setting, reason):
    ended = run("-b", "127.0.0.1:0", "--load", "worker", "-c", setting, faults)
    assert ended.returncode == 78 and f"load refused: {reason}" in ended.stderr.replace("[plugin.config]: json: ", ""), ended


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/error", r"no milk"),
        ("/panic", r"panic: on purpose, in main\.load\.func1 \(faults\.go:\d+\)"),
        ("/nil", r"panic: runtime error: invalid memory address or nil pointer dereference, in main\.load\.func1"),
        ("/index", r"panic: runtime error: index out of range \[6\] with length 5, in main\.load\.func1"),
    ],
)
def test_a_failure_is_a_500_with_a_line(serving, path, line):
    worker = serving.workers(1)
    assert serving.get(path).status == 500
    wait_for(lambda: re.search(rf"\[ERROR\].* plugin faults: {line}.* request=", serving.log), serving.state)
    assert serving.get("/").body == b"first %d" % worker[0]
    assert serving.workers(1) == worker


def test_a_panic_after_the_head_cuts_the_response(serving):
    with serving.connect() as connection:
        connection.send(request("GET", "/late"))
        assert connection.head().status == 200
        with pytest.raises(Closed):
            connection.final()
    assert serving.get("/").status == 200


def test_a_fatal_error_costs_the_worker(serving):
    """A panic that no handler can recover, since it is in a goroutine of its own."""
    (worker,) = serving.workers(1)
    with pytest.raises(AssertionError):
        serving.get("/fatal")
    wait_for(lambda: serving.workers(1) != [worker], serving.state)
    wait_for(lambda: re.search(rf"worker 0 \(pid {worker}\).* while serving GET /fatal", serving.log), serving.state)
    assert serving.get("/").status == 200


def test_early_hints_of_net_http(serving):
    with serving.connect() as connection:
        connection.send(request("GET", "/hints"))
        hint, response = connection.informational(), connection.final()
    assert hint.status == 103 and hint.get("link") == "</style.css>; rel=preload; as=style"
    assert response.body == b"GET /hints" and response.get("link") is None
    assert response.get("content-type") == "text/plain; charset=utf-8" and response.get("content-length") == "10"


def test_goroutines_and_the_collector(serving):
    worker = serving.workers(1)
    assert [serving.get("/goroutines").body for _ in range(5)] == [b"all"] * 5
    assert serving.workers(1) == worker


@pytest.mark.parametrize("model", ["gthread", "async"])  # under sync, only the calls of the handler itself notice
def test_the_context_ends_with_the_client(serving):
    with serving.connect() as connection:
        connection.send(request("GET", "/wait"))
        assert connection.head().status == 200
        connection.abort()
    wait_for(lambda: "waited: context canceled" in serving.log, serving.state, 10)


def test_two_entries_with_the_same_file(own, tmp_path, faults):
    file = tmp_path / "outrider.toml"
    file.write_text("".join(
        f'[[plugin]]\npath = "{faults}"\nload = "worker"\nname = "{name}"\nmount = "{mount}"\n'
        f'[plugin.config]\nname = "{name}"\n' for name, mount in (("one", "/"), ("two", "/two"))))
    server = own("-c", file)
    assert server.get("/").body.startswith(b"one ") and server.get("/two/").body.startswith(b"two ")
