"""PEP 3333, over the wire: what an application is given, and what becomes of what it returns."""

import json

import pytest

import http2
from client import chunked, request
from python_applications import authority_listener, lines_with, secure_json
from processes import wait_for

BODY = b"abcdef\nghi\njklmnop\nq\nr\ns\n\nlast"


def environ(server, target="/environ", *fields, **options):
    answer = server.get(target, *fields, **options)
    assert answer.status == 200, answer.raw
    return json.loads(answer.body)


# environ


def test_every_key(wsgi):
    found = environ(wsgi, "/environ?a=%20b", "X-Many: 1", "x-many: 2", "Cookie: a=1", "cookie: b=2", "Content-Type: text/x")
    port = str(wsgi.port)
    remote = found.pop("REMOTE_PORT")
    assert 0 < int(remote) < 65536
    for kind, key in {
        "Input": "wsgi.input",
        "Errors": "wsgi.errors",
        "FileWrapper": "wsgi.file_wrapper",
        "early_hints": "wsgi.early_hints",
    }.items():
        assert kind in found.pop(key)
    assert len(found.pop("outrider.request_id")) == 16
    assert found.pop("SERVER_SOFTWARE").startswith("outrider/")
    multithread = found.pop("wsgi.multithread")
    assert multithread == (wsgi.command[wsgi.command.index("-k") + 1] != "sync")
    assert found == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/environ",
        "QUERY_STRING": "a=%20b",
        "RAW_URI": "/environ?a=%20b",
        "REQUEST_URI": "/environ?a=%20b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": port,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/x",
        "HTTP_HOST": "localhost",
        "HTTP_X_MANY": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.version": "(1, 0)",
        "wsgi.url_scheme": "http",
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


def test_fields_that_could_be_taken_for_others_are_hidden(wsgi):
    found = environ(wsgi, "/environ", "Proxy: evil", "X_Forwarded_For: 192.0.2.1", "X-Real: 1")
    assert "HTTP_PROXY" not in found and "HTTP_X_FORWARDED_FOR" not in found and found["HTTP_X_REAL"] == "1"


def test_bytes_of_path_and_fields_are_latin_1(serving):
    server = serving("wsgi_pages:app", "gthread")
    assert server.get("/environ%C3%A9").status == 500  # no such page: a KeyError
    wait_for(lambda: lines_with(server, "environ\u00c3\u00a9"), lambda: server.state())
    assert environ(server, "/environ", "X-Name: \xe9")["HTTP_X_NAME"] == "\xe9"


def test_protocols(wsgi, serving):
    assert environ(wsgi, version="1.0")["SERVER_PROTOCOL"] == "HTTP/1.0"
    if "sync" not in wsgi.command:
        with http2.connect(wsgi) as connection:
            found = json.loads(connection.get("/environ").body)
        assert found["SERVER_PROTOCOL"] == "HTTP/2.0" and found["HTTP_HOST"] == "localhost"


@pytest.mark.parametrize("target, script, path", [
    ("/shop/environ", "/shop", "/environ"),
    ("/shop/environ/", "/shop", "/environ/"),
    ("/shop/%65nviron", "/shop", "/environ"),
])
def test_script_name_is_the_mount(started, target, script, path):
    server = started("wsgi_pages:app", "gthread", mount="/shop")
    found = environ(server, target)
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == (script, path)


def test_the_bare_mount_has_an_empty_path(started):
    server = started("wsgi_pages:path_info", "gthread", mount="/shop")
    assert server.get("/shop").body == b"'/shop' ''"
    assert server.get("/shop?a=/").body == b"'/shop' ''"
    assert server.get("/shop/").body == b"'/shop' '/'"


def test_a_unix_socket_has_a_server_name(started, tmp_path):
    from client import Connection

    place = tmp_path / "socket"
    server = started("wsgi_pages:app", "gthread", tables=f'[[listener]]\nbind = "unix:{place}"\n')
    with Connection(str(place)) as connection:
        connection.send(request("GET", "/environ", host="shop.example:8443"))
        found = json.loads(connection.final().body)
    assert (found["SERVER_NAME"], found["SERVER_PORT"], found["REMOTE_ADDR"]) == ("shop.example", "80", "")
    assert server.alive


