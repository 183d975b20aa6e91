"""WebSockets through nginx, haproxy and Caddy, each as its file in examples/ configures it, and those of Python's clients."""

import asyncio
import signal

import aiohttp
import pytest
import websockets
import websockets.sync.client

import client
import http2
from processes import wait_for
from programs.caddy import Caddy
from programs.haproxy import Haproxy
from programs.nginx import CurrentNginx, Nginx
from server import TEST_PLUGINS
from setups import Site
from timing import again_if_late
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame, handshake

SOCKETS = TEST_PLUGINS / "libsockets.so"
# Proxies, and what each speaks with Outrider. None: no proxy.
ROWS = [(Nginx, "http/1"), (Nginx, "unix"), (CurrentNginx, "http/1"), (Haproxy, "http/1"), (Haproxy, "h2c"), (Haproxy, "unix"),
        (Caddy, "http/1")]  # fmt: skip


def of_row(program, way):
    return pytest.param(program, way, id=f"{program.name}-{way}", marks=pytest.mark.xdist_group(program.name))


each_row = pytest.mark.parametrize("program, way", [of_row(*row) for row in ROWS])


class Entrance(Site):
    """Where clients come in, for WebSocket and WebSocketOverHTTP2."""

    def connect(self, timeout=client.TIMEOUT):
        return client.Connection(self.address, timeout, tls=self.authority and self.authority.client())


@pytest.fixture
def behind(outrider, started, authority):
    """behind(program, way, plugin, **settings): the entrance of a proxy, and the Outrider behind it."""

    def get(program, way, plugin="demo_event", **settings):
        server = outrider(plugin, "async", **settings)
        return Entrance(started(program, server, behind=way).address, authority), server

    return get


def echoes(echo):
    """Messages of each kind and size come back whole, and so do pings, or the server's own answers to them."""
    for size in (0, 5, 125, 126, 100 * 1024):
        for opcode in (TEXT, BINARY):
            echo.send(frame(opcode, b"a" * size))
            assert echo.frame() == (True, opcode, b"a" * size)
    whole = b"b" * (100 * 1024)
    echo.send(frame(BINARY, whole[:1], final=False) + frame(PING, b"within") + frame(CONTINUATION, whole[1:70_000], final=False))
    echo.send(frame(CONTINUATION, whole[70_000:]))
    assert [echo.frame(), echo.frame()] == [(True, PONG, b"within"), (True, BINARY, whole)]
    echo.send(b"".join(frame(TEXT, str(n).encode()) for n in range(500)))
    assert [echo.message() for _ in range(500)] == [str(n).encode() for n in range(500)]


@each_row
def test_messages(behind, program, way):
    site, _ = behind(program, way)
    with WebSocket(site, "/ws/echo") as echo:
        echoes(echo)


@pytest.mark.xdist_group(Haproxy.name)
@pytest.mark.parametrize("way", ["http/1", "h2c"])
def test_streams_of_http2_to_haproxy(behind, way):
    """A WebSocket of HTTP/2, also to a server that speaks HTTP/1.1."""
    site, _ = behind(Haproxy, way)
    with WebSocketOverHTTP2(site, "/ws/echo") as echo:
        echoes(echo)
        echo.send(close_frame(3000, b"bye"))
        assert echo.closing()[0] == 3000 and echo.ended()


@each_row
def test_closes_of_both_sides(behind, program, way):
    site, server = behind(program, way, SOCKETS)
    with WebSocket(site, "/closes?4001") as closed:
        assert closed.closing() == (4001, "as asked")
        closed.send(close_frame(4001))
        assert closed.ended()
    with WebSocket(site, "/echo") as closing:
        before = server.log.count("closed 3000 by the client: bye")
        closing.send(close_frame(3000, b"bye"))
        assert closing.closing()[0] == 3000 and closing.ended()
        wait_for(lambda: server.log.count("closed 3000 by the client: bye") == before + 1, server.state)
    with WebSocket(site, "/echo") as leaving:
        leaving.text("x")
        assert leaving.message() == b"x"
        before = server.log.count("the client has left")
        leaving.leave()
        wait_for(lambda: server.log.count("the client has left") == before + 1, server.state)


@each_row
def test_handshakes(behind, program, way):
    """Subprotocols pass, and so does a refusal, after which the connection can be used."""
    site, _ = behind(program, way, SOCKETS)
    with WebSocket(site, "/subprotocol?chat", "Sec-WebSocket-Protocol: old, chat") as chosen:
        assert chosen.fields["sec-websocket-protocol"] == "chat" and chosen.fields["x-hall"] == "main"
    with site.connect() as connection:
        for _ in range(2):
            connection.send(handshake("/denied"), "GET")
            assert connection.final().status == 403


