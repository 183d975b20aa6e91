"""Plugins of released versions of the ABI in the present host, and present plugins in older and later hosts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from abi import MINOR
from client import request
from matrix import MODELS, STYLES, Combination
from mock_host import COMPLETE, Mock, differences, exchange, reports
from programs import Program, Programs
from server import RELEASE, ROOT, TEST_PLUGINS
from timing import of_the_shipped_server

RELEASED_PLUGINS = Path(os.environ.get("OUTRIDER_RELEASED_PLUGINS", ROOT / ".build/released-plugins"))
VERSIONS = sorted(path.parent.name for path in (ROOT / "Tests/ABI").glob("*/plugins"))
COUNT = 150

each_version = pytest.mark.parametrize("version", VERSIONS)
each_style = pytest.mark.parametrize("style", STYLES)

# The number behind the dot of the version after the present one.
NEXT = MINOR + 1
# As the mock host shows itself: the version, and how many bytes its structures are larger. None have an extension.
HOSTS = {"1.0": (0x10000, 0), "a later 1.x": (0x10000 + NEXT, 64), "a much later 1.x": (0x10063, 256)}

DEMO_ROUTES = ["/", "/health", "/early-hints", "/version", "/headers", "/style.css", "/stream", "/nothing", "/delay?ms=20"]


def test_1_0_has_plugins():
    assert "1.0" in VERSIONS


# In the server


@each_version
def test_a_demo_of_that_time_answers_as_today(own, combination, version):
    """Status, hints, fields and body of each route are those of the present plugin."""
    old = own(RELEASED_PLUGINS / version / f"lib{combination.demo.stem.removeprefix('lib')}.so", model=combination.model)
    present = own(combination.demo, model=combination.model)

    def answer(server, method, target, body=None):
        with server.connect() as connection:
            connection.send(request(method, target, "Host: example", "Connection: close", host=None, body=body), method)
            connection.end()
            messages = connection.messages
        return [(message.status, [field for field in message.fields if field[0].lower() != "date"], message.body)
                for message in messages]

    for method, target, body in [*(("GET", route, None) for route in DEMO_ROUTES), ("HEAD", "/", None),
                                 ("POST", "/echo", b"x" * 5000)]:
        assert answer(old, method, target, body) == answer(present, method, target, body), target
    assert [status for status, _, _ in answer(old, "GET", "/early-hints")] == [103, 200]


@of_the_shipped_server
@each_version
@each_style
@pytest.mark.parametrize("model", MODELS)
def test_every_call_of_that_time_does_what_it_did(own, tmp_path, version, style, model):
    """In the server, and in the mock host."""
    plugin = RELEASED_PLUGINS / version / f"libprogram_{style}.so"
    programs = Programs(style, 100 + MODELS.index(model), abi=version).many(COUNT)
    server = own(plugin, "-c", f"report={tmp_path / 'server'}", "-w", "1", model=model)
    received = {program.number: exchange(server.address, program, tmp_path / "server") for program in programs}
    mock = Mock(plugin, model, programs, tmp_path / "mock")
    different = differences(programs, received, reports(tmp_path / "server"), mock)
    assert not different, "\n".join(different[:5])
    present = Mock(TEST_PLUGINS / f"libprogram_{style}.so", model, programs, tmp_path / "present")
    assert mock.responses == present.responses and mock.told == present.told


@of_the_shipped_server
@each_style
def test_a_plugin_built_with_a_later_header_runs(own, tmp_path, style):
    """Its description and its events are larger than this host knows; what it requires is 1.0."""
    plugin = built_later(tmp_path, style)
    programs = Programs(style, 200).many(COUNT)
    server = own(plugin, "-c", f"report={tmp_path / 'server'}", "-w", "1", model="async")
    received = {program.number: exchange(server.address, program, tmp_path / "server") for program in programs}
    mock = Mock(TEST_PLUGINS / f"libprogram_{style}.so", "async", programs, tmp_path / "mock")
    different = differences(programs, received, reports(tmp_path / "server"), mock)
    assert not different, "\n".join(different[:5])


def built_later(tmp_path, style):
    """The plugin of every call, built with the next header, which has one more field at the end of each structure."""
    include = tmp_path / "include"
    shutil.copytree(ROOT / "Sources/COutrider/include", include)
    header = include / "outrider.h"
    text = header.read_text()
    grown = set(re.findall(r"#define OUTRIDER_(\w+)_SIZE_1_0", text))
    for name in grown:
        name = name.lower()
        ends = rf"(struct outrider_{name} {{.*?\n)(}}(?: outrider_{name})?;)"
        text, count = re.subn(ends, r"\1  uint64_t appended;\n\2", text, count=1, flags=re.S)
        assert count == 1, name
    text, count = re.subn(r"(#define OUTRIDER_ABI_MINOR) \d+", rf"\1 {NEXT}", text)
    text, more = re.subn(r"(#define OUTRIDER_ABI_VERSION) 0x\w+", rf"\1 {0x10000 + NEXT:#010x}", text)
    assert count == more == 1
    header.write_text(text)
    plugin = tmp_path / f"libprogram_{style}.so"
    flags = ["-DEVENT_STYLE"] if style == "event" else []
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", "-O2", "-pthread", "-shared",
         "-fPIC", "-fvisibility=hidden", f"-I{include}", *flags, "-o", plugin, ROOT / "Tests/Plugins/program/program.c"],
        check=True)
    return plugin


# In other hosts, which the mock host plays


def plugins_of(style):
    return [TEST_PLUGINS / f"libprogram_{style}.so", *(RELEASED_PLUGINS / version / f"libprogram_{style}.so" for version in VERSIONS)]


@each_style
@pytest.mark.parametrize("host", HOSTS)
def test_plugins_of_all_times_run_in_other_hosts(tmp_path, style, host):
    programs = Programs(style, 300, abi="1.0").many(2 * COUNT)
    usual = Mock(TEST_PLUGINS / f"libprogram_{style}.so", "async", programs, tmp_path / "usual")
    for number, plugin in enumerate(plugins_of(style)):
        other = Mock(plugin, "async", programs, tmp_path / str(number), HOSTS[host])
        assert other.responses == usual.responses and other.told == usual.told
        assert other.misuses == usual.misuses


@each_style
@pytest.mark.parametrize("host", HOSTS)
def test_demos_of_all_times_run_in_other_hosts(tmp_path, style, host):
    programs = [Program(number, "GET", 11, False, "-", "-", target) for number, target in enumerate(DEMO_ROUTES)]
    programs.append(Program(len(programs), "POST", 11, False, "n5000", "-", "/echo"))
    demos = [RELEASE / f"libdemo_{style}.so", *(RELEASED_PLUGINS / version / f"libdemo_{style}.so" for version in VERSIONS)]
    usual = Mock(demos[0], "async", programs, tmp_path / "report")
    assert {ending for ending, _ in usual.responses.values()} == {COMPLETE}
    assert usual.responses[2][1].startswith(b"HTTP/1.1 103 \r\nLink: ".replace(b"Link", b"link"))
    for demo in demos:
        other = Mock(demo, "async", programs, tmp_path / "report", HOSTS[host])
        assert other.responses == usual.responses and other.misuses == []


@each_style
def test_a_host_that_is_too_old_says_so(tmp_path, style):
    """As the server does: both numbers are named."""
    later = built_later(tmp_path, style)
    text = (ROOT / "Tests/Plugins/program/program.c").read_text()
    assert ".abi_required = OUTRIDER_ABI(1, 0)" in text
    required = tmp_path / "required.c"
    required.write_text(text.replace(".abi_required = OUTRIDER_ABI(1, 0)", ".abi_required = OUTRIDER_ABI_VERSION"))
    flags = ["-DEVENT_STYLE"] if style == "event" else []
    subprocess.run(
        ["cc", "-std=c11", "-pthread", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{tmp_path / 'include'}", *flags, "-o",
         later, required], check=True)
    with pytest.raises(AssertionError, match=rf"needs ABI 1\.{NEXT}, this host has 1\.0"):
        Mock(later, "async", [], tmp_path / "report", HOSTS["1.0"])
    assert Mock(later, "async", [], tmp_path / "report", HOSTS["a later 1.x"]).responses == {}
