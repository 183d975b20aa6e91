"""103 Early Hints over HTTP/1, row by row as Sources/EarlyHints.md has it, on raw bytes."""

from itertools import pairwise

import pytest

import reports
from client import Connection, request
from matrix import each_transport, event, keeping_alive
from processes import wait_for
from reports import E_INVALID, E_LIMIT, E_STATE, OK, SKIPPED
from server import free_port
from timing import scaled, seen

STYLE_LINK = b"</style.css>; rel=preload; as=style"
PROXY_FIELDS = [
    "Via: 1.1 cache",
    "Forwarded: for=192.0.2.1",
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: example.org",
    "X-Forwarded-Port: 443",
    "x-forwarded-server: front",
]


def exact_103(*fields):
    return b"HTTP/1.1 103 Early Hints\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def misbehaving(shared, combination, *settings):
    flags = [word for setting in settings for word in ("--set", setting)]
    return shared(combination.misbehaving, combination.model, *flags)


def hints_and_report(server, *fields, path="/hint-many", version="1.1"):
    """The informational responses before a report, and the report."""
    answer = server.get(path, *fields, version=version)
    assert answer.status == 200, answer.raw
    return answer.informational, reports.read(answer.body)


# What is sent, and when


@each_transport
def test_one_103_well_before_the_page(demo):
    def gap():
        with demo.connect() as connection:
            connection.send(request("GET", "/early-hints"))
            hint = connection.informational()
            page = connection.final()
        names = [name.lower() for name, _ in hint.fields]
        assert names == ["link", "link"], hint.raw
        assert "</style.css>" in hint.fields[0][1] and "</app.js>" in hint.fields[1][1], hint.raw
        assert hint.raw == exact_103(*(f"{name}: {value}".encode("latin-1") for name, value in hint.fields))
        assert hint.at - connection.opened >= 0.045
        assert page.status == 200 and page.informational == [hint]
        assert page.get("content-type").split(";")[0] == "text/html"
        assert b"/style.css" in page.body and b"/app.js" in page.body
        return hint.at - connection.opened, page.begun - hint.at

    seen(gap, lambda found: found[0] <= scaled(1) and found[1] >= 0.25)  # the 103 must come about 300 ms before the 200


def test_a_page_may_take_longer_behind_its_hint(demo):
    def gap():
        answer = demo.get("/early-hints?s=0.6")
        assert answer.status == 200
        return answer.begun - answer.informational[0].at

    seen(gap, lambda seconds: seconds >= 0.5)
    refused = demo.get("/early-hints?s=6")
    assert refused.status == 400 and not refused.informational


@each_transport
def test_three_103s_in_order(demo):
    def gaps():
        answer = demo.get("/early-hints-multiple")
        assert answer.status == 200 and [m.status for m in answer.informational] == [103] * 3
        assert len({m.raw for m in answer.informational}) == 3
        for hint in answer.informational:
            assert hint.raw == exact_103(*(f"{name}: {value}".encode("latin-1") for name, value in hint.fields))
        times = [m.at for m in answer.informational] + [answer.begun]
        return [later - earlier for earlier, later in pairwise(times)]

    seen(gaps, lambda found: min(found) >= 0.03)  # the 103s must not wait for each other


@each_transport
def test_head_gets_the_hints_too(demo):
    def gap():
        with demo.connect() as connection:
            connection.send(request("HEAD", "/early-hints", "Connection: close"))
            answer = connection.final()
            connection.assert_closed()
        assert answer.status == 200 and [m.status for m in answer.informational] == [103]
        return answer.begun - answer.informational[0].at

    seen(gap, lambda seconds: seconds >= 0.25)


@pytest.mark.parametrize("path", ["/early-hints", "/early-hints-multiple"])
def test_nothing_to_http_1_0(demo, path):
    with demo.connect() as connection:
        connection.send(request("GET", path, version="1.0"))
        answer = connection.final()
    assert answer.status == 200 and not answer.informational
    assert connection.messages == [answer]


def test_a_skipped_hint_to_http_1_0_is_told(misbehaving):
    hints, report = hints_and_report(misbehaving, version="1.0")
    assert not hints and set(report.values()) == {SKIPPED}


# What is refused


