"""[metrics] bind: counts over known requests, health, and malicious clients."""

import re
import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

import processes
from client import Closed, request
from matrix import Combination
from metrics import Metrics
from processes import kill, wait_for
from server import free_port, run
from slow_requests import begin_slow
from timing import scaled, scaled_timeout, seen


@pytest.fixture
def start(own):
    """start(plugin, *flags, model=...): a server with a metrics listener."""

    def start(plugin, *flags, **options):
        port = free_port()
        server = own("--set", f'metrics.bind="127.0.0.1:{port}"', *flags, plugin, **options)
        metrics = Metrics(port)
        # The socket is there before the first generation is ready.
        wait_for(lambda: metrics.get("/readyz").status == 200, server.state)
        return server, metrics

    return start


def test_requests_are_counted_exactly(start, combination):
    server, metrics = start(combination.demo, model=combination.model)
    began = time.monotonic()
    plugin = combination.demo.stem.removeprefix("lib")
    for _ in range(7):
        assert server.get("/health").status == 200
    for _ in range(3):
        assert server.get("/health", method="HEAD").status == 200
    assert server.get("/no-such-page").status == 404
    name, of = "outrider_requests_total", {"plugin": plugin}
    metrics.wait(7, name, **of, method="GET", **{"class": "2xx"})
    metrics.wait(3, name, **of, method="HEAD", **{"class": "2xx"})
    metrics.wait(1, name, **of, method="GET", **{"class": "4xx"})
    metrics.wait(0, "outrider_requests_in_flight")
    samples = metrics.read()
    assert sum(value for (sample, _), value in samples.items() if sample == name) == 11
    metrics.wait(11, "outrider_request_duration_seconds_count", **of)
    metrics.wait(11, "outrider_request_duration_seconds_bucket", **of, le="+Inf")
    assert 0 < metrics.value("outrider_request_duration_seconds_sum", **of) < time.monotonic() - began
    metrics.wait(0, "outrider_connections_open")
    pooled = combination.style == "blocking" and combination.model != "sync"
    assert metrics.value("outrider_queue_seconds_count") == (11 if pooled else 0)
    # The first connection of all is that of the wait for the server.
    assert metrics.value("outrider_connections_total") == 12
    assert metrics.value("outrider_received_bytes_total") == sum(
        count * len(request(method, target))
        for count, method, target in [(7, "GET", "/health"), (3, "HEAD", "/health"), (1, "GET", "/no-such-page")]
    )


def test_a_request_in_flight(start, combination):
    server, metrics = start(combination.demo, model=combination.model)
    with server.connect() as connection:
        connection.send(request("POST", "/echo", "Content-Length: 4") + b"ab")
        metrics.wait(1, "outrider_requests_in_flight")
        metrics.wait(1, "outrider_connections_open")
        connection.send(b"cd", method=[])
        assert connection.final().body == b"abcd"
    metrics.wait(0, "outrider_requests_in_flight")


def test_refusals_by_reason(start, model):
    server, metrics = start(Combination(model, "event").demo, model=model)
    too_many = [f"X-{number}: x" for number in range(200)]
    for _ in range(2):
        assert server.get("/", *too_many).status == 431
    assert server.fetch(b"GET / HTTP/1.1\r\n\r\n").status == 400
    metrics.wait(2, "outrider_refusals_total", reason="too_many_fields", status="431")
    metrics.wait(1, "outrider_refusals_total", reason="missing_host", status="400")
    samples = metrics.read()
    assert sum(value for (name, _), value in samples.items() if name == "outrider_refusals_total") == 3


def test_hints_by_result(start, combination):
    server, metrics = start(combination.demo, model=combination.model)
    began = time.monotonic()
    for _ in range(2):
        assert len(server.get("/early-hints").informational) == 1
    assert not server.get("/early-hints", version="1.0").informational
    metrics.wait(2, "outrider_hints_total", result="sent")
    metrics.wait(1, "outrider_hints_total", result="skipped")
    assert metrics.value("outrider_hints_total", result="refused") == 0
    metrics.wait(2, "outrider_hint_lead_seconds_count")
    took = time.monotonic() - began
    assert 0.5 <= metrics.value("outrider_hint_lead_seconds_sum") < took, "300 ms each"


def test_totals_outlive_workers_and_generations(start, combination):
    """A crash, a recycled worker, a reload and another supervisor: no count goes back."""
    server, metrics = start(combination.misbehaving, model=combination.model)
    name, labels = "outrider_requests_total", {
        "plugin": combination.misbehaving.stem.removeprefix("lib"), "method": "GET", "class": "2xx",
    }
    for _ in range(5):
        server.get("/")
    metrics.wait(5, name, **labels)
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/crash"))
        with pytest.raises((Closed, OSError)):
            connection.final()
    wait_for(lambda: [p.pid for p in processes.children(server.master())] not in ([victim], []), "another worker")
    metrics.wait(1, "outrider_worker_restarts_total", cause="crashed")
    metrics.wait(1, "outrider_workers", state="ready")
    server.get("/")
    metrics.wait(6, name, **labels)
    metrics.wait(0, "outrider_requests_in_flight")
    for number in (2, 3):
        server.tell(signal.SIGHUP)
        metrics.wait(number, "outrider_generation")
        metrics.wait(number - 1, "outrider_reloads_total", result="success")
        wait_for(lambda: len(processes.children(server.pid)) == 1, "one master")
        server.get("/")
        metrics.wait(5 + number, name, **labels)
    server.tell(signal.SIGUSR2)
    wait_for(lambda: "the supervisor has been replaced" in server.log, server.state)
    assert metrics.value(name, **labels) == 8
    assert metrics.value("outrider_worker_restarts_total", cause="crashed") == 1
    assert metrics.value("outrider_reloads_total", result="success") == 2
    assert metrics.value("outrider_workers", state="ready") == 1
    assert processes.threads(server.pid) == 1


