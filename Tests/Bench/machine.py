"""Where the benchmark runs: a core for the server, another for the load generator, a folder for the files."""

import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from processes import Failure


@dataclass(frozen=True)
class Machine:
    """`folder` holds the benchmark's own programs, logs and results."""

    folder: Path
    server_core: int
    load_core: int

    def log(self, name: str) -> Path:
        """The file for what the program of this name prints; each start begins it anew."""
        return self.folder / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.log"


def this_machine(folder: Path) -> Machine:
    """The first two cores that this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Failure("two cores are needed: one for the server, one for the load generator")
    return Machine(folder, cores[0], cores[1])


def describe() -> str:
    """Processor, kernel and cores: what a reader of old results asks first."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = model[1] if model else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, Linux {platform.release()}"


def require_tool(tool: str, package: str) -> None:
    """Fails with the name of the Debian package if the tool is not installed."""
    if shutil.which(tool) is None:
        raise Failure(f"{tool} is missing; it is in the Debian package {package}: apt-get install {package}")


def require_file(file: Path) -> None:
    """Fails if one of the benchmark's own programs has not been built."""
    if not file.exists():
        raise Failure(f"{file} is missing; `make bench` builds it")
