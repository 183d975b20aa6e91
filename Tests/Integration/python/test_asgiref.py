"""asgiref, which Django and others stand on: its types as a checker of scopes and messages, and its adapters."""

import httpx
import pytest

from matrix import MODELS
from processes import wait_for
from python_applications import MODES, needs_packages

pytestmark = needs_packages
SERVERS = [(model, mode) for model in MODELS for mode in MODES] + [("uvicorn", None)]


@pytest.fixture(params=SERVERS, ids=lambda server: "-".join(filter(None, server)))
def asgiref(behind, request):
    """asgiref(app): a context of this application and a client."""
    kind, mode = request.param
    return lambda app: behind(kind, app, **({"mode": mode} if mode else {}))


def clients(site):
    """One of HTTP/1.1 and, where the server has it in cleartext, one of HTTP/2."""
    yield site.client
    if site.outrider and site.kind != "sync":
        with httpx.Client(base_url=site.client.base_url, http1=False, http2=True, timeout=60, verify=False) as client:
            yield client


def in_pieces():
    yield b"a"
    yield b"b" * 200_000


def test_scopes_and_messages(asgiref):
    with asgiref("asgiref_pages:checked") as site:
        # Which a server may leave out, by the specification.
        allowed = [] if site.outrider else ["scope lacks extensions"]
        for client in clients(site):
            for content in (None, b"short", b"x" * 500_000, in_pieces()):
                page = client.post("/\u00e9%2f?a=b", content=content, headers={"x-a": "\u00e9".encode()}).json()
                assert page["faults"] == allowed
                assert (page["messages"], page["lifespan"]) == (["http.request"], ["lifespan.startup"])
        wait_for(lambda: site.client.get("/").json()["ends"][3:], lambda: site.client.get("/").text)
        assert {tuple(end) for end in site.client.get("/").json()["ends"]} == {("http.disconnect",)}


def test_that_the_checker_finds_faults(asgiref):
    with asgiref("asgiref_pages:checked") as site:
        faults = [
            "http.request lacks more_body", "http.request.body is a str", "scope.path is a bytes", "scope.server is a str",
        ]
        assert sorted({*site.client.get("/broken").json()["faults"]} - {"scope lacks extensions"}) == faults


def test_an_application_of_asgi_2(asgiref):
    with asgiref("asgiref_pages:DoubleCallable") as site:
        for client in clients(site):
            answer = client.post("/path", content=b"content")
            assert (answer.text, answer.headers["x-callable"]) == ("/path content", "double")


def test_messages_through_the_communicator(asgiref):
    with asgiref("asgiref_adapters:relayed") as site:
        for client in clients(site):
            assert client.get("/").text == "Hello"
            assert client.get("/stream").text == "".join(f"{i}\n" for i in range(1000))
            upload = {"upload": ("file.bin", b"x" * 1_000_000)}
            answer = client.post("/form", data={"name": "value"}, files=upload)
            assert answer.json() == {"name": "value", "file": "file.bin", "size": 1_000_000}
