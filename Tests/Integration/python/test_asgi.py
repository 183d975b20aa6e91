"""ASGI 3, over the wire: scopes, messages both ways, and the lifespan."""

import json
import os
import sys

import pytest

import http2
from client import chunked, request
from processes import wait_for
from python_applications import PLUGIN, authority_listener, lines_with, needs_packages, secure_json


def read_json(server, page):
    answer = server.get(page)
    assert answer.status == 200, answer.raw
    return json.loads(answer.body)


def wait_for_note(server, text):
    wait_for(lambda: text in read_json(server, "/seen"), lambda: f"{text!r}; {server.state()}")


# The scope


def test_the_scope_of_a_request(asgi):
    found = json.loads(asgi.get("/scope?a=%20b", "X-Many: 1", "X-Many: 2", "Cookie: a=1").body)
    client, server = found.pop("client"), found.pop("server")
    assert client[0] == "127.0.0.1" and 0 < client[1] < 65536 and server == ["127.0.0.1", asgi.port]
    assert found == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/scope",
        "raw_path": "/scope",
        "query_string": "a=%20b",
        "root_path": "",
        "headers": [["host", "localhost"], ["x-many", "1"], ["x-many", "2"], ["cookie", "a=1"]],
        "state": ["greeting"],
        "extensions": {
            "http.response.early_hint": {}, "http.response.informational": {}, "http.response.pathsend": {},
        },
    }


def test_versions_and_extensions(asgi):
    assert json.loads(asgi.get("/scope", version="1.0").body)["http_version"] == "1.0"
    assert "http.response.trailers" in json.loads(asgi.get("/scope", "TE: trailers", "Connection: TE").body)["extensions"]
    if "sync" not in asgi.command:
        with http2.connect(asgi) as connection:
            found = json.loads(connection.get("/scope").body)
        assert found["http_version"] == "2"


def test_paths_are_decoded_and_raw(asgi):
    found = json.loads(asgi.get("http://shop.example/%73cope").body)
    assert (found["path"], found["raw_path"]) == ("/scope", "/%73cope")


def test_root_path_is_the_mount_and_part_of_the_path(started):
    server = started("asgi_pages:app", "async", mount="/shop")
    found = read_json(server, "/shop/scope")
    assert (found["root_path"], found["path"], found["raw_path"]) == ("/shop", "/shop/scope", "/shop/scope")


def test_the_tls_extension(started, authority):
    certificate = authority.sign("client.example")
    server = started("asgi_pages:app", "async", tables=authority_listener(authority))
    for identity in (None, certificate):
        found = secure_json(server, authority, identity, "/scope")
        assert found["scheme"] == "https"
        tls = found["extensions"]["tls"]
        chain = tls.pop("client_cert_chain")
        assert bool(tls.pop("client_cert_name")) == bool(identity) == bool(chain)
        assert all(pem.startswith("-----BEGIN CERTIFICATE-----") for pem in chain)
        assert 0x1301 <= tls.pop("cipher_suite") <= 0x1303
        assert tls == {"server_cert": None, "client_cert_error": None, "tls_version": 0x0304}
    assert "tls" not in read_json(server, "/scope")["extensions"]


# Bodies


@pytest.mark.parametrize("page", ["echo", "echo-parts"])
@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_000])
def test_bodies_of_all_sizes(asgi, page, size):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert asgi.fetch(request("POST", f"/{page}", body=body)).body == body
    pieces = [body[i : i + 40000] for i in range(0, size, 40000)]
    assert asgi.fetch(request("POST", f"/{page}", "Transfer-Encoding: chunked") + chunked(*pieces)).body == body


def test_bodies_over_http2(serving, mode):
    for model in ("gthread", "async"):
        with http2.connect(serving("asgi_pages:app", model, mode=mode)) as connection:
            stream = connection.request("POST", "/echo-parts", body=b"x" * 50000)
            assert bytes(connection.answer(stream).body) == b"x" * 50000
            assert bytes(connection.get("/big?n=200000").body) == b"x" * 200000
            assert connection.get("/").get("content-length") == "5"


@pytest.mark.parametrize("size", [0, 5, 16383, 16384, 3_000_000])
def test_responses_of_all_sizes(asgi, size):
    answer = asgi.get(f"/big?n={size}")
    assert (answer.body, answer.get("content-length")) == (b"x" * size, str(size))


def test_many_parts(asgi):
    assert asgi.get("/blocks?n=3000").body == b"".join(b"%0999d\n" % i for i in range(3000))


def test_100_continue_goes_out_with_the_first_receive(asgi):
    with asgi.connect() as connection:
        connection.send(request("POST", "/echo", "Expect: 100-continue", "Content-Length: 4"))
        assert connection.informational().status == 100
        connection.send(b"body")
        assert connection.final().body == b"body"


