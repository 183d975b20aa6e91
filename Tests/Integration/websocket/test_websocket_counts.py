"""What /metrics and the log tell of WebSockets: how many are open, what they move, how they end, and how many a crash takes."""

import signal

import pytest

import processes
from matrix import MODELS
from metrics import Metrics
from processes import wait_for
from server import TEST_PLUGINS, free_port
from websocket import BINARY, CONTINUATION, PING, PONG, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame

SOCKETS = TEST_PLUGINS / "libsockets.so"
CLOSES = "outrider_websocket_closes_total"
MESSAGES = "outrider_websocket_messages_total"
BYTES = "outrider_websocket_message_bytes_total"


@pytest.fixture
def start(own):
    """start(*settings, **options): a server with the plugin and a metrics listener."""

    def start(*settings, **options):
        port = free_port()
        flags = [word for setting in (f'metrics.bind="127.0.0.1:{port}"', *settings) for word in ("--set", setting)]
        server, metrics = own(*flags, SOCKETS, **options), Metrics(port)
        wait_for(lambda: metrics.get("/readyz").status == 200, server.state)
        return server, metrics

    return start


def said(server, text):
    wait_for(lambda: text in server.log, lambda: f"{text}; {server.state()}")


def closes(metrics):
    """The codes of all WebSockets that have ended, with their numbers."""
    return {dict(labels)["code"]: value for (name, labels), value in metrics.read().items() if name == CLOSES and value}


@pytest.mark.parametrize("model", MODELS)
def test_messages_and_bytes(start, model):
    server, metrics = start(model=model)
    assert metrics.value("outrider_websockets_open") == 0
    with WebSocket(server) as echo:
        metrics.wait(1, "outrider_websockets_open")
        for text in ("one", "grüße"):
            echo.text(text)
            assert echo.message() == text.encode()
        echo.send(frame(BINARY, b"x" * 300, final=False) + frame(PING, b"unseen") + frame(CONTINUATION, b"y"))
        assert echo.frame() == (True, PONG, b"unseen")
        assert echo.message() == b"x" * 300 + b"y"
        total = 3 + 7 + 301
        for direction in ("received", "sent"):
            metrics.wait(3, MESSAGES, direction=direction)
            metrics.wait(total, BYTES, direction=direction)
        echo.send(close_frame(1000))
        assert echo.closing() == (1000, "") and echo.ended()
    metrics.wait(0, "outrider_websockets_open")
    assert closes(metrics) == {"1000": 1}


def test_parts_are_one_message(start):
    server, metrics = start()
    with WebSocket(server, "/parts") as parts:
        parts.send(frame(BINARY, b"one", final=False))
        assert parts.frame() == (False, BINARY, b"one")
        parts.send(frame(CONTINUATION, b"two"))
        assert parts.frame() == (True, CONTINUATION, b"two")
        for direction in ("received", "sent"):
            metrics.wait(1, MESSAGES, direction=direction)
            metrics.wait(6, BYTES, direction=direction)


def test_bytes_before_compression(start):
    server, metrics = start("websocket.compression=true")
    with WebSocket(server, "/echo", "Sec-WebSocket-Extensions: permessage-deflate") as packed:
        packed.text("x" * 1000)
        first, second = packed._take(2)
        assert first == 0xC0 | TEXT and second < 126
        packed._take(second)
        metrics.wait(1000, BYTES, direction="sent")
        metrics.wait(1, MESSAGES, direction="sent")


@pytest.mark.parametrize("opened", [WebSocket, WebSocketOverHTTP2])
def test_closes_by_the_first_code(start, opened):
    """That of the client, the plugin or the server, whoever is first; no code, and no Close."""
    server, metrics = start(model="async", h2c=True)
    with opened(server) as client:
        client.send(close_frame(4000))
        assert client.closing() == (4000, "") and client.ended()
    with opened(server) as silent:
        silent.send(close_frame())
        assert silent.closing() == (None, "") and silent.ended()
    with opened(server, "/closes?1013") as plugin:
        assert plugin.closing() == (1013, "as asked")
        plugin.send(close_frame(1000))
        assert plugin.ended()
    with opened(server) as broken:
        broken.send(frame(TEXT, b"\xff"))
        assert broken.closing()[0] == 1007 and broken.ended()
    with opened(server) as gone:
        gone.text("x")
        assert gone.message() == b"x"
        gone.leave()
        metrics.wait(1, CLOSES, code="1006")
    assert closes(metrics) == {"other": 1, "1005": 1, "1013": 1, "1007": 1, "1006": 1}
    metrics.wait(0, "outrider_websockets_open")


def test_missed_pings(start):
    server, metrics = start("websocket.ping_interval=200ms", "websocket.ping_timeout=200ms")
    with WebSocket(server) as dead:
        assert dead.frame() == (True, PING, b"")
        metrics.wait(1, "outrider_websocket_pings_missed_total")
        metrics.wait(1, CLOSES, code="1006")


def test_a_handshake_that_is_refused_opens_none(start):
    server, metrics = start()
    with pytest.raises(AssertionError, match="HTTP/1.1 403"):
        WebSocket(server, "/denied")
    metrics.wait(1, "outrider_requests_total", plugin="sockets", method="GET", **{"class": "4xx"})
    assert metrics.value("outrider_websockets_open") == 0 and closes(metrics) == {}


# The death of a worker


@pytest.mark.parametrize("count", [1, 12])
def test_a_crash_says_how_many_are_lost(start, count):
    """Once for the worker, beside its requests."""
    server, metrics = start(model="async")
    (worker,) = server.workers()
    opened = [WebSocket(server) for _ in range(count)]
    metrics.wait(count, "outrider_websockets_open")
    processes.os.kill(worker, signal.SIGSEGV)
    said(server, f"(pid {worker}): lost with it: {count} WebSocket{'s' if count > 1 else ''}\n")
    said(server, "its replacement starts")
    metrics.wait(0, "outrider_websockets_open")
    assert closes(metrics) == {"1006": count}
    for lost in opened:
        lost.connection.close()
    with WebSocket(server) as again:
        again.text("y")
        assert again.message() == b"y"
        metrics.wait(1, "outrider_websockets_open")


def test_a_crash_without_any(start):
    server, metrics = start(model="async")
    (worker,) = server.workers()
    with WebSocket(server) as gone:
        gone.send(close_frame(1000))
        assert gone.closing() == (1000, "") and gone.ended()
    metrics.wait(0, "outrider_websockets_open")
    processes.os.kill(worker, signal.SIGSEGV)
    said(server, "its replacement starts")
    assert "lost with it" not in server.log
