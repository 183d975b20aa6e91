"""Sessions of TLS: resumed by any worker and the next generation, with keys that change."""

import contextlib
import datetime
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

import messages
import processes
from client import Closed, Connection, client_hello, request
from matrix import INSPECT
from processes import wait_for
from server import BINARY, RELEASE, end, environment, free_port
from timing import scaled, scaled_timeout

DEMO = RELEASE / "libdemo_event.so"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def owner(server, connection):
    """The worker that has the connection: the one with the socket whose peer is the client's port."""
    port = f"{connection.socket.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[2].endswith(f":{port}"):
            link = f"socket:[{words[9]}]"
            for process in processes.children(server.master()):
                if any(target == link for target, _ in processes.descriptors(process.pid).values()):
                    return process.pid
    return None


@pytest.mark.parametrize("version", [V12, V13], ids=str)
def test_any_worker_resumes_a_session(secure, authority, version):
    """And the client's certificate, which was verified once, is still its subject."""
    server = secure("-w", 3, INSPECT, tls_lines=authority.client_auth("required"))
    server.workers(3)
    friend = authority.sign("friend.example", common_name="A friend")
    context = authority.client(friend, minimum=version, maximum=version)
    session, owners = None, set()
    until = time.monotonic() + scaled_timeout(10)
    while len(owners) < 3 and time.monotonic() < until:
        with server.connect(tls=context, session=session) as connection:
            assert connection.socket.session_reused is (session is not None)
            connection.send(request("GET", "/"))
            assert "CN=A friend" in json.loads(connection.final().body)["tls_subject"]
            session = connection.socket.session
            owners.add(owner(server, connection))
    assert len(owners) == 3 and None not in owners


@pytest.mark.parametrize("version", [V12, V13], ids=str)
def test_a_session_ends_with_its_clients_certificate(secure, authority, version):
    """However often it has been resumed since; a renewed certificate is taken at once, with the old session at hand."""
    server = secure(INSPECT, tls_lines=authority.client_auth("required"))
    lifetime = scaled(8)
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=lifetime)
    brief = authority.sign("brief.example", common_name="Brief", not_after=end.replace(tzinfo=None))
    context = authority.client(brief, minimum=version, maximum=version)

    def ask(session):
        with server.connect(tls=context, session=session) as connection:
            connection.send(request("GET", "/"))
            assert "CN=Brief" in json.loads(connection.final().body)["tls_subject"]
            return connection.socket.session, connection.socket.session_reused

    session, resumed = ask(None)
    hint = session.ticket_lifetime_hint
    for _ in range(4):
        session, reused = ask(session)
        resumed += reused
        time.sleep(0.2)
    assert resumed > 2
    time.sleep((end - datetime.datetime.now(datetime.UTC)).total_seconds() + 1.5)
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)):
        ask(session)
    wait_for(lambda: "TLS handshake failed: certificate verify failed" in server.log, lambda: server.log)
    renewed = authority.sign("brief.example", common_name="Brief", file="renewed-brief")
    context.load_cert_chain(renewed.certificate, renewed.key)
    assert ask(session)[1] is False
    assert 0 < hint <= lifetime, "the client was told"


def test_a_session_outlives_a_reload(secure, authority):
    """The next generation has the keys of this one, and the present files."""
    server = secure(DEMO)
    context = authority.client()
    with server.connect(tls=context) as connection:
        connection.send(request("GET", "/health"))
        connection.final()
        session = connection.socket.session
    before = server.master()
    other = authority.sign("localhost", "renewed.example", file="renewed")
    configuration = server.folder / "tls.toml"
    configuration.write_text(
        configuration.read_text()
        .replace(str(authority.server.certificate), str(other.certificate))
        .replace(str(authority.server.key), str(other.key))
    )
    server.tell(signal.SIGHUP)
    wait_for(lambda: processes.look(before) is None, lambda: server.state(), timeout=10)
    with server.connect(tls=context, session=session) as connection:
        assert connection.socket.session_reused
        connection.send(request("GET", "/health"))
        assert connection.final().body == b"OK"
    with server.connect(tls=authority.client()) as connection:
        assert ("DNS", "renewed.example") in connection.socket.getpeercert()["subjectAltName"]


def test_a_reload_with_bad_files_changes_nothing(secure, authority):
    server = secure(DEMO)
    configuration = server.folder / "tls.toml"
    good = configuration.read_text()
    configuration.write_text(good.replace(str(authority.server.key), str(authority.sign("other.example").key)))
    server.tell(signal.SIGHUP)
    wait_for(lambda: "not the key of the certificate" in server.log, lambda: server.log)
    assert server.get("/health").body == b"OK"


