"""Outrider itself: one server that is reached in every way that programs of others know."""

import shutil
import signal
import tempfile
from pathlib import Path

import processes
from metrics import Metrics
from processes import wait_for
from server import RELEASE, Server, free_port

DEMOS = ("demo_blocking", "demo_event")
# Where clients want HTTP/2: the plugin and the worker model.
HTTP2_SETUPS = (("demo_blocking", "gthread"), ("demo_blocking", "async"), ("demo_event", "async"))


class Outrider(Server):
    """Listens in cleartext (HTTP/1 and, with prior knowledge, HTTP/2), with TLS, on a unix socket, and for proxies that
    begin with a PROXY header. settings are tables of the configuration: early_hints={"http1": "on"}."""

    def __init__(self, authority, plugin, model="async", **settings):
        place = Path(tempfile.mkdtemp(prefix="outrider-interop-"))
        h2c = "" if model == "sync" else "h2c = true\n"
        port, secure, proxied, metrics = (free_port() for _ in range(4))
        path = plugin if isinstance(plugin, Path) else RELEASE / f"lib{plugin}.so"
        self.socket = place / "http.sock"
        configuration = place / "outrider.toml"
        threads = {} if model == "sync" else {"threads": 16}
        tables = {"metrics": {"bind": f"127.0.0.1:{metrics}"}, "server": {"worker_model": model} | threads}
        for name, keys in settings.items():
            tables[name] = tables.get(name, {}) | keys
        text = "".join(
            f"[{name}]\n" + "".join(f"{key} = {written(value)}\n" for key, value in keys.items())
            for name, keys in tables.items()
        )
        text += f'[[listener]]\nbind = "127.0.0.1:{port}"\n{h2c}'
        text += f'[[listener]]\nbind = "unix:{self.socket}"\nmode = "0666"\n{h2c}'
        text += f'[[listener]]\nbind = "127.0.0.1:{proxied}"\nproxy_protocol = "any"\n{h2c}'
        text += authority.listener(f"127.0.0.1:{secure}")
        text += f'[[plugin]]\npath = "{path}"\n'
        configuration.write_text(text)
        place.chmod(0o755)  # programs that leave root behind reach the socket
        self.secure = ("127.0.0.1", secure)  # TLS, with h2 and http/1.1 by ALPN
        self.proxied = ("127.0.0.1", proxied)  # with a PROXY header of version 1 or 2
        self.metrics = Metrics(metrics)
        self.place = place
        super().__init__("-c", configuration, bind=False, port=port)

    def accepted(self):
        """How many connections it has accepted: after an answer none is left that was made before."""
        self.get("/")
        return self.metrics.value("outrider_connections_total")

    def assert_accepted(self, count):
        """That many by now, and no more."""
        self.metrics.wait(count, "outrider_connections_total")

    def forget(self):
        """Its files, after its end."""
        for folder in (self.folder, self.place):
            shutil.rmtree(folder, ignore_errors=True)

    def kill(self):
        super().kill()
        self.forget()


def written(value):
    """As TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(written, value)) + "]"
    return str(value) if isinstance(value, (int, float)) else f'"{value}"'


class Servers:
    """Running servers by what they were started with."""

    def __init__(self, authority):
        self.authority = authority
        self.running = {}

    def get(self, plugin, model, **settings):
        key = (str(plugin), model, repr(sorted(settings.items())))
        server = self.running.get(key)
        if server is None or not server.alive:
            server = self.running[key] = Outrider(self.authority, plugin, model, **settings)
        return server

    def stop(self):
        """All at the same time; each has to end well, and to leave nothing. To look at all processes for each takes too long."""
        faults = []
        running = [server for server in self.running.values() if server.alive]
        families = processes.families([server.pid for server in running])
        for server in running:
            server.child.send_signal(signal.SIGTERM)
        for server in running:
            try:
                code = server.wait()
                assert code == 0, f"exit code {code}; {server.state()}"
                family = families[server.pid]
                wait_for(lambda: not processes.still_there(family), f"nothing left of {server.command}")
                server.forget()
            except AssertionError as fault:
                faults.append(str(fault))
        for server in self.running.values():
            server.kill()
        assert not faults, "\n\n".join(faults)
