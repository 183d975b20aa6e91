"""Information of proxies about the client is believed only from proxy.trusted (outrider.toml(5), [proxy])."""

import json
import socket
import struct

import pytest

import http2
from client import request
from matrix import H2C, INSPECT
from metrics import Metrics
from server import free_port

TRUSTED = 'proxy.trusted=["127.0.0.1", "10.0.0.0/8"]'
ALL_FIELDS = 'proxy.fields=["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"]'


@pytest.fixture
def trusting(shared):
    """Believes all that a trusted proxy can say."""
    return shared(INSPECT, "async", "--set", TRUSTED, "--set", ALL_FIELDS)


@pytest.fixture
def usual(shared):
    """Believes the fields of the default."""
    return shared(INSPECT, "async", "--set", TRUSTED)


@pytest.fixture
def wary(shared):
    return shared(INSPECT, "async", "--set", 'proxy.trusted=["192.0.2.1"]', "--set", ALL_FIELDS)


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
        (["X-Forwarded-Proto: https, http"], "http", "localhost"),
        (["X-Forwarded-Proto: http, https"], "https", "localhost"),
        (["X-Forwarded-Proto: gopher,https"], "https", "localhost"),
        (["X-Forwarded-Proto: http", "X-Forwarded-Proto: https"], "https", "localhost"),
        (['X-Forwarded-Proto: ", https'], "https", "localhost"),
        (["X-Forwarded-Host: evil.example, www.example.org"], "http", "www.example.org"),
        (["Forwarded: proto=http;host=a.example, proto=https;host=b.example"], "https", "b.example"),
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
    "fields, scheme",
    [
        (["X-Forwarded-Proto: https, http"], "http"),
        (["X-Forwarded-Proto: http, https"], "https"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], "http"),
        (["X-Forwarded-Proto: gopher"], "http"),
        (["X-Forwarded-Proto: gopher, https"], "https"),
        (["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https, http"], "http"),
    ],
    ids=str,
)
def test_a_chain_of_proxies_is_no_outage(usual, fields, scheme):
    """With proxy.trusted alone, the values of the nearest proxy count, and senseless values cause no refusal."""
    assert seen(usual, *fields)["scheme"] == scheme


def told(reading):
    return reading["client"], reading["scheme"], reading["authority"]


UNTOLD = ("127.0.0.1", "http", "localhost")
SENSELESS = [
    (["X-Forwarded-Proto: gopher"], UNTOLD, 1),
    (["X-Forwarded-Proto: https, gopher"], UNTOLD, 1),
    (["X-Forwarded-Proto: https://"], UNTOLD, 1),
    (["X-Forwarded-Proto: gopher", "X-Forwarded-For: 203.0.113.9"], ("203.0.113.9", "http", "localhost"), 1),
    (["X-Forwarded-Host: a b"], UNTOLD, 1),
    (["X-Forwarded-Host: good.example, a/b"], UNTOLD, 1),
    (["X-Forwarded-For: nobody"], UNTOLD, 1),
    (["X-Forwarded-For: 6.6.6.6, nobody, 10.1.1.1"], ("10.1.1.1", "http", "localhost"), 1),
    (["Forwarded: proto=gopher;host=a@b;for=nobody"], UNTOLD, 3),
    (['Forwarded: for=1.2.3.4;proto="https'], UNTOLD, 1),
    (["X-Forwarded-Proto: https", "Forwarded: proto=http"], ("127.0.0.1", "https", "localhost"), 1),
    (["X-Forwarded-For: 1.2.3.4", "Forwarded: for=5.6.7.8"], ("1.2.3.4", "http", "localhost"), 1),
    (["X-Forwarded-Host: a.example", "Forwarded: host=b.example"], ("127.0.0.1", "http", "a.example"), 1),
    # Proxies leave a client unnamed on purpose, and empty fields say nothing.
    (["X-Forwarded-For: unknown"], UNTOLD, 0),
    (["Forwarded: for=_hidden;proto=https"], ("127.0.0.1", "https", "localhost"), 0),
    (["X-Forwarded-Proto:", "X-Forwarded-For: ,", "X-Forwarded-Host:", "Forwarded:"], UNTOLD, 0),
    (["X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4"], ("1.2.3.4", "http", "localhost"), 0),
]


def test_what_makes_no_sense_is_ignored_and_counted(own):
    """Whatever a trusted proxy says, its client is served."""
    metrics = Metrics(free_port())
    bind = f"metrics.bind=127.0.0.1:{metrics.address[1]}"
    server = own("--set", TRUSTED, "--set", ALL_FIELDS, "--set", bind, INSPECT)
    count = 0
    for fields, expected, senseless in SENSELESS:
        assert told(seen(server, *fields)) == expected, fields
        count += senseless
        metrics.wait(count, "outrider_proxy_fields_ignored_total")
    assert server.log.count("is ignored: gopher is neither http nor https") == 1, "one line for all of them"
    assert server.log.count("of the trusted proxy") == 1, server.log


