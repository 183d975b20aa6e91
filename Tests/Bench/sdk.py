#!/usr/bin/env python3
"""Instructions per request of the SDKs' handlers beside the same handlers in C, by callgrind. Unlike times, they are the
same in each run but for a few under async, and for some in a hundred under sync."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from instructions import LONG, SHORT, instructions, options


@dataclass(frozen=True)
class Row:
    """A plugin of an SDK: a file of .build/bench, the worker model, C's plugin for it, and the most that it may take of
    that one's instructions."""

    name: str
    plugin: str
    model: str
    reference: str
    bar: float | None = None


BLOCKING, EVENT = "libsame_answer_blocking.so", "libsame_answer_event.so"
STATE = "libsame_answer_state.so"  # with memory for each request, as classes and coroutines have it
ROWS = (
    Row("C++, blocking", "libsame_answer_cpp_blocking.so", "sync", BLOCKING, 1.01),
    Row("C++, event", "libsame_answer_cpp_event.so", "async", STATE, 1.01),
    Row("C++, event, beside C without memory", "libsame_answer_cpp_event.so", "async", EVENT),
    Row("C++, coroutine", "libsame_answer_cpp_async.so", "async", STATE),
    Row("Rust, blocking", "libsame_answer_rust_blocking.so", "sync", BLOCKING, 1.02),
    Row("Rust, event", "libsame_answer_rust_event.so", "async", EVENT, 1.02),
    Row("Rust, async", "libsame_answer_rust_async.so", "async", STATE),
    Row("Zig, blocking", "libsame_answer_zig_blocking.so", "sync", BLOCKING, 1.01),
    Row("Zig, event", "libsame_answer_zig_event.so", "async", EVENT, 1.01),
    Row("Swift, blocking", "libsame_answer_swift_blocking.so", "sync", BLOCKING),
    Row("Swift, event", "libsame_answer_swift_event.so", "async", EVENT),
    Row("Swift, async", "libsame_answer_swift_async.so", "async", EVENT),
)


def main(build: Path) -> None:
    counts = {}

    def difference(plugin: str, model: str) -> float:
        long, short = (instructions(stripped, build / "bench" / plugin, count, model) for count in (LONG, SHORT))
        return (long - short) / (LONG - SHORT)

    def a_request(plugin: str, model: str) -> float:
        """Instructions of a request, which are counted once; the least of three where the server also waits in other ways."""
        if (plugin, model) not in counts:
            counts[plugin, model] = min(difference(plugin, model) for _ in range(1 if model == "async" else 3))
        return counts[plugin, model]

    with tempfile.TemporaryDirectory() as folder:
        # valgrind 3.19 can't read the debug information of Swift 6.
        stripped = Path(folder) / "outrider"
        subprocess.run(["strip", "-o", stripped, build / "release" / "outrider"], check=True)
        for row in ROWS:
            if not (build / "bench" / row.plugin).exists():
                print(f"{row.model}, {row.name}: left out, {row.plugin} is not built")
                continue
            count, reference = a_request(row.plugin, row.model), a_request(row.reference, row.model)
            bar = "" if row.bar is None else f", at most {row.bar}: {'met' if count <= row.bar * reference else 'MISSED'}"
            print(f"{row.model}, {row.name}: {count:.0f} instructions a request, {count / reference:.3f} of C's {reference:.0f}{bar}")


if __name__ == "__main__":
    main(options().build)
