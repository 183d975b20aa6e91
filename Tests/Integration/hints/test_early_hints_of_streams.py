"""103 Early Hints over HTTP/2, row by row as Sources/EarlyHints.md has it, on frames."""

from itertools import pairwise

import pytest

import reports
from http2 import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE, connect, frame
from matrix import H2C, each_transport, http2, http2_event
from processes import wait_for
from reports import E_INVALID, E_LIMIT, E_STATE, OK, SKIPPED
from timing import scaled, seen

pytestmark = each_transport

STYLE_LINK = ("link", "</style.css>; rel=preload; as=style")


def misbehaving(shared, combination, *settings):
    flags = [word for setting in settings for word in ("--set", setting)]
    return shared(combination.misbehaving, combination.model, *flags, H2C)


def hints_and_report(server, *fields, path="/hint-many", **options):
    with connect(server, **options) as connection:
        answer = connection.get(path, *fields)
    assert answer.status == 200 and answer.ended, connection.state()
    return answer.informational, reports.read(answer.body)


@http2
def test_one_103_well_before_the_page(h2_demo):
    def gap():
        with connect(h2_demo) as connection:
            answer = connection.get("/early-hints")
        (hint,) = answer.informational
        assert hint.fields == [
            (":status", "103"),
            STYLE_LINK,
            ("link", "</app.js>; rel=preload; as=script"),
        ], "these fields in this order, and no Date and no Server"
        assert not hint.ends and hint.frames == 1
        assert hint.at - connection.opened >= 0.045
        assert answer.status == 200 and b"/style.css" in answer.body
        return hint.at - connection.opened, answer.head.at - hint.at

    seen(gap, lambda found: found[0] <= scaled(1) and found[1] >= 0.25)  # the 103 must come about 300 ms before the 200


@http2
def test_three_103s_in_order(h2_demo):
    def gaps():
        with connect(h2_demo) as connection:
            answer = connection.get("/early-hints-multiple")
        times = [hint.at for hint in answer.informational] + [answer.head.at]
        assert len(times) == 4 and len({str(hint.fields) for hint in answer.informational}) == 3
        return [later - earlier for earlier, later in pairwise(times)]

    seen(gaps, lambda found: min(found) >= 0.03)  # the 103s must not wait for each other


@http2
def test_head_gets_the_hints_too(h2_demo):
    with connect(h2_demo) as connection:
        answer = connection.get("/early-hints", method="HEAD")
    assert answer.status == 200 and answer.head.ends and answer.body == b""
    assert [hint.status for hint in answer.informational] == [103]


@http2
def test_invalid_fields_drop_the_whole_call(h2_misbehaving):
    hints, report = hints_and_report(h2_misbehaving, path="/hint-invalid")
    assert len(report) >= 15 and report == dict.fromkeys(report, E_INVALID) and not hints


@http2
def test_statuses(h2_misbehaving):
    hints, report = hints_and_report(h2_misbehaving, path="/hint-status")
    invalid = dict.fromkeys(["99", "100", "101", "200", "0", "65636"], E_INVALID)
    assert report == invalid | dict.fromkeys(["102", "103", "104", "199"], OK)
    assert [hint.fields for hint in hints] == [
        [(":status", status), STYLE_LINK] for status in ("102", "103", "104", "199")
    ]


@http2
def test_five_hints_and_no_more(h2_misbehaving):
    with connect(h2_misbehaving) as connection:
        for _ in range(2):
            answer = connection.get("/hint-many")
            report = reports.read(answer.body)
            assert report == {f"hint-{i}": OK if i <= 5 else E_LIMIT for i in range(1, 13)}
            assert [hint.fields for hint in answer.informational] == [[(":status", "103"), STYLE_LINK]] * 5


@http2
def test_max_per_request(shared, combination):
    hints, report = hints_and_report(misbehaving(shared, combination, "early_hints.max_per_request=2"))
    assert report == {f"hint-{i}": OK if i <= 2 else E_LIMIT for i in range(1, 13)} and len(hints) == 2


@http2
def test_navigations_alone(shared, combination):
    server = misbehaving(shared, combination, 'early_hints.audience="navigations"')
    assert len(hints_and_report(server, ("sec-fetch-mode", "navigate"))[0]) == 5
    for fields in ([], [("sec-fetch-mode", "cors")]):
        hints, report = hints_and_report(server, *fields)
        assert not hints and set(report.values()) == {SKIPPED}


@http2
def test_a_huge_block(h2_misbehaving):
    hints, report = hints_and_report(h2_misbehaving, path="/hint-huge")
    assert not hints and report == {"hint-huge": E_LIMIT}


@http2
def test_max_bytes(shared, combination):
    server = misbehaving(shared, combination, "early_hints.max_bytes=64KiB")
    hints, report = hints_and_report(server, path="/hint-huge")
    assert report == {"hint-huge": OK} and hints[0].get("x-huge") == "a" * 9000


@http2
def test_the_peers_header_list_size(h2_misbehaving):
    # As RFC 9113 section 6.5.2 counts: 32 bytes for each field.
    link = len("link") + len(STYLE_LINK[1]) + 32 + len(":status") + 3 + 32
    hints, report = hints_and_report(h2_misbehaving, max_header_list_size=link - 1)
    assert not hints and set(report.values()) == {E_LIMIT}
    hints, report = hints_and_report(h2_misbehaving, max_header_list_size=link)
    assert len(hints) == 5 and report["hint-5"] == OK


