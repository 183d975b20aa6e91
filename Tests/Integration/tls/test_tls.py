"""TLS itself: versions, names, certificates and ends."""

import hashlib
import json
import random
import socket
import ssl
import time

import pytest
from trustme import KeyType

from authority import Authority
from client import Connection, chunked, client_hello, request
from http2 import connect as connect_http2
from matrix import COMBINATIONS, INSPECT, MODELS, http2
from processes import wait_for
from server import RELEASE, end, free_port
from timing import scaled

DEMO = RELEASE / "libdemo_event.so"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def seen(server, *fields, **options):
    """What the inspect plugin tells of a request."""
    with server.connect(**options) as connection:
        connection.send(request("GET", "/", *fields))
        return json.loads(connection.final().body)


def subject_of(connection):
    return connection.socket.getpeercert()["subjectAltName"][0][1]


# Versions and protocols


@pytest.mark.parametrize("version, name", [(V12, "TLSv1.2"), (V13, "TLSv1.3")], ids=str)
def test_versions(secure, authority, version, name):
    server = secure(INSPECT)
    context = authority.client(minimum=version, maximum=version)
    with server.connect(tls=context) as connection:
        assert connection.socket.version() == name
        assert connection.socket.compression() is None
        connection.send(request("GET", "/"))
        told = json.loads(connection.final().body)
    assert told["scheme"] == "https" and told["tls"] is True
    assert told["tls_subject"] == "" and told["authority"] == "localhost"


@http2
def test_http2_is_agreed_on(secure_pool, combination):
    with connect_http2(secure_pool.get((combination.demo, combination.model))) as connection:
        assert connection.socket.selected_alpn_protocol() == "h2" and connection.socket.version() == "TLSv1.3"
        assert connection.get("/").status == 200


@pytest.mark.parametrize("offered, agreed", [(("http/1.0",), "http/1.0"), (("http/1.0", "http/1.1"), "http/1.1")], ids=str)
@pytest.mark.parametrize("version", [V12, V13], ids=str)
def test_a_client_that_offers_http_1_0_alone_is_served(secure, authority, offered, agreed, version):
    """As curl --http1.0 does."""
    server = secure(INSPECT)
    context = authority.client(protocols=offered, minimum=version, maximum=version)
    with server.connect(tls=context) as connection:
        assert connection.socket.selected_alpn_protocol() == agreed
        connection.send(request("GET", "/", version="1.0"), "GET")
        assert json.loads(connection.final().body)["version"] == "HTTP/1.0"
        connection.assert_closed()


def test_a_client_that_offers_nothing_that_is_served_is_told(secure, authority):
    server = secure(INSPECT)
    for offered in (("http/0.9",), ("h3", "spdy/3")):
        with pytest.raises(ssl.SSLError, match="no application protocol|NO_APPLICATION_PROTOCOL"):
            server.connect(tls=authority.client(protocols=offered))


def test_a_listener_of_http_2_alone_serves_no_http_1_0(own, tmp_path, authority):
    port = free_port()
    file = tmp_path / "outrider.toml"
    listener = authority.listener(f"127.0.0.1:{port}").replace("[listener.tls]", 'protocols = ["h2"]\n[listener.tls]')
    file.write_text(f'{listener}[[plugin]]\npath = "{INSPECT}"\n')
    server = own("-c", file, bind=False, port=port)
    with pytest.raises(ssl.SSLError, match="no application protocol|NO_APPLICATION_PROTOCOL"):
        server.connect(tls=authority.client(protocols=("http/1.0",)))


def test_cleartext_says_so(shared):
    told = json.loads(shared(INSPECT, "async").get("/").body)
    assert told["scheme"] == "http" and told["tls"] is False


def test_a_proxy_may_say_that_its_client_came_without_tls(secure):
    told = seen(secure(INSPECT), "X-Forwarded-Proto: http")
    assert told["scheme"] == "http" and told["tls"] is True, "the flag is of the connection to this server"


def test_the_least_version_holds(secure, authority):
    server = secure(DEMO, tls_lines=['min_version = "1.3"'])
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        server.connect(tls=authority.client(maximum=V12))
    wait_for(lambda: "TLS handshake failed: unsupported protocol" in server.log, lambda: server.log)
    assert server.get("/health").body == b"OK"