class Master:
    """A master whose supervisor is the test: it says what it wants kept, and is told what was."""

    LISTENER, BEGIN, READY, STOP, CONFIGURED, TICKET_KEYS = 1, 2, 3, 5, 7, 14

    def __init__(self, *arguments, keys):
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.settimeout(scaled_timeout(10))
        self.kept = []
        with theirs:
            self.child = subprocess.Popen(
                [BINARY, *map(str, arguments)],
                env=environment({"OUTRIDER_CHANNEL": str(theirs.fileno())}),
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self.hear(self.CONFIGURED)
        self.line.send(bytes([self.TICKET_KEYS]) + messages.fields(keys=keys).encode())
        self.line.send(bytes([self.BEGIN]))
        self.hear(self.READY)

    def hear(self, kind):
        """Listen until a message of that kind."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.line, 4096, 1)
            for fd in descriptors:
                os.close(fd)
            assert message, "the master is gone"
            if message[0] == self.TICKET_KEYS:
                (line,) = message[1:].decode().splitlines()
                self.kept.append(line.removeprefix("keys=").replace(r"\n", "\n"))
            if message[0] == kind:
                return

    def end(self):
        family = processes.family(self.child.pid)
        with contextlib.suppress(OSError):
            self.line.send(bytes([self.STOP]))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(5)
        end(self.child, family)
        self.line.close()
        self.child.stderr.close()


def test_keys_of_tickets_change(authority, tmp_path):
    """A key that is an hour old is followed by another, in workers that run; its tickets are still good."""
    port = free_port()
    (tmp_path / "tickets.toml").write_text(authority.listener(f"127.0.0.1:{port}"))
    names = [bytes([index]) * 16 for index in (1, 2)]
    age = 3600 * 10**9 - 10 * 10**9  # ten seconds before its time
    now = time.monotonic_ns()
    keys = "".join(
        # A moment before the machine was started wraps, as the server's arithmetic does.
        f"{(now - age - old) % 2**64} {(name + os.urandom(64)).hex()}\n"
        for name, old in zip(names, (0, 3600 * 10**9))
    )
    context = authority.client(minimum=V12, maximum=V12)
    master = Master("-c", tmp_path / "tickets.toml", "-w", 2, DEMO, keys=keys)
    try:

        def session(resumed=None):
            with Connection(("127.0.0.1", port), tls=context, session=resumed) as connection:
                connection.send(request("GET", "/health"))
                assert connection.final().body == b"OK"
                return connection.socket.session, connection.socket.session_reused

        assert master.kept == [keys], "it keeps those that it was given"
        old, _ = session()
        # A ticket begins with the name of the key that it was sealed with (RFC 5077 section 4).
        assert names[0] in client_hello(context, old)
        while len(master.kept) < 2:
            master.hear(master.TICKET_KEYS)
        present = [bytes.fromhex(line.split()[1])[:16] for line in master.kept[1].splitlines()]
        assert present[1:] == names and present[0] not in names

        def has_changed():
            fresh, _ = session()
            return present[0] in client_hello(context, fresh)

        wait_for(lambda: all(has_changed() for _ in range(6)), "tickets under the new key from each worker")
        for _ in range(6):
            assert session(old)[1], "a ticket under the former key is still good"
    finally:
        master.end()


def test_a_session_does_not_get_around_a_clients_certificate(own, authority, tmp_path):
    """Two listeners of one server, and so one set of keys: only one of them asks for a certificate."""
    ports = free_port(), free_port()
    text = authority.listener(f"127.0.0.1:{ports[0]}") + authority.listener(
        f"127.0.0.1:{ports[1]}", None, *authority.client_auth("required")
    )
    (tmp_path / "two.toml").write_text(text)
    server = own("-c", tmp_path / "two.toml", INSPECT, bind=False, port=ports[0])
    for version in (V12, V13):
        context = authority.client(minimum=version, maximum=version)
        with Connection(("127.0.0.1", ports[0]), tls=context) as connection:
            connection.send(request("GET", "/"))
            connection.final()
            session = connection.socket.session
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with Connection(("127.0.0.1", ports[1]), tls=context, session=session) as connection:
                connection.socket.setblocking(True)
                connection.socket.sendall(request("GET", "/"))
                assert connection.socket.recv(1) == b""
                raise ConnectionError
    assert server.alive
