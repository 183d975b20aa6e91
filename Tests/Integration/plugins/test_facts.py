"""Facts for a plugin: the request's target, its process and worker, a drain, a disconnected client, TLS."""

import hashlib
import re
import signal
import ssl

import pytest

import http2
import matrix
from client import request
from facts import FACTS, configured, told
from matrix import H2C
from processes import wait_for
from server import run

# The target

TARGETS = [  # (mount, target, raw path, path, bare)
    ("/", "/head", "/head", "/head", "0"),
    ("/", "/%68ead?a=%20", "/%68ead", "/head", "0"),
    ("/", "/x/../head", "/x/../head", "/head", "0"),
    ("/app", "/app/head", "/app/head", "/head", "0"),
    ("/app", "/%61pp/head", "/%61pp/head", "/head", "0"),
    ("/app", "/app/", "/app/", "/", "0"),
    ("/app", "/app", "/app", "/", "1"),
    ("/app", "/app?x", "/app", "/", "1"),
    ("/app", "/a%70p", "/a%70p", "/", "1"),
]


@pytest.mark.parametrize("mount, target, raw, path, bare", TARGETS)
def test_the_path_is_told_as_received_and_decoded(own, tmp_path, combination, mount, target, raw, path, bare):
    config = configured(tmp_path, combination.style, (mount, "one", "", ""), ("/zzz", "other", "", ""))
    server = own("-c", config, model=combination.model)
    answer = dict(told(server.get(target).body))
    assert (answer["raw_path"], answer["path"], answer["bare"]) == (raw, path, bare)
    absolute = dict(told(server.get(f"http://localhost{target}").body))
    assert absolute == answer | {"target": f"http://localhost{target}"}


def test_an_absolute_target_without_a_path(shared, combination):
    answer = dict(told(shared(FACTS[combination.style], combination.model).get("http://localhost").body))
    assert (answer["target"], answer["raw_path"], answer["path"]) == ("http://localhost", "/", "/")


@matrix.http2
def test_over_http2_the_raw_path_is_the_same(shared, combination):
    with http2.connect(shared(FACTS[combination.style], combination.model, H2C)) as connection:
        answer = dict(told(connection.get("/%68ead?x").body))
        assert (answer["target"], answer["raw_path"], answer["path"]) == ("/%68ead?x", "/%68ead", "/head")


# Process and worker


@pytest.mark.parametrize("load, process", [("master", "1"), ("worker", "2")])
def test_a_plugin_knows_its_process_and_worker(own, tmp_path, combination, load, process):
    config = configured(tmp_path, combination.style, ("/", "one", f'load = "{load}"\n', ""))
    server = own(
        "-c", config, "-w", 2, "--set", "server.graceful_timeout=7s", "--set", "limits.output=200000",
        model=combination.model,
    )  # fmt: skip
    server.workers(2)
    answer = dict(told(server.get("/info").body))
    assert (answer["purpose"], answer["process"], answer["workers"]) == ("1", process, "2")
    assert int(answer["worker"]) in range(2)
    assert (answer["graceful_timeout_ns"], answer["output_limit"]) == ("7000000000", "200000")
    assert f"outrider {answer['host_version']}\n" in run("-V").stdout


def test_before_fork_is_called_before_each_fork(own, tmp_path, combination):
    config = configured(tmp_path, combination.style, ("/", "one", "", ""))
    server = own("-c", config, "-w", 2, model=combination.model)

    def forks():
        return {dict(told(server.get("/info").body))["forks"] for _ in range(20)}

    wait_for(lambda: forks() == {"1", "2"}, server.state)
    before = server.workers(2)
    server.tell(signal.SIGTTIN)
    server.workers(3)
    wait_for(lambda: "3" in forks(), server.state)
    assert set(before) <= set(server.workers(3))


def test_before_fork_is_not_called_of_what_each_worker_loads(own, tmp_path, combination):
    config = configured(tmp_path, combination.style, ("/", "one", 'load = "worker"\n', ""))
    assert dict(told(own("-c", config, model=combination.model).get("/info").body))["forks"] == "0"


# Refusals of several lines


@pytest.mark.parametrize("key", ["refuse", "start_refuse"])
def test_a_refusal_has_several_lines(own, tmp_path, combination, key):
    text = "no module named shop\\nTraceback:\\n  File shop.py" + "\\n  deeper" * 100
    config = configured(tmp_path, combination.style, ("/", "one", "", f'{key} = "{text}"'))
    ended = run("-c", config, "-b", "127.0.0.1:0", "-k", combination.model)
    assert ended.returncode == 78
    lines = [line.strip() for line in ended.stderr.splitlines()]
    assert any(line.endswith("refused: no module named shop") for line in lines)
    assert any(line.endswith("File shop.py") for line in lines)
    assert sum(line.endswith("deeper") for line in lines) > 50


