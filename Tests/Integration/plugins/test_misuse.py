"""Wrong calls of a plugin: the documented status, nothing illegal on the wire, and the server goes on."""

import re
import socket
import struct
import time

import pytest

import reports
from client import Connection, request
from http2 import connect as http2_connection
from matrix import MODELS, Combination, each_transport, keeping_alive, only
from mock_host import exchange
from processes import wait_for
from programs import Program
from reports import E_CLOSED, E_INVALID, E_STATE, E_THREAD, E_UNSUPPORTED, OK
from server import TEST_PLUGINS
from timing import scaled


@pytest.fixture
def goes_on(misbehaving):
    """The misbehaving server, which must answer as before after the test."""
    yield misbehaving
    assert misbehaving.get("/").body == b"ok"


def one_answer(server, path):
    """The one answer to a request, and the connection closed after it: nothing behind it is missed."""
    with server.connect() as connection:
        connection.send(request("GET", path, "Connection: close"))
        answer = connection.final()
        connection.assert_closed()
    assert answer.informational or connection.messages == [answer]
    return answer


# Order


def test_double_start(goes_on):
    answer = one_answer(goes_on, "/double-start")
    assert answer.status == 200, "the first start counts"
    assert reports.read(answer.body) == {"start": OK, "double-start": E_STATE, "respond": E_STATE}


def test_double_respond(goes_on):
    log = reports.LogReport(goes_on)
    answer = one_answer(goes_on, "/double-respond")
    assert answer.status == 200 and answer.body == b"first\n"
    assert log.wait("respond", "double-respond", "start", "write") == {
        "respond": OK,
        "double-respond": E_STATE,
        "start": E_STATE,
        "write": E_STATE,
    }


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("over_http2", [False, True], ids=["http1", "http2"])
def test_it_is_no_misuse_to_give_up_when_the_client_has_left(own, model, over_http2):
    """A response that can't be sent was refused: to abort is the plugin's answer to that."""
    if over_http2 and model == "sync":
        pytest.skip("sync has no HTTP/2")
    server = own(
        "--set", "early_hints.max_per_request=1000", TEST_PLUGINS / "libmisbehaving_event.so", model=model, h2c=over_http2
    )
    log = reports.LogReport(server)
    connection = http2_connection(server) if over_http2 else server.connect()
    if over_http2:
        stream = connection.request("GET", "/client-leaves")
        connection.read_until(lambda: connection.answers[stream].informational, "103")
    else:
        connection.send(request("GET", "/client-leaves"))
        connection.informational()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert log.wait("hint", "respond", "abort") == {"hint": E_CLOSED, "respond": E_CLOSED, "abort": E_CLOSED}
    assert "refused" not in server.log


def test_write_before_start(goes_on):
    answer = one_answer(goes_on, "/write-before-start")
    assert reports.read(answer.body) == {"write-before-start": E_STATE}


@pytest.mark.parametrize("path", ["/double-respond", "/hint-after-respond", "/too-many", "/trailers"])
@keeping_alive
def test_the_next_answer_is_not_harmed(goes_on, path):
    with goes_on.connect() as connection:
        for _ in range(3):
            connection.send(request("GET", path) + request("GET", "/"))
            assert connection.final().status == 200
            assert connection.final().body == b"ok"


# No answer, or none to its end


@each_transport
def test_no_answer(goes_on, combination):
    with goes_on.connect() as connection:
        connection.send(request("GET", "/no-answer", "Connection: close"))
        answers = connection.end(timeout=5)
    statuses = [answer.status for answer in answers]
    if combination.style == "blocking":
        assert statuses == [500] and answers[0].complete
    else:
        assert statuses in ([], [500]), "an exchange that is given up is cut off"


@pytest.mark.parametrize("path", ["/no-answer", "/negative"])
def test_a_plugin_that_failed_to_answer_is_named(own, combination, path):
    """With the request. In event style /no-answer is given up, which is no answer either."""
    server = own(combination.misbehaving, model=combination.model)
    with server.connect() as connection:
        connection.send(request("GET", path, "X-Request-ID: silent-1", "Connection: close"))
        connection.end(timeout=5)
    who = rf"\(GET {path}\) plugin=misbehaving_{combination.style} request=silent-1$"
    gives_up = combination.style == "event" and path == "/no-answer"
    what = r"answer cut off to \S+: the plugin gave it up" if gives_up else r"500 to \S+: the plugin failed to answer"
    told = re.compile(rf"\[ERROR\] worker 0: {what} {who}", re.M)
    wait_for(lambda: told.search(server.log), server.state)


