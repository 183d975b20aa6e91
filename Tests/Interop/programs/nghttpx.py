"""nghttpx, of nghttp2."""

from programs.program import Program, found


class Nghttpx(Program):
    name = "nghttpx"

    @classmethod
    def version(cls):
        return cls.said(r"nghttp2/(\S+)", found("nghttpx"), "--version")

    def command(self):
        server = self.server
        place = {
            "http/1": f"127.0.0.1,{server.port}",
            "h2c": f"127.0.0.1,{server.port};;proto=h2",
            "unix": f"unix:{server.socket}",
        }[self.behind]
        changes = {
            "backend=127.0.0.1,8000;;proto=h2\n": f"backend={place}\n",
            "frontend=*,443": f"frontend=127.0.0.1,{self.port}",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
        }
        text = "workers=1\n" + self.example("nghttpx/nghttpx.conf", changes)
        return [found("nghttpx"), f"--conf={self.write('nghttpx.conf', text)}"]
