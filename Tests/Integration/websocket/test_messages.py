"""Messages, control frames and the end of WebSockets over HTTP/1.1, in every worker model."""

import pytest

import client
import websocket
from matrix import MODELS
from processes import wait_for
from server import TEST_PLUGINS
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame

SOCKETS = TEST_PLUGINS / "libsockets.so"


# Worker models with the protocols that they speak, and two of these over TLS.
WAYS = {f"{model}-http1": (model, WebSocket, False) for model in MODELS}
WAYS |= {f"{model}-h2": (model, WebSocketOverHTTP2, False) for model in MODELS if model != "sync"}
WAYS |= {"gthread-tls": ("gthread", WebSocket, True), "async-h2-tls": ("async", WebSocketOverHTTP2, True)}


@pytest.fixture(params=MODELS)
def http1(request, own):
    return own(SOCKETS, model=request.param)


@pytest.fixture(params=WAYS)
def server(request, own, authority):
    """Its `open` opens a WebSocket."""
    model, opened, is_secure = WAYS[request.param]
    over = {"tls": authority} if is_secure else {"h2c": opened is WebSocketOverHTTP2}
    server = own(SOCKETS, model=model, **over)
    server.open = lambda *arguments: opened(server, *arguments)
    return server


@pytest.fixture
def echo(server):
    with server.open() as opened:
        yield opened


def said(server, text):
    wait_for(lambda: text in server.log, lambda: f"{text}; {server.state()}")


# The handshake


def test_the_response_to_a_handshake(http1):
    with http1.connect() as connection:
        connection.socket.settimeout(client.TIMEOUT)
        connection.socket.sendall(websocket.handshake("/echo", key="dGhlIHNhbXBsZSBub25jZQ=="))
        head = connection.socket.recv(1 << 16).decode()
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines
    assert "Upgrade: websocket" in lines and "Connection: Upgrade" in lines and "x-hall: main" in lines
    assert not any(line.lower().startswith(("transfer-encoding", "content-length")) for line in lines)


@pytest.mark.parametrize(
    "missing",
    ["Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "],
)
def test_what_is_no_handshake(http1, missing):
    request = websocket.handshake("/echo").decode()
    changed = "".join(line for line in request.splitlines(True) if not line.startswith(missing))
    assert changed != request
    assert http1.fetch(changed.encode()).status == 426


@pytest.mark.parametrize("fields", [{"version": 12}, {"key": "c2hvcnQ="}])
def test_other_versions_and_malformed_keys(http1, fields):
    assert http1.fetch(websocket.handshake("/echo", **fields)).status == 426


@pytest.mark.parametrize("offer", ["chat, chat", "a b", ",", ", ".join(f"p{n}" for n in range(65))])
def test_malformed_subprotocols(http1, offer):
    assert http1.fetch(websocket.handshake("/echo", f"Sec-WebSocket-Protocol: {offer}")).status == 426


def test_a_plugin_that_denies(http1):
    assert http1.fetch(websocket.handshake("/denied")).status == 403


def test_a_plugin_that_accepts_later(server):
    with server.open("/later") as late:
        late.text("hello")
        assert late.message() == b"hello"


def test_accepting_twice(server):
    with server.open("/refused-twice") as once:
        once.text("hello")
        assert once.message() == b"hello"


def test_subprotocols(server):
    with server.open("/subprotocol?chat", "Sec-WebSocket-Protocol: old, chat") as chosen:
        assert chosen.fields["sec-websocket-protocol"] == "chat"


def test_a_subprotocol_that_nobody_offers(http1):
    assert http1.fetch(websocket.handshake("/subprotocol?other", "Sec-WebSocket-Protocol: old")).status == 500
    said(http1, "the client does not offer that subprotocol")


def test_frames_behind_the_handshake(http1):
    """A client that does not wait for the response."""
    with http1.connect() as connection:
        connection.socket.settimeout(client.TIMEOUT)
        connection.socket.sendall(websocket.handshake("/greets") + frame(TEXT, b"early"))
        received = b""
        while not received.endswith(b"early"):
            received += connection.socket.recv(1 << 16)
        assert received.endswith(b"\r\n\r\n\x81\x07welcome\x81\x05early")


# Messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1 << 20])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_messages_of_each_size(echo, size, opcode):
    payload = b"a" * size
    echo.send(frame(opcode, payload))
    if size <= 1 << 17:
        assert echo.frame() == (True, opcode, payload)


