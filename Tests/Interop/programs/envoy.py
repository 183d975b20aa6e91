"""Envoy, of PyPI."""

from programs.program import ENVIRONMENT, Program, found

HTTP2 = """          explicit_http_config:
            http2_protocol_options: {}
"""
HTTP1 = """          explicit_http_config:
            http_protocol_options: {}
"""


class Envoy(Program):
    name = "envoy"

    @classmethod
    def version(cls):
        return cls.said(r"/([0-9]+\.[0-9]+\.[0-9]+)/", found("envoy"), "--version")

    def command(self):
        unix = f"pipe: {{ path: {self.server.socket} }}"
        tcp = f"socket_address: {{ address: 127.0.0.1, port_value: {self.server.port} }}"
        changes = {
            "socket_address: { address: 127.0.0.1, port_value: 8000 }": unix if self.behind == "unix" else tcp,
            "address: 0.0.0.0, port_value: 443": f"address: 127.0.0.1, port_value: {self.port}",
            "/etc/ssl/example.org.crt": self.identity["crt"],
            "/etc/ssl/example.org.key": self.identity["key"],
            HTTP2: HTTP2 if self.behind == "h2c" else HTTP1,
        }
        text = self.example("envoy/envoy.yaml", changes)
        return [
            found("envoy"), "-c", self.write("envoy.yaml", text), "--concurrency", "1", "--disable-hot-restart",
            "--log-level", "warning",
        ]  # fmt: skip