def test_negative(goes_on):
    assert one_answer(goes_on, "/negative").status == 500


def test_negative_after_start(goes_on, combination):
    with goes_on.connect() as connection:
        connection.send(request("GET", "/negative-after-start") + request("GET", "/"))
        answers = connection.end(timeout=5)
    if combination.style == "event":
        answers = [answer for answer in answers if answer.status != 500]  # what open() returns is a 500
    assert not [answer for answer in answers if answer.complete], "the connection is cut off"


@each_transport
def test_negative_after_write(goes_on):
    with goes_on.connect() as connection:
        connection.send(request("GET", "/negative-after-write") + request("GET", "/"))
        answers = connection.end(timeout=5)
    assert len(answers) <= 1, "nothing is answered on a connection that is cut off"
    for answer in answers:
        assert answer.status == 200 and not answer.complete
        assert b"partial\n".startswith(answer.body)


@only(lambda combination: str(combination) == "sync-blocking")  # else the bytes may still be in a queue
def test_what_was_written_before_a_negative_return_is_sent(goes_on):
    with goes_on.connect() as connection:
        connection.send(request("GET", "/negative-after-write"))
        (answer,) = connection.end(timeout=5)
    assert [chunk for chunk, _ in answer.chunks] == [b"partial\n"] and not answer.complete


def test_a_500_is_the_servers(goes_on):
    answer = goes_on.get("/negative")
    assert answer.get("date") and answer.get("content-length") == str(len(answer.body))
    assert b"E_IO" not in answer.body and b"misbehaving" not in answer.body, "no inner matters in it"


# Heads


def test_bad_heads(goes_on):
    answer = one_answer(goes_on, "/bad-final-fields")
    assert answer.status == 200
    report = reports.read(answer.body)
    assert len(report) >= 35 and report == dict.fromkeys(report, E_INVALID)
    names = {name.lower() for name, _ in answer.fields}
    assert not names & {"x-bad", "x bad", "x-good", "set-cookie", "transfer-encoding"}, answer.raw


# Handles


@pytest.fixture
def receive_refusals(combination):
    """receive() is not for blocking plugins: which of two faults of a call it tells is left open."""
    return {E_CLOSED} if combination.style == "event" else {E_CLOSED, E_UNSUPPORTED}


def assert_dead(report, receive_refusals):
    """Every function has refused the handle."""
    wrong = {}
    for name, status in report.items():
        function = name.rpartition(".")[2]
        allowed = {"head": {0}, "receive": receive_refusals}.get(function, {E_CLOSED})
        if status not in allowed:
            wrong[name] = status
    assert not wrong, f"{wrong} in {report}"


def stale_handles(server):
    """What comes of the handle of an earlier request, once that has ended: its client has the answer a moment before."""

    def ended():
        body = one_answer(server, "/stale").body
        report = {} if body == b"stale=none\n" else reports.read(body)
        return report if report.get("head") == 0 else None

    server.get("/")
    return wait_for(ended, "the end of an earlier request")


def test_stale_handles(goes_on, receive_refusals):
    """The exchange of an earlier request, whose slot may be this one's."""
    report = stale_handles(goes_on)
    assert {
        "informational",
        "start",
        "write",
        "respond",
        "send",
        "receive",
        "cancelled",
        "head",
        "post",
        "after",
    } <= set(report)
    assert_dead(report, receive_refusals)


@keeping_alive
def test_stale_handles_while_another_exchange_lives(goes_on, receive_refusals):
    """None of it may reach the exchange that is open meanwhile."""
    goes_on.get("/")
    with goes_on.connect(receive_buffer=200000) as other:
        other.send(request("GET", "/backpressure", "Connection: close"))
        assert_dead(stale_handles(goes_on), receive_refusals)
        answer = other.final(timeout=30)
    assert answer.body == b"b" * (8 * 1024 * 1024)


def test_foreign_handles(goes_on, receive_refusals):
    report = reports.read(one_answer(goes_on, "/foreign").body)
    assert {name.partition(".")[0] for name in report} == {"zero", "ones", "random", "flipped", "cancel"}
    assert_dead(report, receive_refusals)


