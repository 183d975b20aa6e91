#!/usr/bin/env python3
"""HTTP/2 over TLS against nghttpd, the server of the library that frames for us: CPU per request, in the same rounds;
and what an idle connection and an open stream cost in memory.

The table is appended to that of bench.py, whose rounds these are like.
"""

import argparse
import json
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import machine
import report
from bench import end, positive, say
from load import TIMEOUT, free_port
from machine import Machine
from processes import Failure, Program
from report import Results, Sample
from rows import Row

ROOT = Path(__file__).resolve().parents[2]
BODY = "Hello, Outrider!"
CONNECTIONS, STREAMS = 16, 32
REQUESTS_PER_SECOND = 100_000  # for the length of a run
NGHTTPD = "nghttpd"
LEGEND = f"h2load -c{CONNECTIONS} -m{STREAMS} over TLS 1.3. Ratio: CPU per request over nghttpd's of that round."

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS, PING = 0x1, 0x4, 0x6
END_STREAM_AND_HEADERS = 0x5


def options() -> argparse.Namespace:
    """The command line; its defaults are what `make bench` runs."""
    parser = argparse.ArgumentParser(description="HTTP/2 over TLS: CPU per request, against nghttpd.")
    parser.add_argument("--rounds", type=positive, default=7, help="rounds; each runs every row once (7)")
    parser.add_argument("--seconds", type=positive, default=1, help="about how long a run is (1)")
    parser.add_argument("--connections", type=positive, default=500, help="idle connections that are measured (500)")
    parser.add_argument("--build", type=Path, default=ROOT / ".build", help="where the programs are (.build)")
    return parser.parse_args()


# Servers


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, P-256, made anew."""
    key, signed = folder / "http2.key", folder / "http2.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    return key, signed


def configuration(folder: Path, name: str, key: Path, signed: Path) -> Path:
    """Outrider behind TLS; the address comes from the command line's {port}."""
    file = folder / f"{name}.toml"
    file.write_text(
        # Connections that are to be idle stay so however long the others take.
        '[timeouts]\nhead = "600s"\nkeepalive = "600s"\n'
        '[[listener]]\nbind = "127.0.0.1:{port}"\n[listener.tls]\n' f'certificate = "{signed}"\nkey = "{key}"\n'
    )
    return file


def outrider(build: Path, style: str) -> tuple[str, ...]:
    """One async worker; CONFIGURATION is replaced when the port is known."""
    release = build / "release"
    plugin = str(release / f"libdemo_{style}.so")
    return (str(release / "outrider"), plugin, "-c", "{configuration}", "-w", "1", "-k", "async")


def all_rows(build: Path, folder: Path, key: Path, signed: Path) -> list[Row]:
    root = folder / "http2-root"
    root.mkdir(exist_ok=True)
    (root / "index.html").write_text(BODY)
    nghttpd = ("nghttpd", "-d", str(root), "-n1", "{port}", str(key), str(signed))
    return [
        Row(NGHTTPD, nghttpd),
        Row("outrider async, event plugin", outrider(build, "event"), NGHTTPD, 1.0),
        Row("outrider async, blocking plugin", outrider(build, "blocking"), NGHTTPD),
    ]


def start(row: Row, port: int, where: Machine, template: Path) -> Program:
    file = where.folder / "http2-run.toml"
    file.write_text(template.read_text().replace("{port}", str(port)))
    arguments = [part.replace("{configuration}", str(file)) for part in row.arguments(port)]
    return Program(arguments, where.server_core, where.log(f"http2 {row.name}"))


# CPU per request


