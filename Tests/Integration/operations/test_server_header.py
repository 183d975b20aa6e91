"""http.server_header: what every response says of the server."""

import re
import signal

import pytest

import http2
from client import request
from matrix import H2C, INSPECT
from metrics import Metrics
from processes import wait_for
from server import RELEASE, free_port, run
from service import Service

DEMO = RELEASE / "libdemo_event.so"
TEXTS = [None, "", "Apache/2.4 (not really)", "x" * 128]
EXPECTED = {None: "outrider", "": None}
# Answers of the plugin, and of the server itself.
ASKED = [request("GET", "/"), request("HEAD", "/"), b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"]


def flags(text):
    return [] if text is None else ["--set", f'http.server_header="{text}"']


def names(message):
    return [name.lower() for name, _ in message.fields]


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_every_response_over_http_1(shared, combination, text):
    server = shared(combination.demo, combination.model, *flags(text))
    for data in ASKED:
        answer = server.fetch(data)
        assert answer.get("server") == EXPECTED.get(text, text)
        assert names(answer).count("server") == (text != "") and names(answer).count("date") == 1


@pytest.mark.parametrize("text", TEXTS, ids=repr)
@pytest.mark.parametrize("model", ["gthread", "async"])
def test_every_response_over_http_2(shared, model, text):
    server = shared(DEMO, model, H2C, *flags(text))
    with http2.connect(server) as connection:
        # The second is refused by the server itself.
        for answer in (connection.get("/"), connection.get("/%zz")):
            assert answer.get("server") == EXPECTED.get(text, text)
            assert answer.get("date")


def test_a_plugin_that_says_it_itself_is_not_contradicted(shared):
    for text in (None, "", "configured"):
        server = shared(RELEASE / "libdemo_event.so", "async", *flags(text))
        assert names(server.get("/")).count("server") <= 1


def test_the_metrics_listener_says_the_same_and_a_reload_changes_it(own, tmp_path):
    port = free_port()
    service = Service(own, tmp_path)

    def reload(text):
        service.reload(settings=f'[http]\nserver_header = "{text}"\n[metrics]\nbind = "127.0.0.1:{port}"')

    metrics = Metrics(port)
    for text in ("one", "", "two"):
        reload(text)
        for answer in (service.server.get("/"), metrics.get("/readyz"), metrics.get("/none")):
            assert answer.get("server") == (text or None), text
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in service.server.log, service.server.state)
    assert metrics.get("/readyz").get("server") == "two"


@pytest.mark.parametrize("text", ["x" * 129, " x", "x ", "a\\r\\nSet-Cookie: b", "a\\u0000", "a\\u007f"])
def test_what_is_no_value_of_a_field_is_refused(tmp_path, text):
    file = tmp_path / "outrider.toml"
    file.write_text(f'[http]\nserver_header = "{text}"\n[[plugin]]\npath = "{INSPECT}"\n')
    result = run("-T", "-c", file)
    assert result.returncode == 78 and re.search(rf"{file}:2:\d+: .*http\.server_header: ", result.stderr)
