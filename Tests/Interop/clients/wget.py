"""wget, which speaks HTTP/1.1."""

import hashlib
import re

from clients.client import SKIPS, Client, Exchange, found, is_upload, run, said


class Wget(Client):
    """One process for each URL."""

    def __init__(self):
        super().__init__("wget", {"http": "HTTP/1.1", "https": "HTTP/1.1"}, SKIPS)

    def version(self):
        return said(r"GNU Wget (\S+)", found("wget"), "--version")

    def fetch(self, urls, trusted, content, folder):
        return {url: self._exchange(url, trusted, content, folder) for url in urls}

    def _exchange(self, url, trusted, content, folder):
        body = folder / "body"
        body.write_bytes(b"")
        command = [found("wget"), "--no-config", "--quiet", "--server-response", "--tries=1", "--timeout=30"]
        command += [f"--ca-certificate={trusted}", f"--output-document={body}"]
        if is_upload(url):
            command += [f"--post-file={content}", "--header=Content-Type: application/octet-stream"]
        _, err = run([*command, url])
        text = err.decode("latin-1")
        heads = re.findall(r"^ +(HTTP/\S+) (\d+)", text, re.MULTILINE)
        if not heads or "ended with" in text:
            return Exchange(url, fault=text)
        data = body.read_bytes()
        protocol, status = heads[-1]
        return Exchange(url, int(status), protocol, (), len(data), hashlib.sha256(data).hexdigest())
