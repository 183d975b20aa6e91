#!/usr/bin/env python3
"""Outrider's benchmark: server CPU per request against a server that only receives and sends.

A time on a shared machine says little; a ratio taken within one round, servers one after another, and a
count say much. So each row is divided by its null server of the same round. The status is 0 whenever all
ran, whatever the figures: a benchmark is no test.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import crowd
import machine
import report
from counts import count
from load import free_port, run_wrk, wait_until_answering
from machine import Machine
from processes import Failure, Program
from report import Results, Sample
from rows import Row, all_rows, peer_rows, with_references

ROOT = Path(__file__).resolve().parents[2]
CROWD_ROUNDS = 5


def options() -> argparse.Namespace:
    """The command line; its defaults are what `make bench` runs."""
    parser = argparse.ArgumentParser(description="CPU per request of Outrider, against a null server.")
    parser.add_argument("--rounds", type=positive, default=5, help="rounds; each runs every row once (5)")
    parser.add_argument("--seconds", type=positive, default=4, help="length of one run of wrk (4)")
    parser.add_argument("--connections", type=positive, default=64, help="connections of wrk (64)")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only rows named so, and references")
    parser.add_argument("--peers", action="store_true", help="servers of others too")
    parser.add_argument("--no-counts", action="store_true", help="leave syscalls and mallocs out")
    parser.add_argument("--no-crowd", action="store_true", help="leave 10,000 connections out")
    parser.add_argument("--build", type=Path, default=ROOT / ".build", help="where the programs are (.build)")
    return parser.parse_args()


def rows(chosen: argparse.Namespace) -> list[Row]:
    """What the command line asks for."""
    build = chosen.build.resolve()
    every = all_rows(build) + (peer_rows(build) if chosen.peers else [])
    return with_references(every, chosen.rows)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def check(folder: Path, chosen: argparse.Namespace) -> None:
    """Names whatever is missing before anything runs."""
    machine.require_tool("wrk", "wrk")
    for program in "null_server", "libsame_answer_event.so", "libsame_answer_blocking.so":
        machine.require_file(folder / program)
    if chosen.peers:
        machine.require_tool("nginx", "nginx-light")
    if not chosen.no_counts:
        machine.require_tool("strace", "strace")
        machine.require_file(folder / "libmalloc_count.so")


def measure(row: Row, number: int, where: Machine, seconds: int, connections: int) -> Sample:
    """One server in one round: started for it alone, so that no round inherits another's memory layout."""
    port = free_port()
    with Program(row.arguments(port), where.server_core, where.log(row.name)) as server:
        response_size = wait_until_answering(port, server)
        before = server.cpu_seconds()
        load = run_wrk(port, where.load_core, seconds, connections, where.log("wrk"))
        cpu = server.cpu_seconds() - before
    if cpu <= 0:
        raise Failure("the server used no CPU: its processes were not found")
    return Sample(number, load.requests, load.seconds, cpu, response_size)


def run_rounds(results: Results, where: Machine, chosen: argparse.Namespace) -> None:
    """Interleaves the rows, every other round backwards: a machine that slows down then favours none."""
    for number in range(chosen.rounds):
        for row in results.rows if number % 2 == 0 else reversed(results.rows):
            if row.name in results.failures:
                continue
            try:
                sample = measure(row, number, where, chosen.seconds, chosen.connections)
            except (Failure, OSError) as error:
                results.failures[row.name] = str(error)
                say(f"round {number + 1}: {row.name}: {error}")
                continue
            results.samples.setdefault(row.name, []).append(sample)
            say(f"round {number + 1}: {row.name}: {sample.microseconds:.2f} µs/request")


def run_counts(results: Results, where: Machine) -> None:
    """The counts of each row that asks for them and has run."""
    for row in results.rows:
        if not row.counted or row.name in results.failures:
            continue
        try:
            results.counts[row.name] = count(row, where)
        except (Failure, OSError) as error:
            results.failures[row.name] = f"counts: {error}"
        say(f"counts: {row.name}")


def run_crowd(results: Results, where: Machine, seconds: int) -> None:
    """Many connections at once, of each row that asks for that and has run."""
    for row in results.rows:
        if not row.crowded or row.name in results.failures:
            continue
        try:
            results.crowds[row.name] = crowd.measure(row, where, CROWD_ROUNDS, seconds)
        except (Failure, OSError) as error:
            results.failures[row.name] = f"crowd: {error}"
        say(f"crowd: {row.name}")


def say(line: str) -> None:
    """Progress goes to standard error: standard output has the table alone."""
    print(line, file=sys.stderr, flush=True)


def end(number: int, _frame) -> None:
    """Ends as Ctrl-C does: through every `with`, which ends the processes."""
    sys.exit(128 + number)


def main() -> int:
    """Runs all, writes the results; 1 if anything did not run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    chosen = options()
    folder = chosen.build.resolve() / "bench"
    try:
        check(folder, chosen)
        where = machine.this_machine(folder)
    except Failure as error:
        say(f"bench: {error}")
        return 1
    about = {
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "machine": machine.describe(),
        "rounds": chosen.rounds,
        "seconds": chosen.seconds,
        "connections": chosen.connections,
    }
    results = Results(about, rows(chosen))
    run_rounds(results, where, chosen)
    if not chosen.no_counts:
        run_counts(results, where)
    if not chosen.no_crowd:
        run_crowd(results, where, chosen.seconds)
    table = report.text(results)
    (folder / "results.txt").write_text(table)
    (folder / "results.json").write_text(report.as_json(results))
    print(table, end="")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
