"""The time from the start of the server to its first response, and from SIGHUP to the first response with a new
configuration, with and without clients that keep the old one busy."""

import contextlib
import signal
import socket
import statistics
import sys
import time
from pathlib import Path

import machine
from load import free_port
from processes import Failure, Program

START_GOAL = 50.0  # milliseconds
RELOAD_GOAL = 100.0
TIMES = 20
PATIENCE = 10.0  # seconds


def status(port: int, target: str) -> int:
    """The status of a response on a new connection; 0 if no server answers."""
    with socket.socket() as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return 0
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        return int(client.makefile("rb").readline().split()[1])


def wait_for(port: int, target: str, began: float) -> float:
    """Milliseconds since `began` at the first good answer."""
    while status(port, target) != 200:
        if time.monotonic() > began + PATIENCE:
            raise Failure(f"no good answer to {target} within {PATIENCE:.0f} s")
        time.sleep(0.0005)
    return (time.monotonic() - began) * 1000


class Service:
    """Outrider with a configuration file: the demo plugin on / and, under a name that says which, once more."""

    def __init__(self, build: Path, model: str):
        self.release = build / "release"
        self.file = build / "bench" / "start_times.toml"
        self.port = free_port()
        self.model = model
        self.number = 0

    @property
    def target(self) -> str:
        return f"/{self.number}/health"

    def write(self) -> None:
        """The next configuration."""
        self.number += 1
        plugin = self.release / f"libdemo_{'blocking' if self.model == 'sync' else 'event'}.so"
        self.file.write_text(
            f'[server]\nworker_model = "{self.model}"\n[control]\nsocket = ""\n'
            f'[[listener]]\nbind = "127.0.0.1:{self.port}"\n[[plugin]]\npath = "{plugin}"\n'
            f'[[plugin]]\nname = "again"\npath = "{plugin}"\nmount = "/{self.number}"\n'
        )

    def run(self, where: machine.Machine) -> Program:
        return Program([str(self.release / "outrider"), "-c", str(self.file)], where.server_core, where.log("start_times"))


def starts(service: Service, where: machine.Machine) -> list[float]:
    """From the start of the program."""
    times = []
    for _ in range(TIMES):
        service.port = free_port()
        service.write()
        began = time.monotonic()
        with service.run(where):
            times.append(wait_for(service.port, service.target, began))
    return times


def reloads(service: Service, where: machine.Machine, connections: int) -> list[float]:
    """From SIGHUP, while so many connections ask for /health without a pause."""
    times = []
    service.write()
    with contextlib.ExitStack() as running:
        server = running.enter_context(service.run(where))
        wait_for(service.port, service.target, time.monotonic())
        if connections:
            target = f"http://127.0.0.1:{service.port}/health"
            running.enter_context(
                Program(["wrk", "-t1", f"-c{connections}", "-d60s", target], where.load_core, where.log("wrk"))
            )
        for _ in range(TIMES):
            time.sleep(0.1)  # the old generation has time to end
            service.write()
            began = time.monotonic()
            server.popen.send_signal(signal.SIGHUP)
            times.append(wait_for(service.port, service.target, began))
    return times


def line(name: str, times: list[float], goal: float) -> str:
    ordered = sorted(times)
    verdict = "met" if ordered[-1] <= goal else "missed" if statistics.median(times) > goal else "missed by some"
    return (
        f"{name:44} {statistics.median(times):6.1f} ms  ({ordered[0]:.1f}–{ordered[-1]:.1f} of {len(times)})"
        f"  goal: ≤ {goal:.0f}, {verdict}"
    )


def main(build: Path) -> None:
    where = machine.this_machine(build / "bench")
    lines = []
    for model in ("async", "sync"):
        service = Service(build, model)
        lines.append(line(f"{model}: start to the first answer", starts(service, where), START_GOAL))
        lines.append(line(f"{model}: HUP to new code", reloads(service, where, 0), RELOAD_GOAL))
        lines.append(line(f"{model}: HUP to new code, under load", reloads(service, where, 16), RELOAD_GOAL))
    text = "\n".join(lines)
    print(text)
    with open(build / "bench" / "results.txt", "a") as results:
        results.write(f"\n{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".build").resolve())
