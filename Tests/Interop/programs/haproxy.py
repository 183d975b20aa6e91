"""haproxy, with and without a PROXY header to Outrider."""

from programs.program import Program, found

WAYS = {
    "http/1": "127.0.0.1:{port}",
    "h2c": "127.0.0.1:{port} proto h2",
    "unix": "unix@{socket}",
    "PROXY v1": "127.0.0.1:{proxied} send-proxy",
    "PROXY v2": "127.0.0.1:{proxied} send-proxy-v2-ssl-cn",
}


class Haproxy(Program):
    name = "haproxy"
    ways = tuple(WAYS)

    @classmethod
    def version(cls):
        return cls.said(r"HAProxy version ([0-9.]+)", found("haproxy"), "-v")

    def command(self):
        server = self.server
        places = {"port": server.port, "socket": getattr(server, "socket", ""), "proxied": getattr(server, "proxied", [0, 0])[1]}
        place = WAYS[self.behind].format(**places)
        changes = {
            "    server one 127.0.0.1:8000\n": f"    server one {place}\n",
            "bind :443": f"bind 127.0.0.1:{self.port}",
            "/etc/haproxy/example.org.pem": self.identity["pem"],
        }
        text = "global\n    nbthread 1\n" + self.example("haproxy/haproxy.cfg", changes)
        if self.behind.startswith("PROXY"):  # which alone says who the client is
            lines = text.splitlines(keepends=True)
            text = "".join(line for line in lines if "http-request set-header X-Forwarded" not in line)
        return [found("haproxy"), "-db", "-f", self.write("haproxy.cfg", text)]
