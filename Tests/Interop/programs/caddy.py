"""Caddy."""

from programs.program import Program, found


class Caddy(Program):
    name = "caddy"

    @classmethod
    def version(cls):
        return cls.said(r"v?([0-9.]+)", found("caddy"), "version")

    def command(self):
        server = self.server
        place = {
            "http/1": f"127.0.0.1:{server.port}",
            "h2c": f"h2c://127.0.0.1:{server.port}",
            "unix": f"unix/{server.socket}",
        }[self.behind]
        changes = {
            "reverse_proxy 127.0.0.1:8000\n": f"reverse_proxy {place}\n",
            "example.org {": f"localhost:{self.port}, 127.0.0.1:{self.port} {{",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
        }
        text = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + self.example("caddy/Caddyfile", changes)
        return [found("caddy"), "run", "--config", self.write("Caddyfile", text), "--adapter", "caddyfile"]
