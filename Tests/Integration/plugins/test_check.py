"""outriderctl check: it tries a plugin in a server of its own, and says what is wrong with it."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

import processes
from control import OUTRIDERCTL, outriderctl
from processes import wait_for
from server import RELEASE, TEST_PLUGINS, environment
from timing import scaled

FUSSY = TEST_PLUGINS / "libfussy.so"
MODELS = ["sync", "gthread", "async"]
MISUSE = r"plugin fussy: respond refused: OUTRIDER_E_STATE: a final head has been sent already, at libfussy.so\+0x"


def check(plugin, *arguments):
    """The exit code, and the report."""
    ended = outriderctl("--json", "check", plugin, *arguments, timeout=scaled(180))
    assert not ended.stderr, ended
    return ended.returncode, json.loads(ended.stdout)


def broken(name):
    return TEST_PLUGINS / f"lib{name}.so"


@pytest.mark.parametrize("plugin", ["libdemo_blocking.so", "libdemo_event.so", "libinspect.so"])
def test_a_plugin_without_fault(plugin):
    """Nothing is found in any model, over HTTP/2 too where there is that."""
    code, report = check(RELEASE / plugin)
    assert (code, report["findings"], report["gaps"]) == (0, [], []), report
    assert report["models"] == MODELS and report["trials"] > 60
    text = outriderctl("check", RELEASE / plugin, timeout=scaled(180))
    assert text.returncode == 0 and not text.stderr, text
    assert re.fullmatch(rf"\S+{plugin}: nothing found in {report['trials']} trials \(sync, gthread, async\)\n", text.stdout)


# What each path of the plugin can't bear: the first trial that shows it, the finding, and the models.
KINDS = {
    "/head": ("sync", "HEAD /head", MISUSE),
    "/old": ("sync", "GET /old by a client of HTTP/1.0", MISUSE),
    "/h2": ("gthread", "GET /h2 over HTTP/2", MISUSE),
    "/large": ("sync", "POST /large with 200,000 bytes", MISUSE),
    "/cut": ("sync", "POST /cut whose content is cut", MISUSE),
    # Whichever of the two reloads meets a request first.
    "/draining": ("sync", "a reload (?:during POST|under requests GET) /draining", MISUSE),
    "/failing": ("sync", "GET /failing", "the answer is 503$"),
    "/silent": ("sync", "GET /silent", "500 to the client: the plugin failed to answer$"),
    "/short": ("sync", "GET /short", "answer cut off to the client: the plugin ended it before its content-length$"),
}  # fmt: skip


@pytest.mark.parametrize("path", KINDS)
def test_a_plugin_that_fails_for_some_clients(path):
    """One finding, under the name of the client that shows it, however many do."""
    model, trial, text = KINDS[path]
    code, report = check(FUSSY, "--path", path)
    assert len(report["findings"]) == 1, report
    (finding,) = report["findings"]
    assert code == 1 and finding["model"] == model and re.fullmatch(trial, finding["trial"]), report
    assert re.match(text, finding["text"]), report
    assert finding["trials"] >= (2 if path == "/h2" else 3)


def test_paths_have_queries():
    code, report = check(FUSSY, "--path", "/head?x=1", "--path", "/plain?x=/head")
    assert code == 1 and [f["trial"] for f in report["findings"]] == ["HEAD /head?x=1"], report
    assert check(FUSSY, "--path", "/plain?x=/head")[0] == 0


CRASHES = {
    "/crash": r"worker 0 was killed by SIGSEGV, at libmisbehaving_blocking\.so\+0x",
    "/exit": r"worker 0 exited with 3, at libmisbehaving_blocking\.so\+0x",
    "/abort": r"worker 0 was killed by SIGABRT",
    "/double-respond": r"plugin misbehaving_blocking: respond refused: OUTRIDER_E_STATE",
}


@pytest.mark.parametrize("path", CRASHES)
def test_a_path_that_ends_workers(path):
    """It is left alone soon; the next is tried all the same."""
    code, report = check(broken("misbehaving_blocking"), "--path", path, "--path", "/")
    assert code == 1 and len(report["findings"]) == 1, report
    assert re.match(CRASHES[path], report["findings"][0]["text"]), report
    assert {(gap["model"], gap["reason"]) for gap in report["gaps"]} == {
        (model, f"{path} is not tried any further, since 3 workers have ended") for model in MODELS
    }
    assert report["trials"] > 60, report


@pytest.mark.parametrize(
    "plugin, trial, text",
    [
        ("load_crashes", "the start", "master was killed by SIGSEGV while loading plugin load_crashes"),
        ("load_exits", "the start", "master exited with 0 while loading plugin load_exits"),
        ("start_crashes", "the start", r"worker 0 was killed by SIGABRT while starting, in worker_start\(\)"),
        ("stop_crashes", "a reload under requests GET /", r"worker 0 was killed by SIGABRT, at libstop_crashes\.so"),
        ("load_alone", "a reload under requests GET /", "reload failed: .*another master has the name"),
    ],
)
def test_a_hook_that_fails(plugin, trial, text):
    code, report = check(broken(plugin))
    (finding,) = report["findings"]
    assert code == 1 and finding["trial"] == trial and re.match(text, finding["text"]), report


def test_a_hook_that_hangs_at_the_start(tmp_path):
    plugin = broken("start_hangs")
    config = tmp_path / "outrider.toml"
    config.write_text(f'[server]\nboot_timeout = "1s"\n[[plugin]]\npath = "{plugin}"\n')
    code, report = check(plugin, "-c", config)
    (finding,) = report["findings"]
    assert code == 1 and "one is in worker_start() of plugin start_hangs" in finding["text"], report


def test_a_hook_that_hangs_at_the_end():
    code, report = check(broken("stop_hangs"))
    (finding,) = report["findings"]
    assert code == 1 and "has not finished within server.graceful_timeout" in finding["text"], report


def test_a_request_that_is_not_answered():
    """One client waits for it, and the other path is tried."""
    code, report = check(FUSSY, "--path", "/endless", "--path", "/plain")
    (finding,) = report["findings"]
    assert (code, finding["model"], finding["trial"]) == (1, "gthread", "GET /endless"), report
    assert finding["text"] == "the answer is not complete within 10 s"
    assert report["gaps"] == [
        {"model": "gthread", "reason": "/endless is not tried any further, since a client has waited in vain"}
    ]


def test_a_plugin_for_one_model():
    code, report = check(broken("async_alone"))
    assert (code, report["models"], report["findings"]) == (0, ["async"], []), report
    assert [gap["model"] for gap in report["gaps"]] == ["sync", "gthread"]
    assert all("worker_start refused: only for async" in gap["reason"] for gap in report["gaps"]), report


def test_a_plugin_that_starts_threads_at_load():
    assert check(broken("starts_thread"))[0] == 0


def test_a_configuration_file(tmp_path):
    """The plugin is tried where it is mounted, with others beside it."""
    config = tmp_path / "outrider.toml"
    config.write_text(
        f'[[plugin]]\npath = "{broken("misbehaving_event")}"\n[[plugin]]\npath = "{FUSSY}"\nmount = "/app"\n'
        f'[[listener]]\nbind = "unix:{tmp_path}/socket"\n[control]\nsocket = "{tmp_path}/control.sock"\n'
        f'[server]\npidfile = "{tmp_path}/pid"\n[log]\naccess = "{tmp_path}/access"\n'
    )
    assert check(FUSSY, "-c", config)[0] == 0
    code, report = check(FUSSY, "-c", config, "--path", "/app/head")
    assert code == 1 and report["findings"][0]["trial"] == "HEAD /app/head", report
    assert os.listdir(tmp_path) == ["outrider.toml"], "the server of the file is not touched"


def test_keys_of_the_plugin():
    """They reach its load(), which refuses what it does not know."""
    plugin = broken("typed_config_blocking")
    ended = outriderctl("check", plugin, "-c", "no_such_key=1")
    assert ended.returncode == 2 and "no_such_key" in ended.stderr, ended


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["/nowhere.so"], 2, "No such file or directory"),
        ([broken("load_refuses")], 2, "load refused: the moon is in the wrong phase"),
        ([broken("no_symbol")], 2, "no symbol outrider_plugin_v1"),
        ([FUSSY, "-c", "/nowhere.toml"], 2, "/nowhere.toml"),
        ([FUSSY, "--path", "plain"], 64, "begins with /"),
        ([FUSSY, FUSSY], 64, "expected one PLUGIN.so"),
        ([], 64, "expected one PLUGIN.so"),
    ],
    ids=str,
)
def test_what_cannot_be_tried(arguments, code, said):
    ended = outriderctl("check", *arguments)
    assert ended.returncode == code and said in ended.stderr and not ended.stdout, ended
    failure = json.loads(outriderctl("--json", "check", *arguments).stdout)
    assert failure["ok"] is False and said in failure["error"], failure


def test_a_file_without_the_plugin(tmp_path):
    config = tmp_path / "outrider.toml"
    config.write_text(f'[[plugin]]\npath = "{RELEASE}/libdemo_event.so"\n')
    ended = outriderctl("check", FUSSY, "-c", config)
    assert ended.returncode == 2 and "no [[plugin]] of the file has this path" in ended.stderr, ended


def test_options_of_check_alone():
    ended = outriderctl("inspect", FUSSY, "--path", "/")
    assert ended.returncode == 64 and "are for check" in ended.stderr, ended


def test_an_interrupted_check():
    """The server, and what outriderctl has made, go with it."""
    child = subprocess.Popen(
        [OUTRIDERCTL, "check", FUSSY, *["--path", "/plain"] * 100], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(),
    )  # fmt: skip
    try:
        started = processes.look(child.pid).started
        # The supervisor, its master and the worker.
        family = wait_for(
            lambda: len(found := processes.family(child.pid, started)) >= 3 and found, lambda: "a server", scaled(20)
        )
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=scaled(30))
        assert (child.returncode, out, err) == (-signal.SIGTERM, b"", b"")
        wait_for(lambda: not processes.still_there(family), lambda: f"the end of {family}")
    finally:
        child.kill()
        child.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="this is for root")
def test_plugins_do_not_run_as_root():
    folder = tempfile.mkdtemp(prefix="outrider-test-")
    try:
        plugin = shutil.copy(FUSSY, folder)
        ended = outriderctl("check", plugin)
        assert ended.returncode == 2 and "Permission denied" in ended.stderr, ended
        os.chmod(folder, 0o755)
        assert outriderctl("check", plugin, "--path", "/plain", timeout=scaled(60)).returncode == 0
    finally:
        shutil.rmtree(folder)