# Threads


def test_threads(goes_on, combination):
    answer = one_answer(goes_on, "/thread")
    assert answer.status == 200
    written, _, text = answer.body.partition(b"\n")
    report = reports.read(text)
    assert report["cancelled"] == 0
    own, other = (
        {name: report[f"{who}.{name}"] for name in ("accepted", "wrong-thread", "other")}
        for who in ("own", "other")
    )
    if combination.style == "blocking":
        for name in ("informational", "start", "write", "respond", "send", "read"):
            assert report[name] == E_THREAD, f"{name}={report[name]} from a thread that is not the request's"
        assert own == {"accepted": 256, "wrong-thread": 0, "other": 0}
        assert other == {"accepted": 0, "wrong-thread": 256, "other": 0}
        assert not answer.informational
    else:
        assert report["informational"] == OK and [hint.status for hint in answer.informational] == [103]
        assert own["other"] == other["other"] == 0
        assert own["accepted"] + own["wrong-thread"] == other["accepted"] + other["wrong-thread"] == 256
    assert (written.count(b"x"), written.count(b"y")) == (own["accepted"], other["accepted"])
    assert len(written) == own["accepted"] + other["accepted"], "nothing but what was accepted"


# Not wrong at all


@each_transport
@pytest.mark.parametrize(
    "path, body",
    [
        ("/sent", b"first\nsent\n"),
        ("/release", b"counted\nrefused=-1\nreleased-after-refusal=0\nreleased=1\n"),
    ],
)
def test_events(goes_on, combination, path, body):
    answer = one_answer(goes_on, path)
    if combination.style == "event":
        assert answer.status == 200 and answer.body == body
    else:
        assert answer.status == 404


@each_transport
def test_events_from_a_blocking_handler(goes_on, combination):
    log = reports.LogReport(goes_on)
    answer = one_answer(goes_on, "/host-send")
    if combination.style == "event":
        assert answer.status == 404
        return
    first, _, text = answer.body.partition(b"\n")
    assert first == b"body" and [hint.status for hint in answer.informational] == [103]
    assert reports.read(text) == {
        "receive": E_UNSUPPORTED,
        "hint": OK,
        "body-before-start": E_STATE,
        "start": OK,
        "informational": E_STATE,
        "body": OK,
    }
    assert log.wait("write-after-end") == {"write-after-end": E_STATE}


@each_transport
def test_backpressure(goes_on, combination):
    """8 MiB to a client that reads late: the plugin is told to wait, and nothing is lost."""
    log = reports.LogReport(goes_on)
    with goes_on.connect(receive_buffer=200000) as connection:
        connection.send(request("GET", "/backpressure", "Connection: close"))
        connection.head()
        if combination.style == "event":
            assert log.wait("backpressure.waits") == {"backpressure.waits": 1}
        else:
            time.sleep(scaled(0.1))
        answer = connection.final(timeout=30)
    assert answer.body == b"b" * (8 * 1024 * 1024)
    if combination.style == "event":
        report = log.wait(
            "backpressure.status",
            "backpressure.sent",
            "backpressure.paused",
            "backpressure.again",
            "backpressure.resumed",
        )
        assert report["backpressure.status"] >= 0 and report["backpressure.sent"] == 512
        assert report["backpressure.paused"] + report["backpressure.again"] >= 1
        assert report["backpressure.resumed"] >= 1


def test_a_client_that_leaves_in_the_middle(goes_on):
    for _ in range(5):
        with goes_on.connect(receive_buffer=200000) as connection:
            connection.send(request("GET", "/backpressure"))
            connection.head()
            connection.abort()
    assert goes_on.get("/").body == b"ok"


def test_no_such_route(goes_on):
    assert one_answer(goes_on, "/nothing-here").status == 404


# The log


@pytest.mark.parametrize("style", ["blocking", "event"])
def test_misuse_is_logged(own, style):
    combination = Combination("async", style)
    server = own(combination.misbehaving, model=combination.model)
    log = reports.LogReport(server)
    server.get("/write-before-start")
    wait_for(
        lambda: "misbehaving" in log.text, lambda: f"a line with the plugin's name: {log.text!r}", timeout=2
    )


