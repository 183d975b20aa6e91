"""The tests' own client: if its parser accepted errors, every other test would be worthless."""

import pytest

from client import ProtocolError, chunked, cut, request
from http1 import Parser

HEAD = b"HTTP/1.1 200 OK\r\n"


def parse(data, split="whole", methods=(), end=True):
    parser = Parser()
    for method in methods:
        parser.request(method)
    for now, piece in enumerate(cut(data, split)):
        parser.feed(piece, now)
    if end:
        parser.end(len(data))
    return parser


@pytest.mark.parametrize("split", ["whole", "bytes", "random"])
def test_responses_in_every_split(split):
    data = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"
        + HEAD
        + b"Content-Length: 2\r\n\r\nOK"
        b"HTTP/1.1 204 No Content\r\n\r\n" + HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n"
        b"0123456789\r\n0\r\nX-T: 1\r\n\r\nHTTP/1.0 404 \r\n\r\nuntil the end"
    )
    parser = parse(data, split)
    hint, first, empty, streamed, last = parser.messages
    assert hint.raw == b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"
    assert first.informational == [hint] and not empty.informational
    assert (first.body, first.framing) == (b"OK", "length")
    assert [chunk for chunk, _ in streamed.chunks] == [b"abc", b"0123456789"]
    assert streamed.trailers == [("X-T", "1")]
    assert (last.status, last.reason, last.body, last.framing) == (404, "", b"until the end", "close")
    assert all(message.complete for message in parser.messages)


def test_head_has_no_body():
    parser = parse(
        HEAD + b"Content-Length: 10\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nOK", methods=["HEAD", "GET"]
    )
    assert [message.body for message in parser.messages] == [b"", b"OK"]


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 10\r\n\r\nshort",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
)
def test_a_cut_message_is_not_complete(data):
    assert not parse(data).messages[0].complete


def test_arrival_times():
    parser = Parser()
    for now, piece in enumerate(
        [b"HTTP/1.1 103 Early Hints\r\n", b"a: b\r\n\r\n", HEAD, b"Content-Length: 2\r\n\r\nO", b"K"]
    ):
        parser.feed(piece, now)
    hint, final = parser.messages
    assert (hint.begun, hint.at, final.begun, final.at, final.ended) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        HEAD + b"a: b\nc: d\r\n\r\n",
        HEAD + b"a: b\r\n folded\r\n\r\n",
        HEAD + b"a : b\r\n\r\n",
        HEAD + b": b\r\n\r\n",
        HEAD + b"a: \0\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nOK",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: +2\r\n\r\nOK",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 2\r\n\r\nOKmore",
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("split", ["whole", "bytes"])
def test_what_is_not_http_is_an_error(data, split):
    with pytest.raises(ProtocolError):
        parse(data, split)


def test_a_1xx_to_http_1_0_is_an_error():
    parser = Parser()
    parser.request("GET", version_1_0=True)
    with pytest.raises(ProtocolError):
        parser.feed(b"HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n", 0)


def test_requests():
    assert request("GET", "/x", "A: b") == b"GET /x HTTP/1.1\r\nHost: localhost\r\nA: b\r\n\r\n"
    assert (
        request("POST", "/", version="1.0", body=b"hi") == b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert chunked(b"ab", b"c", trailers=["T: 1"]) == b"2\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n"
    assert b"".join(cut(bytes(range(256)), "random")) == bytes(range(256))