def test_invalid_fields_drop_the_whole_call(misbehaving):
    hints, report = hints_and_report(misbehaving, path="/hint-invalid")
    assert len(report) >= 15
    assert report == dict.fromkeys(report, E_INVALID)
    assert not hints, "no part of a refused hint may be sent"


def test_statuses(misbehaving):
    hints, report = hints_and_report(misbehaving, path="/hint-status")
    assert report == {
        "99": E_INVALID,
        "100": E_INVALID,
        "101": E_INVALID,
        "102": OK,
        "103": OK,
        "104": OK,
        "199": OK,
        "200": E_INVALID,
        "0": E_INVALID,
        "65636": E_INVALID,
    }
    assert [hint.status for hint in hints] == [102, 103, 104, 199]
    assert hints[0].raw == b"HTTP/1.1 102 Processing\r\nlink: " + STYLE_LINK + b"\r\n\r\n"
    assert hints[1].raw == exact_103(b"link: " + STYLE_LINK)
    assert hints[2].raw.startswith(b"HTTP/1.1 104 ")
    assert hints[3].raw == b"HTTP/1.1 199 \r\nlink: " + STYLE_LINK + b"\r\n\r\n"


def test_other_informational_statuses(misbehaving):
    hints, report = hints_and_report(misbehaving, path="/info102")
    assert report == {"102": OK, "199": OK}
    assert [hint.raw for hint in hints] == [
        b"HTTP/1.1 102 Processing\r\nx-progress: half\r\n\r\n",
        b"HTTP/1.1 199 \r\nx-progress: half\r\n\r\n",
    ]


@each_transport
def test_five_hints_and_no_more(misbehaving):
    hints, report = hints_and_report(misbehaving)
    assert report == {f"hint-{i}": OK if i <= 5 else E_LIMIT for i in range(1, 13)}
    assert [hint.raw for hint in hints] == [exact_103(b"link: " + STYLE_LINK)] * 5


@keeping_alive
def test_the_count_is_per_request(misbehaving):
    with misbehaving.connect() as connection:
        for _ in range(2):
            connection.send(request("GET", "/hint-many"))
            assert len(connection.final().informational) == 5


def test_max_per_request(shared, combination):
    server = misbehaving(shared, combination, "early_hints.max_per_request=2")
    hints, report = hints_and_report(server)
    assert report == {f"hint-{i}": OK if i <= 2 else E_LIMIT for i in range(1, 13)}
    assert len(hints) == 2


def test_a_huge_block(misbehaving):
    hints, report = hints_and_report(misbehaving, path="/hint-huge")
    assert not hints and report == {"hint-huge": E_LIMIT}


def test_max_bytes(shared, combination):
    server = misbehaving(shared, combination, "early_hints.max_bytes=16KiB")
    hints, report = hints_and_report(server, path="/hint-huge")
    assert report == {"hint-huge": OK}
    assert [hint.raw for hint in hints] == [exact_103(b"x-huge: " + b"a" * 9000)]


def test_no_fields_no_103(misbehaving):
    hints, report = hints_and_report(misbehaving, path="/hint-empty")
    assert not hints and report == {"hint-empty": SKIPPED}


@each_transport
def test_none_after_the_final_head(misbehaving):
    answer = misbehaving.get("/hint-late")
    assert reports.read(answer.body) == {"late": E_STATE, "after": E_STATE}
    assert not answer.informational


@each_transport
def test_none_after_a_whole_answer(misbehaving):
    log = reports.LogReport(misbehaving)
    with misbehaving.connect() as connection:
        connection.send(request("GET", "/hint-after-respond", "Connection: close"))
        answer = connection.final()
        connection.assert_closed()
    assert answer.status == 200 and answer.body == b"answered\n" and connection.messages == [answer]
    assert log.wait("hint-after-respond") == {"hint-after-respond": E_STATE}


# When they are not wanted


def test_the_client_wants_none(misbehaving, demo):
    hints, report = hints_and_report(misbehaving, "No-Early-Hints: 1")
    assert not hints and set(report.values()) == {SKIPPED}
    answer = demo.get("/early-hints", "no-early-hints: 1")
    assert answer.status == 200 and not answer.informational


