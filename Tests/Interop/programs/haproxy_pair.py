"""haproxy before two instances, which it asks for /readyz."""

import csv
import re
import socket

from processes import wait_for
from programs.haproxy import Haproxy
from programs.program import found

# Of what it keeps of a server: attempts that were repeated, there or at the other server, connections that could not be
# made, responses that were none, and how often its checks took it out.
TROUBLES = ("wretr", "wredis", "econ", "eresp", "chkdown")


class HaproxyPair(Haproxy):
    """`server` is a pair of instances."""

    name = "haproxy before two"
    ways = ("http/1", "h2c")

    def command(self):
        pair = self.server
        tail = " proto h2 check-proto h1" if self.behind == "h2c" else ""
        changes = {
            "log /dev/log": "log stdout format raw",
            "/run/haproxy/admin.sock": self.folder / "admin.sock",
            "bind :443": f"bind 127.0.0.1:{self.port}",
            "/etc/haproxy/example.org.pem": self.identity["pem"],
            # An instance that stands still for a while is not down.
            "timeout server 60s": "timeout server 60s\n    timeout check 10s",
            "check port 9090 inter 1s fastinter 200ms": "check inter 100ms fastinter 50ms",
            "pool-purge-delay 1s": "pool-purge-delay 200ms",
        }
        for instance, address in zip(pair, ("10.0.0.5", "10.0.0.6")):
            place = f"127.0.0.1:{instance.port} port {instance.metrics.address[1]}{tail}"
            changes[f"server {instance.name} {address}:8000"] = f"server {instance.name} {place}"
        text = self.example("haproxy/two-instances.cfg", changes)
        text = text.replace("global\n", "global\n    nbthread 1\n", 1)
        return [found("haproxy"), "-db", "-f", self.write("haproxy.cfg", text)]

    def _listens(self):
        return super()._listens() and (self.folder / "admin.sock").exists()

    def says(self, name):
        """What it keeps of the server of that name."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(10)
            admin.connect(str(self.folder / "admin.sock"))
            admin.sendall(b"show stat\n")
            text = admin.makefile("r").read()
        for row in csv.DictReader(text.removeprefix("# ").splitlines()):
            if (row["pxname"], row["svname"]) == ("outrider", name):
                return row
        raise AssertionError(f"no server {name}: {text}")

    def uses(self, name):
        return self.says(name)["status"].startswith("UP")

    def troubles(self, name):
        said = self.says(name)
        return {trouble: int(said[trouble]) for trouble in TROUBLES}

    def line(self, query):
        """Its log line of the request with this query."""

        def logged():
            return [line for line in self.output.splitlines() if re.search(rf"[?&]{query} HTTP/", line)]

        (line,) = wait_for(logged, f"a line of {query}")
        return line