def test_several_workers_are_told(started):
    server = started("wsgi_pages:app", "gthread", server="workers = 2")
    assert environ(server)["wsgi.multiprocess"] is True


def test_tls(started, authority):
    certificate = authority.sign("client.example")
    server = started("wsgi_pages:app", "async", tables=authority_listener(authority))
    for identity in (None, certificate):
        found = secure_json(server, authority, identity, "/environ")
        assert (found["wsgi.url_scheme"], found["HTTPS"]) == ("https", "on")
        assert (found["SSL_PROTOCOL"], found["SSL_TLS_SNI"]) == ("TLSv1.3", "localhost")
        assert found["SSL_CIPHER"].startswith("TLS_")
        assert found["SSL_CLIENT_VERIFY"] == ("SUCCESS" if identity else "NONE")
        assert ("SSL_CLIENT_S_DN" in found) == bool(identity)
        assert found.get("SSL_CLIENT_CERT", "").startswith("-----BEGIN CERTIFICATE-----") == bool(identity)


# The request's body


def expected_reads():
    import io

    stream, found = io.BytesIO(BODY), []
    found += [stream.read(0), stream.read(3), stream.readline(), stream.readline(4), stream.readline()]
    found += stream.readlines(1)
    found.append(next(stream))
    found += list(stream)
    found += [stream.read(), stream.read(7), stream.readline(), *stream.readlines()]
    return [part.decode() for part in found]


@pytest.mark.parametrize("split", ["whole", "bytes"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_every_way_to_read(wsgi, framing, split):
    if framing == "length":
        data = request("POST", "/reads", body=BODY)
    else:
        data = request("POST", "/reads", "Transfer-Encoding: chunked") + chunked(BODY[:5], BODY[5:6], BODY[6:])
    answer = wsgi.fetch(data, split=split)
    assert json.loads(answer.body) == expected_reads()


@pytest.mark.parametrize("page", ["echo", "echo-parts?n=70000"])
@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_000])
def test_bodies_of_all_sizes(wsgi, page, size):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert wsgi.fetch(request("POST", f"/{page}", body=body)).body == body
    pieces = [body[i : i + 40000] for i in range(0, size, 40000)]
    data = request("POST", f"/{page}", "Transfer-Encoding: chunked") + chunked(*pieces)
    assert wsgi.fetch(data).body == body


def test_a_request_without_a_body_has_an_empty_input(wsgi):
    assert wsgi.get("/echo").body == b""
    assert json.loads(wsgi.get("/environ").body).get("CONTENT_LENGTH") is None


def test_100_continue_goes_out_when_the_body_is_read(wsgi):
    with wsgi.connect() as connection:
        connection.send(request("POST", "/echo", "Expect: 100-continue", "Content-Length: 4"))
        assert connection.informational().status == 100
        connection.send(b"body")
        assert connection.final().body == b"body"


def test_input_is_over_with_its_request(wsgi):
    wsgi.fetch(request("POST", "/kept-stream", body=b"first"))
    answer = wsgi.fetch(request("POST", "/kept-stream", body=b"second"))
    assert answer.body == b"wsgi.input: the request is over"


# The response


