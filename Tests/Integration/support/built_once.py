"""What is built for a session of tests: once, though several processes run its tests."""

import fcntl
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from server import BINARY, RELEASE, ROOT
from timing import scaled


def session_folder(tmp_path_factory):
    """A temporary folder that all processes of this session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(folder, make):
    """The folder, filled by make(folder) in the first process that asks. If that has failed, it fails for all, with the
    same reason."""
    outcome = folder.with_name(f"{folder.name}.outcome")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outcome.exists():
            folder.mkdir()
            try:
                make(folder)
            except AssertionError as fault:
                outcome.write_text(str(fault))
                raise
            outcome.touch()
    fault = outcome.read_text()
    assert not fault, fault
    return folder


def run_make(folder, *arguments, environment=()):
    """`make` in the folder; what it said. It has to succeed."""
    command = ["make", "--no-print-directory", "-C", folder, *map(str, arguments)]
    result = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=scaled(540), stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")} | dict(environment),
    )  # fmt: skip
    said = f"{result.stdout}{result.stderr}"
    assert result.returncode == 0, f"{' '.join(map(str, command))} ended with {result.returncode}:\n{said[-8000:]}"
    return said


def install(prefix):
    assert BINARY.exists(), f"{BINARY} is not there: build it first, or set OUTRIDER_RELEASE"
    run_make(ROOT, "install", f"RELEASE={RELEASE}", f"PREFIX={prefix}")


def installed(tmp_path_factory) -> Path:
    """The prefix of an installation."""
    return once(session_folder(tmp_path_factory) / "installed", install)


def for_authors(prefix):
    """The environment of an author who uses this installation."""
    environment = {
        "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
        "OUTRIDER": f"{prefix}/bin/outrider",
        "GOCACHE": str(ROOT / ".build/go-cache"),  # one for all, so that the standard library is compiled once
    }
    if importlib.util.find_spec("ziglang"):  # a compiler that PyPI has
        environment["ZIG"] = f"{sys.executable} -m ziglang"
    return environment
