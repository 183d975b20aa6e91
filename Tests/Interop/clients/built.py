"""Programs of this folder that have to be compiled: once, until they change."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from clients.client import program
from server import ROOT

BUILT = ROOT / ".build/interop"


def built(name, source, *command, **variables):
    """The folder that the command has made of the source; it is run in that folder, with the source as its last word."""
    source = program(source)
    folder = BUILT / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    if folder.exists():
        return folder
    BUILT.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=BUILT))
    try:
        result = subprocess.run(
            [*map(str, command), source], cwd=new, env=os.environ | variables, capture_output=True, text=True, timeout=240
        )
        assert result.returncode == 0, result.stdout + result.stderr
        new.rename(folder)
    except OSError:
        assert folder.exists(), f"{folder} could not be made"  # another process was first
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder
