#!/usr/bin/env python3
"""CPU of an echoed message of 32 bytes: Outrider with /ws/echo of demo_event, beside a server that only frames and unmasks, and
servers in Python.

All have one worker on one core, in rounds one after another. The status is 0 whenever all ran, whatever the figures.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import machine
import report
from bench import positive, say
from load import Load, free_port, parse_wrk
from machine import Machine
from processes import Failure, Program
from rows import Row

ROOT = Path(__file__).resolve().parents[2]
APPLICATIONS = Path(__file__).with_name("python_applications")
WARM_UP = 1  # seconds
NULL = "null server"
OWN = "outrider async, demo_event"
GOAL = 1.15
PATH = "/ws/echo"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU per echoed message of servers of WebSockets.")
    parser.add_argument("--rounds", type=positive, default=12, help="rounds; each runs every row once (12)")
    parser.add_argument("--seconds", type=positive, default=2, help="length of one run (2)")
    parser.add_argument("--connections", type=positive, default=64, help="WebSockets, with one message under way on each (64)")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only rows whose name has this text, and the null server")
    parser.add_argument("--build", type=Path, default=ROOT / ".build", help="where the programs are (.build)")
    return parser.parse_args()


def all_rows(build: Path) -> list[Row]:
    release = Path(os.environ.get("OUTRIDER_RELEASE") or build / "release")
    python = str(build / "bench-venv/bin/python")
    one = ("-b", "127.0.0.1:{port}", "-w", "1", "-k")
    uvicorn = (python, "-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--no-access-log", "--log-level", "error")
    granian = (python, "-m", "granian", "--interface", "asgi", "--port", "{port}", "--workers", "1", "--http", "1", "--ws")
    return [
        Row(NULL, (str(build / "bench/null_websocket"), "{port}")),
        Row(OWN, (str(release / "outrider"), str(release / "libdemo_event.so"), *one, "async"), NULL, GOAL),
        Row("websockets, uvloop", (python, str(APPLICATIONS / "echo_socket.py"), "{port}"), NULL),
        Row("uvicorn, websockets", (*uvicorn, "--ws-per-message-deflate", "false", "--ws", "websockets", "echo_socket:asgi"), NULL),
        Row("granian, uvloop", (*granian, "--loop", "uvloop", "--log-level", "error", "echo_socket:asgi"), NULL),
    ]


def run_load(port: int, where: Machine, seconds: int, connections: int) -> Load:
    arguments = [str(where.folder / "websocket_load"), str(port), PATH, str(connections), str(seconds)]
    with Program(arguments, where.load_core, where.log("websocket-load")) as load:
        return parse_wrk(load.wait(seconds + 10))


def wait_until_echoing(port: int, where: Machine, server: Program) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            run_load(port, where, WARM_UP, 1)
            return
        except Failure as error:
            if server.popen.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"no echo: {error}; {server.last_words()}") from error
            time.sleep(0.05)


def measure(row: Row, number: int, where: Machine, chosen: argparse.Namespace) -> report.Sample:
    port = free_port()
    with Program(row.arguments(port), where.server_core, where.log(row.name), {"PYTHONPATH": str(APPLICATIONS)}) as server:
        wait_until_echoing(port, where, server)
        run_load(port, where, WARM_UP, chosen.connections)
        before = server.cpu_seconds()
        load = run_load(port, where, chosen.seconds, chosen.connections)
        cpu = server.cpu_seconds() - before
    if cpu <= 0:
        raise Failure("the server used no CPU: its processes were not found")
    return report.Sample(number, load.requests, load.seconds, cpu, 0)


def run_rounds(results: report.Results, where: Machine, chosen: argparse.Namespace) -> None:
    for number in range(chosen.rounds):
        for row in results.rows if number % 2 == 0 else reversed(results.rows):
            if row.name in results.failures:
                continue
            try:
                sample = measure(row, number, where, chosen)
            except (Failure, OSError) as error:
                results.failures[row.name] = str(error)
                say(f"round {number + 1}: {row.name}: {error}")
                continue
            results.samples.setdefault(row.name, []).append(sample)
            say(f"round {number + 1}: {row.name}: {sample.microseconds:.2f} µs/message")


def table(results: report.Results) -> str:
    lines = [("server", "CPU µs/message", "", "ratio", "", "goal", "", "messages/s")]
    for row in results.rows:
        cpu, ratios = results.microseconds(row), results.ratios(row)
        goal = f"≤ {row.goal:g}" if row.goal else ""
        lines.append((
            row.name, report.middle(cpu, 2) or "failed", report.extremes(cpu, 2), report.middle(ratios, 3),
            report.extremes(ratios, 3), goal, report.verdict(ratios, row.goal), report.middle(results.rates(row), 0),
        ))
    return report.table(lines, {1, 3, 7})


def main() -> int:
    chosen = options()
    build = chosen.build.resolve()
    try:
        where = machine.this_machine(build / "bench")
        for name in ("null_websocket", "websocket_load"):
            machine.require_file(where.folder / name)
    except Failure as error:
        say(f"websocket: {error}")
        return 1
    rows = [row for row in all_rows(build) if row.name == NULL or chosen.rows.lower() in row.name.lower()]
    about = {"at": time.strftime("%Y-%m-%d %H:%M:%S %z"), "machine": machine.describe(), "rounds": chosen.rounds}
    results = report.Results(about | {"connections": chosen.connections}, rows)
    run_rounds(results, where, chosen)
    parts = [", ".join(f"{name}: {value}" for name, value in results.about.items()), table(results)]
    parts += [f"FAILED {name}: {reason}" for name, reason in results.failures.items()]
    text = "\n\n".join(parts) + "\n"
    (where.folder / "websocket.txt").write_text(text)
    samples = {name: [sample.microseconds for sample in found] for name, found in results.samples.items()}
    (where.folder / "websocket.json").write_text(json.dumps({"about": results.about, "samples": samples}, indent=2))
    print(text, end="")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
