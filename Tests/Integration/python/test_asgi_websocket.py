"""WebSockets of ASGI applications, over HTTP/1.1 and HTTP/2, on a thread of asyncio's own and as a guest; and the same
assertions for uvicorn."""

import json
import signal
from itertools import count
from types import SimpleNamespace
from urllib.parse import quote

import pytest

import client
import http2
import websocket
from processes import wait_for
from python_applications import MODES, authority_listener, lines_with
from websocket import BINARY, TEXT, WebSocket, WebSocketOverHTTP2, close_frame, frame

# The kind of server, the mode of asyncio and the protocol.
WAYS = [
    (model, mode, protocol) for model in ("gthread", "async") for mode in MODES for protocol in ("http1", "http2")
] + [("uvicorn", None, "http1")]
OPENED = {"http1": WebSocket, "http2": WebSocketOverHTTP2}
names = count()


class Place:
    """Where an application is served, by one protocol."""

    def __init__(self, found, mode, protocol):
        self.server = found.outrider or SimpleNamespace(
            connect=lambda **options: client.Connection(("127.0.0.1", found.port), **options)
        )
        self.client, self.port, self.mode, self.protocol = found.client, found.port, mode, protocol
        self.is_uvicorn = found.outrider is None

    def open(self, path, *fields):
        return OPENED[self.protocol](self.server, path, *fields)

    def refusal(self, path, *fields):
        """The response to a handshake that is not accepted: status, fields, content."""
        if self.protocol == "http1":
            answer = client.fetch(("127.0.0.1", self.port), websocket.handshake(path, *fields))
            return answer.status, answer.get, bytes(answer.body)
        with http2.connect(self.server) as connection:
            upgrade = (":protocol", "websocket"), ("sec-websocket-version", "13")
            answer = connection.answer(connection.request("CONNECT", path, *upgrade, *websocket.pairs(fields), end=False))
        return answer.status, answer.get, bytes(answer.body)

    def noted(self, name, *texts):
        """Waits until the application has noted these of the client with this name, in this order, and nothing else."""
        expected = [f"{name}: {text}" for text in texts]

        def seen():
            return [line for line in self.client.get("/seen").json() if line.startswith(f"{name}: ")]

        wait_for(lambda: seen() == expected, lambda: f"{expected}, not {seen()}; {self.state()}")

    def state(self):
        return "uvicorn" if self.is_uvicorn else self.server.state()

    def logged(self, text):
        """uvicorn's log is its own affair."""
        if not self.is_uvicorn:
            wait_for(lambda: text in self.server.log, lambda: f"{text!r}; {self.state()}")


def place_of(behind, app, way):
    kind, mode, protocol = way
    return behind(kind, app, mode=mode), mode, protocol


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(filter(None, way)))
def place(behind, request):
    """The raw application, everywhere."""
    served, *how = place_of(behind, "asgi_sockets:app", request.param)
    with served as found:
        yield Place(found, *how)


@pytest.fixture(params=WAYS[:-1], ids="-".join)
def outrider(behind, request):
    """The raw application, behind Outrider."""
    served, *how = place_of(behind, "asgi_sockets:app", request.param)
    with served as found:
        yield Place(found, *how)


@pytest.fixture
def name():
    """What a client of a test calls itself, so that its notes are found."""
    return f"client{next(names)}"


# The scope


def test_the_scope(place):
    offers = "Sec-WebSocket-Protocol: chat, v2.chat", "Sec-WebSocket-Protocol: old", "X-Many: 1", "X-Many: 2"
    with place.open("/%73cope?a=%20b", *offers) as opened:
        found = json.loads(opened.message())
    peer, server, fields = found.pop("client"), found.pop("server"), found.pop("headers")
    assert peer[0] == "127.0.0.1" and 0 < peer[1] < 65536 and server == ["127.0.0.1", place.port]
    fields = [(name.lower(), value) for name, value in fields]
    assert ("sec-websocket-version", "13") in fields
    assert not any(name.startswith(":") for name, _ in fields)
    assert [value for name, value in fields if name == "x-many"] == ["1", "2"]
    assert found == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": {"http1": "1.1", "http2": "2"}[place.protocol],
        "scheme": "ws",
        "path": "/scope",
        "raw_path": "/%73cope",
        "query_string": "a=%20b",
        "root_path": "",
        "subprotocols": ["chat", "v2.chat", "old"],
        "state": ["greeting"],
        "extensions": {"websocket.http.response": {}},
    }