def test_nothing_is_counted_of_others(own):
    metrics = Metrics(free_port())
    bind = f"metrics.bind=127.0.0.1:{metrics.address[1]}"
    server = own("--set", 'proxy.trusted=["192.0.2.1"]', "--set", ALL_FIELDS, "--set", bind, INSPECT)
    for fields, _, _ in SENSELESS:
        assert told(seen(server, *fields)) == UNTOLD
    assert metrics.value("outrider_proxy_fields_ignored_total") == 0


NGINX = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"]
NGINX_SAYS = ("203.0.113.9", "https", "localhost")


@pytest.mark.parametrize(
    "fields, expected",
    [
        (NGINX, NGINX_SAYS),
        ([*NGINX, "X-Forwarded-Host: evil.example"], NGINX_SAYS),
        ([*NGINX, "Forwarded: for=6.6.6.6;proto=http;host=evil.example"], NGINX_SAYS),
        ([*NGINX, 'Forwarded: for="'], NGINX_SAYS),
        (["Forwarded: for=6.6.6.6;proto=https;host=evil.example"], UNTOLD),
        (["X-Forwarded-Host: evil.example"], UNTOLD),
        (["X-Forwarded-Host: a b"], UNTOLD),
    ],
    ids=str,
)
def test_fields_that_a_proxy_passes_on_are_no_evidence(usual, shared, fields, expected):
    """By default a proxy sets X-Forwarded-For and X-Forwarded-Proto, and all else may be its client's."""
    assert told(seen(usual, *fields)) == expected
    assert told(seen(shared(INSPECT, "async"), *fields)) == expected, "proxies on loopback are trusted by default"


EVERYTHING = [
    "X-Forwarded-For: 1.1.1.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: x.example",
    "Forwarded: for=2.2.2.2;host=f.example",
]


@pytest.mark.parametrize(
    "listed, expected",
    [
        ([], UNTOLD),
        (["x-forwarded-for"], ("1.1.1.1", "http", "localhost")),
        (["x-forwarded-proto"], ("127.0.0.1", "https", "localhost")),
        (["x-forwarded-host"], ("127.0.0.1", "http", "x.example")),
        (["forwarded"], ("2.2.2.2", "http", "f.example")),
        (["forwarded", "x-forwarded-proto"], ("2.2.2.2", "https", "f.example")),
    ],
    ids=str,
)
def test_the_operator_says_which_fields_count(shared, listed, expected):
    server = shared(INSPECT, "async", "--set", TRUSTED, "--set", f"proxy.fields={json.dumps(listed)}", H2C)
    assert told(seen(server, *EVERYTHING)) == expected
    with http2.connect(server) as connection:
        fields = [tuple(line.lower().split(": ", 1)) for line in EVERYTHING]
        assert told(json.loads(connection.get("/", *fields).body)) == expected, "over HTTP/2 as well"


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
    """Where a client's quotes could take in the proxy's own element, nothing is believed."""
    fields = [f"Forwarded: {words}, {appended}"] if lines == "one" else [f"Forwarded: {w}" for w in (words, appended)]
    assert told(seen(trusting, *fields)) == UNTOLD
    assert told(seen(wary, *fields)) == UNTOLD


@pytest.mark.parametrize("host, authority", [("www.example.org", "www.example.org"), ("a b", "localhost")])
def test_a_word_counts_for_its_request_alone(trusting, host, authority):
    """What was said of one request, accepted or not, is not said of the next in the same place."""
    words = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", f"X-Forwarded-Host: {host}"]
    assert told(seen(trusting, *words)) == ("203.0.113.9", "https", authority)
    assert told(seen(trusting)) == UNTOLD


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
        (version_2(bytes([203, 0, 113, 9]), bytes(4), (1, 2), family=0x12), "127.0.0.1"),
        (version_2(b"", b"", (0, 0), family=0x10), "127.0.0.1"),
        (version_2(bytes(16), bytes(16), (1, 2), family=0x22), "127.0.0.1"),
        (version_2(bytes(108), bytes(108), (0, 0), family=0x32), "127.0.0.1"),
        (SIGNATURE + b"\x21\x01\x00\x00", "127.0.0.1"),
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
        ("any", SIGNATURE + b"\x21\x13\x00\x0c" + bytes(12)),
        ("any", SIGNATURE + b"\x21\x41\x00\x0c" + bytes(12)),
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
        (version_2(bytes(4), bytes(4), (1, 2), family=0x12), "a client"),
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


# What a PROXY header says of TLS


def extension(kind, value):
    return bytes([kind]) + struct.pack("!H", len(value)) + value


def about_tls(flags, name=None, verification=0):
    """As haproxy's send-proxy-v2-ssl-cn writes it."""
    details = extension(0x21, b"TLSv1.3") + (b"" if name is None else extension(0x22, name))
    return extension(0x20, bytes([flags]) + struct.pack("!I", verification) + details)


