"""The WebSockets of demo_event: /ws/echo, and the room /ws/chat, which is over all workers."""

import time
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest

import http2
import websocket
from matrix import MODELS
from server import RELEASE
from timing import again_if_late
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame

DEMO = RELEASE / "libdemo_event.so"
PATHS = {"/ws/echo": "Echo", "/ws/chat": "Chat"}
# Worker models with the protocols that they speak, and two of these over TLS.
WAYS = {f"{model}-http1": (model, WebSocket, False) for model in MODELS}
WAYS |= {f"{model}-h2": (model, WebSocketOverHTTP2, False) for model in MODELS if model != "sync"}
WAYS |= {"gthread-tls": ("gthread", WebSocket, True), "async-h2-tls": ("async", WebSocketOverHTTP2, True)}


@pytest.fixture(params=WAYS)
def server(request, own, authority):
    """Its `open` opens a WebSocket. Under sync each needs a worker."""
    model, opened, is_secure = WAYS[request.param]
    over = {"tls": authority} if is_secure else {"h2c": opened is WebSocketOverHTTP2}
    workers = 3 if model == "sync" else 1
    server = own("-w", workers, DEMO, model=model, **over)
    server.open = lambda *arguments: opened(server, *arguments)
    return server


@contextmanager
def room(*visitors):
    """These are in the room, and hear each other: who comes while another worker looks at the store, hears what is said then."""
    with ExitStack() as open_ones:
        for visitor in visitors:
            open_ones.enter_context(visitor)
        visitors[0].text("all here")
        assert [visitor.message() for visitor in visitors] == [b"all here"] * len(visitors)
        yield visitors


# Pages


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", MODELS)
def test_without_a_handshake_there_is_a_page(shared, model, path):
    page = shared(DEMO, model).get(path)
    assert page.status == 200 and page.get("content-type") == "text/html; charset=utf-8"
    text = page.body.decode()
    assert f"<h1>{PATHS[path]}</h1>" in text
    assert "http:" not in text and "https:" not in text and " src=" not in text, "nothing from elsewhere"


@pytest.mark.parametrize("path", PATHS)
def test_the_page_over_http2(own, path):
    with http2.connect(own(DEMO, model="async", h2c=True)) as connection:
        page = connection.get(path)
        assert page.status == 200 and f"<h1>{PATHS[path]}</h1>" in bytes(page.body).decode()


@pytest.mark.parametrize("path", PATHS)
def test_a_malformed_handshake_gets_no_page(shared, path):
    server = shared(DEMO, "async")
    answer = server.fetch(websocket.handshake(path, version=12))
    assert (answer.status, answer.body) == (400, b"The handshake is malformed, or [websocket] is not enabled\n")


@pytest.mark.parametrize("path", PATHS)
def test_the_blocking_style_has_none(shared, path):
    server = shared(RELEASE / "libdemo_blocking.so", "gthread")
    for request in (websocket.handshake(path), b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode()):
        assert server.fetch(request).status == 404


# /ws/echo


def test_echo(server):
    with server.open("/ws/echo") as echo:
        for size in (0, 1, 126, 4095, 4096, 100 * 1024):
            for opcode in (TEXT, BINARY):
                echo.send(frame(opcode, b"a" * size))
                assert echo.frame() == (True, opcode, b"a" * size)
        echo.send(frame(TEXT, "grü".encode(), final=False) + frame(PING, b"p") + frame(CONTINUATION, "ße".encode()))
        assert [echo.frame(), echo.frame()] == [(True, PONG, b"p"), (True, TEXT, "grüße".encode())]
        echo.send(close_frame(3000, b"bye"))
        assert echo.closing()[0] == 3000 and echo.ended()


def test_echo_of_more_than_the_server_queues(own):
    """Messages that are longer than limits.output, to a client that reads none before it has sent all."""
    server = own("--set", "limits.output=16KiB", DEMO, model="async")
    messages = [bytes([n]) * size for n, size in enumerate([1 << 20, 100, 1 << 20, 5000, 3000] * 4)]
    frames = b"".join(frame(BINARY, message) for message in messages)
    with WebSocket(server, "/ws/echo") as echo:
        sending = Thread(target=lambda: echo.send(frames))
        sending.start()
        assert [echo.message() for _ in messages] == messages
        sending.join()


# /ws/chat


