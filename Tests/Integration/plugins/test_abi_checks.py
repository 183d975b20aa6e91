"""debug.abi_checks: misuse by a plugin ends the worker; nothing that a client does ends it."""

import re
from contextlib import suppress

import pytest

import processes
from client import Closed, chunked, request
from matrix import blocking
from processes import wait_for
from reports import E_CLOSED, E_INVALID, E_LIMIT, E_THREAD, LogReport, read

FUNCTIONS = (
    "read", "request_trailers", "informational", "respond", "start", "write", "sendfile", "trailers", "send",
)  # fmt: skip
LIMITS = ("--set", "limits.body=300000")


# Plugins


@blocking
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_call_from_another_thread(own, combination, function):
    """It ends the worker where it happens, and the log names function and plugin."""
    server = own("--set", "debug.abi_checks=true", combination.misbehaving, model=combination.model)
    (victim,) = server.workers()
    with server.connect() as connection:
        connection.send(request("GET", f"/outside?{function}", "X-Request-ID: outside-1"))
        with suppress(Closed):
            connection.end(timeout=3)
        assert not connection.messages, connection.state()
    wait_for(lambda: processes.look(victim) is None, lambda: f"the end of {victim}; {server.state()}")
    wait_for(lambda: "SIGABRT" in server.log, lambda: f"a report; {server.state()}")
    assert re.search(
        rf"plugin misbehaving_blocking: {function} refused: OUTRIDER_E_THREAD: another thread runs the handler, "
        r"or is inside a call on this exchange request=outside-1: debug\.abi_checks",
        server.log,
    ), server.log
    assert re.search(
        r"SIGABRT while serving GET /outside plugin=misbehaving_blocking request=outside-1", server.log
    ), server.log


@blocking
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_call_from_another_thread_without_checks(misbehaving, function):
    """It is refused and logged, and nothing else."""
    log = LogReport(misbehaving)
    answer = misbehaving.get(f"/outside?{function}")
    assert answer.status == 200 and read(answer.body) == {"outside": E_THREAD} and not answer.informational
    wait_for(lambda: f"{function} refused: OUTRIDER_E_THREAD" in log.text, lambda: f"a line of it: {log.text}")


# Clients


def begin(connection, framing, content):
    """The handler has begun to read, as 100 says, when a part of the content comes."""
    connection.send(request("POST", "/body", framing, "Expect: 100-continue"))
    assert connection.informational().status == 100
    connection.send(content, method=[])


def cut_short(connection):
    begin(connection, "Content-Length: 200000", b"x" * 100_000)
    connection.finish_sending()


def cut_within_a_chunk(connection):
    begin(connection, "Transfer-Encoding: chunked", b"%x\r\n" % 200_000 + b"x" * 100_000)
    connection.finish_sending()


def reset(connection):
    begin(connection, "Content-Length: 200000", b"x" * 100_000)
    connection.abort()


def bad_chunk(connection):
    data = chunked(b"x" * 100_000).removesuffix(b"0\r\n\r\n")
    connection.send(request("POST", "/body", "Transfer-Encoding: chunked") + data + b"no chunk\r\n")


def bad_trailers(connection):
    data = chunked(b"x" * 100_000).removesuffix(b"\r\n")
    connection.send(request("POST", "/body", "Transfer-Encoding: chunked") + data + b"no trailer\r\n\r\n")


def too_large(connection):
    connection.send(request("POST", "/body", "Transfer-Encoding: chunked") + chunked(b"x" * 100_000, b"x" * 250_000))


CLIENTS = {
    cut_short: ({E_CLOSED}, [400]),
    cut_within_a_chunk: ({E_CLOSED}, [400]),
    reset: ({E_CLOSED}, []),
    bad_chunk: ({E_CLOSED}, [400]),
    bad_trailers: ({E_CLOSED}, [400]),
    too_large: ({E_LIMIT}, [413]),
}


@blocking
@pytest.mark.parametrize("checks", ["true", "false"])
@pytest.mark.parametrize("misbehaving", CLIENTS, ids=lambda client: client.__name__)
def test_clients_that_break_off(shared, combination, checks, misbehaving):
    """The plugin is told, the client is refused, the worker lives, and nobody calls it the plugin's fault."""
    server = shared(combination.misbehaving, combination.model, "--set", f"debug.abi_checks={checks}", *LIMITS)
    log, workers = LogReport(server), server.workers()
    told, statuses = CLIENTS[misbehaving]
    with server.connect() as connection:
        misbehaving(connection)
        if misbehaving is not reset:
            with suppress(Closed):
                connection.end(timeout=3)
            assert [answer.status for answer in connection.finals] == statuses, connection.state()
    assert log.wait("reason")["reason"] in told
    assert server.get("/").body == b"ok" and server.workers() == workers
    assert "refused: OUTRIDER" not in log.text and "SIGABRT" not in log.text, log.text
