"""Figures of the rounds, and the table and the JSON they end in."""

import json
import math
import statistics
from dataclasses import asdict, dataclass, field

from counts import AT_ONCE, Counts
from crowd import CROWD, FEW, GROWTH_GOAL, MEMORY_GOAL, Crowd
from rows import Row

HEADINGS = ("server", "CPU µs/request", "", "ratio", "", "goal", "", "requests/s", "bytes")
FIGURES = {1, 3, 7, 8}
LEGEND = (
    "Medians of the rounds (least–greatest). Ratio: CPU per request over the null server's of that round.\n"
    "Goal: met or missed where the median's interval of 90 % confidence is so, else open: run more rounds."
)


@dataclass(frozen=True)
class Sample:
    """One server in one round. `response_size` is in bytes on the wire; `cpu` is user and system seconds."""

    round: int
    requests: int
    seconds: float
    cpu: float
    response_size: int

    @property
    def microseconds(self) -> float:
        return self.cpu / self.requests * 1e6


@dataclass
class Results:
    """All that was measured: by row name, samples and counts and, for what did not run, why."""

    about: dict[str, str | int]
    rows: list[Row]
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    crowds: dict[str, Crowd] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def microseconds(self, row: Row) -> list[float]:
        return [sample.microseconds for sample in self.samples.get(row.name, [])]

    def ratios(self, row: Row) -> list[float]:
        """CPU per request against the reference row, round by round: what slows one round slows both."""
        reference = {sample.round: sample.microseconds for sample in self.samples.get(row.reference, [])}
        own = self.samples.get(row.name, [])
        return [sample.microseconds / reference[sample.round] for sample in own if sample.round in reference]

    def rates(self, row: Row) -> list[float]:
        return [sample.requests / sample.seconds for sample in self.samples.get(row.name, [])]


def text(results: Results) -> str:
    """The table, the counts below it, and what failed."""
    about = ", ".join(f"{name}: {value}" for name, value in results.about.items())
    parts = [about, table([HEADINGS] + [cells(results, row) for row in results.rows], FIGURES), LEGEND]
    if results.counts:
        parts.append("Counts of the worker, per request on keep-alive connections:")
        parts.append(table([line for entry in results.counts.items() for line in count_lines(*entry)], set()))
    if results.crowds:
        parts.append(f"With {CROWD} keep-alive connections to the worker:")
        parts.append(table([crowd_cells(name, crowd) for name, crowd in results.crowds.items()], set()))
    if results.failures:
        parts.append("\n".join(f"FAILED {name}: {reason}" for name, reason in results.failures.items()))
    return "\n\n".join(parts) + "\n"


def cells(results: Results, row: Row) -> tuple[str, ...]:
    """One line of the table; medians, with the least and the greatest of the rounds."""
    cpu, ratios, rates = results.microseconds(row), results.ratios(row), results.rates(row)
    if not cpu:
        return (row.name, "failed") + ("",) * (len(HEADINGS) - 2)
    return (
        row.name,
        middle(cpu, 2),
        extremes(cpu, 2),
        middle(ratios, 3),
        extremes(ratios, 3),
        f"≤ {row.goal:g}" if row.goal else "",
        verdict(ratios, row.goal),
        middle(rates, 0),
        str(results.samples[row.name][-1].response_size),
    )


def middle(figures: list[float], places: int) -> str:
    return f"{statistics.median(figures):.{places}f}" if figures else ""


def extremes(figures: list[float], places: int) -> str:
    return f"({min(figures):.{places}f}–{max(figures):.{places}f})" if figures else ""


def verdict(ratios: list[float], goal: float | None) -> str:
    """`met` or `missed` if these rounds can tell, else `open`: more rounds will; and the median's interval."""
    if goal is None or not ratios:
        return ""
    least, greatest = median_interval(ratios)
    word = "met" if greatest <= goal else "missed" if least > goal else "open"
    return f"{word} ({least:.3f}–{greatest:.3f})" if math.isfinite(least) else word


def median_interval(figures: list[float]) -> tuple[float, float]:
    """Where the true median lies with 90 % confidence, by order alone: noise of a machine has no known shape.

    As many figures are dropped at each end as leave a chance of at most 5 % that the median is beyond. Fewer
    than five figures cannot say.
    """
    ordered = sorted(figures)
    count = len(ordered)
    beyond = [sum(math.comb(count, below) for below in range(drop + 1)) / 2**count for drop in range(count)]
    dropped = sum(chance <= 0.05 for chance in beyond)
    return (ordered[dropped - 1], ordered[-dropped]) if dropped else (-math.inf, math.inf)


def count_lines(name: str, counts: Counts) -> list[tuple[str, ...]]:
    one, many = syscall_cells(counts.syscalls), syscall_cells(counts.syscalls_at_once)
    return [
        (name, f"mallocs {counts.mallocs:.4f}", "one at a time", *one),
        ("", "", f"{AT_ONCE} at once", *many),
    ]


def syscall_cells(syscalls: dict[str, float]) -> tuple[str, str]:
    calls = ", ".join(f"{call} {number:.3f}" for call, number in syscalls.items())
    return (f"syscalls {sum(syscalls.values()):.3f}", f"({calls})")


def crowd_cells(name: str, crowd: Crowd) -> tuple[str, ...]:
    """Memory is a count, and the same in each run."""
    return (
        name,
        f"{crowd.bytes_each:.0f} bytes of memory for each that is idle",
        f"(≤ {MEMORY_GOAL}: {'met' if crowd.bytes_each <= MEMORY_GOAL else 'missed'})",
        f"CPU/request {middle(crowd.growth, 3)} {extremes(crowd.growth, 3)} × that with {FEW}",
        f"(≤ {GROWTH_GOAL}: {verdict(crowd.growth, GROWTH_GOAL)})",
    )


def table(lines: list[tuple[str, ...]], figures: set[int]) -> str:
    """Columns as wide as their widest cell; those of figures are set to the right."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in figures else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def as_json(results: Results) -> str:
    """Every sample, for figures other than those of the table."""
    return json.dumps(
        {
            "about": results.about,
            "rows": [row_record(results, row) for row in results.rows],
            "failures": results.failures,
        },
        indent=2,
        ensure_ascii=False,
    ) + "\n"


def row_record(results: Results, row: Row) -> dict:
    cpu, ratios, rates = results.microseconds(row), results.ratios(row), results.rates(row)
    counts = results.counts.get(row.name)
    crowd = results.crowds.get(row.name)
    return {
        "name": row.name,
        "reference": row.reference,
        "goal": row.goal,
        "cpu_microseconds_per_request": statistics.median(cpu) if cpu else None,
        "ratio": statistics.median(ratios) if ratios else None,
        "requests_per_second": statistics.median(rates) if rates else None,
        "samples": [asdict(sample) for sample in results.samples.get(row.name, [])],
        "counts": asdict(counts) if counts else None,
        "crowd": asdict(crowd) if crowd else None,
    }