def test_what_is_said_is_heard_by_all(server):
    with room(*(server.open("/ws/chat") for _ in range(3))) as visitors:
        for visitor in visitors:
            visitor.text("ä" * 500)  # the longest
        for visitor in visitors:
            assert [visitor.message() for _ in visitors] == ["ä".encode() * 500] * 3
        visitors[1].text("")
        visitors[1].text("behind nothing")
        assert [visitor.message() for visitor in visitors] == [b"behind nothing"] * 3


def test_the_room_is_over_all_workers_in_one_order(own):
    """Under sync each of them is in a worker of its own."""
    server = own("-w", "3", DEMO, model="sync")
    with room(*(WebSocket(server, "/ws/chat") for _ in range(3))) as visitors:
        for n in range(20):
            for name, visitor in enumerate(visitors):
                visitor.text(f"{name}: {n}")
        first, *others = [[visitor.message() for _ in range(60)] for visitor in visitors]
        assert others == [first] * 2
        for name in range(3):
            own_texts = [text for text in first if text.startswith(b"%d:" % name)]
            assert own_texts == [b"%d: %d" % (name, n) for n in range(20)]


def test_more_than_the_store_keeps(own):
    """Who is in the same worker hears all of it, however much it is."""
    with room(WebSocket(own(DEMO, model="async"), "/ws/chat")) as (visitor,):
        texts = [f"{n} ".encode() * 100 for n in range(300)]
        for text in texts:
            visitor.send(frame(TEXT, text))
            assert visitor.message() == text


def test_without_a_store_the_room_is_in_one_worker(own):
    server = own("--set", "store.size=0", DEMO, model="async")
    with room(WebSocket(server, "/ws/chat"), WebSocket(server, "/ws/chat")) as (one, other):
        other.text("hello")
        assert [one.message(), other.message()] == [b"hello"] * 2


def test_who_leaves_the_room(own):
    """The last one to leave it empties it, and others come again."""
    server = own(DEMO, model="async")
    for _ in range(2):
        with room(*(WebSocket(server, "/ws/chat") for _ in range(3))) as (one, middle, last):
            middle.send(close_frame(1000))
            assert middle.closing() == (1000, "")
            one.leave()
            last.text("alone")
            assert last.message() == b"alone"


@pytest.mark.parametrize(
    "data, code",
    [(frame(BINARY, b"x"), (1003, "text only")), (frame(TEXT, b"x" * 1001), (1009, "too long"))],
    ids=["binary", "long"],
)
def test_what_the_room_does_not_take(own, data, code):
    server = own(DEMO, model="async")
    with room(WebSocket(server, "/ws/chat"), WebSocket(server, "/ws/chat")) as (one, other):
        one.send(data)
        assert one.closing() == code
        other.text("I am here")
        assert other.message() == b"I am here"
        one.send(close_frame(code[0]))
        assert one.ended()
    assert "refused" not in server.log


def test_who_does_not_read_is_sent_away(own):
    server = own("--set", "limits.output=16KiB", DEMO, model="async")
    with room(WebSocket(server, "/ws/chat", receive_buffer=4096), WebSocket(server, "/ws/chat")) as (silent, loud):
        said = 0
        while said < 8000:  # 8 MB: more than sockets hold
            loud.send(frame(TEXT, b"x" * 1000, mask=b"\0\0\0\0") * 100)
            for _ in range(100):
                assert loud.message() == b"x" * 1000
            said += 100
        while (got := silent.frame())[1] == TEXT:
            pass
        assert got == (True, CLOSE, (1008).to_bytes(2) + b"reads too slowly")
    assert "refused" not in server.log


def test_who_is_closed_by_the_host_and_has_not_answered(own):
    """The plugin can't know that yet, and it is no fault to speak to them."""

    def act():
        server = own("--set", "websocket.idle_timeout=3s", DEMO, model="async")
        with room(WebSocket(server, "/ws/chat"), WebSocket(server, "/ws/chat")) as (idle, busy):
            opcode = TEXT
            while opcode == TEXT:
                time.sleep(0.1)
                busy.text("x")
                assert busy.message() == b"x"
                _, opcode, payload = idle.frame()
            assert (opcode, payload) == (CLOSE, (1001).to_bytes(2) + b"idle")
            busy.text("to nobody else")
            assert busy.message() == b"to nobody else"
        assert "refused" not in server.log

    again_if_late(act)
