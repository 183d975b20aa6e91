"""hitch: it ends TLS, and knows nothing of HTTP."""

from programs.program import Program, found


class Hitch(Program):
    """HTTP/1 and HTTP/2 go through it as they are, behind a PROXY header."""

    name = "hitch"
    ways = ("http/1",)

    @classmethod
    def version(cls):
        return cls.said(r"hitch ([0-9.]+)", found("hitch"), "--version")

    def command(self):
        changes = {
            "[127.0.0.1]:8000": f"[127.0.0.1]:{self.server.proxied[1]}",
            "[*]:443": f"[127.0.0.1]:{self.port}",
            "/etc/hitch/example.org.pem": self.identity["pem"],
        }
        user = 'user = "_hitch"\n' if self.root else ""
        text = f"{user}workers = 1\n" + self.example("hitch/hitch.conf", changes)
        return [found("hitch"), "--config", self.write("hitch.conf", text)]
