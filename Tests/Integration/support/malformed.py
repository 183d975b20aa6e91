"""Requests that must be refused, each with the allowed statuses.

The tests send GET /smuggled after each of them: a response to that would mean that it was read out of a malformed
message.
"""

from dataclasses import dataclass

from client import request

BAD = (400,)
GET = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Malformed:
    name: str
    data: bytes
    status: tuple[int, ...]

    def __str__(self):
        return self.name


def row(name, data, *status):
    return Malformed(name, data.encode("latin-1"), status or BAD)


def line(name, text, *status):
    """A request line, followed by a valid rest."""
    return row(name, text + "\r\nHost: a\r\n\r\n", *status)


def field(name, text, *status):
    """A field line after a valid Host."""
    return row(name, GET + text + "\r\n\r\n", *status)


def host(name, value):
    return row(f"host {name}", f"GET / HTTP/1.1\r\nHost: {value}\r\n\r\n")


def length(name, value, *status):
    return row(f"content-length {name}", POST + f"Content-Length: {value}\r\n\r\nhello", *status)


def coding(name, *lines, status=BAD):
    return row(
        f"transfer-encoding {name}",
        POST + "".join(f"Transfer-Encoding: {value}\r\n" for value in lines) + "\r\n5\r\nhello\r\n0\r\n\r\n",
        *status,
    )


def chunk(name, text, *status):
    """Bytes after the head of a chunked request."""
    return row(f"chunk {name}", CHUNKED + text, *status)


def trailer(name, text, *status):
    return row(f"trailer {name}", CHUNKED + "5\r\nhello\r\n0\r\n" + text + "\r\n\r\n", *status)


