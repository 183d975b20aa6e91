#!/usr/bin/env python3
"""The time from a saved plugin to its first answer under --watch: a file is renamed to the plugin's name, as linkers and
Makefiles do. Beside it, in the same rounds, the time of the same reload by SIGHUP."""

import contextlib
import os
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path

import machine
from load import free_port
from processes import Program
from start_times import RELOAD_GOAL, TIMES, line, wait_for


class Saved:
    """A server of one plugin, of which there are two builds."""

    def __init__(self, where: machine.Machine, name: str, *flags: str):
        self.where = where
        self.name = name
        self.flags = flags
        self.port = free_port()
        self.plugin = where.folder / f"{name}.so"
        self.number = 1

    def build(self, number: int) -> Path:
        return self.where.folder / f"libsaved_{number}.so"

    def run(self, outrider: Path) -> Program:
        shutil.copy(self.build(self.number), self.plugin)
        command = [str(outrider), *self.flags, "--bind", f"127.0.0.1:{self.port}", str(self.plugin)]
        return Program(command, self.where.server_core, self.where.log(self.name))

    def wait(self, began: float) -> float:
        return wait_for(self.port, f"/{self.number}", began)

    def save(self) -> float:
        """The other build takes the plugin's place as a whole. Returns when it does."""
        self.number = 3 - self.number
        new = self.plugin.with_suffix(".so.new")
        shutil.copy(self.build(self.number), new)
        began = time.monotonic()
        os.rename(new, self.plugin)
        return began


def main(build: Path) -> None:
    where = machine.this_machine(build / "bench")
    outrider = build / "release" / "outrider"
    watched, told = Saved(where, "watched", "--watch"), Saved(where, "told")
    saves: list[float] = []
    reloads: list[float] = []
    with contextlib.ExitStack() as running:
        running.enter_context(watched.run(outrider))
        by_signal = running.enter_context(told.run(outrider))
        watched.wait(time.monotonic())
        told.wait(time.monotonic())
        for _ in range(TIMES):
            time.sleep(0.1)  # the old generations have time to end
            saves.append(watched.wait(watched.save()))
            began = told.save()
            by_signal.popen.send_signal(signal.SIGHUP)
            reloads.append(told.wait(began))
    text = "\n".join([line("async: save to new code", saves, RELOAD_GOAL), line("async: HUP to new code", reloads, RELOAD_GOAL)])
    more = statistics.median(saves) - statistics.median(reloads)
    text += f"\na save takes {more:.1f} ms more than the reload alone: changes count as complete after 25 ms without another"
    print(text)
    with open(build / "bench" / "results.txt", "a") as results:
        results.write(f"\n{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".build").resolve())
