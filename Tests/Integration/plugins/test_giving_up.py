"""A plugin that can't answer: the response to its client, in each style, model and protocol."""

import pytest

import http2
import matrix
from client import request
from facts import FACTS
from matrix import H2C
from processes import wait_for

FAILED, CANCELLED, INVALID = -10, -4, -2
# (what it does, the status of the server's page)
BEFORE_THE_HEAD = [
    (f"/abort?{FAILED}", 500), (f"/abort?{CANCELLED}", 504), (f"/abort?{INVALID}", 500),
    (f"/hinted-abort?{FAILED}", 500), (f"/elsewhere?{FAILED}", 500), (f"/elsewhere?{CANCELLED}", 504),
    (f"/return?{FAILED}", 500), (f"/return?{CANCELLED}", 504),
]  # fmt: skip


@pytest.mark.parametrize("target, status", BEFORE_THE_HEAD)
def test_before_a_head_the_client_gets_the_servers_page(shared, combination, target, status):
    server = shared(FACTS[combination.style], combination.model)
    answer = server.get(target)
    assert answer.status == status and str(status) in answer.text


@pytest.mark.parametrize("target, status", BEFORE_THE_HEAD)
@matrix.http2
def test_over_http2_it_is_the_same(shared, combination, target, status):
    with http2.connect(shared(FACTS[combination.style], combination.model, H2C)) as connection:
        answer = connection.get(target)
        assert answer.ended and answer.reset is None
        assert answer.status == status and str(status).encode() in answer.body
        assert connection.get("/head").status == 200


@matrix.keeping_alive
def test_the_connection_is_kept(shared, combination):
    with shared(FACTS[combination.style], combination.model).connect() as connection:
        for target, status in [(f"/abort?{FAILED}", 500), (f"/hinted-abort?{FAILED}", 500), ("/head", 200)]:
            connection.send(request("GET", target))
            connection.read_until(lambda: connection.finals, f"an answer to {target}")
            assert connection.finals[-1].status == status
            connection.messages.clear()


def test_a_head_request_gets_no_content(shared, combination):
    server = shared(FACTS[combination.style], combination.model)
    answer = server.get(f"/abort?{FAILED}", method="HEAD")
    assert answer.status == 500 and not answer.body


def test_without_a_reason_there_is_no_response(shared, combination):
    with shared(FACTS[combination.style], combination.model).connect() as connection:
        connection.send(request("GET", "/abort?0"))
        connection.assert_closed()
        assert not connection.finals


@pytest.mark.parametrize("reason", [FAILED, CANCELLED, 0])
def test_after_a_head_the_response_is_cut_off(shared, combination, reason):
    with shared(FACTS[combination.style], combination.model).connect() as connection:
        connection.send(request("GET", f"/late-abort?{reason}"))
        assert connection.head().status == 200
        [answer] = connection.end()
        assert connection.ended and not connection.reset, connection.state()
        assert not answer.complete and answer.body == b"begun", connection.state()


def test_a_positive_reason_is_refused(own, combination):
    server = own(FACTS[combination.style], model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", "/abort?1"))
        # The exchange is as it was before the call: the plugin answers.
        assert connection.final().text == "refused=-2\n"
    assert "abort -2 of none" in server.log and "reason 1 is positive" in server.log


def test_the_log_tells_which_plugin_gave_up(own, combination):
    server = own(FACTS[combination.style], model=combination.model)
    server.get(f"/abort?{FAILED}")
    wait_for(lambda: "the plugin failed to answer" in server.log, server.state)
    server.get(f"/abort?{CANCELLED}")
    wait_for(lambda: "the plugin gave up" in server.log, server.state)


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_a_request_whose_time_was_over_before_its_plugin_had_its_turn(own, model):
    """All event-style plugins run on the loop: one of them takes the time of those that came with its request.

    Under sync there is no HTTP/2: no request comes to a plugin while another is there.
    """
    server = own(FACTS["event"], "--set", "timeouts.request=1s", model=model, h2c=True)
    with http2.connect(server) as connection:
        with connection.together():
            slow = connection.request("GET", "/sleep?1500")
            late = connection.request("GET", "/head")
        assert connection.answer(late).status == 504
        assert connection.answer(slow).status == 504
