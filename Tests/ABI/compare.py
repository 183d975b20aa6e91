"""Compares the headers of the ABI with those of a released version: what was released does not change.

    python3 Tests/ABI/compare.py RELEASED PRESENT

Structures that begin with their size may grow at their end; types, functions and constants may be added. Everything else is
an error: a field that is inserted, reordered, renamed, retyped or resized, a constant with another value.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import witness

# A constant that says how far the version has got.
GROWING_CONSTANTS = {"OUTRIDER_ABI_MINOR", "OUTRIDER_ABI_VERSION"}


def built(folder: Path, place: Path) -> Path:
    """The witness of these headers as a shared object."""
    (place / "witness.c").write_text(witness.source(folder))
    subprocess.run(
        [witness.COMPILER, "-std=gnu11", "-g", "-O0", "-shared", "-fPIC", f"-I{folder}", "-o", place / "witness.so",
         place / "witness.c"], check=True)
    return place / "witness.so"


def faults_of_layout(released: Path, present: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        pair = built(released, Path(one)), built(present, Path(other))
        result = subprocess.run(
            ["abidiff", "--leaf-changes-only", "--harmless", "--no-show-locs", *pair], capture_output=True, text=True)
    # 1 and 2: abidiff itself failed. 4: there is a difference, 8: which programs surely notice.
    if result.returncode & 3:
        return [f"abidiff: {result.stderr.strip()}"]
    # A summary that counts, and nothing that this reads, must not pass as no difference.
    return judge(result.stdout, witness.growing(released), has_changes=result.returncode != 0)


def judge(report: str, growing: set[str], has_changes: bool = False) -> list[str]:
    """What abidiff reports beyond growth at the end."""
    faults, structure, end, understood = [], None, None, False
    for line in report.splitlines():
        text = line.strip()
        changed = re.fullmatch(r"'struct (\w+)(?: at \S+)?' changed:", text)
        resized = re.fullmatch(r"type size changed from (\d+) to (\d+) \(in bits\)", text)
        inserted = re.fullmatch(r"'.*', at offset (\d+) \(in bits\)", text)
        if not text or re.match(r"(Leaf changes|Changed leaf types) summary:", text):
            continue
        if summary := re.match(r"Removed/Changed/Added (?:functions|variables) summary: (\d+) Removed, (\d+) Changed, (\d+)", text):
            understood = understood or summary[3] != "0"
            if summary[1] != "0" or summary[2] != "0":
                faults.append(text)
        elif changed:
            structure, end, understood = changed[1], None, True
            if structure not in growing:
                faults.append(f"{structure} is frozen, and has changed")
        elif resized and structure in growing and int(resized[2]) > int(resized[1]):
            end = int(resized[1])
        elif inserted and end is not None and int(inserted[1]) >= end:
            continue
        elif re.fullmatch(r"\d+ data member insertions?:", text) or re.match(r"\d+ Added (function|variable)s?:", text):
            continue
        elif text.startswith("[A] '"):
            continue
        elif re.fullmatch(r"\d+ impacted interfaces?:?.*", text):
            continue
        else:
            faults.append(f"{structure}: {text}" if structure else text)
    if has_changes and not understood and not faults:
        faults.append(f"abidiff reports a difference that is not understood:\n{report}")
    return faults


def faults_of_constants(released: Path, present: Path) -> list[str]:
    old, new = kept_constants(released), witness.constants(present)
    faults = []
    for name, value in old.items():
        if name not in new:
            faults.append(f"{name} is gone")
        elif new[name] != value and not (name in GROWING_CONSTANTS and number(new[name]) > number(value)):
            faults.append(f"{name} was {value}, and is {new[name]}")
    return faults


def kept_constants(released: Path) -> dict[str, str]:
    """As listed when the version was kept."""
    listed = released / "constants"
    if not listed.exists():
        return witness.constants(released)
    return dict(re.match(r"(\S+\([^)]*\)|\S+) (.*)", line).groups() for line in listed.read_text().splitlines())


def number(text: str) -> int:
    return int(text.rstrip("uU"), 0)


def faults(released: Path, present: Path) -> list[str]:
    missing = [f"{header} is gone" for header in witness.headers(released) if not (present / header).exists()]
    return missing or faults_of_constants(released, present) + faults_of_layout(released, present)


def main() -> None:
    found = faults(Path(sys.argv[1]), Path(sys.argv[2]))
    for fault in found:
        print(f"{sys.argv[1]}: {fault}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