@pytest.mark.parametrize("style", ["blocking", "event"])
def test_the_log_of_misuse_is_bounded(own, style):
    combination = Combination("async", style)
    server = own(combination.misbehaving, model=combination.model)
    log, began = reports.LogReport(server), time.monotonic()
    for _ in range(300):
        server.get("/write-before-start")
    most = 100 + 20 * (time.monotonic() - began)
    assert len(log.text.splitlines()) < most, "logging of misuse is limited in its rate"


# What the log says of them

CONTROL = "has a control character in its value, or white space at an end of it (RFC 9110 section 5.5)"
# What each path does wrong: the call, in the blocking style, and what its line says after that. Ten lines a second are shown.
RULES = {
    "/double-start": [
        ("start", "OUTRIDER_E_STATE: a final head has been sent already"),
        ("respond", "OUTRIDER_E_STATE: a final head has been sent already"),
    ],
    "/too-many": [("write", "OUTRIDER_E_INVALID: 10 bytes of content, and of content-length 5 are left")],
    "/trailers": [
        ("trailers", "OUTRIDER_E_STATE: trailers before the final head"),
        ("trailers", f'OUTRIDER_E_INVALID: field 0 "x-checksum" {CONTROL}'),
        ("trailers", 'OUTRIDER_E_INVALID: field 0 "content-length" must not come in trailers (RFC 9110 section 6.5.1)'),
        ("trailers", "OUTRIDER_E_STATE: trailers after the end of the response"),
        ("write", "OUTRIDER_E_STATE: content after the end of the response"),
    ],
    "/hint-invalid": [
        ("informational", f"OUTRIDER_E_INVALID: field 1 {rule}")
        for rule in (
            '"x bad" has a name that is not a token (RFC 9110 section 5.1)',
            '"" has no name',
            '":status" has a name that is not a token (RFC 9110 section 5.1)',
            *[f'"x-bad" {CONTROL}'] * 4,
            '"content-length" has no place in an informational response',
            "\"transfer-encoding\" belongs to the connection, which is the server's",
            "\"connection\" belongs to the connection, which is the server's",
        )
    ],
    "/hint-status": [
        ("informational", f"OUTRIDER_E_INVALID: status {status} is not 102 to 199")
        for status in (99, 100, 101, 200, 0, 65636)
    ],
    "/hint-many": [("informational", "OUTRIDER_E_LIMIT: one more than early_hints.max_per_request, 5")] * 7,
    "/hint-huge": [("informational", "OUTRIDER_E_LIMIT: its fields take 9010 bytes, and early_hints.max_bytes is 8192")],
}

# The calls that the plugin makes in the event style: heads and trailers as events that it fills in itself.
EVENT_CALLS = {
    "start": "send", "informational": "send", "trailers": "send", "respond": "send_response", "write": "send_body",
}  # fmt: skip


@pytest.mark.parametrize("path", RULES)
@only(lambda combination: combination.model == "async")
def test_the_rule_that_was_broken(own, combination, path):
    """A line names plugin, call, request, and what is wrong with which argument."""
    server = own(combination.misbehaving, model=combination.model)
    assert server.get(path, "X-Request-ID: wrong-1").status == 200
    plugin = f"misbehaving_{combination.style}"
    names = {} if combination.style == "blocking" else EVENT_CALLS
    expected = [
        f"plugin {plugin}: {names.get(call, call)} refused: {rule} request=wrong-1" for call, rule in RULES[path]
    ]

    def told():
        return [line.partition("worker 0: ")[2] for line in server.log.splitlines() if " refused: " in line]

    wait_for(lambda: len(told()) >= len(expected), server.state)
    assert told()[: len(expected)] == expected


@pytest.mark.parametrize("model", MODELS)
def test_a_rule_is_told_with_its_own_call(own, tmp_path, model):
    """A handler returns before the end of its content, which is no call; a call of the next one breaks another rule."""
    report = tmp_path / "report"
    server = own(TEST_PLUGINS / "libprogram_blocking.so", "-c", f"report={report}", model=model)
    for number, calls in enumerate(("S200:21:5", "P0")):
        exchange(server.address, Program(number, "GET", 11, False, "-", calls), report)
    wait_for(lambda: "post refused: " in server.log, server.state)
    (line,) = [line for line in server.log.splitlines() if "post refused: " in line]
    assert "content-length" not in line