def test_ciphers(secure, authority):
    server = secure(DEMO, tls_lines=['ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"'])
    with server.connect(tls=authority.client(maximum=V12)) as connection:
        assert connection.socket.cipher()[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"


WEAK = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384")  # without authentication of records
STRONG = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")


def old_client(authority, cipher, *protocols):
    context = authority.client(protocols=protocols, maximum=V12)
    context.set_ciphers(f"{cipher}@SECLEVEL=0")
    return context


def with_rsa(authority):
    """Lines for a second certificate, with a key that a client without forward secrecy can use."""
    rsa = authority.sign("rsa.example", key_type=KeyType.RSA)
    return [
        "[[listener.tls.sni]]",
        'names = ["rsa.example"]',
        f'certificate = "{rsa.certificate}"',
        f'key = "{rsa.key}"',
    ]


@pytest.mark.parametrize("cipher", STRONG)
def test_ciphers_by_default(secure, authority, cipher):
    server = secure(DEMO)
    with server.connect(tls=old_client(authority, cipher, "h2", "http/1.1")) as connection:
        assert connection.socket.cipher()[0] == cipher
        assert connection.socket.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize("name, cipher", [*(("localhost", cipher) for cipher in WEAK), ("rsa.example", "AES128-GCM-SHA256")])
def test_ciphers_that_http2_forbids(secure, authority, name, cipher):
    """RFC 9113 section 9.2.2: none by default; where the operator has them, HTTP/1.1 is spoken over them."""
    client = old_client(authority, cipher, "h2", "http/1.1")
    server = secure(DEMO, tls_lines=with_rsa(authority))
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        server.connect(tls=client, name=name)
    wide = secure(DEMO, tls_lines=['ciphers = "ALL"', *with_rsa(authority)])
    with wide.connect(tls=client, name=name) as connection:
        assert connection.socket.cipher()[0] == cipher
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
        connection.send(request("GET", "/health"))
        assert connection.final().body == b"OK"


@pytest.mark.parametrize("offered, agreed", [(["http/1.1"], "http/1.1"), (["x", "http/1.1"], "http/1.1"), ([], None)])
def test_alpn(secure, authority, offered, agreed):
    server = secure(DEMO)
    with server.connect(tls=authority.client(protocols=offered)) as connection:
        assert connection.socket.selected_alpn_protocol() == agreed
        connection.send(request("GET", "/health"))
        assert connection.final().body == b"OK"


def test_no_common_protocol(secure, authority):
    """RFC 7301 section 3.2: the handshake fails with an alert that says why."""
    server = secure(DEMO)
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        server.connect(tls=authority.client(protocols=["spdy/3"]))


# Names


def test_names(secure, authority):
    other, star = authority.sign("other.example"), authority.sign("*.wild.example")
    lines = []
    for names, identity in [("other.example", other), ("*.wild.example", star)]:
        lines += [
            "[[listener.tls.sni]]",
            f'names = ["{names}"]',
            f'certificate = "{identity.certificate}"',
            f'key = "{identity.key}"',
        ]
    server = secure(INSPECT, tls_lines=lines)
    trusting = authority.client()
    trusting.check_hostname = False
    for asked, expected in [
        ("other.example", "other.example"),
        ("OTHER.Example", "other.example"),
        ("a.wild.example", "*.wild.example"),
        ("a.b.wild.example", "localhost"),
        ("wild.example", "localhost"),
        ("elsewhere.example", "localhost"),
        ("localhost", "localhost"),
        (None, "localhost"),
    ]:
        with server.connect(tls=trusting, name=asked) as connection:
            assert subject_of(connection) == expected, asked
            assert connection.socket.selected_alpn_protocol() == "http/1.1"
            connection.send(request("GET", "/"))
            assert connection.final().status == 200


# Clients' certificates


@pytest.fixture
def stranger(tmp_path_factory):
    """A certificate that no one here has signed."""
    return Authority(tmp_path_factory.mktemp("stranger")).sign("who.example")


@pytest.mark.parametrize("version", [V12, V13], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_a_certificate_is_required(secure, authority, stranger, model, version):
    server = secure(INSPECT, model=model, tls_lines=authority.client_auth("required"))
    friend = authority.sign("friend.example", common_name="A friend", organization_name="Wire, tests")
    told = seen(server, tls=authority.client(friend, maximum=version))
    assert told["tls_subject"] == r"CN=A friend,OU=" + told["tls_subject"].partition(",OU=")[2]
    assert told["tls_subject"].endswith(r"O=Wire\, tests")
    for identity in (None, stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with server.connect(tls=authority.client(identity, maximum=version)) as connection:
                connection.socket.setblocking(True)
                connection.socket.sendall(request("GET", "/"))
                assert connection.socket.recv(1) == b"", "an answer without a certificate"
                raise ConnectionError
    assert seen(server, tls=authority.client(friend))["tls_subject"], "others are served"


def test_a_certificate_may_be_shown(secure, authority, stranger):
    server = secure(INSPECT, tls_lines=authority.client_auth("optional"))
    friend = authority.sign("friend.example", common_name="A friend")
    assert "CN=A friend" in seen(server, tls=authority.client(friend))["tls_subject"]
    assert seen(server)["tls_subject"] == ""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with server.connect(tls=authority.client(stranger, maximum=V12)):
            pass


def test_nobody_is_asked_for_a_certificate(secure, authority):
    server = secure(INSPECT, tls_lines=authority.client_auth("none"))
    assert seen(server, tls=authority.client(authority.sign("friend.example")))["tls_subject"] == ""


# Clients that do not do what they should


@pytest.fixture(params=MODELS)
def spare(request):
    """Each model; sync with workers to spare, since each slow client takes one."""
    return "-w", 4 if request.param == "sync" else 1, DEMO, "-k", request.param


@pytest.fixture
def server(secure, spare):
    return secure(*spare)


@pytest.mark.parametrize("share", [0, 0.5, 1], ids=["nothing", "half", "all"])
def test_a_slow_handshake_ends(secure, spare, authority, share):
    impatient = secure("--set", "timeouts.head=4s", *spare)
    hello = client_hello(authority.client())
    ended = "TLS handshake not complete within timeouts.head"
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", impatient.port)) as slow:
        slow.sendall(hello[: int(len(hello) * share)])
        for _ in range(5):
            assert impatient.get("/health").body == b"OK"
        assert ended not in impatient.log, "the loop waits for a handshake"
        slow.settimeout(20)
        while slow.recv(65536):
            pass
    assert 3.9 <= time.monotonic() - start < scaled(9), "by default it is ten seconds"
    wait_for(lambda: ended in impatient.log, lambda: impatient.log)


def test_bytes_one_by_one(server, authority):
    """A handshake and a request in the smallest pieces."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(20)

        def step(act):
            while True:
                try:
                    result = act()
                    wanting = False
                except ssl.SSLWantReadError:
                    wanting = True
                data = outgoing.read()
                for index in range(len(data)):
                    connection.sendall(data[index : index + 1])
                if not wanting:
                    return result
                received = connection.recv(7)
                assert received, "the server closed"
                incoming.write(received)

        step(client.do_handshake)
        step(lambda: client.write(request("GET", "/health")))
        answer = b""
        while b"OK" not in answer[-2:]:
            answer += step(lambda: client.read(1000))
    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_without_tls(server, method):
    with server.connect(tls=None) as connection:
        connection.send(request(method, "/"))
        answer = connection.final()
        assert answer.status == 400 and answer.says_close
        connection.assert_closed()
    wait_for(lambda: "plain HTTP on a listener with TLS" in server.log, lambda: server.log)
    assert server.get("/health").body == b"OK"


def test_garbage_instead_of_a_handshake(server, authority):
    generator = random.Random(7)
    hello = client_hello(authority.client())
    pieces = [generator.randbytes(size) for size in (1, 5, 100, 20000)]
    pieces += [hello[:40] + generator.randbytes(200), b"\x16\x03\x01\xff\xff" + generator.randbytes(70000)]
    for piece in pieces:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.settimeout(20)
            try:
                connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert server.get("/health").body == b"OK"


def test_garbage_within_a_session(server):
    with server.connect() as connection:
        connection.send(b"GET /health HTTP/1.1\r\n")
        socket.socket.send(connection.socket, b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with pytest.raises(ssl.SSLError, match="(?i)bad.record.mac"):
            connection.end()
    assert server.get("/health").body == b"OK"


@pytest.mark.parametrize("version", [V12, V13], ids=str)
def test_a_client_hello_is_not_larger_than_16_kib(secure, authority, version):
    """What OpenSSL keeps of it, it keeps as long as the connection."""
    server = secure(DEMO)

    def client(names):
        protocols = ["http/1.1"] + ["x" * 250] * names
        return authority.client(protocols=protocols, minimum=version, maximum=version)

    with server.connect(tls=client(60)) as connection:
        connection.send(request("GET", "/health"))
        assert connection.final().body == b"OK"
    assert len(client_hello(client(66))) > 16384
    for names in (66, 240):
        with pytest.raises(ssl.SSLError, match="(?i)handshake.failure"):
            server.connect(tls=client(names))
    wait_for(lambda: "TLS handshake failed: excessive message size" in server.log, lambda: server.log)
    assert server.get("/health").body == b"OK"


# Bytes


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_much_both_ways(secure, combination):
    server = secure(combination.demo, model=combination.model)
    data = random.Random(3).randbytes(8 << 20)
    expected = hashlib.sha256(data).hexdigest()
    for body in ("length", "chunked"):
        with server.connect(timeout=60) as connection:
            if body == "length":
                connection.send(request("POST", "/echo", body=data))
            else:
                pieces = [data[at : at + 100_003] for at in range(0, len(data), 100_003)]
                connection.send(request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(*pieces))
            assert hashlib.sha256(connection.final(timeout=60).body).hexdigest() == expected


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_request_in_the_same_flight_as_the_handshakes_end(secure, authority, combination):
    """Bytes that TLS has read ahead are not forgotten."""
    server = secure(combination.demo, model=combination.model)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.client(minimum=V13).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(20)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))
        body = b"x" * 50_000
        client.write(request("POST", "/echo", body=body))
        client.write(request("GET", "/health"))
        connection.sendall(outgoing.read())
        answers = b""
        wanted = 2 if combination.keeps_alive else 1
        while answers.count(b"HTTP/1.1 200 OK") < wanted or body not in answers:
            try:
                answers += client.read(100_000)
            except ssl.SSLWantReadError:
                received = connection.recv(65536)
                assert received, "the server closed"
                incoming.write(received)


# Ends


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_an_end_is_told(secure, combination):
    """RFC 8446 section 6.1: a close_notify, so that nobody can cut an answer short unseen."""
    server = secure(combination.demo, model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", "/stream", version="1.0"))
        answer = connection.final()
        assert answer.framing == "close" and answer.complete
        connection.assert_closed()


def test_an_idle_connection_ends_likewise(secure):
    server = secure("--set", "timeouts.keepalive=200ms", DEMO)
    with server.connect() as connection:
        connection.send(request("GET", "/health"))
        connection.final()
        connection.assert_closed()


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_an_answer_that_is_cut_off_has_no_such_end(secure, combination):
    server = secure(combination.misbehaving, model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", "/negative-after-write", version="1.0"))
        connection.end()
        assert connection.reset or connection.truncated, connection.state()


def test_a_client_that_ends_without_close_notify_gets_its_answer(secure):
    server = secure(RELEASE / "libdemo_blocking.so", model="gthread")
    with server.connect() as connection:
        connection.send(request("GET", "/health", "Connection: close"))
        connection.finish_sending()
        assert connection.final().status == 200


def test_a_body_that_is_cut_off_is_no_body(secure):
    server = secure(INSPECT)
    with server.connect() as connection:
        connection.send(request("POST", "/", "Content-Length: 100") + b"x" * 50)
        connection.finish_sending()
        assert [answer.status for answer in connection.end()] in ([], [400])
    assert seen(server)["scheme"] == "https"


# Proxies in front


PROXY = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"
# As long as a header may be.
LONG_PROXY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\x00" + bytes([203, 0, 113, 9, 192, 0, 2, 1, 1, 2, 3, 4]) + bytes(4084)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "pieces",
    [[PROXY], [PROXY[:9], PROXY[9:]], [LONG_PROXY], [LONG_PROXY[:4111], LONG_PROXY[4111:]]],
    ids=["whole", "halves", "long", "long in parts"],
)
def test_a_proxy_header_before_the_handshake(own, authority, tmp_path, model, pieces):
    port = free_port()
    lines = authority.listener(f"127.0.0.1:{port}").splitlines()
    lines.insert(1, 'proxy_protocol = "any"')
    (tmp_path / "proxied.toml").write_text("\n".join(lines))
    server = own("-c", tmp_path / "proxied.toml", INSPECT, bind=False, port=port, model=model)
    context = authority.client()
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        for piece in pieces[:-1]:
            plain.sendall(piece)
            time.sleep(0.05)
        first = pieces[-1]
        plain.settimeout(20)
        sent, answer = False, b""
        while b"}" not in answer:
            try:
                if not sent:
                    client.do_handshake()
                    client.write(request("GET", "/"))
                    sent = True
                    plain.sendall(outgoing.read())
                answer += client.read(65536)
            except ssl.SSLWantReadError:
                plain.sendall(first + outgoing.read())
                first = b""
                received = plain.recv(65536)
                assert received, server.log
                incoming.write(received)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["client"] == "203.0.113.9"