@each_row
def test_a_reload(behind, program, way):
    """All are told to come again, and come into new workers."""
    site, server = behind(program, way, SOCKETS, server={"graceful_timeout": "6s"})
    opened = [WebSocket(site, "/echo") for _ in range(5)]
    reloads = server.metrics.value("outrider_reloads_total", result="success")
    server.tell(signal.SIGHUP)
    for one in opened:
        assert one.closing() == (1012, "service restart")
        one.send(close_frame(1012))
        assert one.ended()
        one.leave()
    wait_for(lambda: server.metrics.value("outrider_reloads_total", result="success") == reloads + 1, server.state)
    with WebSocket(site, "/echo") as again:
        again.text("here again")
        assert again.message() == b"here again"


class ImpatientNginx(CurrentNginx):
    def more_changes(self):
        return {"proxy_read_timeout 60s": "proxy_read_timeout 4s"}


class ImpatientHaproxy(Haproxy):
    def example(self, path, changes):
        return super().example(path, changes | {"timeout tunnel 1h": "timeout tunnel 4s"})


@pytest.mark.parametrize("program", [ImpatientNginx, ImpatientHaproxy], ids=lambda program: program.name)
def test_pings_keep_it_open(behind, program):
    """Of a proxy whose timeout is longer than ping_interval a silent client notices nothing. Without pings it ends."""

    def act():
        site, _ = behind(program, "http/1", websocket={"ping_interval": "1s"})
        with WebSocket(site, "/ws/echo") as silent:
            for _ in range(8):
                assert silent.frame() == (True, PING, b"")
                silent.send(frame(PONG))
            silent.text("still there")
            assert silent.message() == b"still there"

    again_if_late(act)
    site, _ = behind(program, "http/1", websocket={"ping_interval": "0s"})
    with WebSocket(site, "/ws/echo", timeout=60) as cut:
        assert cut.ended()


# Clients in Python

COMPRESSED = {"websocket": {"compression": True}}


@pytest.fixture(params=[None, *ROWS], ids=lambda row: f"{row[0].name}-{row[1]}" if row else "direct")
def entrance(request, behind, outrider, authority):
    """With permessage-deflate, directly and through each proxy."""
    if request.param:
        return behind(*request.param, **COMPRESSED)[0]
    return Entrance(outrider("demo_event", "async", **COMPRESSED).secure, authority)


def url(site, path):
    return f"wss://localhost:{site.address[1]}{path}"


def test_websockets(entrance):
    context = entrance.authority.client()
    with websockets.sync.client.connect(url(entrance, "/ws/echo"), ssl=context, open_timeout=30, proxy=None) as echo:
        assert "permessage-deflate" in echo.response.headers["Sec-WebSocket-Extensions"]
        for message in ("", "grüße", b"\0\xff", "x" * 100_000, bytes(range(256)) * 400):
            echo.send(message)
            assert echo.recv(timeout=30) == message
        echo.send(["in ", "three ", "parts"])
        assert echo.recv(timeout=30) == "in three parts"
        assert echo.ping().wait(timeout=30)
        echo.close(3000, "bye")
    assert (echo.close_code, echo.protocol.close_rcvd.code) == (3000, 3000)


def test_aiohttp(entrance):
    async def visit():
        async with aiohttp.ClientSession(trust_env=False) as session:
            address = f"https://localhost:{entrance.address[1]}/ws/echo"
            async with session.ws_connect(address, ssl=entrance.authority.client(), compress=15) as echo:
                assert echo.compress
                for text in ("grüße", "x" * 100_000):
                    await echo.send_str(text)
                    assert await echo.receive_str(timeout=30) == text
                await echo.send_bytes(b"\0\xff" * 1000)
                assert await echo.receive_bytes(timeout=30) == b"\0\xff" * 1000
                await echo.close(code=1000)
                assert echo.close_code == 1000

    asyncio.run(visit())


def test_the_room_of_websockets_and_aiohttp(entrance):
    """A client of each kind in /ws/chat; each is told why it is sent away."""

    async def visit():
        context = entrance.authority.client()
        async with (
            websockets.connect(url(entrance, "/ws/chat"), ssl=context, proxy=None) as one,
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(url(entrance, "/ws/chat"), ssl=context) as other,
        ):
            for sender in (one.send, other.send_str):
                await sender("hello")
                assert [await asyncio.wait_for(one.recv(), 30), await other.receive_str(timeout=30)] == ["hello"] * 2
            await one.send(b"binary")
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await asyncio.wait_for(one.recv(), 30)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1003, "text only")

    asyncio.run(visit())
