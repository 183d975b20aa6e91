"""websocket.origins: which pages may open WebSockets."""

import pytest

import client
import websocket
from matrix import MODELS
from metrics import Metrics
from processes import wait_for
from server import TEST_PLUGINS, free_port, run
from websocket import WebSocket, WebSocketOverHTTP2

SOCKETS = TEST_PLUGINS / "libsockets.so"
ORIGINS = 'websocket.origins=["https://example.org", "http://localhost:3000"]'


@pytest.fixture(params=MODELS)
def server(request, own):
    return own("--set", ORIGINS, SOCKETS, model=request.param)


def said(server, text):
    wait_for(lambda: text in server.log, lambda: f"{text}; {server.state()}")


@pytest.mark.parametrize("origin", ["https://example.org", "HTTPS://EXAMPLE.ORG:443", "http://localhost:3000"])
def test_a_page_that_may(server, origin):
    with WebSocket(server, "/echo", f"Origin: {origin}") as echo:
        echo.text("x")
        assert echo.message() == b"x"


def test_a_client_that_is_no_browser(server):
    with WebSocket(server) as echo:
        echo.text("x")
        assert echo.message() == b"x"


@pytest.mark.parametrize(
    "origins",
    [["http://example.org"], ["https://example.org:444"], ["null"], [""], ["https://example.org", "https://other.example"]],
)
def test_a_page_that_may_not(server, origins):
    answer = server.fetch(websocket.handshake("/echo", *(f"Origin: {origin}" for origin in origins)))
    assert answer.status == 403 and answer.body == b"403 Forbidden\n"


def test_a_refusal_is_logged_and_counted(own, tmp_path):
    """As any other refusal; the plugin does not see it."""
    port, access = free_port(), tmp_path / "access.log"
    flags = ["--set", f'metrics.bind="127.0.0.1:{port}"', "--set", f"log.access={access}", "--set", ORIGINS]
    server, metrics = own(*flags, SOCKETS), Metrics(port)
    answer = server.fetch(websocket.handshake("/denied", "Origin: https://evil.example"))
    assert answer.status == 403 and answer.body == b"403 Forbidden\n", "not the plugin's own"
    said(server, "Origin of the WebSocket is not in websocket.origins (GET /denied) plugin=sockets")
    metrics.wait(1, "outrider_refusals_total", reason="forbidden_origin", status="403")
    wait_for(lambda: '"GET /denied HTTP/1.1" 403' in access.read_text(), server.state)


def test_the_connection_is_kept(own):
    """A refusal is a response as any other."""
    server = own("--set", ORIGINS, SOCKETS, model="async")
    with server.connect() as connection:
        connection.send(websocket.handshake("/echo", "Origin: https://evil.example"))
        assert connection.final().status == 403
        connection.send(websocket.handshake("/denied", "Origin: https://example.org"))
        assert connection.final().status == 403
        connection.send(client.request("GET", "/plain"))
        assert connection.final().status == 426


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_over_http2(own, model):
    server = own("--set", ORIGINS, SOCKETS, model=model, h2c=True)
    with WebSocketOverHTTP2(server, "/echo", "Origin: https://example.org") as echo:
        echo.text("x")
        assert echo.message() == b"x"
        handshake = [(":protocol", "websocket"), ("sec-websocket-version", "13"), ("origin", "https://evil.example")]
        refused = echo.connection.answers[echo.connection.request("CONNECT", "/echo", *handshake, end=False)]
        echo.connection.read_until(lambda: refused.ended or refused.reset is not None, "the refusal")
        assert refused.status == 403 and refused.body == b"403 Forbidden\n"
        echo.text("still there")
        assert echo.message() == b"still there"
    said(server, "Origin of the WebSocket is not in websocket.origins (CONNECT /echo) plugin=sockets")


def test_the_list_concerns_handshakes_alone(server):
    """Pages of any origin send requests."""
    assert server.get("/echo", "Origin: https://evil.example").status == 426


def test_errors_have_their_place(tmp_path):
    """-t names line and column of what is no origin."""
    file = tmp_path / "outrider.toml"
    file.write_text(f'[websocket]\norigins = [\n  "https://example.org",\n  "https://example.org/app",\n]\n\n[[plugin]]\npath = "{SOCKETS}"\n')
    result = run("-t", "-c", file)
    assert result.returncode != 0
    assert f'{file}:4:3: websocket.origins: expected an origin such as "https://example.org", found' in result.stderr
    assert 'did you mean "https://example.org"?' in result.stderr
