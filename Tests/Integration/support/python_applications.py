"""Servers of Python applications, each started with a configuration file of its own."""

import json
import os
import sys
from pathlib import Path

import pytest

from client import Connection, request
from server import RELEASE, Server, free_port, run

APPLICATIONS = Path(__file__).resolve().parents[1] / "python/applications"
# For the system's Python; the variable selects another.
PLUGIN = os.environ.get("OUTRIDER_PYTHON_PLUGIN") or next(iter(RELEASE.glob("liboutrider-python3.*.so")), None)
INTERFACES = ("wsgi", "asgi")
MODES = ("thread", "guest")
PAGES = {"wsgi": "wsgi_pages:app", "asgi": "asgi_pages:app"}

# Where the plugin's Python can load what the tests' environment has.
needs_packages = pytest.mark.skipif(
    f"python{sys.version_info[0]}.{sys.version_info[1]}." not in str(PLUGIN), reason="the plugin is of another Python"
)
needs_plugin = pytest.mark.skipif(PLUGIN is None, reason="there are no headers of Python: the plugin is not built")


def configuration(port, app, h2c=True, mount="/", load="worker", server="", **config):
    """The configuration with one plugin."""
    config = {"app": app, "path": str(APPLICATIONS)} | config
    values = "\n".join(f"{key} = {toml(value)}" for key, value in config.items() if value is not None)
    return f"""
[server]
{server}
[[listener]]
bind = "127.0.0.1:{port}"
h2c = {toml(h2c)}
[[plugin]]
path = "{PLUGIN}"
load = "{load}"
mount = "{mount}"
[plugin.config]
{values}
"""


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)


def start(folder, app, model, *flags, variables=None, tables="", **config):
    """A server of this application; folder is for its configuration, and variables are added to its environment."""
    port = free_port()
    file = Path(folder) / f"{port}.toml"
    file.write_text(configuration(port, app, h2c=model != "sync", **config) + tables)
    # Bytecode of the applications must not be written to their folder.
    env = {"PYTHONDONTWRITEBYTECODE": "1"} | (variables or {})
    return Server("-c", file, *flags, model=model, bind=False, port=port, env=env)


def refusal(folder, app, *flags, **config):
    """The error output of a server that refuses to start with this application."""
    port = free_port()
    file = Path(folder) / f"{port}.toml"
    file.write_text(configuration(port, app, **config))
    ended = run("-c", file, *flags, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert ended.returncode != 0, ended.stderr
    return ended.stderr


def authority_listener(authority):
    """A second listener with TLS on a port of its own, which requests a client certificate."""
    authority.python_port = free_port()
    place = f"127.0.0.1:{authority.python_port}"
    return authority.listener(place, None, *authority.client_auth("optional"))


def secure_json(server, authority, identity, page):
    """The page that a client with this certificate, or without one, gets."""
    with Connection(("127.0.0.1", authority.python_port), tls=authority.client(identity)) as connection:
        connection.send(request("GET", page))
        answer = connection.final()
    assert answer.status == 200, server.state()
    return json.loads(answer.body)


def lines_with(server, text):
    """Lines of its error log that contain this text."""
    return [line for line in server.log.splitlines() if text in line]


def memory(pid):
    """The private memory of a process, in KiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))