def behind(*extensions, family=0x11):
    size = {0x11: 4, 0x21: 16, 0x31: 108, 0x00: 0}[family]
    payload = b"\x07" * 2 * size + (struct.pack("!HH", 1, 2) if size in (4, 16) else b"") + b"".join(extensions)
    return SIGNATURE + bytes([0x21, family]) + struct.pack("!H", len(payload)) + payload


@pytest.mark.parametrize(
    "header, scheme, subject",
    [
        (behind(about_tls(0x1)), "https", ""),
        (behind(about_tls(0x3, b"alice")), "https", "CN=alice"),
        (behind(about_tls(0x5, b"alice")), "https", "CN=alice"),
        (behind(extension(0x4, b"x" * 40), about_tls(0x3, b"alice")), "https", "CN=alice"),
        (behind(about_tls(0x3, b"a,b\r\n\xc3\xa9")), "https", r"CN=a\,b\0D\0A\C3\A9"),
        (behind(about_tls(0x3, b"n" * 3000)), "https", "CN=" + "n" * 3000),
        (behind(about_tls(0x3, b"alice"), family=0x21), "https", "CN=alice"),
        (behind(about_tls(0x3, b"alice"), family=0x31), "https", "CN=alice"),
        (behind(about_tls(0x3, b"alice"), family=0x00), "https", "CN=alice"),
        # No certificate was shown, or it was not verified, or there is no TLS at all, or nothing whole.
        (behind(about_tls(0x1, b"alice")), "https", ""),
        (behind(about_tls(0x3, b"alice", verification=18)), "https", ""),
        (behind(about_tls(0x0)), "http", ""),
        (behind(about_tls(0x2, b"alice")), "http", ""),
        (behind(about_tls(0x3, b"alice")[:-1]), "http", ""),
        (behind(extension(0x20, b"\x01")), "http", ""),
        (behind(), "http", ""),
    ],
    ids=lambda value: repr(value)[-40:],
)
def test_tls_between_the_client_and_the_proxy(proxied, header, scheme, subject):
    server = proxied("any")
    for _ in range(2):  # nothing of a connection is left to the next
        with server.connect() as connection:
            connection.send(header + request("GET", "/"), "GET")
            told = json.loads(connection.final(timeout=3).body)
            assert (told["scheme"], told["tls_subject"], told["tls"]) == (scheme, subject, False)
            connection.send(request("GET", "/"))
            again = json.loads(connection.final(timeout=3).body)
            assert (again["scheme"], again["tls_subject"]) == (scheme, subject)
        with server.connect() as connection:
            connection.send(V4 + request("GET", "/"), "GET")
            told = json.loads(connection.final(timeout=3).body)
            assert (told["scheme"], told["tls_subject"]) == ("http", "")


def test_streams_have_the_tls_of_the_header(own, tmp_path):
    port = free_port()
    file = tmp_path / "outrider.toml"
    file.write_text(
        f'[[listener]]\nbind = "127.0.0.1:{port}"\nproxy_protocol = "v2"\nh2c = true\n[[plugin]]\npath = "{INSPECT}"\n'
    )
    server = own("-c", file, bind=False, port=port)

    def speak(raw):
        raw.sendall(behind(about_tls(0x3, b"alice")))
        return raw

    with http2.Connection(server.address, wrap=speak) as connection:
        connection.scheme = "http"
        told = json.loads(connection.get("/").body)
    assert (told["scheme"], told["tls_subject"]) == ("https", "CN=alice")


@pytest.mark.parametrize(
    "extensions, scheme, subject",
    [((), "https", None), ((about_tls(0x3, b"alice"),), "https", "CN=alice"), ((about_tls(0x0),), "http", "")],
    ids=["nothing is said", "a client with a certificate", "a client without TLS"],
)
def test_the_client_is_who_the_header_says_though_the_proxy_speaks_tls(own, tmp_path, authority, extensions, scheme, subject):
    """With a certificate of the proxy's own, which is the client's only where the header says nothing."""
    port = free_port()
    file = tmp_path / "outrider.toml"
    listener = authority.listener(f"127.0.0.1:{port}", None, *authority.client_auth("required"))
    file.write_text(
        listener.replace("[listener.tls]", 'proxy_protocol = "v2"\n[listener.tls]') + f'[[plugin]]\npath = "{INSPECT}"\n'
    )
    server = own("-c", file, bind=False, port=port)
    proxy = authority.client(authority.sign("proxy.example", common_name="the proxy"))
    with socket.create_connection(server.address, timeout=10) as raw:
        raw.sendall(behind(*extensions))
        with proxy.wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(request("GET", "/", "Connection: close"))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    told = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert (told["scheme"], told["tls"]) == (scheme, True)
    if subject is None:
        assert "CN=the proxy" in told["tls_subject"]
    else:
        assert told["tls_subject"] == subject
