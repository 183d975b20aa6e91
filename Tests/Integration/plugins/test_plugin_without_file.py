"""A plugin on the command line: its configuration, and the settings that the command line can have."""

import signal
from pathlib import Path

import pytest

from commandline import PLUGIN, dump, plugin_table, write
from processes import wait_for
from server import TEST_PLUGINS, run

CONFIGURED = TEST_PLUGINS / "libconfigured.so"
THREADED = TEST_PLUGINS / "libstarts_thread.so"


def test_configuration_of_a_plugin(own):
    server = own("--config", "number=7", "--config", "text=a = b", "--config=table.inner=x", "-c", "flag=true", CONFIGURED)
    page = server.get("/").body.decode()
    for line in ("loaded=7", "number=7", "text=a = b", "deep=x", "flag=1"):
        assert f"{line}\n" in page, page
    server.tell(signal.SIGHUP)
    wait_for(lambda: "generation 2 serves" in server.log, server.state)
    assert "loaded=7\n" in server.get("/").body.decode()


def test_values_of_a_plugins_configuration(tmp_path):
    flags = ["a=1", "b=1.5", "c=yes", 'd="7"', "e=[1, 2]", "f.g=1", "f.h.i=2", "j={k = 1}", "l=", "m=a=b", "a=3", "f.g=x"]
    env = {"OUTRIDER_CMD_ARGS": "--config a=0 --config 'n=two words'"}
    expected = {
        "a": 3, "b": 1.5, "c": "yes", "d": "7", "e": [1, 2], "f": {"g": "x", "h": {"i": 2}}, "j": {"k": 1}, "l": "",
        "m": "a=b", "n": "two words",
    }  # fmt: skip
    first, origins, text = dump(*(f"--config={flag}" for flag in flags), PLUGIN, env=env)
    assert first["plugin"][0]["config"] == expected
    assert origins["plugin.config.a"] == "--config a" and origins["plugin.config.n"] == "OUTRIDER_CMD_ARGS --config n"
    assert dump("-c", write(tmp_path, text, name="dumped.toml"))[0] == first


def test_a_file_with_an_equals_sign_in_its_name(tmp_path):
    config = write(tmp_path, plugin_table(), name="a=b.toml")
    assert run("-t", "-c", config).returncode == 0
    assert run("-t", "--config=./a=b.toml", cwd=tmp_path).returncode == 0


def test_both_a_file_and_a_plugin(tmp_path):
    config = write(tmp_path, "[server]\nthreads = 7\n" + plugin_table())
    for flags in (["--config", config, "--config", "a=1"], ["-c", "a=1", "-c", config]):
        values, origins, _ = dump(*flags, CONFIGURED)
        assert values["server"]["threads"] == 7
        assert [(Path(entry["path"]).name, entry["config"]) for entry in values["plugin"]] == [(CONFIGURED.name, {"a": 1})]


def test_a_plugin_for_each_worker(own):
    assert run("-t", THREADED).returncode == 78
    assert run("-t", "--load", "worker", THREADED).returncode == 0
    assert run("-t", THREADED, env={"OUTRIDER_CMD_ARGS": "--load=worker"}).returncode == 0
    server = own("--load", "worker", THREADED)
    assert server.get("/").body == b"ok"
    values, origins, _ = dump("--load", "worker", PLUGIN)
    assert values["plugin"][0]["load"] == "worker" and origins["plugin.load"] == "--load"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--load", "thread", PLUGIN], "--load: expected "),
        (["--load", "worker"], "--load: only for a PLUGIN.so of the command line"),
        (["--config", "a=1"], "--config a: only for a PLUGIN.so of the command line"),
        (["--config", "a=1", "--config", "a.b=2", PLUGIN], '--config a.b: "a" has a value, and is no table'),
        (["--config", "a=nan", PLUGIN], "--config a: nan and inf have no form in JSON"),
        (["--config", ".".join("a" * 1000) + "=1", PLUGIN], "deep"),
        (["--set", "plugin.load=worker", PLUGIN], "there --config key=value and --load are for that"),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "",
)
def test_settings_that_no_plugin_has(arguments, said):
    result = run("-t", *arguments)
    assert result.returncode == (78 if arguments[0] == "--set" else 64) and said in result.stderr, result
