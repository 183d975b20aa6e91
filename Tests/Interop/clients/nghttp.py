"""nghttp: HTTP/2, in cleartext with prior knowledge. It prints frames, or content. Of the certificate it says nothing here:
it knows no IP addresses in one."""

import hashlib
import re

from clients.client import SHOWS, Client, Exchange, found, is_upload, run, said

FIELD = re.compile(r"recv \(stream_id=(\d+)(?:, sensitive)?\) (:?[^:\s]+): (.*)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Nghttp(Client):
    """Two processes for each URL: one that tells of the heads, one that prints the content."""

    def __init__(self):
        super().__init__("nghttp", {"http": "HTTP/2", "https": "HTTP/2"}, SHOWS, continues=("HTTP/2",))

    def version(self):
        return said(r"nghttp2/(\S+)", found("nghttp"), "--version")

    def fetch(self, urls, trusted, content, folder):
        return {url: self._exchange(url, content) for url in urls}

    def _exchange(self, url, content):
        command = [found("nghttp"), "--timeout=30", "--no-verify-peer"]
        if is_upload(url):
            command += [f"--data={content}", "--expect-continue"]
        frames, fault = run([*command, "--verbose", "--null-out", url])
        data, more = run([*command, url])
        if fault or more:
            return Exchange(url, fault=(fault + more).decode("utf-8", "replace"))
        heads = self._heads(COLOURS.sub("", frames.decode("latin-1")))
        if not heads:
            return Exchange(url, fault=f"no response: {frames[-2000:]!r}")
        return Exchange(
            url, heads[-1][0], "HTTP/2", tuple(heads[:-1]), len(data), hashlib.sha256(data).hexdigest()
        )

    @staticmethod
    def _heads(text):
        """Each status with the links behind it."""
        heads = []
        for _, name, value in FIELD.findall(text):
            if name == ":status":
                heads.append((int(value), []))
            elif name == "link" and heads:
                heads[-1][1].append(value)
        return [(status, ", ".join(links)) for status, links in heads]