@pytest.mark.parametrize("setting", ["early_hints.enabled=false", 'early_hints.http1="off"'])
def test_turned_off(shared, combination, setting):
    server = misbehaving(shared, combination, setting)
    for path in ("/hint-many", "/info102"):
        hints, report = hints_and_report(server, path=path)
        assert not hints and set(report.values()) == {SKIPPED}


@pytest.mark.parametrize("field", PROXY_FIELDS)
def test_none_through_a_proxy(misbehaving, field):
    hints, report = hints_and_report(misbehaving, field)
    assert not hints and set(report.values()) == {SKIPPED}


@pytest.mark.parametrize("field", ["X-Real-IP: 192.0.2.1", "X-Forwarded: 1", "Viaduct: 1", "X-Via: 1"])
def test_what_only_looks_like_a_proxy(misbehaving, field):
    hints, _ = hints_and_report(misbehaving, field)
    assert len(hints) == 5


def test_102_through_a_proxy(misbehaving):
    hints, report = hints_and_report(misbehaving, "Via: 1.1 cache", path="/info102")
    assert not hints and report == {"102": SKIPPED, "199": SKIPPED}


def test_the_log_names_the_setting_once(own, combination):
    server = own(combination.misbehaving, model=combination.model)
    for _ in range(3):
        hints_and_report(server, "Via: 1.1 cache")

    def lines():
        return [line for line in server.log.splitlines() if "http1" in line and "early_hints" in line]

    wait_for(lines, lambda: server.log)
    assert len(lines()) == 1, server.log


@pytest.mark.parametrize("field", PROXY_FIELDS[:3])
def test_through_a_proxy_that_is_known_to_take_them(shared, combination, field):
    server = misbehaving(shared, combination, "early_hints.http1=on")
    hints, report = hints_and_report(server, field)
    assert len(hints) == 5 and report["hint-5"] == OK


@pytest.mark.parametrize("setting, count", [("auto", 0), ("on", 5)])
def test_a_unix_listener_is_a_proxy(own, combination, setting, count):
    server = own(
        "--set", f"early_hints.http1={setting}", combination.misbehaving, model=combination.model, unix=True
    )
    hints, report = hints_and_report(server)
    assert len(hints) == count
    assert report["hint-1"] == (OK if count else SKIPPED)


@pytest.mark.parametrize("setting, fields, count", [("on", ["Via: 1.1 cache"], 5), ("off", [], 0)])
def test_a_listener_has_its_own_setting(own, combination, tmp_path, setting, fields, count):
    port = free_port()
    config = tmp_path / "outrider.toml"
    config.write_text(
        f'[[listener]]\nbind = "127.0.0.1:{port}"\nearly_hints = "{setting}"\n'
        f'[[plugin]]\npath = "{combination.misbehaving}"\n'
    )
    server = own("-c", config, model=combination.model, bind=False, port=port)
    hints, _ = hints_and_report(server, *fields)
    assert len(hints) == count


# Whose requests get them


@pytest.mark.parametrize(
    "fields, count",
    [
        (["Sec-Fetch-Mode: navigate"], 5),
        (["sec-fetch-mode: navigate", "Sec-Fetch-Dest: document"], 5),
        (["Sec-Fetch-Mode: cors"], 0),
        (["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"], 0),
        (["Sec-Fetch-Mode: navigate2"], 0),
        (["Sec-Fetch-Dest: document"], 0),
        ([], 0),
    ],
    ids=str,
)
def test_navigations_alone(shared, combination, fields, count):
    server = misbehaving(shared, combination, 'early_hints.audience="navigations"')
    hints, report = hints_and_report(server, *fields)
    assert len(hints) == count and report["hint-1"] == (OK if count else SKIPPED)


def test_navigations_through_a_proxy(shared, combination):
    """A 103 that a proxy would take for the final response is still not sent to it."""
    server = misbehaving(shared, combination, 'early_hints.audience="navigations"')
    hints, report = hints_and_report(server, "Sec-Fetch-Mode: navigate", "Via: 1.1 cache")
    assert not hints and set(report.values()) == {SKIPPED}


