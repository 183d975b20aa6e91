"""Programs that speak HTTP with Outrider, and what each of them says of a response."""

import json
import os
import re
import subprocess
import threading
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from programs.program import found

HERE = Path(__file__).resolve().parent
TIMEOUT = 90

# What a program does with a 103.
SHOWS = "shows"  # its user can see it
SKIPS = "skips"  # it reads on until the final response
BREAKS = "breaks"  # it takes it for the final response
BREAKS_AT_SECOND = "breaks at the second"  # it skips one, and takes another one for the final response
UNSENT = "unsent"  # it speaks HTTP/1.0, and gets none


@dataclass(frozen=True)
class Exchange:
    """A response as the program has told of it. informational: statuses and their Link fields, joined by ", "."""

    url: str
    status: int = 0
    protocol: str = ""  # empty: the program does not tell
    informational: tuple = ()
    size: int = 0
    sha256: str = ""  # empty: the program shows no content, its size alone
    fault: str = ""  # why there is no response

    @classmethod
    def of(cls, said):
        pairs = tuple((status, links) for status, links in said.pop("informational", ()))
        return cls(informational=pairs, **said)


def run(command, timeout=TIMEOUT, **options):
    """A program's output, and what went wrong: both as bytes."""
    child = subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        err += b"\nnot done within %d s" % timeout
    if child.returncode:
        err += b"\nended with %d" % child.returncode
    return out, err


@cache
def said(pattern, *command):
    """What a program says of its version."""
    out, err = run(command, timeout=30)
    match = re.search(pattern, (out + err).decode("utf-8", "replace"))
    assert match, f"{command} names no version: {out!r} {err!r}"
    return match[1]


class Client:
    """One of them. protocols: what it is to speak in cleartext and over TLS; a scheme that is missing it does not know.
    continues: over which of them it shows the 100 that it waits for before it sends content."""

    broken_status = 103  # what it takes for the status of a response behind a 103, if it breaks

    def __init__(self, name, protocols, hints, continues=()):
        self.name = name
        self.protocols = protocols
        self.hints = hints
        self.continues = continues

    def __str__(self):
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower())

    def outcome(self, count):
        """What it does with so many 103s before a response."""
        if self.hints == BREAKS_AT_SECOND:
            return SKIPS if count == 1 else BREAKS
        return self.hints

    def row(self, scheme):
        """Its row in the table."""
        protocol = self.protocols[scheme]
        return self.name if len(set(self.protocols.values())) == 1 else f"{self.name}, {protocol}"

    def version(self):
        raise NotImplementedError

    def fetch(self, urls, trusted, content, folder):
        """Fetches them one after the other, POSTs the file `content` where the path is /echo; url to Exchange."""
        raise NotImplementedError

    def fetch_all(self, urls, trusted, content, folder):
        """Those of different servers at the same time."""
        origins = defaultdict(list)
        for url in urls:
            origins[urlsplit(url).netloc].append(url)
        exchanges = {}

        def go(some, place):
            place.mkdir()
            exchanges.update(self.fetch(some, trusted, content, place))

        threads = [
            threading.Thread(target=go, args=(some, folder / str(index)))
            for index, some in enumerate(origins.values())
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return exchanges


class Reporting(Client):
    """A program of this folder: `PROGRAM TRUSTED CONTENT URL...`; it prints a line of JSON for each response."""

    def __init__(self, name, command, version, protocols, hints, continues=()):
        super().__init__(name, protocols, hints, continues)
        self.command = command  # a function: what it needs may have to be built first
        self.version = version

    def fetch(self, urls, trusted, content, folder):
        # node's fetch has no other way to be told.
        environment = os.environ | {"NODE_EXTRA_CA_CERTS": str(trusted)}
        out, err = run([*self.command(), trusted, content, *urls], cwd=folder, env=environment)
        exchanges = {}
        for line in out.decode("utf-8", "replace").splitlines():
            exchange = Exchange.of(json.loads(line))
            exchanges[exchange.url] = exchange
        silent = Exchange("", fault=f"nothing was reported: {err.decode('utf-8', 'replace')[-2000:]}")
        return {url: exchanges.get(url, silent) for url in urls}


class Starting(Reporting):
    """One whose start takes long: it fetches from all servers at once itself."""

    def fetch_all(self, urls, trusted, content, folder):
        return self.fetch(urls, trusted, content, folder)


def is_upload(url):
    return urlsplit(url).path == "/echo"


def program(name):
    """The command of one of this folder."""
    return HERE / name


