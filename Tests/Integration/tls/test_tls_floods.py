"""Clients whose records bring TLS work and no content: each has its share of a worker, and too many end the connection."""

import socket

import pytest

from client import request
from http2 import PREFACE, settings
from matrix import COMBINATIONS, MODELS, http2
from metrics import Metrics
from processes import wait_for
from records import ALERT, APPLICATION_DATA, Records, SealedRecords, SealedRecords12
from server import RELEASE, free_port
from strace import Trace
from timing import of_the_shipped_server

DEMO = RELEASE / "libdemo_event.so"
# Bytes: what a step may take of a socket, with a last read that goes beyond; and a turn may bring a client two steps.
SHARE = 2 * (2 * (16384 + 256) + 17 * 1024)
REASON = "more TLS key updates or renegotiations than 32 a second"
METRIC = ("outrider_refusals_total", {"reason": "key_update_flood", "status": "400"})


@pytest.fixture
def watched(own, authority):
    """watched(plugin, model): a server of one worker behind TLS, with metrics."""

    def start(plugin, model):
        port = free_port()
        # A client seals its flood behind the handshake, which takes a busy machine a while.
        patient = ("--set", "timeouts.head=120s", "--set", "timeouts.keepalive=120s")
        server = own("--set", f"metrics.bind=127.0.0.1:{port}", *patient, "-w", 1, plugin, model=model, tls=authority)
        server.metrics = Metrics(port)
        return server

    return start


def attack(server, client, records):
    """Send the records: the connection ends, and is counted; others are served by the same worker."""
    (worker,) = server.workers()
    client.socket.settimeout(10)
    try:
        client.socket.sendall(records)
        while client.socket.recv(65536):
            pass
        ended = "closed"
    except TimeoutError:
        ended = "still open"
    except ConnectionError:
        ended = "reset"
    assert ended == "reset", f"{ended}; {server.log[-2000:]}"
    assert server.get("/health").body == b"OK"
    assert server.workers() == [worker], server.log[-2000:]
    wait_for(lambda: f"reset to 127.0.0.1:{client.port}: {REASON}" in server.log, lambda: server.log[-2000:])
    name, labels = METRIC
    server.metrics.wait(1, name, **labels)


@pytest.mark.parametrize(
    "model, protocol",
    [(model, protocol) for model in MODELS for protocol in ("http/1.1", "h2") if (model, protocol) != ("sync", "h2")])
def test_a_flood_of_key_updates(watched, tmp_path, model, protocol):
    server = watched(DEMO, model)
    with SealedRecords(server, protocol, tmp_path) as client:
        before = client.seal(PREFACE + settings()) if protocol == "h2" else b""
        attack(server, client, before + b"".join(client.key_update() for _ in range(20_000)))


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_flood_of_key_updates_within_a_body(watched, tmp_path, combination):
    """It blocks neither the loop nor a handler's thread, whichever of them reads the body."""
    server = watched(combination.demo, combination.model)
    with SealedRecords(server, "http/1.1", tmp_path) as client:
        head = client.seal(request("POST", "/echo", "Content-Length: 200000") + b"x" * 100)
        attack(server, client, head + b"".join(client.key_update() for _ in range(20_000)))


@pytest.mark.parametrize("model", MODELS)
def test_a_flood_of_renegotiations(watched, tmp_path, model):
    server = watched(DEMO, model)
    with SealedRecords12(server, "http/1.1", tmp_path) as client:
        attack(server, client, b"".join(client.hello_again() for _ in range(20_000)))


def test_a_few_key_updates_are_fine(watched, tmp_path):
    server = watched(DEMO, "async")
    with SealedRecords(server, "http/1.1", tmp_path) as client:
        client.socket.sendall(b"".join(client.key_update() for _ in range(30)))
        client.socket.sendall(client.seal(request("GET", "/health", "Connection: close")))
        assert client.rest().endswith(b"OK")


def test_a_few_renegotiations_are_refused_and_no_more(watched, tmp_path):
    server = watched(DEMO, "async")
    with SealedRecords12(server, "http/1.1", tmp_path) as client:
        client.socket.sendall(b"".join(client.hello_again() for _ in range(30)))
        client.socket.sendall(client.seal(request("GET", "/health", "Connection: close")))
        # The client's library takes a refusal for the end.
        kinds = client.rest_of_records()
    assert kinds == [ALERT] * 30 + [APPLICATION_DATA, ALERT]


@pytest.mark.parametrize("model", MODELS)
def test_a_handshake_in_the_smallest_records(watched, authority, model):
    """More than a step may take of the socket: the server goes on in its next turn."""
    server = watched(DEMO, model)
    context = authority.client(protocols=["x" * 250] * 40 + ["http/1.1"])
    with Records(server, "http/1.1", context, fragment=1) as client:
        client.send(request("GET", "/health", "Connection: close"))
        assert client.rest().endswith(b"OK")


def padded(client, content):
    """Each byte in a record of its own, behind as many records without content as OpenSSL lets pass."""
    return b"".join(
        b"".join(client.seal(b"") for _ in range(32)) + client.seal(content[at : at + 1]) for at in range(len(content))
    )


@of_the_shipped_server
@pytest.mark.parametrize("place", ["head", "body", "frames"])
@http2
def test_records_without_content_have_their_share(watched, tmp_path, combination, place):
    """All of them are there at once: in no turn of the loop is more read than a share, or others would wait for it."""
    server = watched(combination.demo, combination.model)
    with SealedRecords(server, "h2" if place == "frames" else "http/1.1", tmp_path) as client:
        if place == "head":
            records = padded(client, request("GET", "/health", "X-Long: " + "x" * 900, "Connection: close"))
        elif place == "body":
            records = client.seal(request("POST", "/echo", "Content-Length: 900", "Connection: close"))
            records += padded(client, b"x" * 900)
        else:
            records = padded(client, PREFACE + settings() * 80)
        with Trace(server.workers()[0], tmp_path / "trace", "read", "epoll_wait", "epoll_pwait") as trace:
            client.socket.sendall(records)
            if place == "frames":
                client.socket.shutdown(socket.SHUT_WR)
            answer = client.rest()
    if place != "frames":
        assert answer.startswith(b"HTTP/1.1 200 OK"), answer[:200]
    turns = trace.turns("read")
    assert sum(turns) >= len(records) // 2, "the records are read"
    assert max(turns) <= SHARE, f"{max(turns)} bytes of {len(records)} in one turn"
