"""outrider-deployment(7): its proxies, started as it says, hand over client and scheme; its keys exist."""

import grp
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from authority import Authority
from client import Connection, request
from matrix import INSPECT
from processes import wait_for
from server import ROOT, free_port, run

PAGE = (ROOT / "man/outrider-deployment.7").read_text()
KEYS = (ROOT / "man/outrider.toml.5").read_text().partition("begin\n")[2].partition(".\\\" Generated")[0]
# What a client says of itself, and nobody is to believe.
SPOOFED = (
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=203.0.113.8;proto=http;host=evil.example",
)


def recipes(name):
    """The files of that name in the page, in order."""
    page = PAGE.replace("\\-", "-")
    blocks = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", page, re.M | re.S)
    return [block for block in blocks if block.startswith(f"# {name}\n")]


def with_changes(text, changes):
    """The text with each of these replaced; all of them are in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def identity(authority):
    """The certificate of example.org, and one file with its key too."""
    identity = authority.sign("example.org")
    both = identity.certificate.read_bytes() + identity.key.read_bytes()
    (authority.folder / "example.org.pem").write_bytes(both)
    return identity


@contextmanager
def running(*command, port, folder):
    """A proxy that listens at the port."""
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with open(folder / "proxy.log", "w") as log:
        child = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, cwd=folder, env=environment)
    try:

        def listens():
            assert child.poll() is None, (folder / "proxy.log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(listens, lambda: (folder / "proxy.log").read_text(), 15)
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(15)


def serve(own, tmp_path, recipe, **changes):
    """The server that a recipe configures."""
    config = tmp_path / "outrider.toml"
    config.write_text(recipe + f'[[plugin]]\npath = "{INSPECT}"\n')
    return own("-c", config, bind=False, **changes)


def seen_through(port, authority):
    """What the plugin sees of a client of the proxy that says it were another."""
    with Connection(("127.0.0.1", port), tls=authority.client(), name="example.org") as connection:
        connection.send(request("POST", "/a%20b?q", "Content-Length: 100000", *SPOOFED, host="example.org") + b"x" * 100000)
        response = connection.final(15)
        assert response.status == 200, response.raw[:300]
        return json.loads(response.body)


def is_right(seen):
    assert (seen["client"], seen["scheme"]) == ("127.0.0.1", "https"), seen
    assert (seen["authority"], seen["path"], seen["query"]) == ("example.org", "/a b", "q")
    assert len(seen["body_b64"]) == 133336


def on_a_socket(own, tmp_path):
    (recipe,) = [text for text in recipes("outrider.toml") if "unix:" in text]
    path = tmp_path / "http.sock"
    group = grp.getgrgid(os.getgid()).gr_name
    recipe = with_changes(recipe, {"/run/outrider/http.sock": path, '"www-data"': f'"{group}"'})
    serve(own, tmp_path, recipe, address=str(path))
    return path


def test_nginx(own, tmp_path, authority, identity):
    path, port = on_a_socket(own, tmp_path), free_port()
    (recipe,) = recipes("nginx.conf")
    recipe = with_changes(
        recipe, {"/run/outrider/http.sock": path, "443": port, "/etc/ssl/": f"{tmp_path}/"}
    )
    rooms = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{room}_temp_path {tmp_path}/{room};" for room in rooms)
    user = "user root;" if os.getuid() == 0 else ""
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"{user} daemon off; pid {tmp_path}/nginx.pid; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{recipe}}}\n"
    )
    with running("nginx", "-e", "stderr", "-c", config, port=port, folder=tmp_path):
        is_right(seen_through(port, authority))


def test_caddy(own, tmp_path, authority, identity):
    path, port = on_a_socket(own, tmp_path), free_port()
    (recipe,) = recipes("Caddyfile")
    recipe = with_changes(
        recipe,
        {"/run/outrider/http.sock": path, "example.org {": f"example.org:{port} {{", "/etc/ssl/": f"{tmp_path}/"},
    )
    config = tmp_path / "Caddyfile"
    config.write_text("{\nadmin off\nauto_https disable_redirects\n}\n" + recipe)
    with running("caddy", "run", "--config", config, "--adapter", "caddyfile", port=port, folder=tmp_path):
        is_right(seen_through(port, authority))


def behind_haproxy(tmp_path, mode, server_port, metrics_port=None, more=""):
    """The two recipes of that mode with places of this machine, and haproxy's port."""
    (proxy,) = [text for text in recipes("haproxy.cfg") if f"mode {mode}\n" in text]
    (server,) = [text for text in recipes("outrider.toml") if "10.0.0.5" in text]
    port = free_port()
    changes = {"10.0.0.5:8443": f"127.0.0.1:{server_port}", "bind :443": f"bind 127.0.0.1:{port}"}
    if mode == "http":
        changes |= {"/etc/haproxy/example.org.pem": tmp_path / "example.org.pem"}
        changes |= {"/etc/haproxy/ca.pem": tmp_path / "authority.pem", "port 9090": f"port {metrics_port} inter 1s"}
    config = tmp_path / "haproxy.cfg"
    config.write_text(f"global\n    stats socket {tmp_path}/stats\n" + with_changes(proxy, changes))
    changes = {"10.0.0.5:8443": f"127.0.0.1:{server_port}", "10.0.0.0/8": "127.0.0.0/8", "tls/": f"{tmp_path}/"}
    changes |= {"10.0.0.5:9090": f"127.0.0.1:{metrics_port or free_port()}"}
    changes |= {"[listener.tls]": f"{more}\n[listener.tls]"}
    return port, config, with_changes(server, changes)


