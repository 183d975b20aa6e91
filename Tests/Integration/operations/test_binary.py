"""What is linked and exported."""

import subprocess

import pytest

from server import BINARY, RELEASE
from timing import of_the_shipped_server

PLUGINS = ("libdemo_blocking.so", "libdemo_event.so", "libinspect.so")


def lines(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return result.stdout.splitlines()


def exported(path):
    """Names in the dynamic symbol table that the file itself defines."""
    return sorted(line.split()[-1] for line in lines("nm", "-D", "--defined-only", path))


def needed(path):
    """The libraries that the file itself asks for."""
    return [line.split("[")[1].rstrip("]") for line in lines("readelf", "-dW", path) if "(NEEDED)" in line]


def test_the_binary_finds_all_its_libraries():
    assert not [line for line in lines("ldd", BINARY) if "not found" in line]


def test_the_binary_links_no_foundation_and_no_icu():
    names = [line.split()[0].rpartition("/")[2] for line in lines("ldd", BINARY)]
    bad = [
        name
        for name in names
        if name.lower().startswith(("libfoundation", "lib_foundationicu", "libicu"))
        and name != "libFoundationEssentials.so"
    ]
    assert not bad, names


def test_the_binary_exports_nothing():
    assert exported(BINARY) == []


# Of each step of a request what its symbol has in it, module, type and name with their lengths.
STEPS = (
    "6Memory6PinnedV7WorkersAD12WorkerRecordVRszlE4take",
    "4HTTP17RequestHeadParserV5parse",
    "7Workers11HTTPChannelPAAE8dispatch",
    "7Workers14ResponseFramerV6encode",
    "7Workers16ConnectionDriverV14releaseRequest",
)
SPAN = 256 * 1024  # without a trial run they are spread over three times as much


@of_the_shipped_server
def test_what_every_request_needs_stands_together():
    symbols = [line.split() for line in lines("nm", "--defined-only", BINARY) if " t $s" in line]
    found = {step: [int(at, 16) for at, _, name in symbols if name.startswith(f"$s{step}")] for step in STEPS}
    assert all(found.values()), found
    first = [min(places) for places in found.values()]
    assert max(first) - min(first) < SPAN, f"built without a trial run? {first}"


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_exports_its_one_symbol(name):
    assert exported(RELEASE / name) == ["outrider_plugin_v1"]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_links_against_nothing_of_the_server(name):
    assert set(needed(RELEASE / name)) <= {"libc.so.6", "libm.so.6", "libpthread.so.0"}
