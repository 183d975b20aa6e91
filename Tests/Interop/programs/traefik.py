"""Traefik, of PyPI."""

import socket
from contextlib import suppress

from programs.program import Program, found


class Traefik(Program):
    name = "traefik"
    ways = ("http/1", "h2c")

    @classmethod
    def version(cls):
        return cls.said(r"Version:\s+(\S+)", found("traefik"), "version")

    def _listens(self):
        """It does that before it knows its certificates."""
        if not super()._listens():
            return False
        with suppress(OSError), socket.create_connection(self.address, timeout=5) as plain:
            with self.authority.client().wrap_socket(plain, server_hostname="localhost"):
                return True
        return False

    def command(self):
        scheme = "h2c" if self.behind == "h2c" else "http"
        changes = {
            "http://127.0.0.1:8000": f"{scheme}://127.0.0.1:{self.server.port}",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
            "`example.org`": "`localhost`) || Host(`127.0.0.1`",
        }
        # "h2c://" stands in a comment of the example too.
        outrider = self.write("outrider.yaml", self.example("traefik/outrider.yaml", changes))
        changes = {":443": f"127.0.0.1:{self.port}", "/etc/traefik/outrider.yaml": outrider}
        static = "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\n"
        return [found("traefik"), f"--configFile={self.write('traefik.yaml', static + self.example('traefik/traefik.yaml', changes))}"]
