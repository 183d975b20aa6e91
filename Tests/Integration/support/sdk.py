"""The languages of the SDKs, and what is built of their examples."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from built_once import for_authors, installed, once, run_make, session_folder
from server import ROOT
from templates import BUILT_FOLDERS, toolchains
from timing import scaled_timeout


@dataclass(frozen=True)
class Language:
    """A language that plugins are written in."""

    name: str  # as in examples/notes_<name>
    compiler: str  # the program without which its examples are left out
    flags: tuple[str, ...] = ()  # of the server, for its plugins

    def __str__(self):
        return self.name

    @property
    def is_here(self):
        return not toolchains.missing(self.name)


# One line for each language that has examples/notes_<name>.
LANGUAGES = (
    Language("c", "cc"),
    Language("cpp", "c++"),
    Language("rust", "cargo"),
    Language("go", "go", ("--load", "worker")),
    Language("zig", "zig"),
    Language("swift", "swift"),
)

each_language = [
    pytest.param(language, id=language.name, marks=pytest.mark.skipif(not language.is_here, reason=f"no {language.compiler}"))
    for language in LANGUAGES
]


def built_example(tmp_path_factory, name) -> Path:
    """A copy of examples/<name> that its own Makefile has built against an installation."""
    prefix = installed(tmp_path_factory)

    def build(folder):
        shutil.copytree(
            ROOT / "examples" / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*BUILT_FOLDERS))
        run_make(folder, environment=for_authors(prefix))

    return once(session_folder(tmp_path_factory) / name, build)


def cargo(folder, *arguments, program="cargo", environment=()):
    """What cargo says in the folder. It has to succeed."""
    environment = os.environ | dict(environment) | {"CARGO_NET_OFFLINE": "true", "RUST_BACKTRACE": "0"}
    result = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=scaled_timeout(120))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def built_trials(tmp_path_factory) -> Path:
    """The folder of the plugins of Tests/Plugins/swift_trials, built against an installation."""
    prefix = installed(tmp_path_factory)

    def build(folder):
        source = ROOT / "Tests/Plugins/swift_trials"
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build"))
        run_make(folder, environment=for_authors(prefix))

    return once(session_folder(tmp_path_factory) / "swift_trials", build) / "build"