def test_health(start):
    server, metrics = start(Combination("async", "event").demo, model="async")
    assert (metrics.get("/healthz").status, metrics.get("/readyz").status) == (200, 200)
    assert metrics.get("/nowhere").status == 404
    assert metrics.get("/metrics", method="POST").status == 405
    assert metrics.get("/healthz", method="HEAD").body == b""
    with server.connect() as connection:
        begin_slow(connection, 5)
        metrics.wait(1, "outrider_requests_in_flight")
        server.tell(signal.SIGTERM)
        wait_for(lambda: metrics.get("/readyz").status == 503, "not ready while stopping")
        assert metrics.get("/healthz").status == 200
        assert connection.final().status == 200
    server.ended_well()


def test_not_ready_without_a_worker(start):
    server, metrics = start(
        Combination("async", "event").misbehaving, "--set", "server.restart_backoff=30s", model="async"
    )
    assert metrics.get("/readyz").status == 200
    kill(server.workers()[0])
    wait_for(lambda: metrics.get("/readyz").status == 503, "not ready")
    assert metrics.get("/healthz").status == 200


def test_a_page_for_people(start):
    server, metrics = start(Combination("async", "event").demo, model="async")
    assert len(server.get("/early-hints").informational) == 1
    (worker,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", "/delay/../delay?s=3&x=<script>", 'X-Request-ID: <script>"'))
        metrics.wait(1, "outrider_requests_in_flight")
        page = metrics.get("/status")
        assert connection.final().status == 200
    text = page.body.decode()
    assert page.status == 200 and page.get("content-type") == "text/html; charset=utf-8"
    assert "Outrider is ready" in text and f"<td>{worker}</td>" in text and "/delay" in text
    assert re.search(r"<td>Early hints sent</td><td>1</td>", text) and re.search(r"on average</td><td>\d+ ms", text)
    assert "<script" not in text and not re.search(r"(src|href|url|@import)", text), "nothing from elsewhere"


def test_clients_that_mean_no_good(start):
    """Slow ones, silent ones, many, and garbage: who asks properly is answered at once, by a process of one thread."""
    server, metrics = start(Combination("async", "event").demo, model="async")
    before = len(processes.descriptors(server.pid))
    with ExitStack() as stack:
        for number in range(100):
            client = stack.enter_context(socket.create_connection(metrics.address))
            client.sendall(b"GET /metrics HT" if number % 2 else b"")

        def answered():
            start_of_wait = time.monotonic()
            assert metrics.get("/healthz").status == 200
            return time.monotonic() - start_of_wait

        seen(answered, lambda took: took < scaled(1))
        assert len(processes.descriptors(server.pid)) - before <= 33
        assert processes.threads(server.pid) == 1
    for garbage, status in [(b"\x16\x03\x01\r\n\r\n", b" 400 "), (b"GET /" + b"a" * 9000, b" 414 ")]:
        with socket.create_connection(metrics.address) as client:
            client.settimeout(scaled_timeout(5))
            client.sendall(garbage)
            assert status in client.recv(100)
    wait_for(
        # Fewer if the client that asked whether the server is up was still there before.
        lambda: len(processes.descriptors(server.pid)) <= before,
        lambda: f"{before}, then {processes.descriptors(server.pid)}",
    )


def test_a_client_that_does_not_read(start):
    server, metrics = start(Combination("async", "event").demo, model="async")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(metrics.address)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert metrics.get("/healthz").status == 200
        client.settimeout(scaled_timeout(13))
        time.sleep(11)
        assert metrics.get("/healthz").status == 200
        with suppress(ConnectionResetError):
            while client.recv(1 << 16):
                pass


def test_an_address_in_use(tmp_path, start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(
            "-b", "127.0.0.1:0", "--set", f'metrics.bind="127.0.0.1:{port}"', Combination("async", "event").demo
        )
    assert ended.returncode == 69 and "metrics.bind: bind 127.0.0.1" in ended.stderr, ended


def test_reading_while_it_changes(start):
    """Under crashes and requests, no total ever goes back."""
    server, metrics = start(
        Combination("async", "event").misbehaving, "-w", "2", "--set", "server.restart_backoff=1ms", model="async"
    )
    done = threading.Event()

    def work():
        while not done.is_set():
            for target in ("/", "/", "/crash"):
                with suppress(AssertionError, OSError):
                    server.get(target)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        last, until = {}, time.monotonic() + 3
        while time.monotonic() < until:
            now = metrics.read()
            for key, value in last.items():
                if key[0].endswith(("_total", "_count", "_bucket", "_sum")):
                    assert now.get(key, 0) >= value, key
            last = now
    finally:
        done.set()
        thread.join()
    wait_for(lambda: metrics.value("outrider_worker_restarts_total", cause="crashed") > 1, server.state)
    server.stop(signal.SIGINT)  # a worker may be about to crash, which an end by TERM is not to pass over
