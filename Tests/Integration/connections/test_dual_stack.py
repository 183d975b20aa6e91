"""IPv4 clients of IPv6 sockets: every use of an address shows the IPv4 form."""

import json
import re
import socket

import pytest

import client
from client import request
from control import Control
from handed_over import passing
from matrix import INSPECT
from processes import wait_for
from server import free_port, run


@pytest.fixture
def mapped():
    """A socket as ListenStream=80 makes it, but that nothing outside of this machine reaches it."""
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::ffff:127.0.0.1", 0))
    listener.listen(64)
    with listener:
        yield listener


def told(server, *fields, before=b""):
    with server.connect() as connection:
        connection.send(before + request("GET", "/", *fields), "GET")
        return json.loads(connection.final().body)


def test_a_client_of_a_socket_that_was_passed(own, mapped, tmp_path, model):
    log = tmp_path / "access.log"
    options = passing(mapped) | {"port": mapped.getsockname()[1]}
    server = own(INSPECT, "--set", f"log.access={log}", model=model, **options)
    assert told(server)["client"] == "127.0.0.1"
    wait_for(lambda: log.exists() and log.read_text().startswith("127.0.0.1 "), lambda: log.read_text())
    # Where it serves, and whom it refuses.
    assert re.search(rf" serving inspect on http://127\.0\.0\.1:{server.port}:", server.log)
    assert server.fetch(b"GET / HTTP/1.1\r\n\r\n").status == 400
    wait_for(lambda: "400 to 127.0.0.1:" in server.log, server.state)
    assert "::ffff" not in server.log


def test_trust_is_judged_by_the_address_of_ipv4(own, mapped):
    options = passing(mapped) | {"port": mapped.getsockname()[1]}
    server = own(INSPECT, "--set", 'proxy.trusted=["127.0.0.1"]', **options)
    assert told(server, "X-Forwarded-For: 203.0.113.9")["client"] == "203.0.113.9"


@pytest.mark.parametrize(
    "written, client",
    [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("0:0:0:0:0:ffff:192.0.2.7", "192.0.2.7"),
        ("[::FFFF:192.0.2.255]:4711", "192.0.2.255"),
        ("::ffff:255.255.255.255", "255.255.255.255"),
        ("::192.0.2.7", "::192.0.2.7"),
        ("64:ff9b::192.0.2.7", "64:ff9b::192.0.2.7"),
        ("2001:db8::ffff:192.0.2.7", "2001:db8::ffff:192.0.2.7"),
    ],
)
def test_what_a_proxy_says(shared, model, written, client):
    server = shared(INSPECT, model, "--set", 'proxy.trusted=["127.0.0.1"]')
    assert told(server, f"X-Forwarded-For: {written}")["client"] == client
    # Twice on one connection, so that nothing is left of the request before.
    if model != "sync":
        with server.connect() as connection:
            for field, expected in ((f"X-Forwarded-For: {written}", client), ("X-Other: 1", "127.0.0.1")):
                connection.send(request("GET", "/", field))
                assert json.loads(connection.final().body)["client"] == expected


def test_what_a_proxy_header_says(own, tmp_path):
    port = free_port()
    file = tmp_path / "outrider.toml"
    file.write_text(
        f'[[listener]]\nbind = "127.0.0.1:{port}"\nproxy_protocol = "any"\n[[plugin]]\npath = "{INSPECT}"\n'
    )
    server = own("-c", file, bind=False, port=port)
    v1 = b"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n"
    address = bytes(10) + b"\xff\xff\x01\x02\x03\x04"
    v2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + address + bytes(16) + b"\0\1\0\2"
    for header in (v1, v2):
        assert told(server, before=header)["client"] == "1.2.3.4"


# ipv6_only


def connects(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.connect((host, port))
            return True
        except ConnectionRefusedError:
            return False


def test_ipv6_only_says_whether_ipv4_comes_in(own, tmp_path):
    """At a reload the socket is another one, and requests are served meanwhile."""
    port = free_port()
    only = f'bind = "[::]:{port}"'
    both = f"{only}\nipv6_only = false"
    control = Control(tmp_path / "control.sock")
    socket_line = f'[control]\nsocket = "{control.path}"\n'
    file = tmp_path / "dual.toml"

    def write(listener):
        file.write_text(f'{socket_line}[[listener]]\n{listener}\n[[plugin]]\npath = "{INSPECT}"\n')

    write(only)
    server = own("-c", file, bind=False, port=port, address=("::1", port))
    assert connects("::1", port) and not connects("127.0.0.1", port)
    assert client.fetch(("::1", port), request()).status == 200

    def reload(listener, reaches):
        write(listener)
        before = server.log.count(" serving ")
        server.tell(1)
        wait_for(lambda: server.log.count(" serving ") > before, server.state)
        wait_for(lambda: connects("127.0.0.1", port) is reaches, server.state)

    reload(both, True)
    seen = json.loads(client.fetch(("127.0.0.1", port), request()).body)
    assert seen["client"] == "127.0.0.1"
    assert json.loads(client.fetch(("::1", port), request()).body)["client"] == "::1"
    (listener,) = control.ask("listeners")
    assert listener["bind"] == f"[::]:{port}"
    reload(only, False)
    assert client.fetch(("::1", port), request()).status == 200


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:/tmp/x.sock", "fd:3", "systemd:http"])
def test_only_ipv6_addresses_can_take_ipv4_too(tmp_path, bind):
    file = tmp_path / "outrider.toml"
    file.write_text(f'[[listener]]\nbind = "{bind}"\nipv6_only = false\n[[plugin]]\npath = "{INSPECT}"\n')
    result = run("-T", "-c", file)
    assert result.returncode == 78 and re.search(
        rf"{file}:3:\d+: .*listener\.ipv6_only: false is only for IPv6 addresses", result.stderr
    )
