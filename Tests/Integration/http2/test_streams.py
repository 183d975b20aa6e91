"""HTTP/2 compared with HTTP/1: requests in a plugin, responses, bodies both ways, many streams, other clients."""

import hashlib
import json
import os
import random
import struct
import subprocess
import time

import pytest

import reports
from http2 import DATA, END_STREAM, INTERNAL_ERROR, NO_ERROR, WINDOW_UPDATE, connect, frame, settings
from matrix import H2C, INSPECT, each_transport, http2, http2_event
from server import RELEASE, run
from timing import again_if_late, fewer, scaled, scaled_timeout

FIELDS = [("accept", "text/html"), ("x-a", "1"), ("x-a", "2")]


@pytest.fixture(params=("gthread", "async"))
def inspecting(request, shared):
    return shared(INSPECT, request.param, H2C)


def seen(server, *fields, path="/a%20b/../c?q=1", **options):
    """What the inspect plugin tells of a request over HTTP/2."""
    with connect(server) as connection:
        answer = connection.get(path, *fields, **options)
    assert answer.status == 200, connection.state()
    return json.loads(answer.body)


# The same listener, the same plugin


def test_both_protocols_on_one_listener(inspecting):
    assert seen(inspecting)["version"] == "HTTP/2"
    assert json.loads(inspecting.get("/").body)["version"] == "HTTP/1.1"


def test_a_plugin_sees_what_it_sees_over_http1(inspecting):
    told = seen(inspecting, *FIELDS)
    same = json.loads(inspecting.get("/a%20b/../c?q=1", *[f"{n}: {v}" for n, v in FIELDS]).body)
    for key in ("method", "target", "scheme", "authority", "path", "query", "mount", "body_b64", "trailers"):
        assert told[key] == same[key], key
    assert [[n.lower(), v] for n, v in same["headers"]] == told["headers"], "Host too, first"


def test_cookies_are_joined(inspecting):
    fields = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("cookie", "c=3")]
    told = seen(inspecting, *fields)
    assert told["headers"] == [["host", "localhost"], ["cookie", "a=1; b=2; c=3"], ["x-a", "1"]]


def test_many_crumbs_are_one_field(inspecting):
    told = seen(inspecting, *[("cookie", f"name{i}=value{i}") for i in range(300)])
    assert told["headers"][1] == ["cookie", "; ".join(f"name{i}=value{i}" for i in range(300))]


def test_host_instead_of_authority(inspecting):
    told = seen(inspecting, ("host", "example.org"), authority=None)
    assert told["authority"] == "example.org" and told["headers"] == [["host", "example.org"]]


def test_underscores_are_dropped(inspecting):
    assert seen(inspecting, ("x_a", "1"), ("x-b", "2"))["headers"][1:] == [["x-b", "2"]]


def test_a_trusted_proxy_is_believed(inspecting):
    told = seen(inspecting, ("x-forwarded-for", "192.0.2.7"), ("x-request-id", "abc"), ("x-forwarded-proto", "https"))
    assert told["client"].startswith("192.0.2.7") and told["request_id"] == "abc" and told["scheme"] == "https"


def test_trailers_of_a_request(inspecting):
    with connect(inspecting) as connection:
        stream = connection.request("POST", "/", end=False)
        connection.body(stream, b"body", end=False)
        connection.headers([("x-sum", "1"), ("x-more", "2")], stream)
        told = json.loads(connection.answer(stream).body)
        assert told["trailers"] == [["x-sum", "1"], ["x-more", "2"]]
        assert told["body_b64"] == "Ym9keQ=="
        assert connection.get("/").status == 200


def test_options_asterisk(inspecting):
    assert seen(inspecting, path="*", method="OPTIONS")["target"] == "*"


# Answers


@each_transport
@http2
def test_head_has_no_body(h2_demo):
    with connect(h2_demo) as connection:
        answer = connection.get("/large", method="HEAD")
        assert answer.status == 200 and answer.head.ends and answer.get("content-length") == "1048576"
        assert connection.get("/").body == b"Hello, Outrider!"


@http2
@pytest.mark.parametrize("status", [204, 304])
def test_no_body_where_none_may_be(h2_demo, status):
    with connect(h2_demo) as connection:
        answer = connection.get(f"/status?code={status}")
    assert answer.status == status
    assert answer.head.ends and answer.get("content-length") is None


@http2
@pytest.mark.parametrize("path", ["/", "/headers", "/delay?s=0.05", "/stream", "/large", "/early-hints", "/none"])
def test_the_demo_over_both(h2_demo, path):
    old = h2_demo.get(path)
    with connect(h2_demo) as connection:
        answer = connection.get(path)
    assert answer.status == old.status
    if path != "/headers":
        assert answer.body == old.body
    for name in ("content-type", "x-request-path", "content-length"):
        assert answer.get(name) == old.get(name)
    assert answer.get("server") == "outrider" and answer.get("date")
    assert not [n for n, _ in answer.head.fields if n in ("connection", "transfer-encoding", "keep-alive")]


