"""Squid as an accelerator."""

from programs.program import Program, found


class Squid(Program):
    name = "squid"
    tls = False
    http2 = False
    ways = ("http/1",)

    @classmethod
    def version(cls):
        return cls.said(r"Version (\S+)", found("squid"), "-v")

    def command(self):
        changes = {
            "http_port 80 ": f"http_port 127.0.0.1:{self.port} ",
            "127.0.0.1 parent 8000": f"127.0.0.1 parent {self.server.port}",
            "example.org": "localhost",
        }
        self.folder.chmod(0o777)  # it leaves root behind
        text = (
            f"pid_filename {self.folder}/squid.pid\naccess_log none\ncache_log {self.folder}/cache.log\n"
            f"coredump_dir {self.folder}\npinger_enable off\nshutdown_lifetime 0 seconds\nmax_filedescriptors 1024\n"
            f"visible_hostname localhost\n" + self.example("squid/squid.conf", changes)
        )
        return [found("squid"), "-N", "-f", self.write("squid.conf", text)]

    def state(self):
        log = self.folder / "cache.log"
        return super().state() + (log.read_text("utf-8", "replace")[-3000:] if log.exists() else "")