@pytest.mark.parametrize("page, body", [
    ("", b"Hello"),
    ("writes", b"one,two,three"),
    ("generator", b"one,two"),
    ("several", b"one,two,three"),
    ("blocks?n=200", b"".join(b"%0999d\n" % i for i in range(200))),
    ("big?n=3000000", b"x" * 3000000),
    ("not-a-file", b"one,two"),
    ("valid", b"valid "),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bodies(wsgi, page, body):
    answer = wsgi.get(f"/{page}")
    assert (answer.status, answer.body) == (200, body)
    assert answer.get("content-type") == "text/plain"
    if "sync" not in wsgi.command:
        with http2.connect(wsgi) as connection:
            answer = connection.get(f"/{page}")
            assert (answer.status, bytes(answer.body)) == (200, body)


def test_the_checker_of_wsgiref(wsgi):
    """Of the environment and the input before the handler, of the close() after it."""
    for method in ("POST", "PUT", "DELETE"):
        whole = request(method, "/valid?a=b", body=b"abcdefg")
        pieces = request(method, "/valid", "Transfer-Encoding: chunked") + chunked(b"abc", b"defg")
        for data in (whole, pieces):
            answer = wsgi.fetch(data)
            assert (answer.status, answer.body) == (200, b"valid abcde"), wsgi.state()
    assert "without being closed" not in wsgi.log


def test_a_list_has_a_length_and_a_generator_has_none(wsgi):
    assert wsgi.get("/several").get("content-length") == "13"
    assert wsgi.get("/generator").framing == "chunked"


def test_head_has_the_fields_and_no_body(wsgi):
    for page, length in [("/", "5"), ("/several", "13"), ("/big?n=9", "9"), ("/generator", None), ("/file", "160000")]:
        answer = wsgi.get(page, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
        if page != "/file":
            assert answer.get("content-length") == length, page


def test_statuses_without_a_body(wsgi):
    assert wsgi.get("/no-content").status == 204
    answer = wsgi.get("/not-modified")
    assert (answer.status, answer.body, answer.get("etag")) == (304, b"", '"1"')


def test_a_block_is_sent_before_the_next_is_made(serving):
    for model in ("gthread", "async"):
        server = serving("wsgi_pages:app", model, "--threads", "2")
        with server.connect() as connection:
            connection.send(request("GET", "/stream"))
            connection.read_until(lambda: b"first" in connection.received, "first block")
            assert b"second" not in connection.received
            server.get("/go")
            assert connection.final().body == b"firstsecond"


@pytest.mark.parametrize("query, body", [
    ("", (0, 160000)), ("from=80000", (80000, 160000)), ("from=8&length=16", (8, 24)), ("from=160000", (0, 0)),
])
def test_files_go_out_by_sendfile(wsgi, query, body):
    content = b"".join(b"%07d\n" % i for i in range(20000))
    answer = wsgi.get(f"/file?{query}")
    assert answer.body == content[slice(*body)]
    assert answer.get("content-length") == str(body[1] - body[0])


def test_fields_that_come_twice_stay_apart(wsgi):
    assert wsgi.get("/cookies").all("set-cookie") == ["a=1", "b=\xe9"]


def test_fields_of_the_connection_are_the_servers(wsgi):
    answer = wsgi.get("/hop-by-hop")
    assert (answer.status, answer.body, answer.get("keep-alive")) == (200, b"body", None)


def test_close_is_called_whatever_happens(wsgi):
    before = json.loads(wsgi.get("/closes").body)
    wsgi.get("/closing")
    wsgi.get("/not-a-file")
    with wsgi.connect() as connection:
        connection.send(request("GET", "/fails-within"))
        connection.end()
    with wsgi.connect() as connection:
        connection.send(request("GET", "/close-fails"))
        assert connection.final().body == b"body"
    after = json.loads(wsgi.get("/closes").body)
    assert sorted(after[len(before) :]) == ["close-fails", "closing", "fails-within", "reader"]


# Threads


def test_requests_run_on_several_threads_at_once(started):
    for model in ("gthread", "async"):
        server = started("wsgi_pages:app", model, "--threads", "3")
        with server.connect() as one, server.connect() as other:
            one.send(request("GET", "/meets"))
            other.send(request("GET", "/meets"))
            assert one.final().body == other.final().body == b"Hello"


def test_pipelined_requests_are_answered_in_order(serving):
    for model in ("gthread", "async"):
        server = serving("wsgi_pages:app", model)
        with server.connect() as connection:
            connection.send(request("POST", "/echo", body=b"1") + request("GET", "/generator") + request("GET", "/"))
            assert [connection.final().body for _ in range(3)] == [b"1", b"one,two", b"Hello"]


