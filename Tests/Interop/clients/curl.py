"""curl, with each of its ways to choose the version. The protocol is that of the response."""

import hashlib
import re

from clients.client import Client, Exchange, found, is_upload, run, said

LINK = re.compile(r"^link: (.*)$", re.IGNORECASE | re.MULTILINE)


class Curl(Client):
    """One process for each URL."""

    def __init__(self, option, protocols, hints, continues=()):
        super().__init__(f"curl {option}", protocols, hints, continues)
        self.option = option

    def version(self):
        return said(r"curl (\S+)", found("curl"), "--version")

    def fetch(self, urls, trusted, content, folder):
        return {url: self._exchange(url, trusted, content, folder) for url in urls}

    def _exchange(self, url, trusted, content, folder):
        head, body = folder / "head", folder / "body"
        body.write_bytes(b"")
        command = [found("curl"), "--silent", "--show-error", "--max-time", "30", self.option, "--cacert", trusted]
        command += ["--dump-header", head, "--output", body, "--write-out", "%{http_code} %{http_version}"]
        if is_upload(url):
            command += ["--data-binary", f"@{content}", "--header", "Content-Type: application/octet-stream"]
        out, err = run([*command, url])
        if err:
            return Exchange(url, fault=err.decode("utf-8", "replace"))
        status, version = out.decode().split()
        heads = re.split(r"\r?\n\r?\n", head.read_text("latin-1").strip())
        informational = tuple(
            (int(text.split()[1]), ", ".join(link.strip() for link in LINK.findall(text))) for text in heads[:-1]
        )
        data = body.read_bytes()
        return Exchange(
            url, int(status), f"HTTP/{version}", informational, len(data), hashlib.sha256(data).hexdigest()
        )
