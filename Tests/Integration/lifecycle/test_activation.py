"""Sockets from systemd, sockets that were open already, and unix sockets that are made."""

import os
import pwd
import re
import signal
import socket
import stat
import struct
import subprocess
import sys

import pytest

import client
from control import Control
from handed_over import passing
from load import Load
from matrix import INSPECT
from processes import kill, wait_for
from server import BINARY, environment, free_port, run
from service import Service


def tcp(backlog=7):
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    return listener


def unix(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(5)
    return listener


def backlog(listener):
    """The longest queue of a TCP listener: struct tcp_info, of which tcpi_sacked is that for listeners."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("I", info, 28)[0]


def config(tmp_path, *binds, extra=""):
    file = tmp_path / "outrider.toml"
    listeners = "".join(f'[[listener]]\nbind = "{bind}"\n{extra}\n' for bind in binds)
    file.write_text(f'{listeners}\n[[plugin]]\npath = "{INSPECT}"\n')
    return file


def answers(address):
    return client.fetch(address, client.request("GET", "/")).status == 200


# systemd-socket-activate, as systemd would


def test_activated_by_systemd(own, tmp_path):
    port, path = free_port(), tmp_path / "socket"
    launcher = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "-l", path, "--fdname=http:local"]
    server = own(
        "-c", config(tmp_path, "systemd:http", "systemd:local"), bind=False, port=port, launcher=launcher
    )
    assert answers(("127.0.0.1", port)) and answers(str(path))
    server.tell(signal.SIGHUP)
    wait_for(lambda: "generation 2 serves" in server.log, lambda: server.state())
    assert answers(("127.0.0.1", port)) and answers(str(path))
    server.stop()
    assert path.exists(), "what others have made is not removed"


def test_the_control_socket_tells_which_is_which(own, tmp_path):
    port, path, control = free_port(), tmp_path / "socket", tmp_path / "control"
    launcher = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "-l", path, "--fdname=http:local"]
    file = config(tmp_path, "systemd:http", "systemd:local")
    own("-c", file, "--set", f"control.socket={control}", bind=False, port=port, launcher=launcher)
    assert answers(("127.0.0.1", port))
    wait_for(Control(control).takes_clients, "the control socket")
    told = [(entry["bind"], entry["address"], entry["origin"]) for entry in Control(control).ask("listeners")]
    assert told == [
        ("systemd:http", f"127.0.0.1:{port}", "systemd"), ("systemd:local", f"unix:{path}", "systemd")
    ]  # fmt: skip


def test_activated_without_a_listener_in_the_configuration(own, tmp_path):
    ports, path = [free_port(), free_port()], tmp_path / "socket"
    launcher = ["systemd-socket-activate", "-l", f"127.0.0.1:{ports[0]}", "-l", f"127.0.0.1:{ports[1]}", "-l", path]
    own(INSPECT, bind=False, port=ports[0], launcher=launcher)
    for address in (("127.0.0.1", ports[0]), ("127.0.0.1", ports[1]), str(path)):
        assert answers(address)
    with pytest.raises(OSError):
        client.Connection(("127.0.0.1", 8000))


# By hand, where more can be seen


def test_names_choose_and_may_be_shared(own, tmp_path):
    first, second, third = tcp(), tcp(), unix(tmp_path / "socket")
    file = tmp_path / "outrider.toml"
    file.write_text(
        '[proxy]\ntrusted = ["127.0.0.1"]\n'
        '[[listener]]\nbind = "systemd:proxied"\nproxy_protocol = "v1"\n'
        f'[[listener]]\nbind = "systemd:plain"\n[[plugin]]\npath = "{INSPECT}"\n'
    )
    own("-c", file, address=second.getsockname(), **passing(first, second, third, names="plain:proxied:plain"))
    assert answers(first.getsockname()) and answers(str(tmp_path / "socket"))
    with client.Connection(second.getsockname()) as connection:
        connection.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + client.request("GET", "/"), method="GET")
        answer = connection.final()
        assert answer.status == 200 and b"192.0.2.1" in answer.body


def test_they_are_not_listened_on_again(own):
    listener = tcp(backlog=7)
    server = own(INSPECT, address=listener.getsockname(), **passing(listener))
    assert answers(listener.getsockname()) and backlog(listener) == 7
    server.tell(signal.SIGHUP)
    wait_for(lambda: "generation 2 serves" in server.log, lambda: server.state())
    assert answers(listener.getsockname()) and backlog(listener) == 7


def test_connections_from_before_the_start_are_served(own):
    listener = tcp()
    waiting = [client.Connection(listener.getsockname()) for _ in range(5)]
    for connection in waiting:
        connection.send(client.request("GET", "/", "Connection: close"))
    own(INSPECT, address=listener.getsockname(), **passing(listener))
    for connection in waiting:
        assert connection.final().status == 200
        connection.close()


def test_they_outlive_masters_and_the_replacement_of_the_supervisor(own):
    listener = tcp()
    server = own(INSPECT, address=listener.getsockname(), **passing(listener, names="http"))
    wait_for(lambda: "serving inspect" in server.log, lambda: server.state())
    assert answers(listener.getsockname())
    with Load(listener.getsockname(), keeping=0, pause=0.001) as load:
        kill(server.master())
        wait_for(lambda: server.log.count("serving inspect") == 2, lambda: server.state())
        server.tell(signal.SIGUSR2)
        wait_for(lambda: "has been replaced" in server.log, lambda: server.state())
        server.tell(signal.SIGHUP)
        wait_for(lambda: "generation 3 serves" in server.log, lambda: server.state())
    load.assert_well()


def test_children_do_not_see_the_variables(own):
    listener = tcp()
    server = own(INSPECT, address=listener.getsockname(), env={"NOTIFY_SOCKET": "/nowhere"}, **passing(listener))
    for pid in (server.master(), *server.workers()):
        with open(f"/proc/{pid}/environ") as variables:
            names = {line.partition("=")[0] for line in variables.read().split("\0")}
        assert not names & {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"}, names


def test_variables_for_another_process_do_not_count(own):
    port = free_port()
    env = {"LISTEN_PID": "1", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:c"}
    assert own(INSPECT, port=port, env=env).get("/").status == 200


def refused(sockets, names, *arguments):
    options = passing(*sockets, names=names)
    return subprocess.run(
        [*options["launcher"], str(BINARY), *map(str, arguments)],
        pass_fds=options["pass_fds"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        start_new_session=True,
    )


def test_unclaimed_sockets_are_an_error(tmp_path):
    result = refused([tcp(), tcp()], "http:admin", "-c", config(tmp_path, "systemd:http"))
    assert result.returncode == 78
    assert re.search(r"systemd:admin\b", result.stderr) and "systemd:http," not in result.stderr
    result = refused([tcp()], "http", "-b", "127.0.0.1:0", INSPECT)
    assert result.returncode == 78 and "systemd:http" in result.stderr


def test_a_name_that_was_not_passed_is_an_error(tmp_path):
    file = config(tmp_path, "systemd:http")
    result = refused([tcp()], "web", "-c", file)
    assert result.returncode == 78
    assert re.search(rf"{file}:2:\d+: .*systemd:http.*systemd:web", result.stderr), result.stderr
    result = run("-c", file)
    assert result.returncode == 78 and "systemd:http was not passed" in result.stderr


def test_sockets_that_can_not_be_served_are_an_error(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        result = refused([datagram], "dns", INSPECT)
    assert result.returncode == 78 and "dns" in result.stderr
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = refused([bound], "http", INSPECT)
    assert result.returncode == 78 and "http" in result.stderr


# fd:N


def test_an_open_descriptor(own, tmp_path):
    first, second = tcp(), unix(tmp_path / "socket")
    server = own("-b", "fd:3", "-b", "fd:4", INSPECT, address=first.getsockname(), **passing(first, second, names=""))
    assert answers(first.getsockname()) and answers(str(tmp_path / "socket"))
    server.tell(signal.SIGHUP)
    wait_for(lambda: "generation 2 serves" in server.log, lambda: server.state())
    assert answers(first.getsockname()) and backlog(first) == 7


def test_no_such_descriptor():
    for number in (17, 2000):
        result = run("-b", f"fd:{number}", INSPECT)
        assert result.returncode == 78 and f"fd:{number} was not passed" in result.stderr
    assert run("-b", "fd:1", INSPECT).returncode == 64


def test_a_descriptor_that_does_not_listen(tmp_path):
    with open(tmp_path / "file", "w") as file:
        result = refused([file], "", "-b", "fd:3", INSPECT)
    assert result.returncode == 78 and "fd:3 was not passed" in result.stderr


# unix sockets that are made here


def permissions(path):
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


def test_permissions_of_a_unix_socket(own, tmp_path):
    path = tmp_path / "socket"
    user = pwd.getpwnam("nobody")
    extra = f'mode = "0620"\nowner = "nobody"\ngroup = "{user.pw_gid}"'
    server = own("-c", config(tmp_path, f"unix:{path}", extra=extra), bind=False, address=str(path))
    assert permissions(path) == (0o620, user.pw_uid, user.pw_gid)
    # Another mode takes effect on the same socket.
    before = path.stat().st_ino
    config(tmp_path, f"unix:{path}", extra=extra.replace("0620", "0666").replace('owner = "nobody"\n', ""))
    server.tell(signal.SIGHUP)
    wait_for(lambda: permissions(path)[0] == 0o666, lambda: server.state())
    assert path.stat().st_ino == before and answers(str(path))


def test_default_permissions_of_a_unix_socket(own, tmp_path):
    path = tmp_path / "socket"
    own("-c", config(tmp_path, f"unix:{path}"), bind=False, address=str(path))
    assert permissions(path) == (0o660, os.getuid(), os.getgid())


@pytest.mark.parametrize(
    "setting, says",
    [
        ('mode = "0999"', "octal"),
        ("mode = 660", "octal"),
        ('owner = "nosuchuser"', "no user nosuchuser"),
        ('group = "nosuchgroup"', "no group nosuchgroup"),
    ],
)
def test_faults_of_permissions(tmp_path, setting, says):
    result = run("-c", config(tmp_path, f"unix:{tmp_path}/socket", extra=setting))
    assert result.returncode == 78 and re.search(rf"outrider\.toml:3:\d+: .*{says}", result.stderr), result.stderr
    assert not (tmp_path / "socket").exists()


def test_permissions_are_for_unix_sockets(tmp_path):
    result = run("-t", "-c", config(tmp_path, "127.0.0.1:1", extra='mode = "0600"'))
    assert result.returncode == 78 and "only for unix sockets" in result.stderr


def test_a_stale_socket_is_replaced(own, tmp_path):
    path = tmp_path / "socket"
    unix(path).close()
    own("-c", config(tmp_path, f"unix:{path}"), bind=False, address=str(path))
    assert answers(str(path))


def test_a_socket_in_use_is_left_alone(tmp_path):
    path = tmp_path / "socket"
    with unix(path) as other:
        for _ in range(8):  # more than its backlog
            result = run("-c", config(tmp_path, f"unix:{path}"))
            assert result.returncode == 69 and "in use" in result.stderr
        assert path.exists()
        other.close()


# Listeners that change


def test_a_listener_that_overlaps_the_one_before(own, tmp_path):
    service = Service(own, tmp_path)
    port = service.port
    with Load(service.server.address, keeping=0, opening=2) as load:
        for bind in (f"0.0.0.0:{port}", f"127.0.0.1:{port}", f"0.0.0.0:{port}"):
            service.reload(listeners=[bind])
            with open("/proc/net/tcp") as table:
                states = [line.split()[1] for line in table if line.split()[3] == "0A"]
            assert [s for s in states if s.endswith(f":{port:04X}")] == [
                ("00000000" if bind.startswith("0") else "0100007F") + f":{port:04X}"
            ]
            # A second server still finds the address in use.
            assert run("-b", f"127.0.0.1:{port}", INSPECT).returncode == 69
    load.assert_well()


def test_another_backlog_takes_effect(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload(server="backlog = 33")

    def longest():
        lines = subprocess.run(["ss", "-ltnH", f"sport = :{service.port}"], capture_output=True, text=True).stdout
        return int(lines.split()[2])

    assert longest() == 33
    service.reload(server="backlog = 44")
    assert longest() == 44
