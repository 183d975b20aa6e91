"""The examples of the extensions build with the commands in their heads, and do what they say: redis and another HTTP service
are asked on the worker's loop, and workers share state."""

import http.server
import re
import signal
import subprocess
import threading
import time

import pytest

from client import request
from observed import entry
from processes import wait_for
from server import ROOT, free_port
from timing import scaled, seen


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """build(name): the plugin of that example, made by its own command with warnings as errors."""
    folder = tmp_path_factory.mktemp("examples")
    made = {}

    def build(name):
        if name not in made:
            text = (ROOT / f"examples/{name}_c/{name}.c").read_text().replace("\\\n *", "")
            command = re.search(r"cc (-shared .*)\n", text)[1]
            target = re.search(r"-o (\S+)", command)[1]
            command = command.replace(f"-o {target}", f"-o {folder / target}")
            subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *command.split()], cwd=ROOT, check=True)
            made[name] = folder / target
        return made[name]

    return build


# ---- redis


@pytest.fixture
def asking(observed, model, redis, build):
    redis.say("SET color green")
    return observed(model, entry(build("redis_event"), port=redis.port))


def wait_until_connected(server):
    wait_for(lambda: server.get("/color").status == 200, lambda: server.state())


def test_redis_is_asked(asking, redis):
    wait_until_connected(asking.server)
    answer = asking.server.get("/color")
    assert answer.status == 200 and answer.body == b"green"
    assert asking.server.get("/shape").status == 404
    redis.say("LPUSH list x")
    assert asking.server.get("/list").status == 502


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_redis_is_asked_by_many_at_once(asking):
    """Pipelined requests on several connections: each gets its own reply."""
    wait_until_connected(asking.server)
    connections = [asking.server.connect() for _ in range(8)]
    for connection in connections:
        connection.send((request("GET", "/color") + request("GET", "/none")) * 20)
    for connection in connections:
        assert [connection.final().status for _ in range(40)] == [200, 404] * 20
        connection.close()


def test_redis_comes_back(asking, redis):
    wait_until_connected(asking.server)
    redis.stop()
    wait_for(lambda: asking.server.get("/color").status == 503, lambda: asking.server.state())
    redis.start()
    redis.say("SET color blue")
    wait_until_connected(asking.server)
    assert asking.server.get("/color").body == b"blue"


def test_a_client_leaves_before_the_reply(asking, redis):
    """What redis replies then goes nowhere; nothing else changes."""
    wait_until_connected(asking.server)
    redis.say("CLIENT PAUSE 300")
    for _ in range(3):
        connection = asking.server.connect()
        connection.send(request("GET", "/color"))
        connection.close()
    wait_until_connected(asking.server)
    assert asking.server.get("/color").body == b"green"


# ---- HTTP


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.endswith("/slow"):
            time.sleep(0.3)
        if self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut")
            self.close_connection = True
            return
        body = b"" if self.path == "/empty" else f"upstream has {self.path}".encode() * (9000 if self.path == "/large" else 1)
        self.send_response({"/missing": 404, "/empty": 204}.get(self.path, 200))
        if self.path != "/empty":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetching(observed, model, upstream, build):
    return observed(model, entry(build("curl_event"), upstream=f"http://127.0.0.1:{upstream}"))


def test_another_service_is_asked(fetching):
    for target, status in [("/a", 200), ("/missing", 404), ("/b?c", 200)]:
        answer = fetching.server.get(target)
        assert (answer.status, answer.body) == (status, f"upstream has {target}".encode())
    assert fetching.server.get("/empty").status == 204
    assert fetching.server.get("/large").body == b"upstream has /large" * 9000
    assert fetching.server.get("/cut").status == 502


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_another_service_is_asked_by_many_at_once(fetching):
    """They wait for upstream together, on one thread."""

    def took():
        connections = [fetching.server.connect() for _ in range(8)]
        began = time.monotonic()
        for connection in connections:
            connection.send(request("GET", "/slow"))
        for connection in connections:
            assert connection.final().body == b"upstream has /slow"
            connection.close()
        return time.monotonic() - began

    seen(took, lambda seconds: seconds < scaled(1.5))


def test_a_client_leaves_before_upstream_has_answered(fetching):
    connection = fetching.server.connect()
    connection.send(request("GET", "/slow"))
    fetching.wait_for_requests(1)
    connection.close()
    assert fetching.server.get("/a").body == b"upstream has /a"


def test_no_upstream(observed, model, build):
    it = observed(model, entry(build("curl_event"), upstream=f"http://127.0.0.1:{free_port()}"))
    assert it.server.get("/").status == 502


def test_a_worker_ends_with_transfers_and_commands(observed, model, build, upstream, redis):
    """Both clients are taken down while they wait: the requests are answered, and the worker ends well."""
    it = observed(
        model, entry(build("curl_event"), "/http", upstream=f"http://127.0.0.1:{upstream}"),
        entry(build("redis_event"), "/redis", port=redis.port), server='graceful_timeout = "5s"')
    with it.server.connect() as connection:
        connection.send(request("GET", "/http/slow"))
        it.wait_for_requests(1)
        it.server.tell(signal.SIGTERM)
        assert connection.final().body == b"upstream has /http/slow"
        it.server.ended_well()


# ---- Shared state


def test_state_is_shared(observed, model, build):
    it = observed(model, entry(build("shared_state"), limit=5), server="workers = 3")
    it.server.workers(3)
    pages = [it.server.get("/page") for _ in range(5)]
    assert {page.status for page in pages} == {200} and len({page.body for page in pages}) == 1
    refused = it.server.get("/page")
    assert refused.status == 429 and 0 < int(refused.get("retry-after")) <= 60
    assert it.server.get("/maintenance", method="PUT").status == 204
    assert [it.server.get("/page").status for _ in range(6)] == [503] * 6
    assert it.server.get("/maintenance", method="DELETE").status == 204
    assert it.server.get("/page").status == 429
