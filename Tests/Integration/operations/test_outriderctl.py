"""outriderctl: exit codes, its output about plugins, and the processes that it believes."""

import json
import os
import re
import shutil
import socket
import subprocess
from contextlib import ExitStack

import pytest

from control import answering, outriderctl
from matrix import Combination
from server import RELEASE, TEST_PLUGINS
from service import CONFIGURED
from timing import of_the_shipped_server
from visible import visible_folder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


@pytest.mark.parametrize("flags", [["--version"], ["-V"], ["--version", "--json"]], ids=str)
def test_version(flags):
    ended = outriderctl(*flags)
    assert ended.returncode == 0 and not ended.stderr, ended
    if "--json" in flags:
        assert json.loads(ended.stdout).keys() == {"outriderctl", "abi"}
    else:
        assert re.fullmatch(r"outriderctl \d+\.\d+\.\d+\nplugin ABI 1\.\d+\n", ended.stdout), ended


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["halt"], 64, "unknown command"),
        (["scale", "0"], 64, "scale: expected"),
        ([], 64, "expected a command"),
        (["status", "--no-such-flag"], 64, 'unexpected "--no-such-flag"'),
        (["-s", "/nowhere", "status"], 69, "No such file or directory"),
        (["inspect", "/nowhere.so"], 66, "No such file or directory"),
        (["inspect", TEST_PLUGINS / "libload_refuses.so"], 78, "load refused"),
    ],
    ids=str,
)
def test_failures_are_json_if_answers_are(arguments, code, said):
    """In the place of the answer, as the control socket has it; else for people, on standard error."""
    ended = outriderctl("--json", *arguments)
    failure = json.loads(ended.stdout)
    assert ended.returncode == code and failure["ok"] is False and said in failure["error"] and not ended.stderr, ended
    ended = outriderctl(*arguments)
    assert ended.returncode == code and said in ended.stderr and not ended.stdout, ended


def test_a_server_that_takes_no_connection(tmp_path):
    path = tmp_path / "socket"
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        for _ in range(3):  # as many as there is room for, and more
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            waiting.connect_ex(str(path))
        ended = outriderctl("-s", path, "status")
    assert ended.returncode == 69 and "accepts no connection" in ended.stderr, ended


def test_nobody_there(tmp_path):
    ended = outriderctl("-s", tmp_path / "none", "status")
    assert ended.returncode == 69 and "No such file or directory" in ended.stderr and "-s" in ended.stderr, ended


@pytest.mark.parametrize(
    "arguments",
    [["halt"], ["scale"], ["scale", "0"], ["scale", "+0"], ["scale", "x"], ["scale", "1025"], ["upgrade", "x"], ["retire"], ["status", "x"], ["--now", "status"], ["inspect"], []],
)
def test_usage(arguments):
    ended = outriderctl(*arguments)
    assert ended.returncode == 64 and ended.stderr, ended


@of_the_shipped_server
@pytest.mark.parametrize("style", ["blocking", "event"])
def test_inspect(style):
    plugin = Combination("async", style).demo
    ended = outriderctl("inspect", plugin)
    assert ended.returncode == 0, ended
    assert re.search(rf"^styles +{style}$", ended.stdout, re.M) and re.search(r"^ABI +1\.\d+", ended.stdout, re.M)
    description = json.loads(outriderctl("--json", "inspect", plugin).stdout)
    assert description["styles"] == [style] and description["host_abi"].startswith("1.")
    version = subprocess.run([RELEASE / "outrider", "-V"], capture_output=True, text=True, timeout=30).stdout
    listed = re.search("(?m)^extensions (.*)$", version)[1]
    assert (", ".join(description["host_extensions"]) or "none") == listed
    assert re.search(rf"^extensions +{re.escape(listed)} \(of this host\)$", ended.stdout, re.M)


@pytest.mark.parametrize(
    "plugin, reason",
    [
        ("libload_crashes.so", "was killed by SIG"),
        ("libload_refuses.so", "load refused"),
        ("libno_symbol.so", "no symbol outrider_plugin_v1"),
    ],
)
def test_inspect_what_does_not_load(plugin, reason):
    path = TEST_PLUGINS / plugin
    if not path.exists():
        pytest.fail(f"{path} is missing: {sorted(p.name for p in TEST_PLUGINS.iterdir())}")
    ended = outriderctl("inspect", path)
    assert ended.returncode == 78 and reason in ended.stderr, ended


def test_inspect_what_leaves_threads_running():
    """As the runtime of Go does: in a process that never forks they are no fault."""
    plugin = TEST_PLUGINS / "libstarts_thread.so"
    ended = outriderctl("inspect", plugin)
    assert ended.returncode == 0 and re.search(r'^threads +1 after load: .*load = "worker"', ended.stdout, re.M), ended
    assert json.loads(outriderctl("--json", "inspect", plugin).stdout)["threads"] == 1
    assert json.loads(outriderctl("--json", "inspect", CONFIGURED).stdout)["threads"] == 0


def test_inspect_without_a_file(tmp_path):
    assert outriderctl("inspect", tmp_path / "none.so").returncode == 66


def test_inspect_does_not_run_as_root():
    if os.getuid() != 0:
        pytest.skip("this is for root")
    ended = outriderctl("inspect", TEST_PLUGINS / "libidentity.so")
    assert "identity load: uids=65534,65534,65534" in ended.stderr and "uids=0" not in ended.stderr, ended


# Another who answers

CONTROLS = "\x1b]0;owned\x07\x9b31m\u202e\r\x7f"


@pytest.mark.parametrize("format", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize(
    "order, key, result",
    [
        ("status", "error", CONTROLS),
        ("config", "result", f"a = 1\n\tb = 2\n{CONTROLS}\n"),
        ("metrics", "result", f"a 1\n{CONTROLS}\n"),
        ("status", "result", {"worker_restarts": {CONTROLS + "\n": 1}, "pid": CONTROLS}),
        ("workers", "result", [{"pid": CONTROLS, "path": CONTROLS}]),
        ("reload", "result", {"generation": CONTROLS, CONTROLS: CONTROLS}),
    ],
)
def test_an_answer_that_controls_the_terminal(path, order, key, result, format):
    with answering(path, result, key):
        ended = outriderctl("-s", path, *format, order)
    said = ended.stdout + ended.stderr
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", said), ascii(said)
    assert "owned" in said
    if format and key == "result":
        assert json.loads(ended.stdout) == result
    elif order == "config":
        assert ended.stdout.startswith("a = 1\n\tb = 2\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_a_server_of_another_user():
    """Nobody but root listens to it; root manages everybody's."""
    DAEMON, NOBODY = 1, 65534
    with visible_folder() as folder:
        path = folder / "control.sock"
        shutil.copy(RELEASE / "outriderctl", folder)
        command = [folder / "outriderctl", "-s", path, "config"]
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "capture_output": True, "text": True}
        with answering(path, "news", user=DAEMON):
            ended = subprocess.run(command, **other)
        assert ended.returncode == 77 and "neither root's nor yours" in ended.stderr, ended
        for user, caller in ((NOBODY, other), (None, other), (DAEMON, {"capture_output": True, "text": True})):
            with answering(path, "news", user=user):
                ended = subprocess.run(command, **caller)
            assert (ended.returncode, ended.stdout) == (0, "news\n"), ended
