"""The crate for plugins in Rust: its own tests, and its plugins in a running server."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from built_once import for_authors, once, session_folder
from client import request
from load import Load
from processes import wait_for
from sdk import built_example, cargo
from server import ROOT
from service import memory
from timing import growth, scaled_timeout

pytestmark = pytest.mark.skipif(not shutil.which("cargo"), reason="no cargo")


def oldest():
    """The folder of Debian's cargo, which may be older than the one in PATH, with which everything else here is built."""
    return Path("/usr/bin") if os.path.exists("/usr/bin/cargo") else Path(shutil.which("cargo") or "").parent


def test_the_crate(tree, tmp_path, takes_long):
    """Its handlers on the mock host, its layout beside the headers, its documentation, and programs that must not
    compile."""
    folder = shutil.copytree(tree / "share/outrider/sdk/rust", tmp_path / "rust")
    tools = {"RUSTC": str(oldest() / "rustc"), "RUSTDOC": str(oldest() / "rustdoc")}
    said = cargo(folder, "test", "--jobs", "2", program=oldest() / "cargo", environment=for_authors(tree) | tools)
    passed = [int(count) for count in re.findall(r"test result: ok\. (\d+) passed", said)]
    assert len(passed) == len(list((folder / "tests").glob("*.rs"))) + 1 and sum(passed) > 70, said


@pytest.fixture(scope="session")
def acts(tmp_path_factory):
    """Tests/Plugins/in_rust."""

    def build(folder):
        cargo(ROOT / "Tests/Plugins/in_rust", "build", "--release", "--jobs", "2", "--target-dir", folder)

    return once(session_folder(tmp_path_factory) / "in_rust", build) / "release/libin_rust.so"


def test_a_panic_is_a_page_and_a_line(own, acts, model):
    """The worker lives on."""
    server = own(acts, model=model)
    workers = server.workers()
    for _ in range(3):
        assert server.get("/panic").status == 500
        assert server.get("/error").status == 500
        with server.connect() as connection:
            connection.send(request("GET", "/panic-late"))
            connection.end()
            assert bytes(connection.received).endswith(b"begun\r\n"), "the last chunk is missing"
    assert server.get("/").body == b"hello\n"
    assert server.workers() == workers
    wait_for(lambda: server.log.count("too late") == 3, lambda: f"the lines; {server.state()}")
    lines = [line for line in server.log.splitlines() if "on purpose" in line]
    assert len(lines) == 3 and all("plugin in_rust: " in line and "panicked at src/lib.rs:" in line for line in lines), lines
    assert server.log.count("No such file or directory") == 3
    assert "RUST_BACKTRACE" not in server.log and "\nthread " not in server.log, "the standard hook is silent"


def test_a_client_that_leaves_drops_the_future(own, acts):
    server = own(acts, model="async")
    for _ in range(3):
        with server.connect() as waiting, server.connect() as sending:
            waiting.send(request("GET", "/wait"))
            sending.send(request("POST", "/content", "Content-Length: 9") + b"part")
            wait_for(lambda: server.get("/open").body == b"2", lambda: f"both; {server.state()}")
            waiting.abort()
            sending.abort()
        wait_for(lambda: server.get("/open").body == b"0", lambda: f"the end of both; {server.state()}")


def test_another_server_is_asked_on_the_loop(own, acts):
    """Its answers come late, and several requests wait for them at the same time."""
    server = own(acts, model="async")
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(scaled_timeout(5))
        target = f"/ask?127.0.0.1:{upstream.getsockname()[1]}"
        answers = []
        clients = [threading.Thread(target=lambda: answers.append(server.get(target).body)) for _ in range(4)]
        for client in clients:
            client.start()
        connections = [upstream.accept()[0] for _ in clients]
        assert server.get("/").body == b"hello\n", "others are served meanwhile"
        for connection in connections:
            with connection:
                connection.settimeout(scaled_timeout(5))
                assert connection.recv(4) == b"ping", "it is one packet"
                connection.sendall(b"po")
                connection.sendall(b"ng")
        for client in clients:
            client.join()
    assert answers == [b"pong"] * 4


STYLES = [("blocking", "gthread"), ("event", "async"), ("async", "async")]


@pytest.mark.parametrize("style, model", STYLES)
def test_twenty_reloads_under_load(own, tmp_path_factory, takes_long, style, model):
    """Of the template. No request fails, and memory does not grow."""
    plugin = built_example(tmp_path_factory, f"rust_{style}") / "build/libhello.so"
    server = own(plugin, model=model)
    first = memory(server.workers()[0])
    with Load(server.address) as load:
        for number in range(20):
            before, answered = server.master(), load.answered
            server.tell(signal.SIGHUP)
            wait_for(
                lambda: server.master() != before and load.answered > answered + 10,
                lambda: f"reload {number}; {server.state()}", timeout=10)  # fmt: skip
    load.assert_well(200)
    assert memory(server.workers()[0]) < first + growth(2048)


@pytest.mark.parametrize("style", ["blocking", "async"])
def test_memory_is_flat(own, acts, style):
    """Of the worker, in KiB, over requests of which some fail."""
    server = own(acts, model={"blocking": "gthread", "async": "async"}[style])
    (worker,) = server.workers()

    def after(count):
        with server.connect() as connection:
            for _ in range(count):
                for target in ("/", "/error", "/panic"):
                    connection.send(request("GET", target))
                    connection.final()
        return memory(worker)

    before = after(500)
    assert after(3000) < before + growth(512)
    assert server.workers() == [worker]