def checked(tmp_path):
    """What haproxy's last health check of the server came to, and what haproxy takes it for."""
    with socket.socket(socket.AF_UNIX) as stats:
        stats.connect(str(tmp_path / "stats"))
        stats.sendall(b"show stat\n")
        lines = stats.makefile().read().splitlines()
    names = lines[0].removeprefix("# ").split(",")
    (row,) = [line.split(",") for line in lines if line.startswith("outrider,one,")]
    found = dict(zip(names, row))
    return found["check_status"].removeprefix("* "), found["status"].partition(" ")[0]


def test_haproxy_with_tls_on_both_sides(own, tmp_path, authority, identity):
    server_port, metrics_port = free_port(), free_port()
    port, config, recipe = behind_haproxy(tmp_path, "http", server_port, metrics_port)
    serve(own, tmp_path, recipe, port=server_port)
    with running("haproxy", "-db", "-f", config, port=port, folder=tmp_path):
        wait_for(lambda: checked(tmp_path) == ("L7OK", "UP"), lambda: checked(tmp_path))
        is_right(seen_through(port, authority))


def test_haproxy_passes_tls_through(own, tmp_path, authority, identity):
    server_port = free_port()
    key = re.search(r"^\.Ql (proxy_protocol = .*) ,$", PAGE, re.M)[1].replace("\\(dq", '"')
    port, config, recipe = behind_haproxy(tmp_path, "tcp", server_port, more=key)
    serve(own, tmp_path, recipe, port=server_port)
    with running("haproxy", "-db", "-f", config, port=port, folder=tmp_path):
        with Connection(("127.0.0.1", port), tls=authority.client(), name="example.org") as connection:
            connection.send(request("GET", "/", host="example.org"))
            seen = json.loads(connection.final(15).body)
    assert (seen["client"], seen["scheme"], seen["tls"]) == ("127.0.0.1", "https", True)


# Keys


def keys():
    """Those that the manual generates from the schema."""
    tables = re.findall(r"^\.Ss \[+([a-z0-9_.]+)\]+(?: with \S+)?\n(.*?)(?=^\.Ss|\Z)", KEYS, re.M | re.S)
    return {f"{table}.{key}" for table, text in tables for key in re.findall(r"^\.It Ic (\w+)", text, re.M)}


@pytest.mark.parametrize("server", ["GUNICORN", "UVICORN", "NGINX UNIT"])
def test_each_key_for_people_from_other_servers_exists(server):
    table = PAGE.partition(f".Sh COMING FROM {server}\n")[2].partition(".Bl -column")[2].partition(".El")[0]
    rows = re.findall(r"^\.It Li (.+) Ta Ic (\S+)$", table, re.M)
    assert len(rows) >= 25 and len({setting for setting, _ in rows}) == len(rows)
    assert not {key for _, key in rows} - keys()


def test_the_table_for_people_from_gunicorn_has_what_is_translated():
    table = PAGE.partition(".Sh COMING FROM GUNICORN\n")[2].partition(".Bl -column")[2].partition(".El")[0]
    rows = dict(re.findall(r"^\.It Li (\w+) Ta Ic (\S+)$", table, re.M))
    names = {name: "0" for name in rows} | {"cert_reqs": 2, "ssl_version": "TLSv1_3", "worker_class": "gthread"}
    names |= {"header_map": "drop", "raw_env": "A=1", "http_protocols": "h1", "http2_cleartext": "prior-knowledge"}
    names |= {"bind": ":80", "proxy_protocol": "v1", "limit_request_line": 300, "limit_request_field_size": 300}
    for name, value in names.items():
        found = translated({name: value})
        assert rows[name] in found, f"{name}: {found}"


def translated(settings):
    """The keys that --from-gunicorn makes of settings."""
    parts = str(ROOT / "Plugins/python/from-gunicorn")
    sys.path.insert(0, parts)
    try:
        from translation import Translation
    finally:
        sys.path.remove(parts)
    return {f"{header.strip('[]')}.{key}" for header, values in Translation(settings).tables() for key in values}


def test_other_keys_of_the_page_exist():
    tables = {key.rpartition(".")[0] for key in keys()}
    named = re.findall(r"^\.(?:Ic|Ql) ([a-z0-9_.]+\.[a-z0-9_]+)\b", PAGE, re.M)
    wanted = {key for key in named if key.rpartition(".")[0] in tables}
    assert len(wanted) > 8 and not wanted - keys(), wanted - keys()


def test_the_example_is_read(tmp_path):
    (example,) = [text for text in recipes("outrider.toml") if "gthread" in text]
    config = tmp_path / "outrider.toml"
    config.write_text(example)
    assert run("-T", "-c", config).returncode == 0


def test_systemd_reads_the_addition_to_the_socket_unit(tmp_path):
    (addition,) = recipes("/etc/systemd/system/outrider-http.socket.d/unix.conf")
    for unit in ("outrider-http.socket", "outrider.service"):
        (tmp_path / unit).write_text((ROOT / "examples/systemd" / unit).read_text())
    folder = tmp_path / "outrider-http.socket.d"
    folder.mkdir()

    def complaints(text):
        (folder / "unix.conf").write_text(text)
        command = ["systemd-analyze", "verify", "--man=no", tmp_path / "outrider-http.socket"]
        environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        return [line for line in result.stderr.splitlines() if "unix.conf" in line]

    assert complaints(addition) == []
    assert complaints(addition + "SocketGrup=x\n") != [], "it was read"