@pytest.mark.parametrize(
    "everywhere, listener, plugin, all_get_them",
    [
        ("all", "auto", "auto", True),
        ("navigations", "auto", "auto", False),
        ("all", "navigations", "auto", False),
        ("navigations", "all", "auto", True),
        ("all", "auto", "navigations", False),
        ("all", "all", "navigations", False),
        ("navigations", "navigations", "all", True),
    ],
)
def test_listeners_and_plugins_have_their_own_audience(
    own, combination, tmp_path, everywhere, listener, plugin, all_get_them
):
    """The plugin's word counts most, then the listener's; what they do not say holds for neither of their neighbours."""
    port = free_port()
    config = tmp_path / "outrider.toml"
    config.write_text(
        f'[early_hints]\naudience = "{everywhere}"\n'
        f'[[listener]]\nbind = "127.0.0.1:{port}"\nearly_hints_audience = "{listener}"\n'
        f'[[plugin]]\npath = "{combination.misbehaving}"\nmount = "/other"\n'
        f'[[plugin]]\nname = "own"\npath = "{combination.misbehaving}"\nearly_hints_audience = "{plugin}"\n'
    )
    server = own("-c", config, model=combination.model, bind=False, port=port)
    assert len(hints_and_report(server)[0]) == (5 if all_get_them else 0)
    assert len(hints_and_report(server, "Sec-Fetch-Mode: navigate")[0]) == 5
    others = everywhere == "all" and listener != "navigations" or listener == "all"
    assert len(hints_and_report(server, path="/other/hint-many")[0]) == (5 if others else 0)


# Beside other things on the connection


@pytest.mark.parametrize(
    "first, count", [("/stream", 0), ("/delay?s=0.2", 0), ("/early-hints", 1), ("/large", 0)]
)
def test_pipelined_hints_wait_for_the_answer_before(demo, combination, first, count):
    def gap():
        with demo.connect() as connection:
            connection.send(request("GET", first) + request("GET", "/early-hints"))
            answer = connection.final()
            assert answer.status == 200 and len(answer.informational) == count
            if not combination.keeps_alive:
                assert answer.says_close
                connection.assert_closed()
                return None
            page = connection.final()
            (hint,) = page.informational
        assert page.status == 200 and hint.status == 103
        assert hint.begun >= answer.ended
        return page.begun - hint.at

    seen(gap, lambda seconds: seconds is None or seconds >= 0.25)


@each_transport
@keeping_alive
def test_hints_behind_an_answer_that_is_not_read(misbehaving):
    with misbehaving.connect(receive_buffer=200000) as connection:
        connection.send(request("GET", "/backpressure") + request("GET", "/hint-many"))
        assert misbehaving.get("/").body == b"ok", "others are served while one client does not read"
        assert len(connection.final(timeout=30).body) == 8 * 1024 * 1024
        assert len(connection.final().informational) == 5


@each_transport
def test_100_continue_is_independent(demo):
    with demo.connect() as connection:
        connection.send(request("POST", "/early-hints", "Expect: 100-continue", "Content-Length: 5"))
        answer = connection.final()
    assert answer.status == 200
    assert [m.status for m in answer.informational] == [103], "nobody read the body: no 100"


@each_transport
def test_a_client_that_leaves_hurts_nobody(demo):
    for path in ("/early-hints", "/early-hints-multiple"):
        with demo.connect() as connection:
            connection.send(request("GET", path))
            connection.abort()
        with demo.connect() as connection:
            connection.send(request("GET", path))
            connection.informational()
            connection.abort()
    assert demo.get("/").status == 200


@each_transport
@event
def test_from_another_thread_after_a_client_that_did_not_read(misbehaving):
    """What one client left unread does not count against the hints of the next request."""
    with Connection(misbehaving.address, receive_buffer=20000) as connection:
        connection.send(request("GET", "/backpressure"))
        connection.head()
        connection.abort()
    answer = misbehaving.get("/hint-thread")
    assert reports.read(answer.body) == {"hint": OK}
    assert [m.status for m in answer.informational] == [103]


@each_transport
@event
def test_from_another_thread(misbehaving):
    def took():
        with misbehaving.connect() as connection:
            connection.send(request("GET", "/hint-thread"))
            hint = connection.informational()
            answer = connection.final()
        assert hint.raw == exact_103(b"link: " + STYLE_LINK)
        assert reports.read(answer.body) == {"hint": OK}
        return hint.at - connection.opened

    seen(took, lambda seconds: seconds <= scaled(0.5))  # the loop is woken at once