def test_a_part_is_sent_before_the_next_is_made(started, mode):
    for model in ("gthread", "async"):
        server = started("asgi_pages:app", model, mode=mode)
        with server.connect() as connection:
            connection.send(request("GET", "/stream"))
            connection.read_until(lambda: b"first" in connection.received, "first part")
            assert b"second" not in connection.received
            server.get("/go")
            assert connection.final().body == b"firstsecond"


def test_send_waits_for_a_client_that_does_not_read(started, mode):
    """50 MB are not gathered in memory: send() returns when there is room."""
    for model in ("gthread", "async"):
        server = started("asgi_pages:app", model, mode=mode)
        with server.connect(receive_buffer=8192) as connection:
            connection.socket.send(request("GET", "/blocks?n=50000"))

            def sent():
                return int(server.get("/sent-blocks").body)

            wait_for(lambda: sent() > 0, lambda: server.state())
            counts = [-1, sent()]
            while counts[-1] != counts[-2]:
                counts.append(sent())
            # What fits into the kernel's buffers and limits.output.
            assert 0 < counts[-1] < 20000
            connection.abort()


def test_whole_responses_wait_for_room_over_http2(serving, mode):
    """More bytes than the streams of one connection may hold together; with its head, one of the later responses is more than
    the share of a stream that is left to it then."""
    with http2.connect(serving("asgi_pages:app", "async", mode=mode), initial_window_size=0, windows=False) as connection:
        first = [connection.request("GET", "/big?n=15000") for _ in range(30)]
        connection.read_until(lambda: all(connection.answers[stream].head for stream in first), "heads")
        held = [connection.request("GET", "/big?n=16380") for _ in range(30)]
        leaving = connection.request("GET", "/big?n=16380")
        connection.cancel(leaving)
        connection.ping()
        connection.open_window(2_000_000, 0, *first, *held)
        for streams, size in (first, 15000), (held, 16380):
            for stream in streams:
                assert bytes(connection.answer(stream).body) == b"x" * size


def test_head_and_statuses_without_a_body(asgi):
    answer = asgi.get("/", method="HEAD")
    assert (answer.status, answer.body, answer.get("content-length")) == (200, b"", "5")
    assert asgi.get("/no-content").status == 204
    answer = asgi.get("/not-modified")
    assert (answer.status, answer.body, answer.get("etag")) == (304, b"", '"1"')


def test_fields_of_the_connection_are_the_servers(asgi):
    answer = asgi.get("/hop-by-hop")
    assert (answer.status, answer.body, answer.get("keep-alive")) == (200, b"Hello", None)


def test_pathsend(asgi):
    answer = asgi.get("/pathsend")
    assert answer.body == b"".join(b"%07d\n" % i for i in range(20000)) and answer.get("content-length") == "160000"


def test_trailers(serving, mode):
    for model in ("gthread", "async"):
        server = serving("asgi_pages:app", model, mode=mode)
        answer = server.get("/trailers", "TE: trailers", "Connection: TE")
        assert (answer.body, answer.trailers) == (b"body", [("x-checksum", "42")])
        assert server.get("/trailers").body == b"body"
        with http2.connect(server) as connection:
            answer = connection.get("/trailers", ("te", "trailers"))
            assert bytes(answer.body) == b"body" and answer.trailers.fields == [("x-checksum", "42")]
            answer = connection.get("/trailers")  # the server leaves them out
            assert bytes(answer.body) == b"body" and answer.trailers is None


# Disconnects and tasks


def test_a_client_that_leaves_is_a_disconnect(started, mode):
    for model in ("gthread", "async"):
        server = started("asgi_pages:app", model, mode=mode)
        with server.connect() as connection:
            connection.send(request("GET", "/disconnect"))
            wait_for_note(server, "waits for the client to leave")
            connection.abort()
        wait_for_note(server, "http.disconnect")
        wait_for_note(server, "send raises OSError")
        assert "exception" not in server.log


def test_a_reset_stream_is_a_disconnect(started, mode):
    server = started("asgi_pages:app", "async", mode=mode)
    with http2.connect(server) as connection:
        stream = connection.request("GET", "/disconnect")
        wait_for_note(server, "waits for the client to leave")
        connection.cancel(stream)
        wait_for_note(server, "http.disconnect")


def test_receive_after_the_response_is_a_disconnect(started, mode):
    for model in ("sync", "gthread", "async"):
        server = started("asgi_pages:app", model, mode=mode)
        assert server.get("/after-response").body == b"Hello"
        wait_for_note(server, "after the response: http.disconnect")


def test_background_tasks_run_after_the_response(started, mode):
    for model in ("sync", "gthread", "async"):
        server = started("asgi_pages:app", model, mode=mode)
        assert server.get("/background?n=50").body == b"Hello"
        wait_for_note(server, "background task ran")