def wait_until_listening(port: int, server: Program) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if server.popen.poll() is not None:
            raise Failure(f"the server ended with status {server.popen.returncode}: {server.last_words()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise Failure(f"nothing listens on port {port} after {TIMEOUT:.0f} s: {server.last_words()}")


def h2load(port: int, where: Machine, requests: int) -> tuple[float, int]:
    """One run: its seconds, and the bytes of an answer. Every one must be a success."""
    url = f"https://127.0.0.1:{port}/"
    arguments = ["h2load", "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}", f"-n{requests}", url]
    with Program(arguments, where.load_core, where.log("h2load")) as load:
        text = load.wait(60)
    if f"{requests} succeeded, 0 failed, 0 errored, 0 timeout" not in text or "2xx, 0 3xx, 0 4xx, 0 5xx" not in text:
        raise Failure(f"h2load: {text.strip()!r}")
    seconds = re.search(r"^finished in ([\d.]+)(us|ms|s),", text, re.MULTILINE)
    traffic = re.search(r"^traffic: .*\((\d+)\) total", text, re.MULTILINE)
    if seconds is None or traffic is None:
        raise Failure(f"h2load: {text.strip()!r}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[seconds[2]]
    return float(seconds[1]) * unit, round(int(traffic[1]) / requests)


def measure(row: Row, number: int, where: Machine, template: Path, requests: int) -> Sample:
    port = free_port()
    with start(row, port, where, template) as server:
        wait_until_listening(port, server)
        h2load(port, where, CONNECTIONS * STREAMS)
        before = server.cpu_seconds()
        seconds, size = h2load(port, where, requests)
        cpu = server.cpu_seconds() - before
    if cpu <= 0:
        raise Failure("the server used no CPU: its processes were not found")
    return Sample(number, requests, seconds, cpu, size)


def run_rounds(results: Results, where: Machine, template: Path, chosen: argparse.Namespace) -> None:
    for number in range(chosen.rounds):
        for row in results.rows if number % 2 == 0 else reversed(results.rows):
            if row.name in results.failures:
                continue
            try:
                sample = measure(row, number, where, template, chosen.seconds * REQUESTS_PER_SECOND)
            except (Failure, OSError) as error:
                results.failures[row.name] = str(error)
                say(f"round {number + 1}: {row.name}: {error}")
                continue
            results.samples.setdefault(row.name, []).append(sample)
            say(f"HTTP/2 round {number + 1}: {row.name}: {sample.microseconds:.2f} µs/request")


# Memory


def resident(pid: int) -> int:
    """The private memory of a process, in bytes: what it shares with its master is there once."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(int(number) for number in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE))


def client(protocol: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


def connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), TIMEOUT))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def request(path: bytes, stream: int) -> bytes:
    """A GET whose head is of literals, so that no table is needed."""
    block = b"\x82\x87" + b"\x01\x09localhost" + b"\x04" + bytes([len(path)]) + path
    return frame(HEADERS, END_STREAM_AND_HEADERS, stream, block)


def ask(connection: ssl.SSLSocket, protocol: str) -> None:
    """One small request and its answer."""
    if protocol == "h2":
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + request(b"/", 1))
    else:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received, wanted = b"", BODY.encode()
    while wanted not in received:
        piece = connection.recv(65536)
        if not piece:
            raise Failure(f"the server closed an idle connection: {received!r}")
        received += piece


def idle_memory(row: Row, where: Machine, template: Path, protocol: str, count: int) -> float:
    """Bytes of the worker for each connection that has had an answer and is idle."""
    port = free_port()
    with start(row, port, where, template) as server:
        wait_until_listening(port, server)
        context = client(protocol)
        warm = connect(port, context)  # whatever the first one allocates
        ask(warm, protocol)
        before = resident(server.worker())
        connections = [connect(port, context) for _ in range(count)]
        for connection in connections:
            ask(connection, protocol)
        after = resident(server.worker())
        for connection in [warm, *connections]:
            connection.close()
    return (after - before) / count


def stream_memory(row: Row, where: Machine, template: Path, count: int) -> float:
    """Bytes of the worker for each open stream whose answer is yet to be made, a hundred on a connection."""
    port = free_port()
    with start(row, port, where, template) as server:
        wait_until_listening(port, server)
        context = client("h2")
        connections = [connect(port, context) for _ in range(max(1, count // 100))]
        for connection in connections:
            ask(connection, "h2")
        before = resident(server.worker())
        for connection in connections:
            connection.sendall(b"".join(request(b"/delay?s=5", 3 + 2 * i) for i in range(100)))
            # A PING's answer says that all before it has been read.
            connection.sendall(frame(PING, 0, 0, b"outrider"))
            received = b""
            while b"outrider" not in received:
                received += connection.recv(65536) or b"outrider"
            if frame(PING, 1, 0, b"outrider") not in received or len(received) > 100:
                raise Failure(f"streams that were to stay open have ended: {received[:200]!r}")
        after = resident(server.worker())
        for connection in connections:
            connection.close()
    return (after - before) / (100 * len(connections))


def memory_lines(row: Row, where: Machine, template: Path, count: int) -> list[tuple[str, float]]:
    return [
        ("idle TLS connection, HTTP/1.1", idle_memory(row, where, template, "http/1.1", count)),
        ("idle TLS connection, HTTP/2", idle_memory(row, where, template, "h2", count)),
        ("open stream of HTTP/2 over TLS, event plugin", stream_memory(row, where, template, 1000)),
    ]


def main() -> int:
    """Runs all, appends to the results; 1 if anything did not run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    chosen = options()
    build = chosen.build.resolve()
    folder = build / "bench"
    folder.mkdir(exist_ok=True)
    try:
        for tool, package in (("h2load", "nghttp2-client"), ("nghttpd", "nghttp2-server"), ("openssl", "openssl")):
            machine.require_tool(tool, package)
        where = machine.this_machine(folder)
        key, signed = certificate(folder)
        template = configuration(folder, "http2", key, signed)
    except (Failure, OSError, subprocess.CalledProcessError) as error:
        say(f"bench: {error}")
        return 1
    results = Results({}, all_rows(build, folder, key, signed))
    run_rounds(results, where, template, chosen)
    text = report.table([report.HEADINGS] + [report.cells(results, row) for row in results.rows], report.FIGURES)
    parts = [f"HTTP/2 over TLS, rounds: {chosen.rounds}", text, LEGEND]
    memory = []
    try:
        memory = memory_lines(results.rows[1], where, template, chosen.connections)
        lines = [(name, f"{figure:.0f}") for name, figure in memory]
        parts += ["Private memory of the worker, bytes for each:", report.table(lines, {1})]
    except (Failure, OSError) as error:
        results.failures["memory"] = str(error)
    if results.failures:
        parts.append("\n".join(f"FAILED {name}: {reason}" for name, reason in results.failures.items()))
    table = "\n\n".join(parts) + "\n"
    with (folder / "results.txt").open("a") as file:
        file.write("\n" + table)
    record = {"samples": {row.name: [asdict(s) for s in results.samples.get(row.name, [])] for row in results.rows}}
    (folder / "http2.json").write_text(json.dumps(record | {"memory": dict(memory)}, indent=2) + "\n")
    print(table, end="")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
