"""Apache httpd."""

from programs.program import Program, found

MODULES = (
    "mpm_event", "authz_core", "headers", "ssl", "socache_shmcb", "http2", "proxy", "proxy_http", "proxy_http2",
)  # fmt: skip


class Apache(Program):
    name = "apache"

    @classmethod
    def version(cls):
        return cls.said(r"Apache/(\S+)", found("apache2"), "-v")

    def command(self):
        server = self.server
        place = {
            "http/1": f"http://127.0.0.1:{server.port}/",
            "h2c": f"h2c://127.0.0.1:{server.port}/",
            "unix": f"unix:{server.socket}|http://localhost/",
        }[self.behind]
        changes = {
            "http://127.0.0.1:8000/": place,
            "*:443": f"127.0.0.1:{self.port}",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
            "example.org": "localhost",
        }
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
        user = "User www-data\nGroup www-data\n" if self.root else ""
        text = (
            f"ServerRoot {self.folder}\nServerName localhost\nPidFile {self.folder}/apache.pid\n"
            f"DefaultRuntimeDir {self.folder}\nErrorLog /dev/stderr\n{user}Listen 127.0.0.1:{self.port}\n"
            f"StartServers 1\nServerLimit 1\nThreadsPerChild 64\nMaxRequestWorkers 64\nMaxConnectionsPerChild 0\n"
            f"{modules}" + self.example("apache/outrider.conf", changes)
        )
        return [found("apache2"), "-DFOREGROUND", "-f", self.write("apache.conf", text)]
