"""Applications of frameworks, unchanged: the same assertions for Outrider and for the server that each is usually run by.
flask-asgi is Flask's in asgiref's WsgiToAsgi."""

import json
import socket
import subprocess

import httpx
import pytest

from matrix import MODELS
from processes import wait_for
from python_applications import lines_with

WSGI = {"flask": "frameworks:flask_app", "django": "frameworks:django_wsgi()"}
ASGI = {
    "django-asgi": "frameworks:django_asgi()",
    "fastapi": "asgi_frameworks:fastapi_app",
    "starlette": "asgi_frameworks:starlette_app",
    "flask-asgi": "asgiref_adapters:flask_wrapped",
}
CASES = [(name, server) for name in WSGI for server in (*MODELS, "gunicorn")]
CASES += [(name, server) for name in ASGI for server in (*MODELS, "uvicorn")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def site(request, behind):
    """A framework's application behind one of the servers, with a client."""
    name, kind = request.param
    with behind(kind, WSGI.get(name) or ASGI[name]) as found:
        found.name = name
        yield found


def of(*names):
    """For those applications that have the page."""
    return pytest.mark.parametrize("site", [case for case in CASES if case[0] in names], ids="-".join, indirect=True)


def test_hello(site):
    answer = site.client.get("/")
    assert (answer.status_code, answer.text) == (200, "Hello")
    assert answer.headers["content-length"] == "5"
    assert site.client.head("/").status_code in (200, 405)
    assert site.client.get("/no-such-page").status_code == 404


def test_json(site):
    sent = {"name": "\u00e9", "price": 1.5}
    answer = site.client.post("/json", json=sent)
    assert answer.json() == {"got": sent}


@of("flask", "flask-asgi", "django", "django-asgi", "fastapi")
def test_forms_and_uploads(site):
    for size in (5, 3_000_000):
        files = {"upload": ("file.bin", b"x" * size)}
        answer = site.client.post("/form", data={"name": "value"}, files=files)
        assert answer.json() == {"name": "value", "file": "file.bin", "size": size}


@of("flask", "fastapi", "starlette")
def test_an_upload_without_a_length(site):
    def parts():
        yield b'{"name": "a", '
        yield b'"price": 1.5}'

    answer = site.client.post("/json", content=parts(), headers={"content-type": "application/json"})
    assert answer.json() == {"got": {"name": "a", "price": 1.5}}


@of("flask", "flask-asgi", "django", "django-asgi")
def test_sessions(site):
    site.client.cookies.clear()
    assert [site.client.get("/count").text for _ in range(3)] == ["1", "2", "3"]


def test_streams(site):
    answer = site.client.get("/stream")
    assert answer.text == "".join(f"{i}\n" for i in range(1000))
    assert "content-length" not in answer.headers


@of("flask", "flask-asgi", "django", "django-asgi", "fastapi")
def test_files(site):
    answer = site.client.get("/this-file")
    assert b"as their documentation has them" in answer.content
    assert int(answer.headers["content-length"]) == len(answer.content)
    if site.name.startswith("flask"):
        assert site.client.get("/file").content == b"x" * 100000
        part = site.client.get("/this-file", headers={"range": "bytes=3-5"})
        assert (part.status_code, part.content) == (206, answer.content[3:6])
        again = site.client.get("/this-file", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_fault_is_a_500(site):
    # On a connection of its own, which uvicorn closes.
    answer = httpx.get(f"http://127.0.0.1:{site.port}/fails", timeout=60, verify=False)
    assert answer.status_code == 500 and "Traceback" not in answer.text
    # Django logs it by itself, to mail; asgiref gives Flask the standard error as wsgi.errors.
    if site.outrider and site.name not in ("django", "django-asgi", "flask-asgi"):
        wait_for(lambda: lines_with(site.outrider, "ValueError: a "), site.outrider.state)
        assert "request=" in lines_with(site.outrider, "ValueError: a ")[0]


def test_addresses_in_the_application(site):
    assert site.client.get("/url?a=b").text == f"http://127.0.0.1:{site.port}/url?a=b"


def test_curl(site, tmp_path):
    """HTTP/1.1 and, where the server has it in cleartext, HTTP/2."""
    # More than curl sends without a 100 (Continue).
    sent = {"name": "x" * 2_000_000, "price": 1.5}
    (tmp_path / "up").write_text(json.dumps(sent))
    up = ["-H", "content-type: application/json", "--data-binary", f"@{tmp_path / 'up'}"]
    versions = {"--http1.1": "1.1"}
    if site.outrider and site.kind != "sync":
        versions["--http2-prior-knowledge"] = "2"
    for option, version in versions.items():
        assert curl(site, option, "/") == (f"200 {version}", b"Hello")
        status, body = curl(site, option, "/json", *up)
        assert (status, json.loads(body)) == (f"200 {version}", {"got": sent})
        assert curl(site, option, "/no-such-page")[0] == f"404 {version}"


def curl(site, option, page, *options):
    """The status and version, and the content."""
    command = ["curl", "-sS", option, "--max-time", "60", "-w", "%{stderr}%{http_code} %{http_version}", *options]
    ended = subprocess.run([*command, f"http://127.0.0.1:{site.port}{page}"], capture_output=True, check=True)
    return ended.stderr.decode(), ended.stdout


@of("fastapi")
def test_validation_and_dependencies(site):
    assert site.client.post("/json", json={"name": "a"}).status_code == 422
    assert site.client.get("/depends?q=x").json() == {"q": "x"}
    assert site.client.get("/missing").json() == {"detail": "nothing here"}
    assert site.client.get("/sync").text == "from the pool"
    assert site.client.get("/state").text == "from the lifespan"


@of("fastapi")
def test_background_tasks(site):
    assert site.client.get("/background").status_code == 200
    wait_for(lambda: "background" in site.client.get("/ran").json(), lambda: site.name)


@of("starlette")
def test_middleware(site):
    assert site.client.get("/").headers["x-middleware"] == "yes"
    assert site.client.get("/hints").text == "Hello"


@of("fastapi")
def test_a_client_that_leaves(site):
    with socket.create_connection(("127.0.0.1", site.port)) as connection:
        connection.sendall(b"GET /leaves HTTP/1.1\r\nHost: a\r\n\r\n")
        if site.kind == "sync":  # which serves one connection at a time
            wait_for(lambda: "waits for the client to leave" in site.outrider.log, lambda: site.outrider.state())
        else:
            wait_for(lambda: "waiting" in site.client.get("/ran").json(), lambda: json.dumps(site.name))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_for(lambda: "disconnected" in site.client.get("/ran").json(), lambda: json.dumps(site.name))