def test_lines_of_a_background_task_have_the_id_of_its_request(started, mode):
    """The exchange is over when they are written."""
    server = started("asgi_pages:app", "async", mode=mode)
    server.get("/logs-behind?n=100")
    wait_for(lambda: lines_with(server, "a record behind"), server.state)
    ids = {line.rsplit("request=", 1)[1] for line in lines_with(server, "shop: a record before")}
    assert ids == {line.rsplit("request=", 1)[1] for line in lines_with(server, "shop: a record behind")} and len(ids) == 1


def test_receive_and_send_are_coroutines(asgi):
    """They can be tasks, and can be cancelled and asked again."""
    answer = asgi.fetch(request("POST", "/receive-in-task", body=b"body"))
    assert answer.body == b"cancelled timeout body"


def test_receive_and_send_are_of_the_kind_async_def(asgi):
    """asgiref warns of others."""
    assert asgi.get("/marks").body.decode().splitlines() == [
        "True",
        "True",
        "receive() takes no arguments",
        *3 * ["send() takes one argument: message"],
    ]


def test_contexts_of_requests_are_apart(asgi):
    with asgi.connect() as connection:
        connection.send(request("GET", "/context?one"))
        assert connection.final().body == b"None one"
    assert asgi.get("/context?two").body == b"None two"


def test_the_thread_of_the_loop(asgi, mode):
    assert asgi.get("/thread").body == {"thread": b"outrider-asyncio", "guest": b"MainThread"}[mode]
    assert asgi.get("/in-thread").body == b"from a thread"


def test_a_guest_has_no_thread(started):
    for model in ("sync", "gthread", "async"):
        guest = started("asgi_pages:app", model, mode="guest")
        alone = started("asgi_pages:app", model, mode="thread")
        assert guest.get("/").body == alone.get("/").body == b"Hello"
        counts = [len(os.listdir(f"/proc/{server.workers()[0]}/task")) for server in (guest, alone)]
        assert counts[0] == counts[1] - 1


def test_descriptors_and_programs(asgi):
    """Streams and child processes of asyncio."""
    assert asgi.get("/sockets").body == b"x" * 300000
    assert asgi.get("/program").body == b"a program\n"


def test_timers_are_on_time(asgi):
    """Later ones and earlier ones, set while others wait, and one that is cancelled."""
    assert asgi.get("/timers").body == b"1 2 3 5"


def test_an_endless_task_leaves_room_for_requests(started, mode):
    server = started("asgi_pages:app", "async", mode=mode)
    assert server.get("/spin").body == b"Hello"
    for _ in range(20):
        assert server.get("/").body == b"Hello"
    assert int(server.get("/spun").body) > 0


def test_two_guests_in_a_worker(started):
    second = f"""
[[plugin]]
path = "{PLUGIN}"
name = "second"
load = "worker"
mount = "/second"
[plugin.config]
app = "asgi_pages:app"
mode = "guest"
"""
    server = started("asgi_pages:app", "async", mode="guest", tables=second)
    for page in ("/sockets", "/second/sockets"):
        assert server.get(page).body == b"x" * 300000


def test_a_task_that_calls_exit_ends_its_request_alone(started, mode):
    server = started("asgi_pages:app", "async", mode=mode)
    assert server.get("/exits").status == 500
    assert server.get("/").body == b"Hello"
    assert lines_with(server, "SystemExit: 3")


@needs_packages
def test_uvloop(started):
    pytest.importorskip("uvloop")
    server = started("asgi_pages:app", "async", loop="uvloop", venv=sys.prefix)
    assert server.fetch(request("POST", "/echo-parts", body=b"x" * 100000)).body == b"x" * 100000
    assert server.get("/in-thread").body == b"from a thread"


# The lifespan


def test_lifespan_state_is_in_each_scope(asgi):
    assert asgi.get("/lifespan-state").body == b"from the lifespan"


def test_an_application_without_a_lifespan_serves(started, mode):
    for lifespan in ("auto", "off"):
        server = started("asgi_pages:without_lifespan", "async", mode=mode, lifespan=lifespan)
        assert server.get("/lifespan-state").body == b"none"
        assert "Error" not in server.log


@pytest.mark.parametrize("model", ["sync", "gthread", "async"])
def test_requests_end_then_background_tasks_then_the_lifespan(started, tmp_path, model, mode):
    events = tmp_path / "events"
    server = started("asgi_pages:app", model, mode=mode, variables={"PAGES_EVENTS": str(events)})
    assert server.get("/background?n=700").status == 200
    server.stop(timeout=20)
    assert events.read_text().splitlines() == ["startup", "background task ran", "shutdown"]