def test_no_subprotocols(place):
    with place.open("/scope") as opened:
        assert json.loads(opened.message())["subprotocols"] == []
        assert "sec-websocket-protocol" not in opened.fields


def test_a_mount(started):
    server = started("asgi_sockets:app", "async", mount="/shop")
    with WebSocket(server, "/shop/scope") as opened:
        found = json.loads(opened.message())
    assert (found["root_path"], found["path"], found["raw_path"]) == ("/shop", "/shop/scope", "/shop/scope")


def test_tls(started, authority):
    server = started("asgi_sockets:app", "async", tables=authority_listener(authority))
    place = "127.0.0.1", authority.python_port
    secure = SimpleNamespace(connect=lambda **options: client.Connection(place, tls=authority.client(), **options))
    with WebSocket(secure, "/scope") as opened:
        found = json.loads(opened.message())
    assert found["scheme"] == "wss" and found["extensions"]["tls"]["tls_version"] == 0x0304, server.state()


# The handshake


def test_accept_with_a_subprotocol_and_fields(place):
    with place.open("/chooses", "Sec-WebSocket-Protocol: old, chat") as opened:
        assert opened.fields["sec-websocket-protocol"] == "chat"
        assert opened.fields["x-hall"] == "main"
        assert opened.fields["set-cookie"]


def test_a_subprotocol_that_the_client_does_not_offer(outrider, name):
    """uvicorn sends it, and clients fail then (RFC 6455 section 4.1)."""
    with outrider.open(f"/chooses-another?as={name}", "Sec-WebSocket-Protocol: old") as opened:
        assert "sec-websocket-protocol" not in opened.fields
        opened.send(close_frame(1000))
        assert opened.closing() == (1000, "")
    reason = "websocket.accept: the client does not offer the subprotocol, or a header is one of the handshake's own"
    outrider.noted(name, reason, "disconnect 1000")


def test_accepting_later(place):
    with place.open("/accepts-late") as opened:
        assert opened.message() == b"late"


def test_close_before_accept_is_403(place, name):
    assert place.refusal(f"/denies?as={name}")[0] == 403
    place.noted(name, "disconnect 1006")


def test_a_response_instead(place, name):
    status, get, content = place.refusal(f"/responds?as={name}")
    assert (status, content) == (401, b"first,second")
    assert (get("www-authenticate"), get("content-type")) == ("Basic", "text/plain")
    place.noted(name, "disconnect 1006")


def test_a_client_that_leaves_before_it_is_accepted(place, name):
    if place.protocol == "http1":
        with place.server.connect(timeout=client.TIMEOUT) as connection:
            connection.send(websocket.handshake(f"/waits?as={name}"))
            place.noted(name, "waits")
            connection.abort()
    else:
        with http2.connect(place.server) as connection:
            upgrade = (":protocol", "websocket"), ("sec-websocket-version", "13")
            connection.request("CONNECT", f"/waits?as={name}", *upgrade, end=False)
            place.noted(name, "waits")
    place.noted(name, "waits", "disconnect 1006")


def test_failing_before_accept_is_500(place):
    assert place.refusal("/fails")[0] == 500
    place.logged("ValueError: fails before it accepts")


def test_returning_before_accept_is_500(place):
    assert place.refusal("/returns")[0] == 500
    place.logged("ASGI application returned without accepting the WebSocket")


def test_an_application_that_knows_only_http(behind):
    for kind, mode, protocol in WAYS:
        served, *how = place_of(behind, "asgi_sockets:of_http_only", (kind, mode, protocol))
        with served as found:
            assert Place(found, *how).refusal("/")[0] == 500
            assert found.client.get("/").json() == "Hello"


def test_without_websockets_a_handshake_is_an_ordinary_request(started):
    server = started("asgi_sockets:of_http_only", "async", tables="[websocket]\nenabled = false\n")
    answer = server.fetch(websocket.handshake("/"))
    assert (answer.status, answer.body) == (200, b'"Hello"')


# Messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 16383, 16384, 65536, 300_000])
def test_messages_of_each_size(place, size):
    with place.open("/echo") as opened:
        for kind in (TEXT, BINARY):
            opened.send(frame(kind, b"a" * size))
            assert opened.frame() == (True, kind, b"a" * size)


def test_text_is_unicode(place):
    with place.open("/echo") as opened:
        opened.text("grüße \U0001f600\0")
        assert opened.frame() == (True, TEXT, "grüße \U0001f600\0".encode())
        opened.send(frame(BINARY, b"\0\xff"))
        assert opened.frame() == (True, BINARY, b"\0\xff")


def test_many_messages_at_once(place):
    with place.open("/echo") as opened:
        opened.send(b"".join(frame(TEXT, str(n).encode()) for n in range(1000)))
        assert [opened.message() for _ in range(1000)] == [str(n).encode() for n in range(1000)]


def test_sending_while_a_task_receives(place):
    with place.open("/talks-both-ways") as opened:
        assert [opened.message() for _ in range(6)] == [b"nothing yet", b"0", b"1", b"2", b"3", b"4"]
        opened.text("hello")
        assert opened.message() == b"got hello"


def test_all_that_is_sent_arrives_in_order(place):
    with place.open("/flood?n=3000") as opened:
        assert [int(opened.message()[:9]) for _ in range(3000)] == list(range(3000))
        assert opened.closing() == (1000, "")


def test_large_messages_arrive_whole(place):
    with place.open("/flood?n=40&size=299991") as opened:
        for i in range(40):
            assert opened.frame() == (True, BINARY, b"%09d" % i + b"x" * 299991)


def test_send_waits_for_a_client_that_does_not_read(place, name):
    """50 MB are not gathered in memory: send() returns when there is room."""
    with place.open(f"/flood?n=50000&as={name}") as opened:
        opened.message()

        def sent():
            return place.client.get("/sent").json().get(name, 0)

        wait_for(lambda: sent() > 0, place.state)
        counts = [-1, sent()]
        while counts[-1] != counts[-2]:
            counts.append(sent())
        # What fits into the kernel's buffers and limits.output.
        assert 0 < counts[-1] < 20000
        opened.leave()


# The end


@pytest.mark.parametrize("code, reason, noted", [
    (1000, "bye", "1000 bye"), (3000, "", "3000"), (4999, "größe", "4999 größe"), (None, "", "1005"),
])
def test_the_client_closes(place, name, code, reason, noted):
    with place.open(f"/echo?as={name}") as opened:
        opened.text("x")
        assert opened.message() == b"x"
        opened.send(close_frame(code, reason.encode()))
        assert opened.closing()[0] == code and opened.ended()
    place.noted(name, f"disconnect {noted}")


def test_messages_before_a_close_are_answered_first(outrider, name):
    """uvicorn answers the Close before the application has had the messages."""
    with outrider.open(f"/echo?as={name}") as opened:
        opened.send(frame(TEXT, b"one") + frame(TEXT, b"two") + close_frame(1001))
        assert [opened.message(), opened.message()] == [b"one", b"two"]
        assert opened.closing()[0] == 1001
    outrider.noted(name, "disconnect 1001")


def test_the_client_leaves_without_a_close(place, name):
    with place.open(f"/echo?as={name}") as opened:
        opened.text("x")
        assert opened.message() == b"x"
        opened.leave()
    # RFC 6455 section 7.1.5: 1006; uvicorn says 1005.
    place.noted(name, "disconnect 1005" if place.is_uvicorn else "disconnect 1006")


@pytest.mark.parametrize("query, closing", [
    ("", (1000, "")), ("code=1011", (1011, "")), (f"code=4001&reason={quote('größe')}", (4001, "größe")),
])
def test_the_application_closes(place, name, query, closing):
    with place.open(f"/closes?as={name}&{query}") as opened:
        assert opened.message() == b"last" and opened.closing() == closing
        opened.send(close_frame(closing[0]))
        assert opened.ended()
    place.noted(name, f"disconnect {closing[0]} {closing[1]}".strip())


