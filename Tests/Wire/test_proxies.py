"""What proxies say of the client: believed from proxy.trusted alone (operations.md, [proxy])."""

import json
import struct

import pytest

from client import request
from matrix import INSPECT

TRUSTED = 'proxy.trusted=["127.0.0.1", "10.0.0.0/8"]'


@pytest.fixture
def trusting(shared):
    return shared(INSPECT, "async", "--set", TRUSTED)


@pytest.fixture
def wary(shared):
    return shared(INSPECT, "async", "--set", 'proxy.trusted=["192.0.2.1"]')


def seen(server, *fields):
    return json.loads(server.get("/", *fields).body)


@pytest.mark.parametrize(
    "fields, client",
    [
        (["X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        (["X-Forwarded-For: 1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        (["X-Forwarded-For: 1.2.3.4, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        (["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        (["X-Forwarded-For: 10.0.0.7, 10.1.1.1"], "10.0.0.7"),
        (["X-Forwarded-For: 203.0.113.9" + ", 10.1.1.1" * 63], "203.0.113.9"),
        (["X-Forwarded-For: 203.0.113.9, 10.2.2.2" + ", 10.1.1.1" * 63], "10.2.2.2"),
        (["X-Forwarded-For: 203.0.113.9:4711"], "203.0.113.9"),
        (["X-Forwarded-For: 2001:db8::1"], "2001:db8::1"),
        (["X-Forwarded-For: [2001:db8::1]:80"], "2001:db8::1"),
        (['X-Forwarded-For: ", 203.0.113.9'], "203.0.113.9"),
        (['X-Forwarded-For: "', "X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        (['X-Forwarded-For: "1.2.3.4, 203.0.113.9, 10.1.1.1"'], "127.0.0.1"),
        (["X-Forwarded-For: unknown, 10.1.1.1"], "10.1.1.1"),
        (["X-Forwarded-For: unknown"], "127.0.0.1"),
        (["X-Forwarded-For: [10.0.0.1]evil:80"], "127.0.0.1"),
        (["X-Forwarded-For: [2001:db8::1]x, 10.1.1.1"], "10.1.1.1"),
        (["Forwarded: for=203.0.113.9;proto=http"], "203.0.113.9"),
        (['Forwarded: for="[2001:db8::1]:4711"'], "2001:db8::1"),
        (["Forwarded: for=1.2.3.4, for=203.0.113.9, for=10.1.1.1"], "203.0.113.9"),
        (['Forwarded: for="_a,b", for=203.0.113.9'], "203.0.113.9"),
        (['Forwarded: for=1.2.3.4;x="a\\",b" , for=203.0.113.9'], "203.0.113.9"),
        (["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"], "203.0.113.9"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_client_is_walked_from_the_right(trusting, wary, fields, client):
    assert seen(trusting, *fields)["client"] == client
    assert seen(wary, *fields)["client"] == "127.0.0.1", "from others none of it counts"


@pytest.mark.parametrize(
    "fields, scheme, authority",
    [
        (["X-Forwarded-Proto: https"], "https", "localhost"),
        (["X-Forwarded-Proto: wss"], "https", "localhost"),
        (["X-Forwarded-Proto: http, http"], "http", "localhost"),
        (["X-Forwarded-Host: www.example.org:8443"], "http", "www.example.org:8443"),
        (['X-Forwarded-Host: ", www.example.org'], "http", "www.example.org"),
        (["Forwarded: proto=https;host=www.example.org"], "https", "www.example.org"),
        (['Forwarded: by="\\";proto=https;x="'], "http", "localhost"),
    ],
    ids=str,
)
def test_scheme_and_host(trusting, wary, fields, scheme, authority):
    reading = seen(trusting, *fields)
    assert (reading["scheme"], reading["authority"]) == (scheme, authority)
    reading = seen(wary, *fields)
    assert (reading["scheme"], reading["authority"]) == ("http", "localhost")


@pytest.mark.parametrize(
    "fields",
    [
        ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"],
        ["X-Forwarded-Proto: https, http"],
        ["X-Forwarded-Proto: https", "Forwarded: proto=http"],
        ["X-Forwarded-Proto: gopher"],
        ['X-Forwarded-Proto: ", https'],
        ["X-Forwarded-Host: a b"],
        ["X-Forwarded-For: 1.2.3.4", "Forwarded: for=5.6.7.8"],
    ],
    ids=str,
)
def test_contradictions_are_refused(trusting, wary, fields):
    assert trusting.get("/", *fields).status == 400
    assert wary.get("/", *fields).status == 200


@pytest.mark.parametrize(
    "words, appended",
    [
        ('for=6.6.6.6;proto=https;host=evil.example;x="', "for=203.0.113.9;proto=http;host=good.example"),
        ('for=6.6.6.6;x="', 'for="[2001:db8::1]:4711";proto=http'),
        ('for=6.6.6.6;x="\\', "for=203.0.113.9"),
        ('for=6.6.6.6;proto=https"', "for=203.0.113.9;proto=http"),
        ('for=6.6.6.6;x= "a', 'for="203.0.113.9"'),
        ("for=6.6.6.6;FOR=7.7.7.7", "for=203.0.113.9"),
        ("host=evil.example;host=worse.example", "for=203.0.113.9"),
    ],
)
@pytest.mark.parametrize("lines", ["one", "two"])
def test_no_word_of_a_client_changes_what_its_proxy_appends(trusting, wary, words, appended, lines):
    """Where a client's quotes could take in the proxy's own element, nothing is believed and nothing answered."""
    fields = [f"Forwarded: {words}, {appended}"] if lines == "one" else [f"Forwarded: {w}" for w in (words, appended)]
    assert trusting.get("/", *fields).status == 400
    assert wary.get("/", *fields).status == 200


@pytest.mark.parametrize("host, status", [("www.example.org", 200), ("a b", 400)])
def test_a_word_counts_for_its_request_alone(trusting, host, status):
    """What was said of one request, accepted or not, is not said of the next in the same place."""
    words = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", f"X-Forwarded-Host: {host}"]
    assert trusting.get("/", *words).status == status
    reading = seen(trusting)
    told = (reading["client"], reading["scheme"], reading["authority"])
    assert told == ("127.0.0.1", "http", "localhost")


@pytest.mark.parametrize("identity", ["abc", "A-1_2.3:4+5/6=", "x" * 128])
def test_request_ids_are_kept(trusting, wary, identity):
    assert seen(trusting, f"X-Request-ID: {identity}")["request_id"] == identity
    assert seen(wary, f"X-Request-ID: {identity}")["request_id"] != identity


@pytest.mark.parametrize("identity", ["", "a b", "x" * 129, "é", "a;b", "a,b"])
def test_request_ids_are_replaced(trusting, identity):
    made = seen(trusting, f"X-Request-ID: {identity}")["request_id"]
    assert made != identity and 1 <= len(made) <= 128


def test_made_request_ids_differ(trusting):
    assert len({seen(trusting)["request_id"] for _ in range(50)}) == 50


# The PROXY protocol

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def version_2(source, destination, ports, command=0x21, family=0x11, extension=b""):
    payload = source + destination + struct.pack("!HH", *ports) + extension
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(payload)) + payload


V4 = version_2(bytes([203, 0, 113, 9]), bytes([192, 0, 2, 1]), (4711, 80))
V6 = version_2(b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\1", b"\0" * 16, (4711, 80), family=0x21)


@pytest.fixture
def proxied(own, tmp_path):
    """A server whose only listener wants a PROXY header of that kind; how it is started is in its file."""

    def start(kind, trusted="127.0.0.1"):
        from server import free_port

        port = free_port()
        file = tmp_path / "outrider.toml"
        file.write_text(
            f'[proxy]\ntrusted = ["{trusted}"]\n'
            f'[[listener]]\nbind = "127.0.0.1:{port}"\nproxy_protocol = "{kind}"\n'
            f'[[plugin]]\npath = "{INSPECT}"\n'
        )
        return own("-c", file, bind=False, port=port)

    return start



@pytest.mark.parametrize(
    "header, client",
    [
        (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n", "203.0.113.9"),
        (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (b"PROXY UNKNOWN whatever it says\r\n", "127.0.0.1"),
        (V4, "203.0.113.9"),
        (V6, "2001:db8::1"),
        (version_2(b"", b"", (0, 0), command=0x20, family=0x00), "127.0.0.1"),
        (SIGNATURE + b"\x20\x12\x00\x00", "127.0.0.1"),
        (version_2(bytes(4), bytes(4), (1, 2), extension=b"\x04\x00\x03abc"), "0.0.0.0"),
        (version_2(bytes([203, 0, 113, 9]), bytes(4), (1, 2), extension=bytes(4084)), "203.0.113.9"),
    ],
    ids=lambda value: repr(value)[:60],
)
@pytest.mark.parametrize("split", ["whole", "bytes"])
def test_a_proxy_header(proxied, header, client, split):
    server = proxied("any")
    with server.connect() as connection:
        connection.send(header + request("GET", "/"), "GET", split=split)
        assert json.loads(connection.final(timeout=3).body)["client"] == client


@pytest.mark.parametrize(
    "kind, header",
    [
        ("any", b""),
        ("any", b"PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\n"),
        ("any", b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 99999\r\n"),
        ("any", b"PROXY TCP4 nowhere 192.0.2.1 4711 80\r\n"),
        ("any", b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\n"),
        ("any", b"PROXY TCP4 ::1 ::1 4711 80\r\n"),
        ("any", b"PROXY TCP6 203.0.113.9 192.0.2.1 4711 80\r\n"),
        ("any", b"PROXY TCP5 203.0.113.9 192.0.2.1 4711 80\r\n"),
        ("any", b"PROXY " + b"x" * 200 + b"\r\n"),
        ("any", SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12)),
        ("any", SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12)),
        ("any", SIGNATURE + b"\x21\x11\x00\x04" + bytes(4)),
        ("any", SIGNATURE + b"\x21\x11\xff\xff" + bytes(12)),
        ("any", version_2(bytes(4), bytes(4), (1, 2), extension=bytes(4085))),
        ("v1", V4),
        ("v2", b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_no_or_a_bad_proxy_header(proxied, kind, header):
    server = proxied(kind)
    with server.connect() as connection:
        connection.send(header + request("GET", "/"), "GET")
        assert connection.end(timeout=3) == [], "closed without an answer"
    assert server.alive


def test_an_untrusted_peer_is_refused(proxied):
    server = proxied("any", trusted="192.0.2.1")
    with server.connect() as connection:
        assert connection.end(timeout=2) == []


def test_words_of_a_client_behind_a_proxy_header_do_not_count(proxied):
    """The header names a client that is not trusted: its X-Forwarded-For is its own invention."""
    server = proxied("any")
    with server.connect() as connection:
        connection.send(V4 + request("GET", "/", "X-Forwarded-For: 10.9.9.9"), "GET")
        assert json.loads(connection.final(timeout=3).body)["client"] == "203.0.113.9"


@pytest.mark.parametrize(
    "header, speaks",
    [
        (b"PROXY UNKNOWN\r\n", "a client"),
        (b"PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n", "a client"),
        (version_2(b"", b"", (0, 0), family=0x00), "a client"),
        (version_2(bytes(108), bytes(108), (0, 0), family=0x31), "a client"),
        (version_2(b"", b"", (0, 0), command=0x20, family=0x00), "the proxy"),
        (version_2(bytes([203, 0, 113, 9]), bytes(4), (0, 0), command=0x20), "the proxy"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_words_of_a_client_that_the_proxy_can_not_name(proxied, header, speaks):
    """LOCAL is the proxy's own connection, and its words count; without addresses it is a client's nevertheless."""
    server = proxied("any")
    words = ["X-Forwarded-For: 10.9.9.9", "X-Forwarded-Proto: https", "X-Request-ID: given"]
    with server.connect() as connection:
        connection.send(header + request("GET", "/", *words), "GET")
        reading = json.loads(connection.final(timeout=3).body)
    told = (reading["client"], reading["scheme"], reading["request_id"] == "given")
    assert told == (("10.9.9.9", "https", True) if speaks == "the proxy" else ("127.0.0.1", "http", False))