@each_transport
@http2
def test_a_streamed_answer_comes_as_it_is_made(h2_demo):
    def act():
        with connect(h2_demo) as connection:
            stream = connection.request("GET", "/stream")
            answer = connection.answers[stream]
            connection.read_until(lambda: answer.body, "first chunk")
            assert not answer.ended and len(answer.body) < 80
            connection.answer(stream)
            assert answer.data_frames >= 8

    again_if_late(act)


@each_transport
@http2
def test_trailers_of_an_answer(h2_misbehaving):
    with connect(h2_misbehaving) as connection:
        with_te = connection.get("/trailers", ("te", "trailers"))
        without = connection.get("/trailers")
        assert connection.get("/").status == 200
    assert with_te.ended and without.ended and without.trailers is None


@http2
def test_misuse_is_told_as_over_http1(h2_misbehaving):
    for path in ("/double-start", "/write-before-start", "/bad-final-fields"):
        old = h2_misbehaving.get(path)
        with connect(h2_misbehaving) as connection:
            answer = connection.get(path)
        assert answer.status == old.status
        assert reports.read(answer.body) == reports.read(old.body)


@http2
def test_no_answer_is_a_500(h2_misbehaving):
    with connect(h2_misbehaving) as connection:
        assert connection.get("/negative").status == 500
        assert connection.get("/").body == b"ok"


@each_transport
@http2
@pytest.mark.parametrize("path", ["/too-few", "/negative-after-start", "/negative-after-write"])
def test_an_answer_that_breaks_off_is_reset(h2_misbehaving, path):
    with connect(h2_misbehaving) as connection:
        answer = connection.get(path)
        assert answer.reset == INTERNAL_ERROR and not answer.ended
        assert connection.get("/").body == b"ok", "the connection goes on"


@each_transport
@http2
def test_files(h2_misbehaving):
    old = h2_misbehaving.get("/sendfile")
    with connect(h2_misbehaving) as connection:
        answer = connection.get("/sendfile")
        assert (answer.status, answer.body) == (old.status, old.body)
        assert connection.get("/").body == b"ok"


@each_transport
@http2
def test_an_answer_before_the_end_of_the_body(h2_demo):
    with connect(h2_demo) as connection:
        stream = connection.request("POST", "/", end=False)
        answer = connection.answers[stream]
        connection.read_until(lambda: answer.ended and answer.reset is not None, "answer and reset")
        assert answer.status == 200 and answer.body == b"Hello, Outrider!" and answer.reset == NO_ERROR
        assert connection.get("/").status == 200


# Bodies


@each_transport
@http2
@pytest.mark.parametrize("size", [0, 1, 16384, 65536])
def test_echo(h2_demo, size):
    data = os.urandom(size)
    with connect(h2_demo) as connection:
        connection.ping()  # by now the server's window counts, one byte more than the first
        answer = connection.get("/echo", body=data, method="POST")
        assert answer.body == data
        announced = connection.get("/echo", ("content-length", str(size)), body=data, method="POST")
        assert announced.body == data


@each_transport
@http2
def test_windows_open_as_the_plugin_reads(h2_demo):
    """A body of sixteen windows, sent no faster than they open."""
    data = random.Random(1).randbytes(1 << 20)
    with connect(h2_demo) as connection:
        stream = connection.request("POST", "/echo", end=False)
        sent, deadline = 0, time.monotonic() + scaled_timeout(20)
        while sent < len(data):
            assert time.monotonic() < deadline
            updates = [f for f in connection.frames if f.kind == WINDOW_UPDATE]
            room = 65536 + sum(struct.unpack(">I", f.payload)[0] for f in updates if f.stream == stream) - sent
            room = min(room, 65535 + sum(struct.unpack(">I", f.payload)[0] for f in updates if f.stream == 0) - sent)
            if room <= 0:
                count = len(connection.frames)
                connection.read_until(lambda: len(connection.frames) > count, "WINDOW_UPDATE")
                continue
            piece = data[sent : sent + min(room, 16384)]
            sent += len(piece)
            connection.send(frame(DATA, END_STREAM if sent == len(data) else 0, stream, piece))
        assert connection.answer(stream).body == data


@http2_event
def test_a_body_nobody_reads_is_held_back(shared, combination):
    """The window stays shut: no more than it is held."""
    server = shared(combination.demo, combination.model, H2C)
    with connect(server) as connection:
        connection.ping()
        stream = connection.request("POST", "/delay?s=5", end=False)
        connection.body(stream, b"x" * 65536, end=False)
        connection.ping()
        opened = [f for f in connection.frames if f.kind == WINDOW_UPDATE and f.stream == stream]
        assert not opened and connection.answers[stream].head is None


@http2
def test_a_reset_is_told_to_the_plugin(h2_demo):
    """A client that takes back its upload: the stream's exchange ends, others go on."""
    with connect(h2_demo) as connection:
        stream = connection.request("POST", "/echo", end=False)
        connection.body(stream, b"x" * 1000, end=False)
        connection.send(frame(3, 0, stream, b"\0\0\0\x08"))
        assert connection.get("/").status == 200