def test_failing_closes_with_1011(outrider):
    """uvicorn closes the connection without a Close."""
    with outrider.open("/fails-later") as opened:
        assert opened.message() == b"before" and opened.closing() == (1011, "")
        opened.send(close_frame(1011))
        assert opened.ended()
    outrider.logged("ValueError: fails after it has accepted")
    assert lines_with(outrider.server, 'asgi_sockets.py", line')


def test_returning_closes_with_1000(outrider):
    """uvicorn closes the connection without a Close."""
    with outrider.open("/returns-later") as opened:
        assert opened.message() == b"last" and opened.closing() == (1000, "")


@pytest.mark.parametrize("closes", [True, False])
def test_send_raises_when_the_client_has_gone(place, name, closes):
    with place.open(f"/sends-behind-the-end?as={name}") as opened:
        assert opened.message() == b"ready"
        if closes:
            opened.send(close_frame(1000))
            assert opened.closing()[0] == 1000
        else:
            opened.leave()
    code = 1000 if closes else 1005 if place.is_uvicorn else 1006
    place.noted(name, f"disconnect {code}", "send raises OSError")


def test_what_goes_on_without_its_client_is_not_logged(outrider, name):
    with outrider.open(f"/fails-behind-the-end?as={name}") as opened:
        assert opened.message() == b"ready"
        opened.leave()
    outrider.noted(name, "disconnect 1006")
    with outrider.open("/echo") as opened:  # behind the one that fails
        opened.text("x")
        assert opened.message() == b"x"
    assert not lines_with(outrider.server, "ConnectionResetError")


def test_violations_close_it(outrider, name):
    with outrider.open(f"/echo?as={name}") as opened:
        opened.send(frame(TEXT, b"\xff"))
        assert opened.closing()[0] == 1007 and opened.ended()
    wait_for(lambda: any(line.startswith(f"{name}: disconnect 1007") for line in outrider.client.get("/seen").json()),
             outrider.state)


# Wrong messages


WRONG = {
    "send-first": "RuntimeError", "http": "RuntimeError", "unknown": "RuntimeError", "body-first": "RuntimeError",
    "text-header": "TypeError", "own-header": "ValueError", "line-feed": "ValueError", "bytes-subprotocol": "TypeError",
    "denial-status": "TypeError", "twice": "RuntimeError", "late-denial": "RuntimeError", "nothing": "ValueError",
    "bytes-text": "TypeError", "text-bytes": "TypeError", "surrogate": "UnicodeEncodeError", "reserved-code": "ValueError",
    "small-code": "ValueError", "text-code": "TypeError", "bytes-reason": "TypeError",
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_messages_raise_in_send(outrider, name, case):
    with outrider.open(f"/bad-message?case={case}&as={name}") as opened:
        assert opened.message().decode() == WRONG[case]
        assert opened.closing() == (1000, "")
    outrider.noted(name, "websocket.send raises", "websocket.close raises", "disconnect 1000")


# Draining


@pytest.mark.parametrize("protocol", OPENED)
def test_a_drain_ends_with_1012(started, mode, protocol, tmp_path, name):
    events = tmp_path / "events"
    server = started(
        "asgi_sockets:app", "async", mode=mode, server='graceful_timeout = "6s"', env={"PAGES_EVENTS": str(events)}
    )
    with OPENED[protocol](server, f"/echo?as={name}") as opened:
        opened.text("x")
        assert opened.message() == b"x"
        server.tell(signal.SIGTERM)
        assert opened.closing() == (1012, "service restart")
        opened.send(close_frame(1012))
        assert opened.ended()
    assert server.wait() == 0, server.state()
    assert events.read_text() == f"{name}: disconnect 1012\n", server.state()
    assert not lines_with(server, "still running"), server.state()


@pytest.mark.parametrize("model", ["sync"])
def test_a_socket_holds_a_worker_of_sync(started, mode, model):
    server = started("asgi_sockets:app", model, mode=mode)
    with WebSocket(server, "/echo") as opened:
        opened.text("x")
        assert opened.message() == b"x"


# Memory


@pytest.mark.parametrize("page", ["echo", "closes", "fails-later", "denies"])
def test_nothing_is_kept_of_a_websocket(started, mode, page):
    """The blocks of memory that Python has given out do not grow with their number."""
    server = started("asgi_sockets:app", "async", mode=mode)

    def blocks():
        return int(server.get("/blocks").body)

    def open_each():
        for _ in range(100):
            if page == "denies":
                assert server.fetch(websocket.handshake("/denies")).status == 403
                continue
            with WebSocket(server, f"/{page}") as opened:
                opened.text("x" * 20000)
                opened.message()

    counts = [blocks()]
    while len(counts) < 3 or counts[-1] - counts[-2] > 50:
        assert len(counts) < 10, f"blocks after each 100 WebSockets: {counts}; {server.state()}"
        open_each()
        counts.append(blocks())


# Frameworks


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(filter(None, way)))
def fastapi(behind, request):
    served, *how = place_of(behind, "socket_frameworks:fastapi_app", request.param)
    with served as found:
        yield Place(found, *how)


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(filter(None, way)))
def starlette(behind, request):
    served, *how = place_of(behind, "socket_frameworks:starlette_app", request.param)
    with served as found:
        yield Place(found, *how)


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(filter(None, way)))
def channels(behind, request):
    served, *how = place_of(behind, "django_channels:app", request.param)
    with served as found:
        yield Place(found, *how)


