"""WebSockets in the languages of the SDKs, in each style, over HTTP/1.1 and HTTP/2: the same plugin, and the same tests."""

import shutil
import signal

import pytest

import websocket
from built_once import once, session_folder
from processes import wait_for
from sdk import built_trials, cargo
from server import ROOT, TEST_PLUGINS
from websocket import BINARY, CONTINUATION, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame

# Worker models and protocols.
WAYS = {
    "sync-http1": ("sync", WebSocket),
    "gthread-http1": ("gthread", WebSocket),
    "async-h2": ("async", WebSocketOverHTTP2),
}
PLUGINS = {
    f"{language}_{style}": pytest.param(language, style, marks=pytest.mark.skipif(not shutil.which(tool), reason=f"no {tool}"))
    for language, tool in (("cpp", "c++"), ("rust", "cargo"), ("swift", "swift"))
    for style in ("event", "async")
}
FLOOD, LARGE = 2000, 300_000


@pytest.fixture(params=[pytest.param(name, marks=PLUGINS[name].marks) for name in PLUGINS])
def plugin(request, built):
    return built(request.param)


@pytest.fixture
def built(tmp_path_factory, takes_long):
    """built(name): the plugin of that language and style."""

    def build(name):
        language, style = PLUGINS[name].values
        return {"cpp": built_in_cpp, "rust": built_in_rust, "swift": built_in_swift}[language](tmp_path_factory, style)

    return build


def built_in_cpp(_, style):
    return TEST_PLUGINS / f"libcpp_sockets_{style}.so"


def built_in_rust(tmp_path_factory, style):
    def build(folder):
        cargo(ROOT / "Tests/Plugins/rust_sockets", "build", "--release", "--features", style, "--target-dir", folder)

    return once(session_folder(tmp_path_factory) / f"rust_sockets_{style}", build) / "release/librust_sockets.so"


def built_in_swift(tmp_path_factory, style):
    return built_trials(tmp_path_factory) / f"libsockets_{style}.so"


@pytest.fixture(params=WAYS)
def server(request, own, plugin):
    """Its `open` opens a WebSocket."""
    model, opened = WAYS[request.param]
    server = own(plugin, model=model, h2c=opened is WebSocketOverHTTP2)
    server.open = lambda *arguments: opened(server, *arguments)
    return server


def said(server, text):
    wait_for(lambda: text in server.log, lambda: f"{text}; {server.state()}")


def test_messages_come_back(server):
    """Of both kinds, empty, in fragments, and larger than any buffer."""
    with server.open("/echo") as echo:
        for opcode, payload in ((TEXT, b"hello"), (BINARY, bytes(range(256))), (TEXT, b""), (BINARY, b"x" * LARGE)):
            echo.send(frame(opcode, payload))
            received, kind = message(echo)
            assert (received, kind) == (payload, opcode)
        echo.send(frame(TEXT, b"one ", final=False) + frame(CONTINUATION, b"two"))
        assert message(echo) == (b"one two", TEXT)
        echo.send(b"".join(frame(TEXT, str(number).encode()) for number in range(100)))
        assert [message(echo)[0] for _ in range(100)] == [str(number).encode() for number in range(100)]
        echo.send(close_frame(1000, b"bye"))
        assert echo.closing() == (1000, "")
        assert echo.ended()
    said(server, "closed 1000 by the client: bye")
    assert "OUTRIDER_E_STATE" not in server.log, "what has ended is not closed again"


def message(socket):
    """The next message, which may be in several frames: its bytes and its kind."""
    final, kind, received = socket.frame()
    while not final:
        final, opcode, payload = socket.frame()
        assert opcode == CONTINUATION
        received += payload
    return bytes(received), kind


def test_a_large_message(server):
    with server.open("/large") as large:
        for _ in range(3):
            large.text("now")
            assert message(large) == (b"l" * LARGE, TEXT)


def test_a_subprotocol_and_fields(server):
    with server.open("/subprotocol", "Sec-WebSocket-Protocol: old, chat") as chosen:
        assert chosen.fields["sec-websocket-protocol"] == "chat" and chosen.fields["x-hall"] == "main"
        chosen.text("hello")
        assert chosen.message() == b"hello"
    with server.open("/subprotocol", "Sec-WebSocket-Protocol: chatter") as other:
        assert "sec-websocket-protocol" not in other.fields


def test_a_handshake_that_is_accepted_later(server):
    with server.open("/later") as late:
        late.text("hello")
        assert late.message() == b"hello"


def test_what_is_refused(own, plugin):
    server = own(plugin, model="async")
    assert server.get("/echo").status == 426
    assert server.fetch(websocket.handshake("/denied")).status == 403


def test_the_plugin_closes(server):
    with server.open("/closes") as closed:
        assert closed.closing() == (4000, "as asked")
        closed.send(close_frame(4000))
        assert closed.ended()
    said(server, "closed 4000 by the client")


def test_a_client_that_does_not_read_holds_up_its_own_messages(server):
    """Each message arrives, in its order, once the client reads."""
    with server.open("/flood") as flood:
        flood.text("go")
        for number in range(FLOOD):
            received, kind = message(flood)
            assert kind == BINARY and received.rstrip(b"x") == str(number).encode() and len(received) == 1000
        assert flood.closing() == (1000, "that is all")
        flood.send(close_frame(1000))
        assert flood.ended()


def test_a_client_that_leaves(server):
    with server.open("/echo") as echo:
        echo.text("hello")
        assert echo.message() == b"hello"
        echo.leave()
        said(server, "the client has left")


def test_an_error_closes_with_1011_and_a_line(server):
    with server.open("/throws") as failing:
        failing.text("now")
        assert failing.closing()[0] == 1011
        failing.send(close_frame(1011))
        assert failing.ended()
    said(server, "thrown by ")
    with server.open("/echo") as echo:
        echo.text("still here")
        assert echo.message() == b"still here"


@pytest.mark.parametrize("plugin", [name for name in PLUGINS if name.startswith("rust")], indirect=True)
def test_a_panic_closes_with_1011_and_a_line(own, plugin):
    server = own(plugin, model="async")
    workers = server.workers()
    with WebSocket(server, "/panics") as failing:
        failing.text("now")
        assert failing.closing()[0] == 1011
    said(server, "thrown by a panic")
    assert server.workers() == workers


@pytest.mark.parametrize("plugin", [name for name in PLUGINS if name.endswith("async")], indirect=True)
def test_a_handler_that_returns_closes_with_1000(own, plugin):
    server = own(plugin, model="async")
    with WebSocket(server, "/returns") as socket:
        socket.text("now")
        assert socket.closing()[0] == 1000
        socket.send(close_frame(1000))
        assert socket.ended()


def test_a_worker_that_drains_closes_with_1012(own, plugin):
    server = own("--set", "server.graceful_timeout=8s", plugin, model="async")
    with WebSocket(server, "/echo") as echo:
        echo.text("hello")
        assert echo.message() == b"hello"
        server.tell(signal.SIGTERM)
        assert echo.closing()[0] == 1012
        echo.send(close_frame(1012))
        assert echo.ended()


def test_a_handler_of_text_alone(own):
    server = own(TEST_PLUGINS / "libcpp_sockets_text_only.so", model="async")
    with WebSocket(server) as echo:
        echo.text("hello")
        assert echo.message() == b"hello"
        echo.send(frame(BINARY, b"\0"))
        assert echo.closing() == (1003, "no binary messages")
