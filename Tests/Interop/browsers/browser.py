"""A browser as a child of the tests, with a home of its own in which one authority more is trusted."""

import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import processes
from programs.program import found
from server import ROOT, end

PICTURES = ROOT / ".build/interop"
START_TIMEOUT = 60
LOAD_TIMEOUT = 45

# What a page tells of itself: the fields of its own entry, those of what it fetched, and how it looks.
REPORT = """(() => {
  const page = performance.getEntriesByType("navigation")[0];
  const heading = document.querySelector("h1"), state = document.querySelector("#state");
  return {
    protocol: page.nextHopProtocol,
    loaded: page.loadEventEnd,
    resources: performance.getEntriesByType("resource").map((one) => ({
      path: new URL(one.name).pathname, initiator: one.initiatorType, started: one.startTime })),
    colour: heading && getComputedStyle(heading).color,
    text: state && state.textContent,
  };
})()"""


class Tab:
    """A page of its own in a browser."""

    def __init__(self, browser):
        self.browser = browser
        self.handle = browser.open_tab()

    def load(self, url):
        return self._shown(lambda: self.browser.load(url))

    def evaluate(self, expression):
        return self._shown(lambda: self.browser.evaluate(expression))

    def screenshot(self):
        return self._shown(self.browser.screenshot)

    def _shown(self, act):
        before = self.browser.show(self.handle)
        try:
            return act()
        finally:
            self.browser.show(before)


class Browser:
    """Subclasses start it and speak with it: load(url) returns what REPORT gives, once all of the page is there; evaluate()
    what an expression gives in the page. open_tab() opens another page and returns its handle, show(handle) makes it the one
    that is spoken with and returns that before, and close_tab(handle) closes it."""

    name = ""

    @contextmanager
    def tabs(self, count):
        """So many pages, each a Tab, closed at the end."""
        opened = []
        try:
            for _ in range(count):
                opened.append(Tab(self))
            yield opened
        finally:
            for tab in opened:
                self.close_tab(tab.handle)

    def __init__(self, authority):
        self.home = Path(tempfile.mkdtemp(prefix="interop-browser-"))
        self.authority = authority
        try:
            self._start()
        except BaseException:
            self.end()
            raise

    def trust(self, folder):
        """Makes a certificate store in which the authority is trusted for servers."""
        folder.mkdir(parents=True, exist_ok=True)
        for words in (["-N", "--empty-password"], ["-A", "-n", "interop", "-t", "C,,", "-i", self.authority.certificate]):
            command = [found("certutil"), "-d", f"sql:{folder}", *map(str, words)]
            subprocess.run(command, check=True, capture_output=True, timeout=30)

    def launch(self, command, variables=None, **options):
        environment = os.environ | (variables or {}) | {
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "OUTRIDER_INTEROP": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_RUNTIME_DIR": str(self.home),
        }
        environment.pop("DISPLAY", None)
        with open(self.home / "output", "wb") as output:
            self.child = subprocess.Popen(
                [*map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.home,
                start_new_session=True,
                **options,
            )

    @property
    def output(self):
        return (self.home / "output").read_text("utf-8", "replace")

    def state(self):
        """For failure messages."""
        code = self.child.poll()
        how = "running" if code is None else f"ended with {code}"
        return f"{self.name} is {how}; it said:\n{self.output[-3000:]}"

    def keep_picture(self, name, png):
        """Puts a screenshot where people find it."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(png)

    def end(self):
        if hasattr(self, "child"):
            family = processes.family(self.child.pid)
            family += processes.with_environment(f"OUTRIDER_INTEROP={self.home}")
            end(self.child, family)
        with suppress(OSError):
            shutil.rmtree(self.home, ignore_errors=True)


def picture_size(png):
    """Width and height of a PNG, and how many different bytes its picture has."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:16]
    width, height = struct.unpack(">II", png[16:24])
    data, place = b"", 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + size]
        place += size + 12
    return width, height, len(set(zlib.decompress(data)))
