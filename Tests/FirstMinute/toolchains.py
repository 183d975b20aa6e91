"""Where the toolchains of the languages are that templates are written in."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

PROGRAMS = {"c": "cc", "cpp": "c++", "swift": "swift", "rust": "cargo", "go": "go", "zig": "zig"}


def _candidates(language):
    """Folders that may have the program, the best first."""
    if language == "rust" and shutil.which("rustc"):
        # rustup's cargo is a launcher that needs the home directory of who installed it.
        sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
        yield Path(sysroot) / "bin"
    if language == "zig" and (package := importlib.util.find_spec("ziglang")):
        yield from map(Path, package.submodule_search_locations)
    if found := shutil.which(PROGRAMS[language]):
        yield Path(found).resolve().parent if language in ("swift", "go") else Path(found).parent


def folder(language):
    """The folder of the compiler or build tool of a language; None if there is none on this machine."""
    return next((path for path in _candidates(language) if (path / PROGRAMS[language]).exists()), None)


def missing(language):
    """The program that a template of this language lacks here; None if it has all."""
    return None if folder(language) else PROGRAMS[language]
