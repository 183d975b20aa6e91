"""permessage-deflate: off unless the configuration says so, and both ways where the client offers it."""

import zlib

import pytest

from matrix import MODELS
from server import TEST_PLUGINS
from websocket import BINARY, CLOSE, CONTINUATION, TEXT, WebSocket, frame

SOCKETS = TEST_PLUGINS / "libsockets.so"
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
RSV1 = 4


@pytest.fixture(params=MODELS)
def server(request, own):
    return own("--set", "websocket.compression=true", SOCKETS, model=request.param)


class Deflate:
    """Both directions of a client's, with their contexts."""

    def __init__(self):
        self.out, self.back = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def pack(self, data):
        packed = self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH)
        assert packed.endswith(b"\0\0\xff\xff")
        return packed[:-4]

    def unpack(self, data):
        return self.back.decompress(data + b"\0\0\xff\xff")


def compressed(socket):
    """The next frame has RSV1: its payload."""
    first, second = socket._take(2)
    assert first == 0xC0 | TEXT and second < 126, (first, second)
    return socket._take(second)


def test_it_is_off_by_default(own):
    server = own(SOCKETS)
    with WebSocket(server, "/echo", OFFER) as plain:
        assert "sec-websocket-extensions" not in plain.fields
        plain.send(frame(TEXT, b"x", reserved=RSV1))
        assert plain.closing()[0] == 1002


def test_a_client_that_does_not_offer_it(server):
    with WebSocket(server) as plain:
        assert "sec-websocket-extensions" not in plain.fields
        plain.text("x" * 1000)
        assert plain.frame() == (True, TEXT, b"x" * 1000)


def test_messages_both_ways_share_their_contexts(server):
    with WebSocket(server, "/echo", OFFER) as packed:
        assert packed.fields["sec-websocket-extensions"].startswith("permessage-deflate")
        deflate, text, sizes = Deflate(), b"the same text " * 20, []
        for _ in range(3):
            packed.send(frame(TEXT, deflate.pack(text), reserved=RSV1))
            payload = compressed(packed)
            assert deflate.unpack(payload) == text
            sizes.append(len(payload))
        assert sizes[2] < sizes[0] < len(text)


def test_short_messages_and_plain_ones(server):
    """Each message says for itself whether it is compressed."""
    with WebSocket(server, "/echo", OFFER) as mixed:
        mixed.text("short")
        assert mixed.frame() == (True, TEXT, b"short")
        deflate = Deflate()
        packed = deflate.pack(b"in two frames")
        mixed.send(frame(BINARY, packed[:4], final=False, reserved=RSV1) + frame(CONTINUATION, packed[4:]))
        assert mixed.frame() == (True, BINARY, b"in two frames")


@pytest.mark.parametrize("offer", ["; server_no_context_takeover", "; server_max_window_bits=10", "; client_no_context_takeover"])
def test_what_the_client_demands(server, offer):
    with WebSocket(server, "/echo", f"Sec-WebSocket-Extensions: permessage-deflate{offer}") as asked:
        assert offer[2:] in asked.fields["sec-websocket-extensions"]
        asked.text("x" * 500)
        assert zlib.decompressobj(wbits=-15).decompress(compressed(asked) + b"\0\0\xff\xff") == b"x" * 500


def test_a_bomb(server):
    with WebSocket(server, "/echo", OFFER) as bomb:
        bomb.send(frame(BINARY, Deflate().pack(b"\0" * (64 << 20)), reserved=RSV1))
        assert bomb.closing()[0] == 1009


def test_what_does_not_inflate(server):
    with WebSocket(server, "/echo", OFFER) as broken:
        broken.send(frame(BINARY, b"\xff" * 20, reserved=RSV1))
        final, opcode, _ = broken.frame()
        assert opcode == CLOSE
