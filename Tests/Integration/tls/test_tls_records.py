"""Records of TLS that are never whole, and handshakes that come too late."""

import subprocess
import time

import pytest

from client import request
from http2 import END_HEADERS, END_STREAM, HEADERS, NO_ERROR, PREFACE, frame, settings
from matrix import MODELS
from records import Records
from server import RELEASE, TEST_PLUGINS
from strace import Trace
from timing import scaled, scaled_timeout

SHORT = [word for key in ("head", "keepalive", "body") for word in ("--set", f"timeouts.{key}=3s")]
DEMO = RELEASE / "libdemo_event.so"


@pytest.fixture(params=MODELS)
def impatient(request, own, authority):
    """Short deadlines; sync has a worker to spare, since a slow client takes one."""
    workers = 2 if request.param == "sync" else 1
    return own(*SHORT, "-w", workers, DEMO, model=request.param, tls=authority)


@pytest.mark.parametrize("begin", ["nothing", "half a head"])
def test_a_record_that_is_never_whole(impatient, begin):
    started = time.monotonic()
    with Records(impatient, "http/1.1") as client:
        if begin != "nothing":
            client.send(b"GET / HTTP/1.1\r\nHost: local")
        client.send(request("GET", "/"), share=0.5)
        assert impatient.get("/health").body == b"OK"
        received = client.rest()
        assert 2.9 <= time.monotonic() - started < scaled(9)
    # Of half a record the server knows nothing; half a head is answered.
    assert received.startswith(b"HTTP/1.1 408 ") if begin != "nothing" else received == b""
    assert impatient.get("/health").body == b"OK"


@pytest.mark.parametrize("model", [model for model in MODELS if model != "sync"])
def test_a_record_of_frames_that_is_never_whole(own, authority, model):
    server = own(*SHORT, DEMO, model=model, tls=authority)
    started = time.monotonic()
    with Records(server, "h2") as client:
        client.send(PREFACE + settings())
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82\x87\x84\x01\x09localhost"), share=0.5)
        assert server.get("/health").body == b"OK"
        received = client.rest()
        assert 2.9 <= time.monotonic() - started < scaled(9)
    goaway = frame(7, 0, 0, b"\0\0\0\0" + NO_ERROR.to_bytes(4, "big"))
    assert goaway in received, "nothing of a request has come"
    assert server.get("/health").body == b"OK"


@pytest.mark.parametrize("size", [512, 4096])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_wants_small_records(own, authority, tmp_path, version, size):
    """RFC 6066 section 4. Each byte of a file is read once for that, whatever a record carries."""
    server = own(TEST_PLUGINS / "libmisbehaving_event.so", model="async", tls=authority)
    command = ["openssl", "s_client", "-quiet", version, "-maxfraglen", str(size)]
    command += ["-connect", f"127.0.0.1:{server.port}"]
    with Trace(server.workers()[0], tmp_path / "trace", "pread64", "write") as trace:
        client = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            client.stdin.write(request("GET", "/sendfile", "Connection: close"))
            client.stdin.flush()
            answer = client.stdout.read()
        finally:
            client.kill()
            client.communicate()
    assert answer.startswith(b"HTTP/1.1 200 OK") and len(answer.partition(b"\r\n\r\n")[2]) == 300_000
    assert trace.counts()["write"] > 300_000 // size, "the records are small"
    assert 300_000 <= trace.total("pread64") < 330_000, "but for records that the socket had no room for"


@pytest.mark.parametrize("model", MODELS)
def test_no_renegotiation(own, authority, model):
    """TLS 1.2 lets a client begin the handshake anew, at the server's cost: it is refused, and nobody else is harmed."""
    server = own(DEMO, model=model, tls=authority)
    command = ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{server.port}"]
    client = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        client.stdin.write("R\n")  # s_client's word for it
        client.stdin.flush()
        assert server.get("/health").body == b"OK"
        shown, _ = client.communicate(timeout=scaled_timeout(10))
    finally:
        client.kill()
        client.wait()
    assert "RENEGOTIATING" in shown and "no renegotiation" in shown, shown
    assert server.get("/health").body == b"OK"
