"""Varnish, which has no TLS."""

from programs.program import Program, found


class Varnish(Program):
    name = "varnish"
    tls = False
    http2 = False
    ways = ("http/1", "unix")

    @classmethod
    def version(cls):
        return cls.said(r"varnish-([0-9.]+)", found("varnishd"), "-V")

    def command(self):
        unix = self.behind == "unix"
        changes = {
            '    .host = "127.0.0.1";\n': f'    .path = "{self.server.socket}";\n' if unix else '    .host = "127.0.0.1";\n',
            '    .port = "8000";\n': "" if unix else f'    .port = "{self.server.port}";\n',
        }
        vcl = self.write("outrider.vcl", self.example("varnish/outrider.vcl", changes))
        work = ["-j", "none", "-n", self.folder / "work", "-s", "malloc,16m"]
        return [found("varnishd"), "-F", *work, "-a", f"127.0.0.1:{self.port}", "-f", vcl]
