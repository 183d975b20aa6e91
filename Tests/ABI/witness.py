"""A witness of headers of the ABI: C source that uses every public type and function, and the list of constants.

    python3 Tests/ABI/witness.py FOLDER source      C, to be built with -g -shared and compared by abidiff
    python3 Tests/ABI/witness.py FOLDER constants   one line each: name, value
"""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

# layout.h asserts offsets and declares nothing; testing.h belongs to a library, which is linked.
OTHERS = {"layout.h", "testing.h"}
COMPILER = os.environ.get("CC", "cc")


def headers(folder: Path) -> list[str]:
    """outrider.h and the headers of extensions, as a plugin includes them."""
    extensions = sorted(path.name for path in (folder / "outrider").glob("*.h") if path.name not in OTHERS)
    return ["outrider.h", *(f"outrider/{name}" for name in extensions)]


@functools.cache  # each is asked for several times, and the compiler is another process
def code(folder: Path, header: str) -> str:
    """A header as the compiler sees it in C: without comments, conditions and what it includes."""
    lines = subprocess.run(
        [COMPILER, "-std=c11", "-E", "-DOUTRIDER_NO_NULLABILITY", f"-I{folder}", "-x", "c", "-"],
        input=f"#include <{header}>\n", capture_output=True, text=True, check=True).stdout.splitlines()
    own, result = False, []
    for line in lines:
        if marker := re.match(r'# \d+ "([^"]*)"', line):
            own = Path(marker[1]) == folder / header
        elif own and not line.startswith("#"):
            result.append(line)
    return re.sub(r"__attribute__\s*\(\(.*?\)\)\)", "", "\n".join(result))


def outside_braces(text: str) -> str:
    result, depth = [], 0
    for character in text:
        depth -= character == "}"
        if depth == 0:
            result.append(character)
        depth += character == "{"
    return "".join(result)


def public_names(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Structures, other types, and functions that are defined or declared."""
    structures, types, functions = [], [], []
    for header in headers(folder):
        text = outside_braces(code(folder, header))
        structures += re.findall(r"\bstruct\s+(outrider_\w+)\s*\{", text)
        for definition in re.findall(r"\btypedef\b([^;]*);", text):
            pointed = re.search(r"\(\s*\*\s*(outrider_\w+)\s*\)", definition)
            name = pointed[1] if pointed else re.findall(r"outrider_\w+", definition.split("(")[0])[-1]
            types.append(name)
        functions += re.findall(r"^(?!\s*typedef)[^;{}=]*?\b(outrider_\w+)\s*\(", text, flags=re.M)
    types = [name for name in types if name not in structures]
    return unique(structures), unique(types), unique(functions)


def unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def growing(folder: Path) -> set[str]:
    """The structures that may grow: those that begin with their size."""
    text = " ".join(code(folder, header) for header in headers(folder))
    return set(re.findall(r"\bstruct\s+(outrider_\w+)\s*\{\s*uint32_t\s+size\b", text))


def source(folder: Path) -> str:
    structures, types, functions = public_names(folder)
    named = set(structures) | set(types) | set(functions)
    used = {name for header in headers(folder) for name in re.findall(r"\boutrider_\w+", outside_braces(code(folder, header)))}
    missing = used - named
    if missing:
        raise SystemExit(f"not in the witness: {', '.join(sorted(missing))}")
    lines = [f"#include <{header}>" for header in headers(folder)]
    for name in structures + types:
        lines.append(f"void witness_{name}(const {name} *value);")
        lines.append(f"void witness_{name}(const {name} *value) {{ (void)value; }}")
    for name in functions:
        if name != "outrider_plugin_v1":
            lines.append(f"__typeof__({name}) *const function_{name} = {name};")
    lines.append("const outrider_plugin *outrider_plugin_v1(const outrider_host *host) { (void)host; return NULL; }")
    return "\n".join(lines) + "\n"


def constants(folder: Path) -> dict[str, str]:
    """Every macro of the headers that is a number, as it stands there, and the text of those that take arguments."""
    include = "".join(f"#include <{header}>\n" for header in headers(folder))
    text = subprocess.run(
        [COMPILER, "-std=c11", "-E", "-dM", f"-I{folder}", "-x", "c", "-"], input=include, capture_output=True,
        text=True, check=True).stdout
    found = {}
    for name, value in re.findall(r"^#define (OUTRIDER_\w+(?:\([^)]*\))?) (.+)$", text, flags=re.M):
        is_own = not name.startswith(("OUTRIDER_NULLABLE", "OUTRIDER_NONNULL"))
        if is_own:
            found[name] = value
    return dict(sorted(found.items()))


def main() -> None:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    if what == "source":
        sys.stdout.write(source(folder))
    else:
        sys.stdout.write("".join(f"{name} {value}\n" for name, value in constants(folder).items()))


if __name__ == "__main__":
    main()
