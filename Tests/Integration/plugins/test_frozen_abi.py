"""What was released of the ABI does not change: its structures, types, functions and constants."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Tests/ABI"))

import compare  # noqa: E402
import witness  # noqa: E402

PRESENT = ROOT / "Sources/COutrider/include"
RELEASED = sorted(path for path in (ROOT / "Tests/ABI").iterdir() if re.fullmatch(r"\d+\.\d+", path.name))


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.name)
def test_released_headers_hold(released):
    assert compare.faults(released, PRESENT) == []


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.name)
def test_the_constants_are_those_of_the_kept_headers(released):
    assert compare.kept_constants(released) == witness.constants(released)


def test_1_0_is_kept():
    assert RELEASED and RELEASED[0].name == "1.0"


# One change each: what it is called, what of outrider.h it replaces, by what.
GROWTH = {
    "field at the end of a table": (r"(\n};\n(?=(?:(?!\n};\n).)*?/\* ---- The plugin -))", r"\n  void (*appended)(const outrider_host *);\1"),
    "field at the end of the plugin's description": (r"\n} outrider_plugin;", r"\n  void (*appended)(void *state);\n} outrider_plugin;"),
    "field at the end of an event": (r"\n} outrider_notice_event;", r"\n  uint64_t appended;\n} outrider_notice_event;"),
    "two fields at the end": (r"\n} outrider_load_info;", r"\n  uint32_t one, other;\n} outrider_load_info;"),
    "new type": (r"\ntypedef struct outrider_host outrider_host;", r"\ntypedef struct outrider_new { uint32_t size; } outrider_new;\g<0>"),
    "new function": (r"\nstatic inline outrider_bytes outrider_text", r"\nstatic inline int outrider_new(void) { return 0; }\g<0>"),
    "new constant": (r"\n#define OUTRIDER_OK 0", r"\n#define OUTRIDER_NEW 7\g<0>"),
    "next version": (r"(#define OUTRIDER_ABI_MINOR) \d+", r"\1 99"),
}
BREAKS = {
    "field inserted in a table": (r"\n[^\n]*\(\*cancel\)", r"\n  void (*inserted)(void);\g<0>"),
    "field inserted in a structure": (r"\n  outrider_bytes path;", r"\n  outrider_bytes inserted;\g<0>"),
    "field inserted in an event": (r"(\n  const outrider_field \*(?:OUTRIDER_NULLABLE )?fields;\n  size_t n_fields;\n} outrider_head_event)", r"\n  uint64_t inserted;\1"),
    "fields reordered": (r"uint32_t status, flags;", r"uint32_t flags, status;"),
    "size and another field reordered": (r"uint32_t size, purpose;", r"uint32_t purpose, size;"),
    "functions reordered": (r"(?s)(\n[^\n;]*\(\*config_integer\)[^;]*;)(\n[^\n;]*\(\*config_boolean\)[^;]*;)", r"\2\1"),
    "field renamed": (r"uint32_t abi_required;", r"uint32_t abi_needed;"),
    "field removed": (r"\n  uint64_t deadline_ns;", ""),
    "field retyped": (r"int64_t content_length;", r"uint64_t content_length;"),
    "parameter retyped": (r"(\(\*receive\)\([^)]*)uint32_t credit", r"\1uint64_t credit"),
    "parameter added": (r"(\(\*receive\)\([^)]*uint32_t credit)", r"\1, uint32_t more"),
    "result retyped": (r"int64_t \(\*config_integer\)", r"int32_t (*config_integer)"),
    "parameter of a callback retyped": (r"outrider_status why\)", r"int64_t why)"),
    "hook retyped": (r"(worker_stop\)\([^)]*)uint64_t deadline_ns", r"\1uint32_t deadline_ns"),
    "status retyped": (r"typedef int32_t outrider_status", r"typedef int64_t outrider_status"),
    "array resized": (r"char text\[\d+\]", r"char text[256]"),
    "field resized": (r"uint32_t server_port, client_port;", r"uint64_t server_port, client_port;"),
    "frozen structure grown": (r"(typedef struct outrider_exchange {[^}]*uint64_t id;)", r"\1 uint64_t more;"),
    "type removed": (r"(?s)typedef struct outrider_file_event {.*?} outrider_file_event;", ""),
    "function retyped": (r"(static inline outrider_status outrider_early_hints\([^)]*)size_t n\)", r"\1uint32_t n)"),
    "constant changed": (r"(#define OUTRIDER_E_CLOSED) \(-3\)", r"\1 (-33)"),
    "constant of another sign": (r"(#define OUTRIDER_HTTP_2 20)u", r"\1"),
    "constant removed": (r"#define OUTRIDER_EVENT_SENT 6u", ""),
    "macro changed": (r"(#define OUTRIDER_HAS\(p, T, f\) \(\(p\)->size) >=", r"\1 >"),
    "version lower": (r"(#define OUTRIDER_ABI_VERSION) \S+", r"\1 0x0000FFFFu"),
}


def changed(folder: Path, pattern: str, replacement: str) -> Path:
    """The present headers with one change."""
    shutil.copytree(PRESENT, folder, ignore=shutil.ignore_patterns("layout.h", "testing.h", "*.modulemap", "COutrider.h"))
    header = folder / "outrider.h"
    text, count = re.subn(pattern, replacement, header.read_text(), count=1, flags=re.S if pattern.startswith("(\\n};") else 0)
    assert count == 1
    header.write_text(text)
    return folder


@pytest.mark.parametrize("growth", GROWTH)
def test_growth_passes(tmp_path, growth):
    assert compare.faults(PRESENT, changed(tmp_path / "include", *GROWTH[growth])) == []


@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_is_found(tmp_path, kind):
    broken = changed(tmp_path / "include", *BREAKS[kind])
    result = subprocess.run(
        [sys.executable, ROOT / "Tests/ABI/compare.py", PRESENT, broken], capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith(f"{PRESENT}: ")


def test_a_header_that_is_gone_is_found(tmp_path):
    released = tmp_path / "released"
    shutil.copytree(PRESENT, released)
    (released / "outrider").mkdir(exist_ok=True)
    (released / "outrider/gone.h").write_text("#include <outrider.h>\n")
    assert compare.faults(released, PRESENT) == ["outrider/gone.h is gone"]


def test_a_frozen_version_is_not_kept_anew(tmp_path):
    root = tmp_path / "root"
    (root / "Tests").mkdir(parents=True)
    shutil.copytree(ROOT / "Tests/ABI", root / "Tests/ABI")
    for folder in ("Sources/COutrider/include", "Plugins", "Tests/Plugins/program"):
        shutil.copytree(ROOT / folder, root / folder)
    header = root / "Sources/COutrider/include/outrider.h"
    header.write_text(header.read_text().replace("#define OUTRIDER_OK 0", "#define OUTRIDER_OK 0\n#define OUTRIDER_NEW 7"))

    def keep() -> subprocess.CompletedProcess:
        return subprocess.run([root / "Tests/ABI/keep.sh", "1.0"], capture_output=True, text=True)

    kept = root / "Tests/ABI/1.0"
    (kept / "frozen").unlink(missing_ok=True)
    assert keep().returncode == 0
    assert "OUTRIDER_NEW 7" in (kept / "constants").read_text() and "OUTRIDER_NEW" in (kept / "outrider.h").read_text()
    (kept / "frozen").write_text("2027-01-01\n")
    before = (kept / "constants").read_text()
    header.write_text(header.read_text().replace("OUTRIDER_NEW", "OUTRIDER_NEWER"))
    refused = keep()
    assert refused.returncode == 1 and "frozen since 2027-01-01" in refused.stderr
    assert (kept / "constants").read_text() == before