# Many streams, fairly


@each_transport
@http2
def test_100_streams_at_once(h2_demo):
    with connect(h2_demo) as connection:
        streams = [connection.request("GET", "/large" if i % 10 == 0 else "/") for i in range(100)]
        answers = [connection.answer(stream, timeout=30) for stream in streams]
    assert all(a.status == 200 for a in answers)
    assert {len(a.body) for a in answers} == {16, 1 << 20}


@http2_event
def test_streams_are_served_at_the_same_time(h2_demo):
    with connect(h2_demo) as connection:
        started = time.monotonic()
        streams = [connection.request("GET", "/delay?s=0.5") for _ in range(50)]
        assert all(connection.answer(stream).status == 200 for stream in streams)
        assert time.monotonic() - started < scaled(12), "one after the other it takes 25 seconds"


@http2_event
def test_downloads_share_the_connection(h2_demo):
    """Ten of 1 MiB: none waits for the others' end."""
    with connect(h2_demo, initial_window_size=0) as connection:
        streams = [connection.request("GET", "/large") for _ in range(4)]
        connection.ping()
        connection.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 28)) + settings(initial_window_size=1 << 20))
        for stream in streams:
            connection.answer(stream, timeout=30)
    order = [f.stream for f in connection.frames if f.kind == DATA and f.stream in streams]
    first_end = min(len(order) - 1 - order[::-1].index(stream) for stream in streams)
    assert len(set(order[:first_end])) == 4


# Configuration


def test_sync_has_no_http2(tmp_path):
    config = tmp_path / "outrider.toml"
    config.write_text(
        '[server]\nworker_model = "sync"\n[[listener]]\nbind = "127.0.0.1:0"\nh2c = true\n'
        f'[[plugin]]\npath = "{INSPECT}"\n'
    )
    result = run("-t", "-c", config)
    assert result.returncode == 78
    assert f"{config}:5:" in result.stderr and "listener.h2c" in result.stderr and "sync" in result.stderr


# Other clients


@http2
def test_curl(h2_demo, tmp_path):
    url = f"http://127.0.0.1:{h2_demo.port}"
    data = random.Random(2).randbytes(fewer(32_000_000))
    (tmp_path / "up").write_bytes(data)
    command = ["curl", "-sS", "--http2-prior-knowledge", "--max-time", "60"]
    subprocess.run([*command, "--data-binary", f"@{tmp_path / 'up'}", "-o", tmp_path / "down", f"{url}/echo"], check=True)
    assert hashlib.sha256((tmp_path / "down").read_bytes()).digest() == hashlib.sha256(data).digest()
    shown = subprocess.run([*command, "-v", f"{url}/early-hints"], check=True, capture_output=True, text=True).stderr
    assert "< HTTP/2 103" in shown and "< HTTP/2 200" in shown


@http2
def test_nghttp_and_h2load(h2_demo):
    url = f"http://127.0.0.1:{h2_demo.port}"
    shown = subprocess.run(["nghttp", "-v", f"{url}/early-hints"], check=True, capture_output=True, text=True, timeout=30)
    assert ":status: 103" in shown.stdout and "error_code=PROTOCOL" not in shown.stdout
    load = ["h2load", "-c4", "-m25", f"-n{fewer(5000)}", f"{url}/"]
    shown = subprocess.run(load, check=True, capture_output=True, text=True, timeout=60)
    assert f"{fewer(5000)} succeeded, 0 failed, 0 errored, 0 timeout" in shown.stdout


@http2
def test_httpx(h2_demo):
    import httpx

    data = os.urandom(65536)
    with httpx.Client(http1=False, http2=True, timeout=20, verify=False) as browser:
        for _ in range(3):
            answer = browser.post(f"http://127.0.0.1:{h2_demo.port}/echo", content=data)
            assert answer.http_version == "HTTP/2" and answer.content == data
        assert browser.get(f"http://127.0.0.1:{h2_demo.port}/stream").status_code == 200


def test_by_alpn(own, authority):
    import httpx

    server = own(RELEASE / "libdemo_event.so", model="async", tls=authority)
    with httpx.Client(http2=True, verify=authority.client(), timeout=20) as browser:
        answer = browser.get(f"https://localhost:{server.port}/large")
        assert answer.http_version == "HTTP/2" and len(answer.content) == 1 << 20
    with httpx.Client(verify=authority.client(), timeout=20) as browser:
        assert browser.get(f"https://localhost:{server.port}/").http_version == "HTTP/1.1"


def test_sync_does_not_offer_it(own, authority):
    import httpx

    server = own(RELEASE / "libdemo_event.so", model="sync", tls=authority)
    with httpx.Client(http2=True, verify=authority.client(), timeout=20) as browser:
        assert browser.get(f"https://localhost:{server.port}/").http_version == "HTTP/1.1"
