"""Clients that leave silently while a handler runs are logged with 499, in every model. A client that only ends its
side gets the response."""

import pytest

from client import request
from matrix import blocking
from observed import entry

LEAVING = {"closes": lambda connection: connection.close(), "resets": lambda connection: connection.abort()}


@pytest.fixture
def it(observed, combination):
    return observed(combination.model, entry(combination.misbehaving, name="it"))


@blocking
@pytest.mark.parametrize("leave", LEAVING)
def test_a_client_that_leaves(it, leave):
    connection = it.server.connect()
    connection.send(request("GET", "/oversleep?4000", "X-Request-ID: gone"))
    it.wait_for_requests(1)
    LEAVING[leave](connection)
    (line,) = it.lines()
    assert (line["request_id"], line["status"]) == ("gone", 499)
    assert line["outcome"] == "client_gone"
    it.wait_for_outcomes(client_gone=1)
    it.wait_for_count(1, plugin="it")
    assert it.requests() == 1


@blocking
def test_a_client_that_ends_its_side(it):
    with it.server.connect() as connection:
        connection.send(request("GET", "/oversleep?1500", "X-Request-ID: stays"))
        it.wait_for_requests(1)
        connection.finish_sending()
        answer = connection.final()
        assert (answer.status, answer.body) == (200, b"late\n")
        connection.assert_closed()
    (line,) = it.lines()
    assert (line["request_id"], line["status"], line["bytes"], line["outcome"]) == ("stays", 200, 5, "complete")
    it.wait_for_outcomes(complete=1)


@blocking
def test_the_next_client_is_not_taken_for_one_that_left(it):
    """The worker goes on, and what it has noted of one connection is not the next one's."""
    connection = it.server.connect()
    connection.send(request("GET", "/oversleep?4000"))
    it.wait_for_requests(1)
    connection.abort()
    assert it.server.get("/oversleep?1").status == 200
    it.lines(2)
    it.wait_for_outcomes(client_gone=1, complete=1)
