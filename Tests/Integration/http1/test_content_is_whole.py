"""A response of HTTP/1 that is cut short ends its connection: nothing of another response is ever within its content.

The content is a pattern of its own, announced by a length or in chunks; it is given up, meets a deadline, or its file is
shorter than said, before clients that read and clients that do not. Another request, with another content, waits behind.
"""

import time

import pytest

from client import request
from matrix import every_way
from patterns import new_tag, pattern, target
from timing import scaled

SIZE = 300_000
LARGE = 8 << 20  # more than all buffers on the way to a client that does not read
SMALL_BUFFER = 8192
PAGE = 4096
HURRY = ("--set", "timeouts.request=300ms", "--threads", 16)


class Download:
    """A content of one tag, with a request for another behind. A length that is announced is more than there will be."""

    MISSING = 1000
    may_be_whole = False  # where it comes in chunks

    def __init__(self, server, framing, reads, size=SIZE, **more):
        self.tag, self.other = new_tag(), new_tag()
        self.name = f"{framing}, {'read' if reads else 'unread'}"
        self.size = size
        if framing == "length":
            more["length"] = size + self.MISSING
        self.connection = server.connect(receive_buffer=None if reads else SMALL_BUFFER)
        self.before(server)
        first = request("GET", target(self.tag, size, **more))
        second = request("GET", target(self.other, 1000, length=1000), "Connection: close")
        self.connection.send(first + second, ["GET", "GET"])

    def before(self, server):
        """For what else has to be there."""

    def is_content(self, body, expected):
        return body == expected

    def check(self):
        """Every byte that came is of the head, the framing or the content; that is cut short, and so is the connection.

        Whether a response with content came at all, which the server may have had no time for.
        """
        with self.connection as connection:
            connection.end(10)
            raw = bytes(connection.received)
        if not connection.finals or connection.finals[0].status != 200:
            return False
        answer = connection.finals[0]
        expected = pattern(self.tag, len(answer.body))
        assert self.is_content(answer.body, expected), f"{self.name}: foreign bytes, at the end {answer.body[-200:]}"
        if answer.complete and answer.framing == "chunked" and self.may_be_whole:
            assert len(answer.body) == self.size, f"{self.name}: {len(answer.body)} of {self.size} bytes as if they were all"
            return True
        assert not answer.complete, f"{self.name}: {len(answer.body)} of {self.size} bytes as if they were all"
        assert self.other.encode() not in raw, f"{self.name}: another response after one that was cut short"
        assert len(connection.finals) == 1, f"{self.name}: {connection.state()}"
        return True


def downloads(server, **more):
    return [Download(server, framing, reads, **more) for framing in ("length", "chunks") for reads in (True, False)]


@every_way
@pytest.mark.parametrize("via", ["copied", "lent"])
def test_a_plugin_that_gives_up(reach, way, via):
    server = reach(way.endings, *HURRY[2:])
    begun = [
        Download(server, framing, reads, size, via=via, end="abort").check()
        for size in (100, SIZE)
        for framing in ("length", "chunks")
        for reads in (True, False)
    ]
    assert any(begun), "no response had content"


@every_way
def test_a_request_that_takes_too_long(reach, way):
    server = reach(way.endings, *HURRY)
    if way.model == "sync":  # one after the other
        for framing in ("length", "chunks"):
            for reads in (True, False):
                download = Download(server, framing, reads, LARGE, end="wait")
                time.sleep(scaled(0.4))
                download.check()
        return
    begun = downloads(server, size=LARGE, end="wait")
    time.sleep(scaled(0.5))
    for download in begun:
        download.check()


class CutFile(Download):
    """From a file that is cut short as soon as the response has begun; if it is sent by then, it is whole."""

    may_be_whole = True

    def before(self, server):
        self.file = server.folder / self.tag
        self.file.write_bytes(pattern(self.tag, self.size))

    def is_content(self, body, expected):
        """Of a file that is cut while it is sent from where it lies the kernel sends pages of zeros."""
        pages = [(body[at : at + PAGE], expected[at : at + PAGE]) for at in range(0, len(body), PAGE)]
        return all(page in (other, bytes(len(page))) for page, other in pages)

    def cut(self, left):
        self.connection.head()
        with self.file.open("r+b") as file:
            file.truncate(left)

    def check(self):
        judged = super().check()
        self.file.unlink()
        return judged


@every_way
@pytest.mark.parametrize("left", [0, 17 * PAGE])
def test_a_file_that_is_cut_short(reach, way, left):
    server = reach(way.endings, *HURRY[2:])
    for framing in ("length", "chunks"):
        download = CutFile(server, framing, False, LARGE, via="file")
        download.cut(left)
        assert download.check()
