"""Instructions per request of the head parser, for a browser's request of 15 fields, by callgrind: the difference
between a long and a short run, so that what both do once does not count."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

SHORT, LONG = 1000, 3000
GOAL = 2500


def instructions(program: Path, rounds: int) -> int:
    """All instructions of a run that parses the request so often."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, str(rounds)],
            check=True,
            capture_output=True,
            timeout=120,
        )
        return int(re.search(r"^summary: (\d+)", out.read_text(), re.M)[1])


def main(build: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # valgrind 3.19 can't read the debug information of Swift 6.
        stripped = Path(folder) / "head-parser"
        subprocess.run(["strip", "-g", "-o", stripped, build / "release" / "head-parser"], check=True)
        count = (instructions(stripped, LONG) - instructions(stripped, SHORT)) / (LONG - SHORT)
    line = f"head parser: {count:.0f} instructions for a request of 15 fields (goal: {GOAL})"
    print(line)
    with open(build / "bench" / "results.txt", "a") as results:
        results.write(f"\n{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".build"))