# The drain, as a blocking handler asks for it


@matrix.blocking
def test_a_handler_can_ask_whether_the_worker_drains(own, combination):
    server = own(FACTS["blocking"], "--set", "server.graceful_timeout=20s", model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", "/drain"))
        wait_for(lambda: "draining 0 of none" in server.log, server.state)
        server.tell(signal.SIGTERM)
        assert connection.final().text == "draining=1\n"
    server.ended_well()


# A client that leaves within its body

CLOSED, LIMIT = -3, -6


def read_status(server, send):
    with server.connect() as connection:
        send(connection)
    wait_for(lambda: re.search(r"read -?\d+ of none", server.log), server.state)
    return int(re.search(r"read (-?\d+) of none", server.log)[1])


@matrix.blocking
def test_read_tells_that_the_client_left(own, combination):
    server = own(FACTS["blocking"], model=combination.model)

    def half(connection):
        # The handler reads when 100 comes.
        connection.send(request("POST", "/read", "Content-Length: 1000000", "Expect: 100-continue"))
        assert connection.informational().status == 100
        connection.send(b"x" * 100_000, method=[])

    assert read_status(server, half) == CLOSED
    assert "refused" not in server.log


@matrix.blocking
def test_read_tells_that_the_framing_is_malformed(own, combination):
    server = own(FACTS["blocking"], model=combination.model)

    def malformed(connection):
        # The handler reads when 100 comes: what is malformed in the packet of the head is answered without a handler.
        connection.send(request("POST", "/read", "Transfer-Encoding: chunked", "Expect: 100-continue"))
        assert connection.informational().status == 100
        connection.send(b"5\r\nhello\r\nzz\r\n")
        assert connection.final().status == 400

    assert read_status(server, malformed) == CLOSED


@matrix.http2_blocking
def test_read_tells_that_the_stream_was_reset(own, combination):
    server = own(FACTS["blocking"], model=combination.model, h2c=True)
    with http2.connect(server) as connection:
        stream = connection.request("POST", "/read", ("expect", "100-continue"), end=False)
        # The handler reads when 100 comes.
        connection.read_until(lambda: connection.answers[stream].informational, "100 (Continue)")
        connection.body(stream, b"x" * 1000, end=False)
        connection.cancel(stream)
        wait_for(lambda: f"read {CLOSED} of none" in server.log, server.state)


# TLS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_is_told(secure, combination, authority, version):
    server = secure(
        FACTS[combination.style], model=combination.model, tls_lines=authority.client_auth("optional")
    )
    identity = authority.sign("client.example", "10.1.2.3", "someone@client.example", common_name="client")
    with server.connect(tls=authority.client(identity, maximum=version)) as connection:
        connection.send(request("GET", "/tls"))
        answer = told(connection.final().body)
        cipher = connection.socket.cipher()[0]
    facts = dict(answer)
    assert facts["version"] == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
    assert facts["cipher"].startswith("TLS_") and cipher.split("-")[-1].removeprefix("TLS_") in facts["cipher"]
    assert (facts["server_name"], facts["alpn"], facts["resumed"]) == ("localhost", "http/1.1", "0")
    assert "CN=client" in facts["subject"]
    pem = identity.certificate.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    der = ssl.PEM_cert_to_DER_cert(pem)
    chain = [bytes.fromhex(value) for name, value in answer if name == "certificate"]
    assert chain[0] == der
    assert facts["sha256"] == hashlib.sha256(der).hexdigest()
    names = {value for name, value in answer if name == "name"}
    assert names == {"dns:client.example", "ip:10.1.2.3", "email:someone@client.example"}


def test_without_a_certificate_the_rest_is_told(secure, combination):
    server = secure(FACTS[combination.style], model=combination.model)
    answer = told(server.get("/tls").body)
    facts = dict(answer)
    assert facts["version"] == "TLSv1.3" and facts["subject"] == facts["sha256"] == ""
    assert not [name for name, _ in answer if name in ("certificate", "name")]


@matrix.http2
def test_over_http2_tls_is_told(secure, combination):
    with http2.connect(secure(FACTS[combination.style], model=combination.model)) as connection:
        first, second = connection.request("GET", "/tls"), connection.request("GET", "/tls")
        answers = [dict(told(connection.answer(stream).body)) for stream in (first, second)]
        assert answers[0] == answers[1] and answers[0]["alpn"] == "h2"


def test_a_cleartext_connection_has_none(shared, combination):
    assert shared(FACTS[combination.style], combination.model).get("/tls").text == "none\n"