@http2
@pytest.mark.parametrize(
    "path, size, rule",
    [
        ("/hint-many", None, "one more than early_hints.max_per_request, 5"),
        ("/hint-huge", None, "its fields take 9010 bytes, and early_hints.max_bytes is 8192"),
        ("/hint-many", 110, "its header list takes 113 bytes, and the client's SETTINGS_MAX_HEADER_LIST_SIZE is 110"),
    ],
    ids=["max_per_request", "max_bytes", "the client's"],
)
def test_the_limit_that_was_broken_is_named(own, combination, path, size, rule):
    server = own(combination.misbehaving, model=combination.model, h2c=True)
    options = {"max_header_list_size": size} if size else {}
    with connect(server, **options) as connection:
        assert connection.get(path, ("x-request-id", "wrong-1")).status == 200
    call = "informational" if combination.style == "blocking" else "send"
    line = f"plugin misbehaving_{combination.style}: {call} refused: OUTRIDER_E_LIMIT: {rule} request=wrong-1\n"
    wait_for(lambda: line in server.log, server.state)
    others = [found for found in server.log.splitlines() if "OUTRIDER_E_LIMIT" in found and rule not in found]
    assert not others, others


@http2
def test_no_fields_no_103(h2_misbehaving):
    hints, report = hints_and_report(h2_misbehaving, path="/hint-empty")
    assert not hints and report == {"hint-empty": SKIPPED}


@http2
def test_none_after_the_final_head(h2_misbehaving):
    hints, report = hints_and_report(h2_misbehaving, path="/hint-late")
    assert report == {"late": E_STATE, "after": E_STATE} and not hints


@http2
def test_none_after_a_whole_answer(h2_misbehaving):
    log = reports.LogReport(h2_misbehaving)
    with connect(h2_misbehaving) as connection:
        answer = connection.get("/hint-after-respond")
        assert answer.body == b"answered\n" and not answer.informational
        assert log.wait("hint-after-respond") == {"hint-after-respond": E_STATE}
        assert connection.get("/").status == 200


@http2
def test_the_client_wants_none(h2_misbehaving):
    hints, report = hints_and_report(h2_misbehaving, ("no-early-hints", "1"))
    assert not hints and set(report.values()) == {SKIPPED}


@http2
def test_turned_off(shared, combination):
    server = misbehaving(shared, combination, "early_hints.enabled=false")
    hints, report = hints_and_report(server)
    assert not hints and set(report.values()) == {SKIPPED}


@http2
@pytest.mark.parametrize("field", [("via", "2 cache"), ("x-forwarded-for", "192.0.2.1")])
def test_through_a_proxy_and_with_http1_off(shared, combination, field):
    server = misbehaving(shared, combination, 'early_hints.http1="off"')
    hints, report = hints_and_report(server, field)
    assert len(hints) == 5 and report["hint-5"] == OK, "what holds for HTTP/1 does not for HTTP/2"


@http2
def test_not_held_back_by_shut_windows(h2_misbehaving):
    with connect(h2_misbehaving, windows=False, initial_window_size=0) as connection:
        stream = connection.request("GET", "/hint-many")
        answer = connection.answers[stream]
        connection.read_until(lambda: answer.head, "final head")
        assert len(answer.informational) == 5 and not answer.body
        connection.send(frame(WINDOW_UPDATE, 0, stream, b"\0\0\x7f\xff"))
        assert reports.read(connection.answer(stream).body)["hint-5"] == OK


@http2
def test_beside_other_streams(h2_demo):
    def apart():
        with connect(h2_demo) as connection:
            # As many as there are threads for one connection.
            streams = [connection.request("GET", "/early-hints") for _ in range(3)]
            answers = [connection.answer(stream) for stream in streams]
        assert all(a.status == 200 and len(a.informational) == 1 for a in answers)
        firsts = [a.informational[0].at for a in answers]
        return max(firsts) - min(firsts)

    seen(apart, lambda seconds: seconds < scaled(0.25))  # streams are served at the same time


@http2
def test_100_continue_is_independent(h2_demo):
    with connect(h2_demo) as connection:
        answer = connection.get(
            "/early-hints", ("expect", "100-continue"), ("content-length", "5"), method="POST", end=False
        )
    assert [hint.status for hint in answer.informational] == [103], "nobody read the body: no 100"


@http2
def test_100_continue_when_the_body_is_read(h2_demo):
    with connect(h2_demo) as connection:
        stream = connection.request("POST", "/echo", ("expect", "100-continue"), ("content-length", "5"), end=False)
        answer = connection.answers[stream]
        connection.read_until(lambda: answer.informational, "100")
        assert answer.informational[0].fields == [(":status", "100")]
        connection.body(stream, b"hello")
        assert connection.answer(stream).body == b"hello"


@http2
def test_a_reset_stream_hurts_nobody(h2_demo):
    with connect(h2_demo) as connection:
        stream = connection.request("GET", "/early-hints?s=3")
        connection.send(frame(RST_STREAM, 0, stream, b"\0\0\0\x08"))
        other = connection.get("/early-hints")
        assert other.status == 200 and len(other.informational) == 1
        assert not connection.answers[stream].head, "nothing more on a reset stream"


@http2_event
def test_from_another_thread(h2_misbehaving):
    def took():
        with connect(h2_misbehaving) as connection:
            answer = connection.get("/hint-thread")
        assert answer.informational[0].fields == [(":status", "103"), STYLE_LINK]
        assert reports.read(answer.body) == {"hint": OK}
        return answer.informational[0].at - connection.opened

    seen(took, lambda seconds: seconds <= scaled(0.5))


@http2
def test_frames_as_they_are(h2_demo):
    with connect(h2_demo) as connection:
        stream = connection.request("GET", "/early-hints")
        connection.answer(stream)
    blocks = [f for f in connection.frames if f.kind == HEADERS and f.stream == stream]
    assert [bool(f.flags & END_STREAM) for f in blocks] == [False, False]
    assert all(f.flags & END_HEADERS for f in blocks)
    assert not [f for f in connection.frames if f.kind == CONTINUATION]
