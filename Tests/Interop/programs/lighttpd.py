"""lighttpd."""

from programs.program import Program, found


class Lighttpd(Program):
    name = "lighttpd"
    ways = ("http/1", "unix")

    @classmethod
    def version(cls):
        return cls.said(r"lighttpd/(\S+)", found("lighttpd"), "-v")

    def command(self):
        unix = f'"host" => "{self.server.socket}"'
        tcp = f'"host" => "127.0.0.1", "port" => {self.server.port}'
        changes = {
            '"host" => "127.0.0.1", "port" => 8000': unix if self.behind == "unix" else tcp,
            '":443"': f'"127.0.0.1:{self.port}"',
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
        }
        text = (
            f'server.document-root = "{self.folder}"\nserver.port = {self.port}\nserver.bind = "127.0.0.1"\n'
            f'server.upload-dirs = ( "{self.folder}" )\n' + self.example("lighttpd/outrider.conf", changes)
        )
        return [found("lighttpd"), "-D", "-f", self.write("lighttpd.conf", text)]
