"""The time of WebSockets: pings, idle clients, closes that nobody answers, drains, deaths of workers."""

import signal
import socket
import time

import pytest

import processes
from matrix import MODELS
from processes import wait_for
from server import TEST_PLUGINS
from websocket import CLOSE, PING, PONG, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame

SOCKETS = TEST_PLUGINS / "libsockets.so"


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


def started(own, model, *settings):
    flags = [word for setting in settings for word in ("--set", setting)]
    return own(*flags, SOCKETS, model=model)


def said(server, text):
    wait_for(lambda: text in server.log, lambda: f"{text}; {server.state()}")


def test_a_silent_client_is_pinged(own, model):
    server = started(own, model, "websocket.ping_interval=300ms")
    with WebSocket(server) as quiet:
        for _ in range(3):
            assert quiet.frame() == (True, PING, b"")
            quiet.send(frame(PONG))


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_what_is_due_over_http2(own, model):
    """Pings, and the end with the worker."""
    server = own("--set", "websocket.ping_interval=300ms", "--set", "server.graceful_timeout=8s", SOCKETS, model=model, h2c=True)
    with WebSocketOverHTTP2(server) as quiet:
        for _ in range(3):
            assert quiet.frame() == (True, PING, b"")
            quiet.send(frame(PONG))
        server.tell(signal.SIGTERM)
        while (got := quiet.frame())[1] == PING:
            quiet.send(frame(PONG))
        assert got == (True, CLOSE, (1012).to_bytes(2) + b"service restart")
        quiet.send(close_frame(1012))
        assert quiet.ended()
    server.ended_well()
    assert "closed 1012 by the client" in server.log


@pytest.mark.parametrize("model", ["gthread", "async"])
@pytest.mark.parametrize("kind", [WebSocket, WebSocketOverHTTP2])
def test_a_close_with_the_end_of_the_connection_behind_it(own, model, kind):
    """What came before the end is delivered: the plugin is told how the client has closed, not that it has left."""
    server = own(SOCKETS, model=model, h2c=True)
    for code in range(4000, 4010):
        with kind(server) as leaving:
            leaving.send(close_frame(code, b"bye"))
            leaving.connection.socket.shutdown(socket.SHUT_WR)
            said(server, f"closed {code} by the client: bye")
    assert "the client has left" not in server.log


def test_a_client_that_sends_is_not_pinged(own, model):
    server = started(own, model, "websocket.ping_interval=5s")
    with WebSocket(server) as busy:
        end = time.monotonic() + 6
        while time.monotonic() < end:
            busy.text("x")
            assert busy.message() == b"x"
            time.sleep(0.1)


def test_a_client_that_answers_no_ping_is_gone(own, model):
    server = started(own, model, "websocket.ping_interval=200ms", "websocket.ping_timeout=200ms")
    with WebSocket(server) as dead:
        assert dead.frame() == (True, PING, b"")
        said(server, "the client has left")


def test_no_pings(own, model):
    server = started(own, model, "websocket.ping_interval=0s")
    with WebSocket(server) as quiet:
        quiet.connection.assert_open(within=1)
        assert quiet.buffer == b""


def test_an_idle_client_is_closed(own, model):
    server = started(own, model, "websocket.idle_timeout=500ms", "websocket.ping_interval=0s")
    with WebSocket(server) as idle:
        assert idle.closing() == (1001, "idle")
        idle.send(close_frame(1001))
        assert idle.ended()
    said(server, "closed 1001 by the client")


def test_a_close_that_nobody_answers(own, model):
    server = started(own, model)
    with WebSocket(server, "/closes?1000") as rude:
        assert rude.closing() == (1000, "as asked")
        assert rude.ended()  # five seconds later
    said(server, "closed 1005 by the client")


def test_the_request_deadline_ends_with_the_handshake(own, model):
    server = started(own, model, "timeouts.request=1s")
    with WebSocket(server) as long:
        long.connection.assert_open(within=1.5)
        long.text("still there")
        assert long.message() == b"still there"


def test_without_the_setting_there_are_no_websockets(own, model):
    server = started(own, model, "websocket.enabled=false")
    assert server.get("/echo", "Connection: Upgrade", "Upgrade: websocket").status == 426
    with pytest.raises(AssertionError, match="HTTP/1.1 426"):
        WebSocket(server)


@pytest.mark.parametrize("size", [1023, 1025])
def test_the_largest_message(own, model, size):
    server = started(own, model, "websocket.max_message=1KiB", "websocket.max_frame=1KiB")
    with WebSocket(server) as full:
        full.send(frame(TEXT, b"x" * size))
        final, opcode, _ = full.frame()
        assert opcode == (TEXT if size <= 1024 else CLOSE)


# Ends


def test_a_drain_closes_it(own, model):
    server = started(own, model, "server.graceful_timeout=8s")
    with WebSocket(server) as drained:
        drained.text("x")
        assert drained.message() == b"x"
        server.tell(signal.SIGTERM)
        said(server, "the worker drains")
        assert drained.closing() == (1012, "service restart")
        drained.send(close_frame(1012))
        assert drained.ended()
    server.ended_well()
    assert "closed 1012 by the client" in server.log


def test_a_drain_spreads_the_ends(own):
    """Clients that come back do not come back together."""
    server = started(own, "async", "server.graceful_timeout=20s")
    clients = [WebSocket(server) for _ in range(20)]
    server.tell(signal.SIGTERM)
    ends = []
    for drained in clients:
        drained.closing()
    for drained in clients:
        drained.send(close_frame(1012))
        assert drained.ended()
        drained.connection.close()
    server.ended_well()
    ends = [line for line in server.log.splitlines() if "closed 1012" in line]
    assert len(ends) == 20


def test_a_worker_that_dies(own, model):
    server = started(own, model)
    (worker,) = server.workers()
    with WebSocket(server) as lost:
        lost.text("x")
        assert lost.message() == b"x"
        processes.os.kill(worker, signal.SIGKILL)
        with pytest.raises((ConnectionError, AssertionError, TypeError)):
            lost.message()
    said(server, "its replacement starts")
    with WebSocket(server) as again:
        again.text("y")
        assert again.message() == b"y"
