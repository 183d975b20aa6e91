"""Sources in Zig are formatted as its tools do, and a panic costs the worker and not the server."""

import re
import shutil
import subprocess

import pytest

from built_once import for_authors, once, run_make, session_folder
from processes import wait_for
from server import ROOT
from templates import toolchains

pytestmark = pytest.mark.skipif(bool(toolchains.missing("zig")), reason="no zig")


def test_the_format():
    folders = [ROOT / "examples", ROOT / "Tests/Bench/same_answer_zig"]
    command = [toolchains.folder("zig") / "zig", "fmt", "--check", *folders]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="session")
def panicking(tmp_path_factory, tree):
    """The template, whose handler panics for every path but /."""
    def build(folder):
        shutil.copytree(ROOT / "examples/zig_blocking", folder, dirs_exist_ok=True)
        source = folder / "src/hello.zig"
        text = source.read_text().replace("    _: [*c]const outrider.outrider_head,\n", "    head: [*c]const outrider.outrider_head,\n")
        begin = "    const hints = "
        assert text.count(begin) == 1
        source.write_text(text.replace(begin, f'    if (head.*.path.size > 1) @panic("on purpose");\n{begin}'))
        run_make(folder, environment=for_authors(tree))

    return once(session_folder(tmp_path_factory) / "zig_panics", build) / "build/libhello.so"


def test_a_panic_costs_the_worker(own, model, panicking):
    server = own(panicking, "-w", "1", model=model)
    assert server.get("/").body == b"hello\n"
    (worker,) = server.workers(1)
    with pytest.raises(AssertionError):
        server.get("/panic")
    wait_for(lambda: server.workers(1) != [worker], server.state)
    crash = rf"worker 0 \(pid {worker}\) was killed by SIG(ILL|TRAP) while serving GET /panic"
    wait_for(lambda: re.search(crash, server.log), server.state)
    assert "on purpose" in server.log and server.get("/").body == b"hello\n"
