"""Load generators: they count responses and sum sizes, and show no content."""

import os
import re

from clients.client import BREAKS, HERE, SKIPS, UNSENT, Client, Exchange, found, is_upload, run, said

REQUESTS = 8
CONNECTIONS = 4


def number(pattern, text):
    match = re.search(pattern, text)
    return int(match[1]) if match else 0


class LoadGenerator(Client):
    """Of so many requests each has to be answered, all with one status and one size: these are the exchange's."""

    def fetch(self, urls, trusted, content, folder):
        return {url: self._exchange(url, content if is_upload(url) else None) for url in urls}


class Ab(LoadGenerator):
    """ApacheBench, which speaks HTTP/1.0."""

    def __init__(self):
        super().__init__("ab", {"http": "HTTP/1.0", "https": "HTTP/1.0"}, UNSENT)

    def version(self):
        return said(r"Version (\S+)", found("ab"), "-V")

    def _exchange(self, url, content):
        command = [found("ab"), "-n", REQUESTS, "-c", CONNECTIONS, "-s", 30, "-k", "-q"]
        if content:
            command += ["-p", content, "-T", "application/octet-stream"]
        out, err = run([*command, url])
        text = out.decode("latin-1")
        done, failed = number(r"Complete requests: +(\d+)", text), number(r"Failed requests: +(\d+)", text)
        if done != REQUESTS or failed or "Non-2xx" in text:
            return Exchange(url, fault=text + err.decode("latin-1"))
        return Exchange(url, 200, "", (), number(r"Document Length: +(\d+)", text))


class H2load(LoadGenerator):
    """h2load, in each of its versions. Over HTTP/2 1.52 counts a response behind a 103 as one of status 3xx."""

    broken_status = 300

    def __init__(self, protocol):
        self.option = {"HTTP/1.1": ["--h1"], "HTTP/2": []}[protocol]
        name = " ".join(["h2load", *self.option])
        super().__init__(name, {"http": protocol, "https": protocol}, BREAKS if protocol == "HTTP/2" else SKIPS)

    def version(self):
        return said(r"nghttp2/(\S+)", found("h2load"), "--version")

    def _exchange(self, url, content):
        command = [found("h2load"), "-n", REQUESTS, "-c", CONNECTIONS, "-N", 30, *self.option]
        out, err = run([*command, *([f"--data={content}"] if content else []), url])
        text = out.decode("latin-1")
        protocol = re.search(r"Application protocol: (\S+)", text)
        counts = [number(rf"(\d+) {kind}xx", text) for kind in range(2, 6)]
        if number(r"(\d+) succeeded", text) != REQUESTS or max(counts) != REQUESTS:
            return Exchange(url, fault=text + err.decode("latin-1"))
        spoken = "HTTP/2" if protocol and protocol[1].startswith("h2") else "HTTP/1.1"
        status = 200 + 100 * counts.index(REQUESTS)
        return Exchange(url, status, spoken, (), number(r"\((\d+)\) data", text) // REQUESTS)


class Wrk(LoadGenerator):
    """wrk: HTTP/1.1, for a time."""

    def __init__(self):
        super().__init__("wrk", {"http": "HTTP/1.1", "https": "HTTP/1.1"}, BREAKS)

    def version(self):
        return said(r"wrk (?:debian/)?(\S+)", found("wrk"), "-v")

    def _exchange(self, url, content):
        for seconds in (2, 5, 20) if url.endswith("/stream") else (1, 5, 20):
            text, seen = self._run(url, content, seconds)
            if seen:
                break
        if not seen or number(r"errors (\d+)", text):
            return Exchange(url, fault=text)
        # The least of the statuses tells of a 103 that was counted as a response; sizes have to be all the same.
        status, size = min(seen)
        if status >= 200 and len(seen) != 1:
            return Exchange(url, fault=f"different responses: {text}")
        return Exchange(url, status, "", (), size)

    @staticmethod
    def _run(url, content, seconds):
        """What it prints, and the pairs of status and size in it: none, where the machine has been at other things."""
        command = [found("wrk"), "-t", 1, "-c", CONNECTIONS, "-d", f"{seconds}s", "--timeout", "30s"]
        environment = os.environ | ({"OUTRIDER_CONTENT": str(content)} if content else {})
        out, err = run([*command, "-s", HERE / "wrk_report.lua", url], env=environment)
        text = (out + err).decode("latin-1")
        return text, [(int(status), int(size)) for status, size in re.findall(r"^seen (\d+) (\d+) \d+$", text, re.M)]
