"""The templates in examples/, which of their files are sources, and for which this machine has a toolchain."""

import os
import sys

import pytest

from server import ROOT

sys.path.insert(0, str(ROOT / "Tests/FirstMinute"))

import toolchains  # noqa: E402

# What builds leave in a folder: it is neither installed nor copied.
BUILT_FOLDERS = {"build", "target", ".build", "zig-out", "zig-cache", ".zig-cache"}
CHOSEN_VERSIONS = {"Package.resolved", "Cargo.lock", "go.sum"}
STYLES = ("blocking", "event", "async")


def templates():
    """The folders of all templates in the repository."""
    return sorted(path for path in (ROOT / "examples").iterdir() if path.name.rpartition("_")[2] in STYLES)


def sources(folder):
    """The files of a template or an SDK, as paths in its folder."""
    found = set()
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = set(folders) - BUILT_FOLDERS
        found |= {os.path.relpath(os.path.join(path, name), folder) for name in set(names) - CHOSEN_VERSIONS}
    return found


def _each_template():
    for path in templates():
        missing = toolchains.missing(path.name.partition("_")[0])
        yield pytest.param(path.name, marks=pytest.mark.skipif(bool(missing), reason=f"no {missing}"))


each_template = pytest.mark.parametrize("template", list(_each_template()))
