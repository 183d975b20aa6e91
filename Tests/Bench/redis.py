#!/usr/bin/env python3
"""What a GET of redis costs through an event plugin: on the worker's loop (outrider.loop/1) and by a thread of the plugin's,
beside redis alone and a plugin that answers at once. Rounds run all of them in turn; what counts are medians of rounds."""

import argparse
import contextlib
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from load import Connection, free_port, run_wrk
from processes import Failure, Program

ROOT = Path(__file__).resolve().parents[2]
VALUE = b"0123456789"
REQUEST = b"GET /key HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SERVER_CORE, CLIENT_CORE = 0, 1


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / ".build", help="where the programs are (.build)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=5000, help="one after the other in each round, for the times")
    parser.add_argument("--seconds", type=int, default=1, help="of wrk in each round, for the rates")
    parser.add_argument("--connections", type=int, default=64, help="of wrk")
    return parser.parse_args()


def start_redis(stack: contextlib.ExitStack, folder: Path) -> int:
    """Redis on a port of its own, with one key; it keeps nothing."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    stack.enter_context(Program([*command, "--dir", str(folder)], CLIENT_CORE, folder / "redis.log"))
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(b"SET key " + VALUE + b"\r\n")
                if client.recv(100) != b"+OK\r\n":
                    raise Failure("redis does not set a key")
                return port
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def start_server(stack: contextlib.ExitStack, build: Path, folder: Path, plugin: Path, redis: int | None) -> tuple[int, Program]:
    port = free_port()
    own = ["-c", f"port={redis}"] if redis else []
    command = [str(build / "release" / "outrider"), str(plugin), *own, "-b", f"127.0.0.1:{port}", "-w", "1", "-k", "async"]
    server = stack.enter_context(Program(command, SERVER_CORE, folder / f"{plugin.stem}.log"))
    deadline = time.monotonic() + 10
    while True:
        try:
            with Connection(port) as connection:
                connection.socket.sendall(REQUEST)
                if connection.socket.recv(1000).startswith(b"HTTP/1.1 200 "):
                    return port, server
        except ConnectionRefusedError:
            pass
        if time.monotonic() > deadline:
            raise Failure(f"{plugin.stem} does not answer: {server.last_words()}")
        time.sleep(0.05)


def microseconds(port: int, count: int) -> float:
    """The median time of a request on one connection."""
    times = []
    with Connection(port) as connection:
        for _ in range(count):
            began = time.perf_counter_ns()
            connection.socket.sendall(REQUEST)
            answer = connection.socket.recv(4096)
            times.append(time.perf_counter_ns() - began)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise Failure(f"not a 200: {answer!r}")
    return statistics.median(times) / 1000


def alone(build: Path, redis: int, count: int) -> float:
    command = ["taskset", "-c", str(SERVER_CORE), str(build / "bench" / "redis_alone"), str(redis), str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


def rates(port: int, server: Program, chosen: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Requests for each second of a run of wrk, and for each second of the server's processor time."""
    before = server.cpu_seconds()
    load = run_wrk(port, CLIENT_CORE, chosen.seconds, chosen.connections, folder / "wrk.log", "/key")
    return load.requests / load.seconds, load.requests / (server.cpu_seconds() - before)


def main(chosen: argparse.Namespace) -> None:
    bench = chosen.build / "bench"
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = start_redis(stack, folder)
        answer, _ = start_server(stack, chosen.build, folder, bench / "libsame_answer_event.so", None)
        loop = start_server(stack, chosen.build, folder, bench / "libredis_event.so", redis)
        thread = start_server(stack, chosen.build, folder, bench / "libredis_thread.so", redis)
        over, over_thread, ratios, cpu_ratios = [], [], [], []
        for _ in range(chosen.rounds):
            sum_of_both = alone(chosen.build, redis, chosen.requests) + microseconds(answer, chosen.requests)
            over.append(microseconds(loop[0], chosen.requests) - sum_of_both)
            over_thread.append(microseconds(thread[0], chosen.requests) - sum_of_both)
            on_loop, by_thread = rates(*loop, chosen, folder), rates(*thread, chosen, folder)
            ratios.append(on_loop[0] / by_thread[0])
            cpu_ratios.append(on_loop[1] / by_thread[1])
        print("a GET of redis, over the sum of redis alone and an event plugin's answer, one request at a time:")
        print(f"  on the loop  {statistics.median(over):+6.2f} µs (goal: at most 4)")
        print(f"  by a thread  {statistics.median(over_thread):+6.2f} µs")
        print(f"requests per second on the loop, against a thread's, {chosen.connections} connections:")
        print(f"  {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), with wrk and redis on the other processor")
        print("the same for each second of the server's processor, which the clients do not limit:")
        print(
            f"  {statistics.median(cpu_ratios):.2f} (goal: at least 1.5; {min(cpu_ratios):.2f} to {max(cpu_ratios):.2f})")


if __name__ == "__main__":
    main(options())
