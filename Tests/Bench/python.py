#!/usr/bin/env python3
"""CPU per request of applications in Python: under Outrider, and under the servers that they come from.

All servers run the same libpython with the same packages, with one worker on one core, in rounds one after another. The
status is 0 whenever all ran, whatever the figures.
"""

import argparse
import json
import os
import socket
import sys
import time
from pathlib import Path

import machine
import python_memory
import report
from bench import positive, say
from load import Load, free_port, parse_wrk, run_wrk, wait_until_answering
from machine import Machine
from processes import Failure, Program
from python_rows import APPLICATIONS, Bar, Row, all_bars, all_rows, places

ROOT = Path(__file__).resolve().parents[2]
WARM_UP = 1  # seconds: a server of Python fills caches at its first requests


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU per request of servers of Python applications.")
    parser.add_argument("--rounds", type=positive, default=1, help="rounds; each runs every row once (1)")
    parser.add_argument("--seconds", type=positive, default=1, help="length of one run (1)")
    parser.add_argument("--connections", type=positive, default=64, help="keep-alive connections (64)")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only rows whose name has this text, such as WSGI:")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory of four workers out")
    parser.add_argument("--build", type=Path, default=ROOT / ".build", help="where the programs are (.build)")
    return parser.parse_args()


def run_load(row: Row, port: int, where: Machine, seconds: int, connections: int) -> Load:
    if not row.has_hints:
        return run_wrk(port, where.load_core, seconds, connections, where.log("wrk"))
    arguments = [str(where.folder / "hints_load"), str(port), str(connections), str(seconds)]
    with Program(arguments, where.load_core, where.log("hints-load")) as load:
        return parse_wrk(load.wait(seconds + 10))


def measure(row: Row, where: Machine, seconds: int, connections: int) -> float:
    """Microseconds of CPU per request, of all processes of the server."""
    port = free_port()
    with Program(row.arguments(port), where.server_core, where.log(row.name)) as server:
        wait_for_answer(row, port, server)
        run_load(row, port, where, WARM_UP, connections)
        before = server.cpu_seconds()
        load = run_load(row, port, where, seconds, connections)
        cpu = server.cpu_seconds() - before
    if cpu <= 0:
        raise Failure("the server used no CPU: its processes were not found")
    return cpu / load.requests * 1e6


def wait_for_answer(row: Row, port: int, server: Program) -> None:
    """With a 103 it is not what the simple client takes for one: any bytes will do."""
    if not row.has_hints:
        wait_until_answering(port, server)
        return
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if connection.recv(1):
                    return
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise Failure(f"nothing listens on port {port}: {server.last_words()}")


class Figures:
    """Microseconds by row and round, and why a row has none."""

    def __init__(self, rows: list[Row]):
        self.rows = rows
        self.samples: dict[str, dict[int, float]] = {row.name: {} for row in rows}
        self.failures: dict[str, str] = {}

    def ratios(self, bar: Bar) -> list[float]:
        """Against the best of the peers in each round."""
        own = self.samples.get(bar.row, {})
        peers = [self.samples.get(peer, {}) for peer in bar.peers]
        return [
            figure / min(peer[number] for peer in peers)
            for number, figure in own.items()
            if all(number in peer for peer in peers)
        ]


def run_rounds(figures: Figures, where: Machine, chosen: argparse.Namespace) -> None:
    for number in range(chosen.rounds):
        for row in figures.rows if number % 2 == 0 else reversed(figures.rows):
            if row.name in figures.failures:
                continue
            try:
                figure = measure(row, where, chosen.seconds, chosen.connections)
            except (Failure, OSError) as error:
                figures.failures[row.name] = str(error)
                say(f"round {number + 1}: {row.name}: {error}")
                continue
            figures.samples[row.name][number] = figure
            say(f"round {number + 1}: {row.name}: {figure:.2f} µs/request")


def verdict(ratios: list[float], goal: float) -> str:
    """As in bench.py where there are rounds enough for an interval; else what all rounds say."""
    least, greatest = report.median_interval(ratios)
    if least == -float("inf"):
        least, greatest = min(ratios), max(ratios)
    return "met" if greatest <= goal else "missed" if least > goal else "open"


def row_table(figures: Figures) -> str:
    lines = [("server", "CPU µs/request", "")]
    for row in figures.rows:
        samples = list(figures.samples[row.name].values())
        lines.append((row.name, report.middle(samples, 2) or "failed", report.extremes(samples, 2)))
    return report.table(lines, {1})


def bar_table(figures: Figures) -> str:
    lines = [("server", "against", "ratio", "", "goal", "")]
    for bar in all_bars():
        ratios = figures.ratios(bar)
        if ratios:
            lines.append((
                bar.row, bar.work, report.middle(ratios, 3), report.extremes(ratios, 3), f"≤ {bar.goal:g}",
                verdict(ratios, bar.goal),
            ))
    return report.table(lines, {2})


def memory_text(found: dict[str, tuple[float, float]]) -> str:
    ratio = found["outrider"][0] / found["gunicorn"][0]
    lines = [
        (name, f"{each / 2**20:.1f} MiB of a worker's own", f"{whole / 2**20:.1f} MiB of all processes' own")
        for name, (each, whole) in found.items()
    ]
    word = "met" if ratio <= python_memory.GOAL else "missed"
    return (
        f"Memory, Django, {python_memory.WORKERS} workers, loaded before the fork:\n" + report.table(lines, set())
        + f"\nA worker's: {ratio:.3f} of gunicorn's (≤ {python_memory.GOAL}: {word})"
    )


def main() -> int:
    chosen = options()
    build = chosen.build.resolve()
    os.environ["PYTHONPATH"] = str(APPLICATIONS)
    try:
        where = machine.this_machine(build / "bench")
        found = places(build)
        machine.require_tool("wrk", "wrk")
        for file in (where.folder / "hints_load", Path(found.program("python"))):
            machine.require_file(file)
        figures = Figures([row for row in all_rows(found) if chosen.rows.lower() in row.name.lower()])
    except Failure as error:
        say(f"python: {error}")
        return 1
    run_rounds(figures, where, chosen)
    about = f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}, {machine.describe()}, rounds: {chosen.rounds}"
    parts = [about, row_table(figures), bar_table(figures)]
    if not chosen.no_memory:
        try:
            commands = python_memory.commands(found)
            memory = {name: python_memory.measure(command, where, name) for name, command in commands.items()}
            parts.append(memory_text(memory))
        except (Failure, OSError) as error:
            figures.failures["memory"] = str(error)
    parts += [f"FAILED {name}: {reason}" for name, reason in figures.failures.items()]
    text = "\n\n".join(parts) + "\n"
    (where.folder / "python.txt").write_text(text)
    (where.folder / "python.json").write_text(json.dumps({"about": about, "samples": figures.samples}, indent=2))
    print(text, end="")
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(main())
