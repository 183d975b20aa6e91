#!/usr/bin/env python3
"""Instructions per request of async with an event plugin, by callgrind: the difference between a long and a short run of
64 keep-alive connections, one request at a time on each, so that what both do once does not count."""

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from load import free_port

ROOT = Path(__file__).resolve().parents[2]
SHORT, LONG = 6400, 64000
CONNECTIONS = 64
# As wrk sends it.
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
BODY = b"Hello, Outrider!"
START, END = 60, 60  # seconds at most


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Instructions per request, by callgrind.")
    parser.add_argument("--build", type=Path, default=ROOT / ".build", help="where the programs are (.build)")
    return parser.parse_args()


def connect(port: int) -> socket.socket:
    """A connection, once the server listens."""
    deadline = time.monotonic() + START
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=START)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def ask_anew(port: int, count: int) -> None:
    """So many requests, each on a connection of its own: sync keeps none."""
    for _ in range(count):
        with connect(port) as client:
            client.sendall(REQUEST)
            assert client.recv(65536).endswith(BODY)


def ask(port: int, count: int) -> None:
    """So many requests, one on each of the connections at a time."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(CONNECTIONS)]
        for _ in range(count // CONNECTIONS):
            for client in clients:
                client.sendall(REQUEST)
            for client in clients:
                answer = client.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200 "), answer
                assert answer.endswith(BODY), answer


def instructions(program: Path, plugin: Path, count: int, model: str = "async") -> int:
    """All instructions of the server's processes in a run of so many requests."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={folder}/%p", program]
        command += ["-b", f"127.0.0.1:{port}", "-w", "1", "-k", model, "--set", "timeouts.worker=0", plugin]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            (ask_anew if model == "sync" else ask)(port, count)
            os.kill(server.pid, signal.SIGTERM)
            server.wait(END)
        finally:
            server.kill()
            server.wait()
        totals = [re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M) for out in Path(folder).iterdir()]
        return sum(int(total[1]) for total in totals if total)


def main(build: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # valgrind 3.19 can't read the debug information of Swift 6.
        stripped = Path(folder) / "outrider"
        subprocess.run(["strip", "-o", stripped, build / "release" / "outrider"], check=True)
        plugin = build / "bench" / "libsame_answer_event.so"
        count = (instructions(stripped, plugin, LONG) - instructions(stripped, plugin, SHORT)) / (LONG - SHORT)
    print(f"async, event plugin: {count:.0f} instructions a request")


if __name__ == "__main__":
    main(options().build)
