"""h2o."""

from programs.program import Program, found


class H2o(Program):
    name = "h2o"
    ways = ("http/1", "unix")

    @classmethod
    def version(cls):
        return cls.said(r"h2o version (\S+)", found("h2o"), "-v")

    def command(self):
        unix = f"http://[unix:{self.server.socket}]/"
        changes = {
            "http://127.0.0.1:8000/": unix if self.behind == "unix" else f"http://127.0.0.1:{self.server.port}/",
            "example.org:443": f"localhost:{self.port}",
            "port: 443\n": f"host: 127.0.0.1\n      port: {self.port}\n",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
        }
        user = "user: root\n" if self.root else ""
        text = f"{user}num-threads: 1\n" + self.example("h2o/h2o.conf", changes)
        return [found("h2o"), "-c", self.write("h2o.conf", text)]
