"""Plugins that do not load: one clear line each, and the right exit code."""

import os
import re
import signal
import shutil
import subprocess
from pathlib import Path

import pytest

import processes
from abi import MINOR
from control import outriderctl
from matrix import INSPECT, MODELS
from server import BINARY, RELEASE, TEST_PLUGINS, environment, run
from visible import visible_folder

GOOD = RELEASE / "libdemo_blocking.so"

# name: what its line must say, the path left out
BROKEN = {
    "no_symbol": [r"outrider_plugin_v1"],
    "wrong_major": [r"(?<!\d)2(\.0)?(?!\d)", r"(?<!\d)1(\.0)?(?!\d)"],
    "needs_newer_minor": [r"1\.999", rf"(?<!\d)1\.{MINOR}(?!\d)"],
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
    "load_hangs": r"load\(\) has not returned within boot_timeout \(3 s\)",
    "load_floods": r"load\(\) has not returned within boot_timeout \(3 s\)",
    "symbol_hangs": r"outrider_plugin_v1\(\) has not returned within boot_timeout \(3 s\)",
    "constructor_crashes": r"dlopen\(\), which runs the library's constructors, was killed by SIGSEGV",
}
# The others do in that time whatever a busy machine does.
QUICKLY = ("--set", "server.boot_timeout=3s")


def left_over(path):
    """Processes of this test that have the file mapped."""
    ours = processes.with_environment(f"PYTEST_CURRENT_TEST={os.environ['PYTEST_CURRENT_TEST']}")
    return [process.pid for process in ours if processes.has_mapped(process.pid, path.name)]


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


# What floods the supervisor is no late start.
@pytest.mark.parametrize("name", [name for name in WITHOUT_RETURN if name != "load_floods"])
def test_a_start_with_a_load_that_does_not_return(name):
    result = run("-b", "127.0.0.1:0", *QUICKLY, broken(name))
    assert result.returncode == 70, result
    assert re.search(rf"while loading plugin {name}$", result.stderr, re.M), result.stderr


# Before a fork


def test_a_start_with_a_before_fork_that_does_not_return():
    result = run("-b", "127.0.0.1:0", *QUICKLY, broken("fork_hangs"))
    assert result.returncode == 70, result
    said = r"not ready within boot_timeout \([\d.]+ s\), while running before_fork\(\) of plugin fork_hangs$"
    assert re.search(said, result.stderr, re.M), result.stderr


def test_a_start_with_a_before_fork_that_crashes():
    result = run("-b", "127.0.0.1:0", broken("fork_crashes"))
    assert result.returncode == 70, result
    said = r"was killed by SIGABRT while running before_fork\(\) of plugin fork_crashes$"
    assert re.search(said, result.stderr, re.M), result.stderr


def test_a_before_fork_that_does_not_return_later(own):
    """The master, which can do nothing else meanwhile, is ended and replaced."""
    server = own("--set", "server.boot_timeout=3s", "--set", "server.restart_backoff=1ms", broken("fork_hangs_later"))
    told = r"\[WARNING\] master: plugin fork_hangs_later: before_fork\(\) took \d+ ms, in which the master did nothing else"
    processes.wait_for(lambda: re.search(told, server.log), lambda: f"a line of the slow hook; {server.state()}")
    master, (worker,) = server.master(), server.workers()
    os.kill(worker, signal.SIGKILL)
    said = (
        rf"master {master} of generation 1 was killed by SIGALRM while running before_fork\(\) of plugin "
        "fork_hangs_later, which took longer than boot_timeout"
    )
    processes.wait_for(lambda: re.search(said, server.log), lambda: f"the end of the master; {server.state()}", 15)
    processes.wait_for(lambda: server.get("/").status == 200, lambda: f"another master; {server.state()}", 15)


# For other processors


@pytest.mark.parametrize(
    "changes, kind",
    [
        ({18: 183}, "AArch64 (64 bits)"),
        ({18: 243}, "RISC-V (64 bits)"),
        ({4: 1, 18: 3}, "x86 (32 bits)"),
        ({4: 1}, "x86-64 (32 bits)"),
        ({5: 2, 18: 0, 19: 22}, "S/390 (64 bits)"),
        ({18: 199, 19: 1}, "machine 455 (64 bits)"),
    ],
    ids=str,
)
def test_a_plugin_for_another_processor(changes, kind):
    """The dynamic loader says of it that there is no such file."""
    contents = bytearray((RELEASE / "libdemo_blocking.so").read_bytes())
    for offset, byte in changes.items():
        contents[offset] = byte
    with visible_folder() as folder:
        plugin = folder / "libother.so"
        plugin.write_bytes(contents)
        for ended in (run("-t", plugin), run("-b", "127.0.0.1:0", plugin), outriderctl("inspect", plugin)):
            assert ended.returncode == 78 and f"{plugin}: built for another architecture, {kind}, not for " in ended.stderr, ended
            assert "No such file" not in ended.stderr, ended


def slow_ones(tmp_path, timeout, count):
    """A configuration of plugins whose load() takes a second each."""
    config = tmp_path / "outrider.toml"
    slow = broken("load_slow")
    config.write_text(
        f'[server]\nboot_timeout = "{timeout}"\n'
        + "".join(f'[[plugin]]\npath = "{slow}"\nname = "slow-{i}"\nmount = "/{i}"\n' for i in range(count))
    )
    return config


def test_a_check_has_boot_timeout_for_each_plugin(tmp_path):
    """None is blamed for those before it; but together they are too slow for a start."""
    result = run("-t", "-c", slow_ones(tmp_path, "3500ms", 4))
    assert result.returncode == 78 and not result.stdout, result
    assert re.fullmatch(
        r"loading all plugins took \d+ ms, longer than boot_timeout \(3500 ms\)", result.stderr.strip()
    ), result.stderr
    assert run("-t", "-c", slow_ones(tmp_path, "20s", 2)).returncode == 0


# The same in a worker

IN_A_WORKER = {
    "load_hangs": ("worker", "load()"),
    "symbol_hangs": ("worker", "outrider_plugin_v1()"),
    "start_hangs": ("master", "worker_start()"),
    "thread_hangs": ("master", "thread_start()"),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", IN_A_WORKER)
def test_a_start_with_a_hook_of_a_worker_that_does_not_return(tmp_path, name, model):
    """Of many threads one is in it, the others wait for their turn: none of those is said to be in a hook."""
    load, hook = IN_A_WORKER[name]
    config = config_for(tmp_path, GOOD, '[[listener]]\nbind = "127.0.0.1:0"')
    with config.open("a") as file:
        file.write(f'mount = "/good"\n[[plugin]]\npath = "{broken(name)}"\nload = "{load}"\n')
    result = run("-c", config, "-k", model, "--threads", "16", *QUICKLY)
    assert result.returncode == 70, result
    said = f"workers are not ready within boot_timeout: one is in {hook} of plugin {name}"
    assert said in result.stderr, result.stderr


def test_a_start_with_a_constructor_of_a_worker_that_crashes(tmp_path):
    config = config_for(tmp_path, broken("constructor_crashes"), '[[listener]]\nbind = "127.0.0.1:0"')
    with config.open("a") as file:
        file.write('load = "worker"\n')
    result = run("-c", config)
    assert result.returncode == 70, result
    assert re.search(r"SIGSEGV.* while starting, in dlopen\(\) of plugin constructor_crashes$", result.stderr, re.M), (
        result.stderr
    )
