"""Clients that end their sending side and wait for the answer: `nc -N`, health checkers, scripts that pipeline."""

import socket
import time

import pytest

from client import request
from matrix import COMBINATIONS, event, every_way, keeping_alive, only
from observed import entry
from reports import E_CLOSED, LogReport

ABORT = ("--set", "http.abort_on_half_close=true")


def shut(server, data, pause=0.0):
    """Send, end the sending side after a pause, and read to the end of the connection."""
    with server.connect() as connection:
        connection.send(data)
        time.sleep(pause)
        connection.finish_sending()
        answers = connection.end()
        assert not connection.reset, connection.state()
        return answers


@pytest.mark.parametrize("pause", [0, 0.05], ids=["at-once", "later"])
@every_way
def test_the_answer_comes(reach, way, pause):
    """However the end of the client's side comes: with the request, or while its answer is made."""
    server = reach(way.demo)
    for data in (
        request("GET", "/delay?s=0.2"),
        request("POST", "/echo", body=b""),
        request("POST", "/echo", body=b"hello"),
        request("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
        request("GET", "/large"),
        request("GET", "/stream"),
    ):
        (answer,) = shut(server, data, pause)
        assert answer.status == 200 and answer.complete, data


def test_an_end_that_comes_with_the_request(demo):
    """It is no race: of many clients each gets its answer."""
    for data in (request("GET", "/"), request("POST", "/echo", body=b"")):
        for _ in range(200):
            client = socket.create_connection(demo.address, 10)
            with client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                received = b""
                while part := client.recv(65536):
                    received += part
            assert received.startswith(b"HTTP/1.1 200 OK\r\n"), received


@keeping_alive
def test_all_of_a_pipeline_are_answered(demo):
    paths = [f"/page-{number}" for number in range(40)]
    answers = shut(demo, b"".join(request("GET", path) for path in paths))
    assert [answer.get("x-request-path") for answer in answers] == paths
    bodies = [b"%d" % number * 3000 for number in range(30)]
    answers = shut(demo, b"".join(request("POST", "/echo", body=body) for body in bodies))
    assert [answer.body for answer in answers] == bodies


def test_it_is_logged_as_answered(observed, combination):
    it = observed(combination.model, entry(combination.misbehaving, name="it"))
    with it.server.connect() as connection:
        connection.send(request("GET", "/oversleep?300", "X-Request-ID: stays"))
        it.told("begun=0")
        connection.finish_sending()
        assert connection.final().body == b"late\n"
        connection.assert_closed()
    (line,) = it.lines()
    assert (line["request_id"], line["status"], line["outcome"]) == ("stays", 200, "complete")


def test_who_closes_without_a_reset_is_logged_as_gone(observed, combination):
    """A close looks like a half-close, until the answer is reset."""
    it = observed(combination.model, entry(combination.misbehaving, name="it"))
    connection = it.server.connect()
    connection.send(request("GET", "/oversleep?4000"))
    it.told("begun=0")
    connection.close()
    (line,) = it.lines()
    assert (line["status"], line["outcome"]) == (499, "client_gone")


def test_a_reset_cancels(shared, combination):
    server = shared(combination.misbehaving, combination.model)
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("GET", "/unwanted"))
        log.wait("begun")
        connection.finish_sending()
        connection.assert_open(within=0.2)
        assert "reason" not in log.text, "the end of the client's side cancels nothing"
        connection.abort()
    left = time.monotonic()
    assert log.wait("reason", "cancelled") == {"reason": E_CLOSED, "cancelled": E_CLOSED}
    assert time.monotonic() - left < 15, "no deadline did"


def test_a_half_close_cancels_where_that_is_wanted(shared, combination):
    server = shared(combination.misbehaving, combination.model, *ABORT)
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("GET", "/unwanted"))
        log.wait("begun")
        connection.finish_sending()
        assert log.wait("reason", "cancelled") == {"reason": E_CLOSED, "cancelled": E_CLOSED}


@event
def test_an_event_plugin_does_not_answer_where_that_is_not_wanted(shared, combination):
    server = shared(combination.demo, combination.model, *ABORT)
    assert shut(server, request("GET", "/delay?s=5")) == []
    assert server.get("/").status == 200


@only(lambda combination: combination.style == "blocking")
def test_a_handler_that_does_not_ask_answers_all_the_same(shared, combination):
    server = shared(combination.misbehaving, combination.model, *ABORT)
    log = LogReport(server)
    with server.connect() as connection:
        connection.send(request("GET", "/oversleep?300"))
        log.wait("begun")
        connection.finish_sending()
        (answer,) = connection.end()
        assert not connection.reset, connection.state()
    assert answer.body == b"late\n"


def test_a_body_that_ends_too_early_is_no_request(shared):
    """The end of the client's side within a body is not the body's end."""
    for combination in COMBINATIONS:
        server = shared(combination.demo, combination.model)
        answers = shut(server, request("POST", "/echo", "Content-Length: 10") + b"hello")
        assert [answer for answer in answers if answer.status == 200 and answer.complete] == []