def test_a_room_of_channels(channels):
    with channels.open("/chat/hall", "Sec-WebSocket-Protocol: chat") as one, channels.open("/chat/hall") as other:
        assert one.fields["sec-websocket-protocol"] == "chat" and "sec-websocket-protocol" not in other.fields
        one.text('{"message": "hello"}')
        assert [json.loads(opened.message()) for opened in (one, other)] == [{"message": "hello"}] * 2
        other.send(close_frame(4000))
        assert other.closing()[0] == 4000
        assert json.loads(one.message()) == {"message": "one has left: 4000"}


def test_a_consumer_of_channels_in_a_thread(channels):
    with channels.open("/blocking") as opened:
        opened.send(frame(BINARY, b"\0\1"))
        assert opened.frame() == (True, BINARY, b"\0\1")
        opened.text("close")
        assert opened.closing() == (4005, "as asked")


def test_what_channels_refuses(channels):
    assert channels.refusal("/closed")[0] == 403


def test_a_room_of_fastapi(fastapi):
    with fastapi.open("/chat/ann?token=1") as ann, fastapi.open("/chat/bob?token=2") as bob:
        ann.text("hello")
        assert [ann.message(), bob.message()] == [b"ann, 1: hello"] * 2
        bob.send(close_frame(4000, b"tired"))
        assert bob.closing()[0] == 4000
        assert ann.message() == b"bob has left: 4000 tired"
        ann.send(close_frame(1000))
        assert ann.closing()[0] == 1000


def test_what_fastapi_refuses(fastapi):
    assert fastapi.refusal("/chat/ann")[0] == 403
    assert fastapi.refusal("/nowhere")[0] == 403


def test_json_of_fastapi(fastapi):
    with fastapi.open("/json", "Sec-WebSocket-Protocol: xml, json") as opened:
        assert (opened.fields["sec-websocket-protocol"], opened.fields["x-hall"]) == ("json", "main")
        opened.text('{"name": "é"}')
        assert json.loads(opened.message()) == {"got": {"name": "é"}}


def test_an_exception_of_fastapi(fastapi):
    with fastapi.open("/fails") as opened:
        opened.text("x")
        if not fastapi.is_uvicorn:
            assert opened.closing() == (1011, "")
    fastapi.logged("ValueError: a WebSocket of FastAPI fails")


def test_an_endpoint_of_starlette(starlette):
    with starlette.open("/echo") as opened:
        opened.send(frame(BINARY, b"\0\1"))
        assert opened.frame() == (True, BINARY, b"\0\1")
        opened.send(close_frame(4003))
        assert opened.closing()[0] == 4003

    def codes():
        with starlette.open("/codes") as opened:
            return json.loads(opened.message())

    wait_for(lambda: 4003 in codes(), starlette.state)


def test_starlette_closes(starlette):
    with starlette.open("/closes?a=b") as opened:
        url = opened.message().decode()
        assert url.startswith("ws://localhost") and url.endswith("/closes?a=b")
        assert opened.closing() == (4002, "enough")


def test_starlette_denies(starlette):
    status, get, content = starlette.refusal("/denies")
    assert (status, get("x-hall"), content) == (401, "closed", b"members only")