def test_many_messages_at_once(echo):
    echo.send(b"".join(frame(TEXT, str(n).encode()) for n in range(1000)))
    assert [echo.message() for _ in range(1000)] == [str(n).encode() for n in range(1000)]


def test_a_fragmented_message_is_delivered_whole(echo):
    echo.send(frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b", final=False))
    echo.send(frame(PING, b"within") + frame(CONTINUATION, b"c"))
    assert [echo.frame(), echo.frame()] == [(True, PONG, b"within"), (True, TEXT, b"abc")]


def test_parts(server):
    with server.open("/parts") as parts:
        parts.send(frame(BINARY, b"one", final=False))
        assert parts.frame() == (False, BINARY, b"one")
        parts.send(frame(CONTINUATION, b"two"))
        assert parts.frame() == (True, CONTINUATION, b"two")


def test_the_kinds_of_messages(server):
    with server.open("/count") as count:
        count.text("grüße")
        count.send(frame(BINARY, b"\0\xff"))
        assert [count.message(), count.message()] == [b"text 7", b"binary 2"]


def test_pings_are_answered(echo):
    echo.send(frame(PING, b"x" * 125) + frame(PONG, b"unasked"))
    assert echo.frame() == (True, PONG, b"x" * 125)


# The end


def test_a_close_is_answered(server, echo):
    echo.send(close_frame(3000, b"bye"))
    assert echo.closing() == (3000, "") and echo.ended()
    said(server, "closed 3000 by the client: bye")


def test_a_close_without_a_code(server, echo):
    echo.send(close_frame())
    assert echo.closing() == (None, "") and echo.ended()
    said(server, "closed 1005 by the client")


def test_a_close_of_the_plugin(server):
    with server.open("/closes?4001") as closing:
        assert closing.closing() == (4001, "as asked")
        closing.send(frame(TEXT, b"too late") + close_frame(4001))
        assert closing.ended()
    said(server, "closed 4001 by the client")


def test_a_client_that_leaves(server, echo):
    echo.text("x")
    assert echo.message() == b"x"
    echo.leave()
    said(server, "the client has left")


FAULTS = {
    "an unmasked frame": (frame(TEXT, b"x", masked=False), 1002),
    "a reserved opcode": (frame(3, b"x"), 1002),
    "a reserved bit": (frame(TEXT, b"x", reserved=4), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a fragmented ping": (frame(PING, b"x", final=False), 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a message in a message": (frame(TEXT, b"x", final=False) + frame(TEXT, b"y"), 1002),
    "text that is no UTF-8": (frame(TEXT, b"\xff"), 1007),
    "a close code that is reserved": (close_frame(1005), 1002),
    "a close of one byte": (frame(CLOSE, b"x"), 1002),
    "a message that is too long": (frame(BINARY, b"x" * ((1 << 20) + 1)), 1009),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_violations_close_it(server, echo, fault):
    data, code = FAULTS[fault]
    try:
        echo.send(data)
    except OSError:
        pass  # the server refuses the head of a long frame
    assert echo.closing()[0] == code and echo.ended()
    said(server, f"closed {code} by the host")


def test_every_split(server):
    """The same frames in pieces of each size."""
    data = frame(TEXT, "grüße".encode(), final=False) + frame(PING, b"p") + frame(CONTINUATION, b"!") + frame(BINARY, b"b" * 300)
    expected = [(True, PONG, b"p"), (True, TEXT, "grüße!".encode()), (True, BINARY, b"b" * 300)]
    with server.open() as whole:
        for size in (1, 2, 3, 5, 7, 11, 64):
            for start in range(0, len(data), size):
                whole.send(data[start : start + size])
            assert [whole.frame() for _ in expected] == expected


# Backpressure


def test_a_client_that_does_not_read_holds_the_plugin_back(server):
    with server.open("/flood") as flood:
        flood.text("go")
        numbers = [int(flood.message().split(b"\0")[0].rstrip(b"x")) for _ in range(2000)]
        assert numbers == list(range(2000)) and flood.closing() == (1000, "that is all")


def test_a_plugin_that_does_not_read_holds_the_client_back(http1):
    with WebSocket(http1, "/deaf") as deaf:
        deaf.socket.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += deaf.socket.send(frame(BINARY, b"x" * 60_000, mask=b"\0\0\0\0"))
        assert sent < 64 << 20
