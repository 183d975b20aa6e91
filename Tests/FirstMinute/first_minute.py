#!/usr/bin/env python3
"""The first minute of an author, for each template: make a plugin, serve it, change it, break it, mend it, test it; then
serve it in every worker model, and check it.

    Tests/FirstMinute/first_minute.py TREE [LANGUAGE_STYLE…]

TREE is what `make install PREFIX=TREE` has made. The author has an empty home directory, the programs of TREE and of the
toolchain, and no network; this repository is hidden. Asserts what goes over the wire, and prints how long each step took.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Integration/support"))

import client
import http1  # noqa: F401 (before the repository is hidden, like what follows)
import namespace
import processes
import timing
import toolchains
from processes import wait_for

ADDRESS = ("127.0.0.1", 8000)
# A build from nothing, on a machine with other work.
BUILD_TIMEOUT = 120
BROKEN = "\n)( this is no source\n"


class Author:
    """Somebody with an empty home directory, an installed tree and the toolchain of a language."""

    def __init__(self, tree, toolchain, home):
        self.home = home
        self.environment = {
            "HOME": str(home),
            "PATH": f"{tree}/bin:{toolchain}:/usr/bin:/bin",
            "PKG_CONFIG_PATH": f"{tree}/lib/pkgconfig",
            "LC_ALL": "C.UTF-8",
        }

    def does(self, *command, folder="."):
        """What the command says, on either stream; it has to succeed."""
        ended = subprocess.run(
            command,
            cwd=self.home / folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timing.scaled_timeout(BUILD_TIMEOUT),
        )
        assert ended.returncode == 0, f"`{' '.join(command)}` ended with {ended.returncode}:\n{ended.stdout}"
        return ended.stdout

    @contextmanager
    def serves(self, folder, *command):
        """The command, or `make run`, in the folder, until Ctrl-C."""
        run = Run(self, folder, command or ("make", "run"))
        try:
            yield run
            run.interrupt()
        finally:
            run.kill()


class Run:
    """A running `make run`, or another server."""

    def __init__(self, author, folder, command):
        self.command = " ".join(command)
        self.log = author.home / "run.log"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                command,
                cwd=author.home / folder,
                env=author.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started = processes.look(self.child.pid).started

    @property
    def output(self):
        return self.log.read_text("utf-8", "replace")

    def page(self):
        """The final response to a request and the 103 before it."""
        with client.Connection(ADDRESS) as connection:
            connection.send(client.request("GET", "/"))
            hint, response = connection.informational(), connection.final()
        assert hint.status == 103 and hint.get("link") == "</style.css>; rel=preload; as=style", hint
        assert response.status == 200 and response.get("content-type").startswith("text/plain"), response
        return response.body.decode()

    def begins_to_serve(self, page):
        wait_for(self._accepts, lambda: f"a server on {ADDRESS}; {self.state()}", BUILD_TIMEOUT)
        assert self.page() == page, self.state()

    def _accepts(self):
        assert self.child.poll() is None, self.state()
        try:
            client.Connection(ADDRESS).close()
            return True
        except ConnectionRefusedError:
            return False

    def comes_to_serve(self, page, former):
        """Each request has an answer meanwhile: the new page, or the former."""

        def is_new():
            found = self.page()
            assert found in (page, former), f"{found!r}; {self.state()}"
            return found == page

        wait_for(is_new, lambda: f"the page {page!r}; {self.state()}", BUILD_TIMEOUT)

    def shows_error(self, source, before):
        """A line of the compiler about this file, after so much output."""

        def is_shown():
            shown = self.output[before:]
            return f"{source.name}:" in shown and "error" in shown

        wait_for(is_shown, lambda: f"an error in {source.name}; {self.state()}", BUILD_TIMEOUT)

    def interrupt(self):
        """Ctrl-C. Nothing is left."""
        family = processes.family(self.child.pid, self.started)
        os.killpg(self.child.pid, signal.SIGINT)
        self.child.wait(timing.scaled_timeout(20))
        wait_for(lambda: not processes.still_there(family), lambda: f"the end of {family}; {self.state()}")

    def kill(self):
        for process in processes.family(self.child.pid, self.started):
            os.kill(process.pid, signal.SIGKILL)
        self.child.wait()

    def state(self):
        return f"`{self.command}` ended with {self.child.poll()}, and said:\n{self.output[-8000:]}"


def source_of(folder, text):
    """The one source file with this string literal, apart from tests."""
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file() and "test" not in str(path.relative_to(folder)).lower() and text in path.read_text()
    ]
    assert len(found) == 1, f"{text} is in {found}"
    return found[0]


def files(folder):
    chosen = {"Package.resolved", "Cargo.lock", "go.sum"}
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name not in chosen}


def save(source, text):
    """As an editor that replaces the file."""
    new = source.with_name(f".{source.name}.new")
    new.write_text(text)
    new.rename(source)


class Clock:
    """Prints how long each step has taken."""

    def __init__(self, name):
        self.name, self.at = name, time.monotonic()

    def step(self, what):
        now = time.monotonic()
        print(f"{self.name:16}{now - self.at:8.1f} s  {what}", flush=True)
        self.at = now


def first_minute(template, tree, toolchain, home):
    language, style = template.split("_")
    author = Author(tree, toolchain, home)
    clock = Clock(template)
    said = author.does("outriderctl", "new", "demo", "--lang", language, "--style", style)
    assert said.endswith("cd demo && make run\n"), said
    made = files(home / "demo")
    source = source_of(home / "demo", 'demo\\n"')
    original = source.read_text()
    plugin = home / "demo/build/libdemo.so"
    with author.serves("demo") as run, ExitStack() as files_open:
        run.begins_to_serve("demo\n")
        former = files_open.enter_context(plugin.open("rb"))
        content = former.read()
        (command,) = [line for line in run.output.splitlines() if line.startswith("curl ")]
        shown = author.does(*command.split())
        assert "< HTTP/1.1 103 Early Hints" in shown and "demo\n" in shown, shown
        clock.step("new, make run: the first answer")

        edited = original.replace('demo\\n"', 'edited\\n"')
        source.write_text(edited)
        run.comes_to_serve("edited\n", former="demo\n")
        former.seek(0)
        assert former.read() == content, "the former build was overwritten, which a server has mapped"
        assert plugin.read_bytes() != content
        clock.step("a save: the new answer")

        before = len(run.output)
        source.write_text(edited + BROKEN)
        run.shows_error(source, before)
        assert run.page() == "edited\n", run.state()
        clock.step("a broken save: the error, and the former answer")

        save(source, original.replace('demo\\n"', 'mended\\n"'))
        run.comes_to_serve("mended\n", former="edited\n")
        clock.step("a mended save: the new answer")
    # Its runtime starts threads, so the master, which forks, cannot load it.
    place = ["--load", "worker"] if language == "go" else []
    for model in ("sync", "gthread", "async"):
        with author.serves("demo", "outrider", *place, "-k", model, "-b", "127.0.0.1:8000", "build/libdemo.so") as run:
            run.begins_to_serve("mended\n")
    clock.step("each worker model")
    author.does("outriderctl", "check", "build/libdemo.so", folder="demo")
    clock.step("outriderctl check")
    save(source, original)
    author.does("make", "test", folder="demo")
    clock.step("make test")
    author.does("make", "clean", folder="demo")
    assert files(home / "demo") == made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path, help="an installed tree outside of the repository")
    parser.add_argument("templates", nargs="*", help="LANGUAGE_STYLE; default: all")
    arguments = parser.parse_args()
    tree = arguments.tree.resolve()
    if tree.is_relative_to(ROOT):
        parser.error(f"{tree} is in the repository, which is hidden from the author")
    installed = sorted(path.name for path in (tree / "share/outrider/templates").iterdir())
    if unknown := set(arguments.templates) - set(installed):
        parser.error(f"no such template: {', '.join(sorted(unknown))}; there are {', '.join(installed)}")
    namespace.enter()
    namespace.bring_loopback_up()
    place = Path(tempfile.mkdtemp(prefix="outrider-first-minute-"))
    place.chmod(0o755)
    try:
        found = {name: toolchains.folder(name.partition("_")[0]) for name in arguments.templates or installed}
        # The tests' own Python environment may be in the repository, and has a toolchain.
        namespace.hide(ROOT, kept=Path(sys.prefix))
        for name, toolchain in found.items():
            if toolchain:
                home = place / name
                home.mkdir()
                first_minute(name, tree, toolchain, home)
            else:
                print(f"{name}: left out, for there is no {toolchains.PROGRAMS[name.partition('_')[0]]}", flush=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