LINES = [
    line("line lacks the version", "GET /"),
    line("line lacks the target", "GET HTTP/1.1"),
    line("line is one word", "GET"),
    line("line has two spaces before the target", "GET  / HTTP/1.1"),
    line("line has two spaces before the version", "GET /  HTTP/1.1"),
    line("line begins with a space", " GET / HTTP/1.1"),
    line("line ends with a space", "GET / HTTP/1.1 "),
    line("line with tabs for spaces", "GET\t/\tHTTP/1.1"),
    line("line with more after the version", "GET / HTTP/1.1 x"),
    line("version 2.0", "GET / HTTP/2.0", 505),
    line("version 3.0", "GET / HTTP/3.0", 505),
    line("version 0.9", "GET / HTTP/0.9", 505),
    line("version 1.10", "GET / HTTP/1.10", 400, 505),
    line("version 1", "GET / HTTP/1", 400, 505),
    line("version 1.", "GET / HTTP/1.", 400, 505),
    line("version 11", "GET / HTTP/11", 400, 505),
    line("version in lower case", "GET / http/1.1", 400, 505),
    line("version of another protocol", "GET / RTSP/1.0", 400, 505),
    line("version 1.1x", "GET / HTTP/1.1x", 400, 505),
    line("method is empty", " / HTTP/1.1"),
    line("method of 21 characters", "A" * 21 + " / HTTP/1.1", 501),
    line("method of 9000 characters", "A" * 9000 + " / HTTP/1.1", 501),
    line("method with a parenthesis", "GE(T / HTTP/1.1"),
    line("method with a colon", "GET: / HTTP/1.1"),
    line("method with NUL", "G\0T / HTTP/1.1"),
    line("method with non-ASCII", "G\xc9T / HTTP/1.1"),
    line("target with NUL", "GET /a\0b HTTP/1.1"),
    line("target with TAB", "GET /a\tb HTTP/1.1"),
    line("target with a space", "GET /a b HTTP/1.1"),
    line("target with a control", "GET /a\x01b HTTP/1.1"),
    line("target with DEL", "GET /a\x7fb HTTP/1.1"),
    line("target with raw non-ASCII", "GET /caf\xc3\xa9 HTTP/1.1"),
    line("target with a bare CR", "GET /a\rb HTTP/1.1"),
    line("target without a slash", "GET index.html HTTP/1.1"),
    line("target is an authority", "GET a:443 HTTP/1.1"),
    line("target is * for GET", "GET * HTTP/1.1"),
    line("target of CONNECT is a path", "CONNECT / HTTP/1.1"),
    line("target of CONNECT lacks the port", "CONNECT a HTTP/1.1"),
    line("target lacks the authority", "GET http:///path HTTP/1.1"),
    line("target with %00", "GET /a%00b HTTP/1.1"),
    line("target climbs out", "GET /../etc/passwd HTTP/1.1"),
    line("target climbs out later", "GET /a/../../etc/passwd HTTP/1.1"),
    line("target climbs out in code", "GET /%2e%2E/etc/passwd HTTP/1.1"),
    row("two empty lines first", "\r\n\r\n" + GET + "\r\n"),
    row("a bare LF first", "\n" + GET + "\r\n"),
    row("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505),
    row("a TLS hello", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + "r" * 32 + "\r\n\r\n"),
    row("a PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n" + GET + "\r\n"),
    row("line feeds alone", "GET / HTTP/1.1\nHost: a\n\n"),
    row("a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    row("a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    row("a bare LF as the empty line", GET + "\n"),
    row("CR CR LF after the request line", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    row("a bare CR as line end", "GET / HTTP/1.1\rHost: a\r\r"),
]

FIELDS = [
    field("fold with a space", "X: y\r\n z"),
    field("fold with a tab", "X: y\r\n\tz"),
    field("fold of the framing", "Transfer-Encoding:\r\n chunked"),
    row("fold of the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    field("space before the colon", "X : y"),
    field("tab before the colon", "X\t: y"),
    row("space before the colon of Host", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    field("no colon", "garbage"),
    field("name is empty", ": y"),
    field("name with a space", "X Y: z"),
    field("name with a parenthesis", "X(: y"),
    field("name with a slash", "X/Y: z"),
    field("name with non-ASCII", "X\xe9: y"),
    field("name with NUL", "X\0: y"),
    field("name with a control", "X\x01: y"),
    field("value with NUL", "X: a\0b"),
    field("value with a control", "X: a\x01b"),
    field("value with ESC", "X: a\x1bb"),
    field("value with VT", "X: a\x0bb"),
    field("value with DEL", "X: a\x7fb"),
    field("value with a bare CR", "X: a\rb"),
    field("value that ends in a bare CR", "X: a\r\r\n"),
    row("no Host", "GET / HTTP/1.1\r\n\r\n"),
    row("no Host but an absolute target", "GET http://a/ HTTP/1.1\r\n\r\n"),
    row("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    row("two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
    row("two Hosts to 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    host("with a space", "a b"),
    host("with a list", "a, b"),
    host("with a path", "a/b"),
    host("with a user", "user@a"),
    host("with a query", "a?b"),
    host("with a fragment", "a#b"),
    host("with a backslash", "a\\b"),
    host("with markup", "<a>"),
    host("with non-ASCII", "caf\xe9"),
    host("with a word as port", "a:http"),
    host("with two ports", "a:80:80"),
    host("with an open bracket", "[::1"),
    host("with a bracketed word", "[zz]"),
    host("with a bare IPv6 address", "::1"),
    host("with half a percent code", "a%4"),
    field("two content types", "Content-Type: text/plain\r\nContent-Type: text/plain"),
]

FRAMING = [
    length("negative", "-1"),
    length("with a plus", "+5"),
    length("in hex", "0x5"),
    length("with a unit", "5a"),
    length("with a fraction", "5.0"),
    length("with an underscore", "0_5"),
    length("empty", ""),
    length("of two words", "5 5"),
    length("list", "5, 5"),
    length("list of different", "5, 6"),
    length("beyond 64 bits", "99999999999999999999", 400, 413),
    length("that wraps to 5", str(2**64 + 5), 400, 413),
    length("of the largest signed number", str(2**63 - 1), 400, 413),
    length("over the limit", str(2**30 + 1), 413),
    length("twice", "5\r\nContent-Length: 5"),
    length("twice and different", "5\r\nContent-Length: 6"),
    length("and a coding", "5\r\nTransfer-Encoding: chunked"),
    row(
        "a coding and a content-length",
        POST + "Transfer-Encoding: chunked\r\nContent-Length: 10\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    coding("gzip", "gzip", status=(501,)),
    coding("gzip, chunked", "gzip, chunked", status=(501,)),
    coding("gzip and chunked", "gzip", "chunked", status=(501,)),
    coding("identity", "identity", status=(501,)),
    coding("unknown", "pigeons", status=(501,)),
    coding("almost chunked", "xchunked", status=(501,)),
    coding("chunkedchunked", "chunkedchunked", status=(501,)),
    coding("chunked, gzip", "chunked, gzip", status=(400, 501)),
    coding("chunked, identity", "chunked", "identity", status=(400, 501)),
    coding("chunked twice", "chunked, chunked"),
    coding("chunked in two fields", "chunked", "chunked"),
    coding("empty", "", status=(400, 501)),
    coding("with a parameter", "chunked;q=1", status=(400, 501)),
    coding("in quotes", '"chunked"', status=(400, 501)),
    coding("with a control", "\x0bchunked"),
    row(
        "transfer-encoding and a content-length of a GET",
        GET + "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        400,
        501,
    ),
    row(
        "transfer-encoding of HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
]

CHUNKS = [
    chunk("size is garbage", "zz\r\nhello\r\n0\r\n\r\n"),
    chunk("size is empty", "\r\nhello\r\n0\r\n\r\n"),
    chunk("size is negative", "-5\r\nhello\r\n0\r\n\r\n"),
    chunk("size has a plus", "+5\r\nhello\r\n0\r\n\r\n"),
    chunk("size has 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    chunk("size has an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
    chunk("size begins with a space", " 5\r\nhello\r\n0\r\n\r\n"),
    chunk("size has two words", "5 5\r\nhello\r\n0\r\n\r\n"),
    chunk("size is overlong", "0" * 40 + "5\r\nhello\r\n0\r\n\r\n"),
    chunk("size wraps to 5", "10000000000000005\r\nhello\r\n0\r\n\r\n", 400, 413),
    chunk("size is the largest", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 400, 413),
    chunk("size is negative when signed", "8000000000000005\r\nhello\r\n0\r\n\r\n", 400, 413),
    chunk("size is over the limit", "40000001\r\nhello\r\n0\r\n\r\n", 413),
    chunk("size ends in a bare LF", "5\nhello\r\n0\r\n\r\n"),
    chunk("size ends in a bare CR", "5\rhello\r\n0\r\n\r\n"),
    chunk("size line has CR CR LF", "5\r\r\nhello\r\n0\r\n\r\n"),
    chunk("extension without a semicolon", "5 name\r\nhello\r\n0\r\n\r\n"),
    chunk("extension without a name", "5;\r\nhello\r\n0\r\n\r\n"),
    chunk("extension of white space", "5; \t\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with a bracket in its name", "5;bad[=x\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with a bracket in its value", "5;a=[x]\r\nhello\r\n0\r\n\r\n"),
    chunk("extension without its value", "5;a=\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with a value alone", "5;=a\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with two values", "5;a=b=c\r\nhello\r\n0\r\n\r\n"),
    chunk("extension of two words", "5;a b\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with white space behind it", "5;a \r\nhello\r\n0\r\n\r\n"),
    chunk("extension with an open quote", '5;a="b\r\nhello\r\n0\r\n\r\n'),
    chunk("extension with more behind its quotes", '5;a="b"c\r\nhello\r\n0\r\n\r\n'),
    chunk("extension with a quote within its value", '5;a=b"c"\r\nhello\r\n0\r\n\r\n'),
    chunk("extension behind two semicolons", "5;;a\r\nhello\r\n0\r\n\r\n"),
    chunk("extension of the last one is bad", "5\r\nhello\r\n0;\r\n\r\n"),
    chunk("extension with a bare LF", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with a bare CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    chunk("extension with NUL", "5;a\0b\r\nhello\r\n0\r\n\r\n"),
    chunk("extension is too long", "5;" + "x" * 2000 + "\r\nhello\r\n0\r\n\r\n", 400, 413, 431),
    chunk(
        "extensions are too long together", ("1;" + "x" * 300 + "\r\nh\r\n") * 5 + "0\r\n\r\n", 400, 413, 431
    ),
    chunk("data is longer than its size", "5\r\nhelloX\r\n0\r\n\r\n"),
    chunk("data is shorter than its size", "6\r\nhello\r\n0\r\n\r\n"),
    chunk("data ends in a bare LF", "5\r\nhello\n0\r\n\r\n"),
    chunk("data ends in a bare CR", "5\r\nhello\r0\r\n\r\n"),
    chunk("the second is bad", "5\r\nhello\r\nzz\r\n\r\n"),
    chunk("the last one's line is bad", "5\r\nhello\r\n0x\r\n\r\n"),
]

TRAILERS = [
    trailer("Content-Length", "Content-Length: 5"),
    trailer("Transfer-Encoding", "Transfer-Encoding: chunked"),
    trailer("Host", "Host: b"),
    trailer("name with a space", "X Y: z"),
    trailer("name is empty", ": z"),
    trailer("space before the colon", "X : z"),
    trailer("no colon", "garbage"),
    trailer("fold", "X: y\r\n z"),
    trailer("value with NUL", "X: a\0b"),
    trailer("bare LF", "X: a\nY: b"),
    trailer("too large", "X: " + "y" * 9000, 400, 413, 431),
    trailer("too many", "\r\n".join(f"X-{i}: y" for i in range(120)), 400, 413, 431),
]

LIMITS = [
    row("request line of 9 KiB", "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    row("query of 9 KiB", "GET /?" + "a" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    row("request line without end", "GET /" + "a" * 40000, 414),
    field("field of 9 KiB", "X: " + "a" * 9000, 431),
    field("field name of 9 KiB", "X" * 9000 + ": a", 431),
    row("field without end", GET + "X: " + "a" * 40000, 431),
    row("101 fields", GET + "".join(f"X-{i}: y\r\n" for i in range(100)) + "\r\n", 431),
    row("1000 fields", GET + "".join(f"X-{i}: y\r\n" for i in range(999)) + "\r\n", 431),
    row("head of 35 KiB", GET + "".join(f"X-{i}: {'a' * 7000}\r\n" for i in range(5)) + "\r\n", 431),
]

TABLES = {
    "lines": LINES,
    "fields": FIELDS,
    "framing": FRAMING,
    "chunks": CHUNKS,
    "trailers": TRAILERS,
    "limits": LIMITS,
}
TABLE = [row for rows in TABLES.values() for row in rows]
SMUGGLED = request("GET", "/smuggled", "Connection: close", host="a")

assert len({one.name for one in TABLE}) == len(TABLE)
