"""outrider.config/1: [plugin.config] with its types, and what a plugin finds wrong in it at its place in the file."""

import re
import signal

import pytest

from commandline import write
from processes import wait_for
from server import TEST_PLUGINS, free_port, run

PLUGIN = TEST_PLUGINS / "libtyped_config_blocking.so"
VALUES = """
greeting = "grüße"
rate = 2.5
limits = { rate = 3, burst = 1e3 }
hosts = ["a", "b"]
since = 1979-05-27T07:32:00.25-07:30
opens = 09:05:01
local = 2026-12-01T00:00:00
day = 2024-02-29
flag = true
"a.b" = -9223372036854775808
none = []
"""


def entry(port, values, style="blocking", load="master"):
    plugin = TEST_PLUGINS / f"libtyped_config_{style}.so"
    return f'[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\npath = "{plugin}"\nload = "{load}"\n[plugin.config]\n{values}'


def check(tmp_path, values, **options):
    return run("-t", "-c", write(tmp_path, entry(free_port(), values, **options)))


def errors(ended):
    """What the server says, without the folder of the file."""
    lines = [line for line in ended.stderr.splitlines() if not line.endswith(": unloaded")]
    return [re.sub(r"^.*/(outrider\.toml)", r"\1", line) for line in lines]


@pytest.mark.parametrize("load", ["master", "worker"])
def test_values_have_their_types(own, tmp_path, combination, load):
    port = free_port()
    file = write(tmp_path, entry(port, VALUES, combination.style, load))
    server = own("-c", file, "-k", combination.model, bind=False, port=port)
    lines = server.get("/").body.decode().splitlines()
    assert lines[0] == f"folder={tmp_path}"
    assert lines[1] == "late=-1", "an error is reported while load() runs"
    assert lines[3:] == [
        ": table of 11",
        "a.b: integer -9223372036854775808",
        "day: date 2024-02-29 = 1: 2024-2-29 0:0:0.000000000 0",
        "flag: boolean 1",
        "greeting: string grüße",
        "hosts: array of 2",
        "hosts: string a",
        "hosts: string b",
        "limits: table of 2",
        "limits/burst: float 1000",
        "limits/rate: integer 3",
        "local: date 2026-12-01T00:00:00 = 3: 2026-12-1 0:0:0.000000000 0",
        "none: array of 0",
        "opens: date 09:05:01 = 2: 0-0-0 9:5:1.000000000 0",
        "rate: float 2.5",
        "since: date 1979-05-27T07:32:00.25-07:30 = 7: 1979-5-27 7:32:0.250000000 -450",
    ]


@pytest.mark.parametrize("load", ["master", "worker"])
def test_errors_name_file_line_and_key(tmp_path, load):
    values = 'greetng = "hi"\nlimits = { rat = 1, burst = 2 }\nhosts = ["a", 7]\ngreeting = 1\n"x y" = 2\n[plugin.config.tabel]\n'
    ended = check(tmp_path, values, load=load)
    assert ended.returncode == 78
    assert errors(ended) == [
        'outrider.toml:7:1: plugin.config.greetng: unknown key "greetng"; did you mean "greeting"?',
        'outrider.toml:12:16: plugin.config.tabel: unknown table "tabel"',
        'outrider.toml:11:1: plugin.config."x y": unknown key "x y"',
        'outrider.toml:8:12: plugin.config.limits.rat: unknown key "rat"; did you mean "rate"?',
        "outrider.toml:10:12: plugin.config.greeting: expected a string",
        "outrider.toml:9:15: plugin.config.hosts[1]: expected the name of a host",
    ]


def test_a_missing_key_is_named_at_its_table(tmp_path):
    ended = check(tmp_path, "bad = true\n")
    (line,) = errors(ended)
    assert re.fullmatch(r"outrider\.toml:\d+:\d+: plugin\.config\.needed: is missing\\u\{a\}and on one line", line), line


def test_the_plugins_own_words_come_last(tmp_path):
    ended = check(tmp_path, "greetng = 1\nrefuse = true\n")
    assert ended.returncode == 78
    first, last = errors(ended)
    assert first.startswith("outrider.toml:7:1: plugin.config.greetng: unknown key")
    assert last.endswith("load refused: words of its own")


def test_errors_are_bounded(tmp_path):
    ended = check(tmp_path, "many = 101\n")
    assert len(errors(ended)) == 100 and all("one of many" in line for line in errors(ended))


def test_what_loaded_with_errors_is_unloaded(tmp_path):
    """load() has returned OK then, and holds what it has acquired."""
    assert "plugin typed_config: unloaded" in check(tmp_path, "hosts = [1]\n", load="worker").stderr
    assert "plugin typed_config: unloaded" not in check(tmp_path, "hosts = [1]\nrefuse = true\n").stderr


def test_flags_are_named(tmp_path):
    ended = run("-t", "--config", "greetng=1", "--config", "limits.rat=2", PLUGIN)
    assert ended.returncode == 78
    assert errors(ended) == [
        '--config greetng: plugin.config.greetng: unknown key "greetng"; did you mean "greeting"?',
        '--config limits.rat: plugin.config.limits.rat: unknown key "rat"; did you mean "rate"?',
    ]


def test_a_reload_with_an_error_keeps_what_serves(own, tmp_path, model):
    port = free_port()
    file = write(tmp_path, entry(port, 'greeting = "hi"\n'))
    server = own("-c", file, "-k", model, bind=False, port=port)
    assert "greeting: string hi" in server.get("/").body.decode()
    file.write_text(entry(port, 'greetng = "ho"\n'))
    server.tell(signal.SIGHUP)
    wait_for(lambda: "plugin.config.greetng: unknown key" in server.log, lambda: server.log)
    assert "greeting: string hi" in server.get("/").body.decode()


def test_the_folder_of_a_plugin_of_the_command_line(own, model):
    server = own(PLUGIN, model=model)
    lines = server.get("/").body.decode().splitlines()
    assert lines[0].startswith("folder=/") and lines[3] == ": table of 0"
