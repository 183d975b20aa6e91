"""Plugins that do not load: one clear line each, and the right exit code."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import processes
from matrix import INSPECT, MODELS
from server import BINARY, RELEASE, TEST_PLUGINS, environment, run

GOOD = RELEASE / "libdemo_blocking.so"

# name: what its line must say, the path left out
BROKEN = {
    "no_symbol": [r"outrider_plugin_v1"],
    "wrong_major": [r"(?<!\d)2(\.0)?(?!\d)", r"(?<!\d)1(\.0)?(?!\d)"],
    "needs_newer_minor": [r"1\.999", r"(?<!\d)1\.0(?!\d)"],
    "load_refuses": [r"the moon is in the wrong phase"],
    "null_descriptor": [r"(?i)null|nothing|no descriptor|refus"],
    "no_hooks": [r"\bhandle\b", r"\bopen\b"],
    "starts_thread": [r"(?i)thread"],
    "start_refuses": [r"worker 0 finds no database"],
}
AT_CHECK = [name for name in BROKEN if name != "start_refuses"]  # a check starts no worker


def broken(name):
    path = TEST_PLUGINS / f"lib{name}.so"
    assert path.exists(), f"{path} is not built"
    return path


def config_for(tmp_path, plugin, text=""):
    config = tmp_path / "outrider.toml"
    config.write_text(f'{text}\n[[plugin]]\npath = "{plugin}"\n')
    return config


def assert_no_trap(result):
    """A refusal is words, not a crash."""
    assert not re.search(r"Fatal error|Trace/BPT|SIGILL|SIGSEGV|\*\*\* |0x[0-9a-f]{8}", result.stderr), (
        result.stderr
    )


def assert_one_line(result, path, patterns, code=78):
    """Exit code, and one line on stderr that names the path and the reason."""
    assert result.returncode == code, f"exit code {result.returncode}\n{result.stdout}{result.stderr}"
    assert_no_trap(result)
    lines = [line for line in result.stderr.splitlines() if str(path) in line]
    assert len(lines) == 1, f"one line that names {path} was expected:\n{result.stderr}"
    reason = lines[0].replace(str(path), "")
    for pattern in patterns:
        assert re.search(pattern, reason), f"{pattern} is not said: {lines[0]}"
    return lines[0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin(name, model):
    path = broken(name)
    assert_one_line(run("-b", "127.0.0.1:0", "-k", model, path), path, BROKEN[name])


@pytest.mark.parametrize("name", AT_CHECK)
def test_a_broken_plugin_at_a_check(name):
    path = broken(name)
    result = run("-t", path)
    assert_one_line(result, path, BROKEN[name])
    assert "configuration OK" not in result.stdout + result.stderr


@pytest.mark.parametrize("name", AT_CHECK)
def test_a_broken_plugin_of_the_file(tmp_path, name):
    path = broken(name)
    config = config_for(tmp_path, path)
    line = assert_one_line(run("-t", "-c", config), path, BROKEN[name])
    assert re.search(rf"{re.escape(str(config))}:3:\d+: ", line), (
        "the fault is at the plugin's path in the file"
    )


def test_a_check_starts_no_worker():
    result = run("-t", broken("start_refuses"))
    assert result.returncode == 0, result.stderr


def test_the_first_of_two_is_good(tmp_path):
    path = broken("load_refuses")
    config = tmp_path / "outrider.toml"
    config.write_text(
        f'[[plugin]]\npath = "{GOOD}"\nmount = "/a"\n[[plugin]]\npath = "{path}"\nmount = "/b"\n'
    )
    assert_one_line(run("-c", config, "-b", "127.0.0.1:0"), path, BROKEN["load_refuses"])


def test_no_such_plugin_on_the_command_line(tmp_path):
    path = tmp_path / "missing.so"
    for flags in ([], ["-t"], ["-b", "127.0.0.1:0"]):
        assert_one_line(run(*flags, path), path, [r"(?i)no such file|not exist|not found"], code=66)


def test_no_such_plugin_in_the_file(tmp_path):
    path = tmp_path / "missing.so"
    config = config_for(tmp_path, path)
    for flags in ([], ["-t"]):
        line = assert_one_line(run(*flags, "-c", config), path, [r"(?i)no such file|not exist|not found"])
        assert f"{config}:3:" in line or flags == []


def test_no_such_file_for_c(tmp_path):
    path = tmp_path / "missing.toml"
    for flags in ([], ["-t"], ["-T"]):
        assert_one_line(run(*flags, "-c", path), path, [r"(?i)no such file|not exist|not found"], code=66)


@pytest.mark.parametrize(
    "content", [b"", b"not a shared object\n", b"#!/bin/sh\nexit 0\n"], ids=["empty", "text", "script"]
)
def test_not_an_elf_object(tmp_path, content):
    path = tmp_path / "plugin.so"
    path.write_bytes(content)
    assert_one_line(run(path), path, [r"(?i)elf|shared object|too short|invalid"])


def test_a_truncated_elf_object(tmp_path):
    path = tmp_path / "plugin.so"
    path.write_bytes(GOOD.read_bytes()[:3000])
    assert_one_line(run(path), path, [r"\w{3}"])


@pytest.mark.parametrize("number", [2**64 - 1, 2**63 - 1, 2**63, 2**64 - 56, 2**63 - 57, 2**32, 1])
@pytest.mark.parametrize("entry", [56, 0xFFFF, 57])
def test_an_elf_object_with_numbers_at_the_edge(tmp_path, number, entry):
    """Whatever is in the header, and in those of its segments, it is words: e_phoff, e_phentsize, e_phnum."""
    path = tmp_path / "libodd.so"
    content = bytearray((TEST_PLUGINS / "libconfigured.so").read_bytes())
    content[32:40] = number.to_bytes(8, "little")
    content[54:56] = entry.to_bytes(2, "little")
    content[56:58] = b"\xff\xff"
    path.write_bytes(content)
    assert_one_line(run("-t", path), path, [r"ELF|header|invalid"])


@pytest.mark.parametrize("offset, size", [(2**64 - 1, 1), (2**64 - 1, 2**64 - 1), (1, 2**64 - 1), (2**63, 2**63 - 1)])
def test_a_segment_with_numbers_at_the_edge(tmp_path, offset, size):
    path = tmp_path / "libodd.so"
    content = bytearray((TEST_PLUGINS / "libconfigured.so").read_bytes())
    first = int.from_bytes(content[32:40], "little")
    for segment in range(int.from_bytes(content[56:58], "little")):
        at = first + segment * 56
        content[at + 8 : at + 16] = offset.to_bytes(8, "little")
        content[at + 32 : at + 40] = size.to_bytes(8, "little")
    path.write_bytes(content)
    assert_one_line(run("-t", path), path, [r"cut short"])


def test_a_directory(tmp_path):
    assert_one_line(run(tmp_path), tmp_path, [r"\w{3}"])


def test_a_plugin_that_lacks_a_library(tmp_path):
    """RTLD_NOW: what is missing is missed at the start, not at the first request."""
    source, path = tmp_path / "plugin.c", tmp_path / "plugin.so"
    source.write_text(
        "extern int nowhere_to_be_found(void);\n"
        "const void *outrider_plugin_v1(const void *host) { return host + nowhere_to_be_found(); }\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", path, source], check=True)
    assert_one_line(run(path), path, [r"nowhere_to_be_found"])


def test_the_file_of_a_plugin_may_have_any_name(own, tmp_path):
    path = tmp_path / "no suffix, but a space"
    shutil.copy(GOOD, path)
    assert own(path).get("/health").body == b"OK"


def test_a_relative_path_starts_from_the_configuration(own, tmp_path):
    shutil.copy(GOOD, tmp_path / "mine.so")
    assert own("-c", config_for(tmp_path, "mine.so")).get("/health").body == b"OK"


def test_a_name_without_a_slash_is_a_file(tmp_path):
    """dlopen alone would look for it in the system's library path."""
    shutil.copy(INSPECT, tmp_path / "mine.so")
    result = run("-t", "mine.so", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert run("-t", "libc.so.6", cwd=tmp_path).returncode == 66


# A load that does not come back

WITHOUT_RETURN = {
    "load_crashes": r"load\(\) was killed by SIGSEGV",
    "load_exits": r"load\(\) called exit\(0\)",
    "load_hangs": r"load\(\) has not returned within boot_timeout \(500 ms\)",
}
QUICKLY = ("--set", "server.boot_timeout=500ms")


def left_over(path):
    """Processes that have the file mapped."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and processes.has_mapped(int(p.name), path.name)]


@pytest.mark.parametrize("load", ["master", "worker"])
@pytest.mark.parametrize("name", WITHOUT_RETURN)
def test_a_check_of_a_load_that_does_not_return(tmp_path, name, load):
    """A fault as any other: at its place in the file, and with those of the plugins around it."""
    path, other = tmp_path / f"{name}.so", broken("load_refuses")
    shutil.copy(broken(name), path)
    config = tmp_path / "outrider.toml"
    config.write_text(
        f'[[plugin]]\npath = "{other}"\nmount = "/a"\n'
        f'[[plugin]]\npath = "{path}"\nmount = "/b"\nload = "{load}"\n'
        f'[[plugin]]\npath = "{other}"\nmount = "/c"\nname = "third"\n'
    )
    result = run("-t", "-c", config, *QUICKLY)
    assert result.returncode == 78 and not result.stdout, result
    faults = result.stderr.splitlines()
    assert len(faults) == 3, result.stderr
    at = rf"^{re.escape(str(config))}:5:\d+: plugin \"{name}\": {re.escape(str(path))}: "
    assert re.search(at + WITHOUT_RETURN[name] + "$", result.stderr, re.M), result.stderr
    assert result.stderr.count("the moon is in the wrong phase") == 2
    assert not left_over(path)


def test_a_check_leaves_nothing_behind_that_a_plugin_has_started(tmp_path):
    """Nor when the check itself is ended."""
    path = tmp_path / "hanging.so"
    shutil.copy(broken("load_hangs"), path)
    check = subprocess.Popen([BINARY, "-t", path], env=environment())
    try:
        processes.wait_for(lambda: left_over(path), "a process with the plugin")
        check.kill()
    finally:
        check.wait()
    processes.wait_for(lambda: not left_over(path), lambda: f"{left_over(path)} are left")


@pytest.mark.parametrize("name", WITHOUT_RETURN)
def test_a_start_with_a_load_that_does_not_return(name):
    result = run("-b", "127.0.0.1:0", *QUICKLY, broken(name))
    assert result.returncode == 70, result
    assert re.search(rf"while loading plugin {name}$", result.stderr, re.M), result.stderr
