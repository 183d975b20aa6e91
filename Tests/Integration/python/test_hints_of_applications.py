"""103 Early Hints from applications in Python: wsgi.early_hints, http.response.early_hint, http.response.informational."""

import pytest

import http2
from client import request
from processes import wait_for

LINKS = ["</style.css>; rel=preload; as=style", "</app.js>; rel=preload; as=script"]
PAGES_WITH_HINTS = {"wsgi": ["hints"], "asgi": ["hints", "informational"]}


def links(message):
    return [value for name, value in message.fields if name.lower() == "link"]


def test_a_103_comes_before_the_response(pages):
    for page in PAGES_WITH_HINTS[pages.interface]:
        answer = pages.get(f"/{page}")
        assert (answer.status, answer.body) == (200, b"Hello")
        assert [hint.status for hint in answer.informational] == [103]
        assert links(answer.informational[0]) == LINKS[: 1 if page == "informational" else 2]
        assert not answer.informational[0].get("content-type")


def test_it_is_sent_at_once(serving):
    for app in ("wsgi_pages:app", "asgi_pages:app"):
        for model in ("gthread", "async"):
            server = serving(app, model, "--threads", "3")
            with server.connect() as connection:
                connection.send(request("GET", "/hints?wait"))
                assert links(connection.informational()) == LINKS
                server.get("/go")
                assert connection.final().body == b"Hello"


def test_over_http2(serving):
    for app in ("wsgi", "asgi"):
        for model in ("gthread", "async"):
            for page in PAGES_WITH_HINTS[app]:
                with http2.connect(serving(f"{app}_pages:app", model)) as connection:
                    answer = connection.get(f"/{page}")
                assert (answer.status, bytes(answer.body)) == (200, b"Hello")
                assert [hint.status for hint in answer.informational] == [103]
                found = [value for name, value in answer.informational[0].fields if name == "link"]
                assert found == LINKS[: len(found)] and found


def test_several_103s_in_order(pages):
    answer = pages.get("/many-hints?n=3")
    assert [links(hint)[0][:4] for hint in answer.informational] == ["</0>", "</1>", "</2>"]


def test_head_has_hints_as_get_has(pages):
    answer = pages.get("/hints", method="HEAD")
    assert [hint.status for hint in answer.informational] == [103] and answer.body == b""


@pytest.mark.parametrize("fields, version", [
    ([], "1.0"), (["no-early-hints: 1"], "1.1"), (["X-Forwarded-For: 192.0.2.1"], "1.1"),
])
def test_nothing_is_sent_to_who_takes_none(pages, fields, version):
    for page in PAGES_WITH_HINTS[pages.interface]:
        answer = pages.get(f"/{page}", *fields, version=version)
        assert (answer.status, answer.body, answer.informational) == (200, b"Hello", [])


def test_a_late_hint_harms_nothing(pages):
    with pages.connect() as connection:
        connection.send(request("GET", "/late-hint"))
        answer = connection.final()
    # WSGI says nothing, as gunicorn does; ASGI raises.
    assert answer.body == {"wsgi": b"part,rest", "asgi": b"part,refused"}[pages.interface]
    assert not answer.informational


def test_more_hints_than_the_server_sends(pages):
    answer = pages.get("/many-hints?n=8")
    assert len(answer.informational) == 5
    assert answer.body == {"wsgi": b"Hello", "asgi": b"5 ValueError"}[pages.interface]


@pytest.mark.parametrize("case, error", [
    ("line-feed", "ValueError"), ("name", "ValueError"), ("type", "TypeError"), ("content-length", "ValueError"),
])
def test_malformed_hints_raise_in_wsgi(wsgi, case, error):
    answer = wsgi.get(f"/bad-hint?{case}")
    assert (answer.body, answer.informational) == (error.encode(), [])


@pytest.mark.parametrize("case", ["hint", "hint-status"])
def test_malformed_hints_raise_in_asgi(asgi, case):
    answer = asgi.get(f"/bad-message?{case}")
    assert (answer.body, answer.informational) == (b"ValueError", [])


@pytest.mark.parametrize("status", [102, 110, 199])
def test_other_informational_responses_of_asgi(asgi, status):
    answer = asgi.get(f"/informational?n={status}")
    assert [hint.status for hint in answer.informational] == [status] and answer.status == 200


def test_a_hint_to_a_client_that_has_left_harms_nobody(started):
    for app in ("wsgi_pages:app", "asgi_pages:app"):
        server = started(app, "async", "--threads", "2")
        with server.connect() as connection:
            connection.send(request("GET", "/hints?wait"))
            connection.informational()
            connection.abort()
        server.get("/go")
        wait_for(lambda: server.get("/").status == 200, server.state)
        assert "exception" not in server.log


def test_pipelined_requests_have_their_hints_in_order(serving):
    for app in ("wsgi_pages:app", "asgi_pages:app"):
        server = serving(app, "async")
        with server.connect() as connection:
            connection.send(request("GET", "/hints") * 3)
            answers = [connection.final() for _ in range(3)]
        assert [len(answer.informational) for answer in answers] == [1, 1, 1]
